"""What integer and boolean tensors are known to hold, for every size: ramps over coordinates, and truth.

A ramp is base + the sum of step * coordinate over the axes.  Positions, and the masks compared from them, are such;
exporters make them of ranges, slices, gathers and comparisons.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from minirt.ir.graph import Constant, array_of, is_constant
from minirt.ir.op import Op, Value
from minirt.ops.arithmetic import Add, Mul, Sub
from minirt.ops.cast import Cast
from minirt.ops.indexing import GatherND
from minirt.ops.logic import And, Equal, Greater, GreaterOrEqual, Less, LessOrEqual, Not, Or
from minirt.ops.movement import Concat, Dims, Expand, Iota, Reshape, Slice, Transpose
from minirt.ops.ordering import Cumulative
from minirt.types.dim import Dim, bounds, minimum
from minirt.types.dtype import bool_

DEPTH = 64


@dataclass(frozen=True)
class Ramp:
    """base + sum of steps[axis] * coordinate[axis]; the step along an axis of size 1 is 0."""

    steps: tuple[int, ...]
    base: Dim

    @property
    def flat(self) -> bool:
        """True where every element is ``base``."""
        return not any(self.steps)


def ramp(value: Value, depth: int = DEPTH) -> Ramp | None:
    """The tensor as a ramp; None where it is not known to be one."""
    found = _RULES.get(type(value.op))
    made = found(value, depth - 1) if found is not None and depth and not value.dtype.is_float else None
    if made is None:
        return None
    return replace(made, steps=tuple(0 if d == 1 else s for s, d in zip(made.steps, value.shape, strict=True)))


def truth(value: Value, depth: int = DEPTH) -> bool | None:
    """What every element of a boolean tensor is, for every size; None where that is not known."""
    op, inputs = value.op, value.node.inputs
    if not depth or value.dtype is not bool_:
        return None
    if is_constant(value):
        array = array_of(value)
        return True if array.all() else False if not array.any() else None
    if isinstance(op, Expand | Reshape | Transpose | Slice):
        return truth(inputs[0], depth - 1)
    if isinstance(op, Not):
        inner = truth(inputs[0], depth - 1)
        return None if inner is None else not inner
    if isinstance(op, And | Or):
        each = [truth(v, depth - 1) for v in inputs]
        decides = isinstance(op, Or)
        return decides if decides in each else None if None in each else not decides
    if isinstance(op, Cast):
        whole = ramp(inputs[0], depth - 1)
        return bool(whole.base) if whole is not None and whole.flat and isinstance(whole.base, int) else None
    difference = compared(value, depth)
    return None if difference is None else _sign_decides(difference[0], difference[1])


def compared(value: Value, depth: int = DEPTH) -> tuple[str, Ramp] | None:
    """A comparison of two ramps as (kind, ramp): the ramp is "equal" to 0 or "greater" than or "at least" 0."""
    kinds: dict[type[Op], tuple[str, bool]] = {
        Equal: ("equal", False), Greater: ("greater", False), GreaterOrEqual: ("at least", False),
        Less: ("greater", True), LessOrEqual: ("at least", True),
    }  # fmt: skip
    found = kinds.get(type(value.op))
    if found is None or not depth:
        return None
    a, b = (_broadcast(v, value.rank, depth - 1) for v in value.node.inputs)
    if a is None or b is None:
        return None
    return found[0], (_sum(b, a, -1) if found[1] else _sum(a, b, -1))


def _sign_decides(kind: str, x: Ramp) -> bool | None:
    low, high = bounds(x.base)
    least = low if all(s >= 0 for s in x.steps) else float("-inf")
    most = high if all(s <= 0 for s in x.steps) else float("inf")
    if kind == "equal":
        return True if least == most == 0 else False if least > 0 or most < 0 else None
    if kind == "greater":
        return True if least > 0 else False if most <= 0 else None
    return True if least >= 0 else False if most < 0 else None


def _broadcast(value: Value, rank: int, depth: int) -> Ramp | None:
    made = ramp(value, depth)
    return None if made is None else Ramp((0,) * (rank - value.rank) + made.steps, made.base)


def _sum(a: Ramp, b: Ramp, sign: int = 1) -> Ramp:
    return Ramp(tuple(x + sign * y for x, y in zip(a.steps, b.steps, strict=True)), a.base + sign * b.base)


def _constant(value: Value, depth: int) -> Ramp | None:
    array = array_of(value)
    flat = array.size and (array == array.flat[0]).all()
    return Ramp((0,) * value.rank, int(array.flat[0])) if flat else None


def _dims(value: Value, depth: int) -> Ramp | None:
    held = value.op.fields()["values"]
    return Ramp((0,) * value.rank, held[0]) if len(held) == 1 else None


def _iota(value: Value, depth: int) -> Ramp | None:
    axis = value.op.fields()["axis"]
    return Ramp(tuple(int(i == axis) for i in range(value.rank)), 0)


def _cast(value: Value, depth: int) -> Ramp | None:
    (x,) = value.node.inputs
    if x.dtype is bool_:
        known = truth(x, depth)
        return None if known is None else Ramp((0,) * value.rank, int(known))
    return ramp(x, depth)


def _reshape(value: Value, depth: int) -> Ramp | None:
    """Axes of size 1 come and go; other reshapes keep only what is everywhere the same."""
    (x,) = value.node.inputs
    inner = ramp(x, depth)
    if inner is None or inner.flat:
        return None if inner is None else Ramp((0,) * value.rank, inner.base)
    steps = [s for s, d in zip(inner.steps, x.shape, strict=True) if d != 1]
    if [d for d in value.shape if d != 1] != [d for d in x.shape if d != 1]:
        return None
    rest = iter(steps)
    return Ramp(tuple(0 if d == 1 else next(rest) for d in value.shape), inner.base)


def _expand(value: Value, depth: int) -> Ramp | None:
    return _broadcast(value.node.inputs[0], value.rank, depth)


def _transpose(value: Value, depth: int) -> Ramp | None:
    inner = ramp(value.node.inputs[0], depth)
    return None if inner is None else Ramp(tuple(inner.steps[p] for p in value.op.fields()["perm"]), inner.base)


def _slice(value: Value, depth: int) -> Ramp | None:
    inner, fields = ramp(value.node.inputs[0], depth), value.op.fields()
    if inner is None:
        return None
    base = inner.base
    for step, start in zip(inner.steps, fields["starts"], strict=True):
        base = base + step * start if step else base
    return Ramp(tuple(a * b for a, b in zip(inner.steps, fields["steps"], strict=True)), base)


def _concat(value: Value, depth: int) -> Ramp | None:
    """Parts that go on where the one before ends; before them, if anything, one element that they go on from."""
    axis = value.op.fields()["axis"]
    *before, last = value.node.inputs
    whole = ramp(last, depth)
    length: Dim = last.shape[axis]
    for v in reversed(before):
        part, size = ramp(v, depth), v.shape[axis]
        if part is None or whole is None:
            return None
        single = size == 1 or size is minimum(1, length)  # where it is missing, so is the rest
        moved = whole.base - whole.steps[axis] * (1 if single else size)
        steps = (*part.steps[:axis], whole.steps[axis], *part.steps[axis + 1 :]) if single else part.steps
        if steps != whole.steps or not (part.base is moved or part.base == moved):
            return None
        whole, length = Ramp(steps, moved), size + length
    return whole


def _gather(value: Value, depth: int) -> Ramp | None:
    data, index = value.node.inputs
    inner, parts = ramp(data, depth), components(index)
    if inner is None or parts is None or value.op.fields()["batch_dims"] or len(parts) != data.rank:
        return None
    made = Ramp((0,) * value.rank, inner.base)
    for step, part in zip(inner.steps, parts, strict=True):
        place = ramp(part, depth) if step else None
        if step and (place is None or bounds(place.base)[0] < 0 or any(x < 0 for x in place.steps)):
            return None  # coordinates below 0 count from the end
        if place is not None:
            made = _sum(made, Ramp(tuple(step * s for s in place.steps[:-1]), step * place.base))
    return made


def components(index: Value) -> list[Value] | None:
    """The columns [..., 1] that coordinates [..., n] were put together of; None where they were not."""
    if not isinstance(index.op, Concat) or index.op.axis != index.rank - 1:
        return None
    return list(index.node.inputs) if all(v.shape[-1] == 1 for v in index.node.inputs) else None


def _running(value: Value, depth: int) -> Ramp | None:
    inner = ramp(value.node.inputs[0], depth)
    nothing = inner is not None and inner.flat and inner.base == 0
    return inner if nothing and value.op.fields()["kind"] == "sum" else None


def _added(value: Value, depth: int) -> Ramp | None:
    a, b = (_broadcast(v, value.rank, depth) for v in value.node.inputs)
    return None if a is None or b is None else _sum(a, b, 1 if isinstance(value.op, Add) else -1)


def _times(value: Value, depth: int) -> Ramp | None:
    a, b = (_broadcast(v, value.rank, depth) for v in value.node.inputs)
    if a is None or b is None:
        return None
    a, b = (a, b) if b.flat else (b, a)
    if not b.flat or not isinstance(b.base, int):
        return None
    by = b.base
    return Ramp(tuple(s * by for s in a.steps), a.base * by)


_RULES: dict[type[Op], Callable[[Value, int], Ramp | None]] = {
    Iota: _iota, Cast: _cast, Reshape: _reshape, Expand: _expand, Transpose: _transpose, Slice: _slice,
    Concat: _concat, GatherND: _gather, Cumulative: _running, Add: _added, Sub: _added, Mul: _times, Dims: _dims,
    Constant: _constant,
}  # fmt: skip
