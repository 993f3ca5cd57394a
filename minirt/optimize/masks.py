"""What attention masks hide: conditions that hold for all keys go, causality becomes a number."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from minirt.errors import MinirtError
from minirt.ir.graph import Graph, array_of, constant, is_constant
from minirt.ir.op import Value, apply
from minirt.ops.arithmetic import Add
from minirt.ops.cast import Cast, casted
from minirt.ops.evaluate import evaluate
from minirt.ops.logic import And, Not, Where, where
from minirt.ops.movement import Expand
from minirt.optimize.ramps import compared, truth
from minirt.types.dim import Dim, Expr, bounds, minimum
from minirt.types.dtype import Array, bool_
from minirt.types.tensor import Tensor

LOWEST = -1e30
"""A number added to a score that leaves nothing of it."""
EVALUATED = 1 << 24
"""Elements of a mask that are worked out to see what they are."""


@dataclass
class Mask:
    """Which keys count: conditions that must all hold, what scores of others become, and numbers that are added."""

    conditions: list[Value] = field(default_factory=list)
    numbers: list[Value] = field(default_factory=list)
    hidden: float | None = None
    offset: Dim | None = None
    """Query i sees no key after i + offset; None where all are seen."""
    causal: tuple[Value, float] | None = None
    """The condition that ``offset`` says, and what it makes of scores, where that is a number."""

    def hide(self, condition: Value, hidden: float) -> bool:
        """Take in a condition; False where scores hidden by others become something else."""
        kept = [c for c in _conjuncts(condition) if known(c) is not True]
        offsets = {c: causal_offset(c) for c in kept}
        if hidden == -np.inf:
            for found in (o for o in offsets.values() if o is not None):
                self.offset = found if self.offset is None else minimum(self.offset, found)
            kept = [c for c in kept if offsets[c] is None]
        elif len(kept) == 1 and self.causal is None and self.offset is None:
            offset = offsets[kept[0]]
            if offset is not None and bounds(offset)[0] >= 0:
                self.causal, self.offset, kept = (kept[0], hidden), offset, []
        if kept and self.hidden not in (None, hidden):
            return False
        self.conditions += [c for c in kept if c not in self.conditions]
        self.hidden = hidden if kept else self.hidden
        return True

    def settle(self) -> bool:
        """Say it with one operand at most, and perhaps causality; False where that cannot be.

        A query that sees nothing but scores of one large negative number weighs them all alike, so causality that
        hides by such a number is no mere bound beside other conditions.
        """
        if self.causal is not None and (self.conditions or self.numbers):
            condition, hidden = self.causal
            self.causal = self.offset = None
            if self.hidden not in (None, hidden):
                return False
            self.conditions, self.hidden = [*self.conditions, condition], hidden
        return not self.numbers or self.hidden is None or self.hidden <= LOWEST

    def add(self, value: Value) -> bool:
        """Take in numbers that are added to the scores; False where they cannot be said."""
        op, inputs = value.op, value.node.inputs
        if isinstance(op, Expand) or (isinstance(op, Cast) and inputs[0].dtype.is_float):
            return self.add(inputs[0])
        if isinstance(op, Add):
            return all(self.add(v) for v in inputs)
        if isinstance(op, Where):
            condition, a, b = inputs[0], _number(inputs[1]), _number(inputs[2])
            if a == 0.0 and b is not None and b <= LOWEST:
                return self.hide(condition, b)
            if b == 0.0 and a is not None and a <= LOWEST:
                return self.hide(apply(Not(), condition), a)
        held = _worked_out(value)
        if held is None:
            self.numbers.append(value)
            return True
        low = float(held.min())
        if low <= LOWEST and bool(((held == 0) | (held == held.min())).all()):
            return self.hide(constant(_narrow(held == 0), bool_), low)
        if held.any():
            self.numbers.append(value)
        return True

    def operand(self) -> Value | None:
        """The mask as one operand: booleans, or numbers; None where there is nothing to hide."""
        condition = self.conditions[0] if self.conditions else None
        assert condition is None or self.hidden is not None
        for each in self.conditions[1:]:
            assert condition is not None
            condition = apply(And(), condition, each)
        if not self.numbers:
            return condition
        total = self.numbers[0]
        for each in self.numbers[1:]:
            total = apply(Add(), total, casted(each, total.dtype))
        if condition is not None:
            zero, low = (constant(np.array(x), total.dtype) for x in (0.0, self.hidden))
            total = apply(Add(), total, where(condition, zero, low))
        return total


def _number(value: Value) -> float | None:
    """The number that the value is everywhere; None where it is not known to be one."""
    if isinstance(value.op, Expand):
        return _number(value.node.inputs[0])
    if not is_constant(value) or not value.tensor.size:
        return None
    array = array_of(value)
    first = float(array.reshape(-1)[0])
    return first if bool((array == array.reshape(-1)[0]).all()) else None


def _conjuncts(condition: Value) -> list[Value]:
    if isinstance(condition.op, And):
        return [c for v in condition.node.inputs for c in _conjuncts(v)]
    if isinstance(condition.op, Expand):
        return _conjuncts(condition.node.inputs[0])
    return [condition]


def known(condition: Value) -> bool | None:
    """What a condition is everywhere; None where it is not known to be one or the other."""
    found = truth(condition)
    if found is not None:
        return found
    held = _worked_out(condition)
    return None if held is None else True if held.all() else False if not held.any() else None


def causal_offset(condition: Value) -> Dim | None:
    """The offset of a causal mask, [..., queries, keys]; None where it is not known to be one."""
    if condition.rank < 2 or condition.shape[-1] == 1 or condition.shape[-2] == 1:
        return None
    found = compared(condition)
    if found is not None and found[0] != "equal" and not any(found[1].steps[:-2]) and found[1].steps[-2:] == (1, -1):
        base = found[1].base
        return base if found[0] == "at least" else base - 1
    held = _worked_out(condition)
    if held is None:
        return None
    rows = held.reshape(-1, *held.shape[-2:])
    offset = int(rows[0, 0].sum()) - 1
    return offset if (rows == np.tri(rows.shape[1], rows.shape[2], offset, dtype=bool)).all() else None


def _narrow(array: Array) -> Array:
    """The array with leading axes along which nothing changes cut to 1."""
    for axis in range(array.ndim - 1):
        first = array.take([0], axis)
        array = first if bool((array == first).all()) else array
    return array


@lru_cache(maxsize=8)
def _worked_out(value: Value) -> Array | None:
    """The numbers of a value that depends on no input, of known size."""
    size = value.tensor.size
    if is_constant(value):
        return array_of(value)
    if not value.node.closed or isinstance(size, Expr) or not 0 < size <= EVALUATED:
        return None
    try:
        return np.asarray(evaluate(Graph("mask", [], [value], ["mask"]), {})[0])
    except (MinirtError, ValueError, TypeError):
        return None  # sizes within it are not known


def is_mask(mask: Value, scores: Tensor) -> bool:
    """True where the mask's axes are those of the scores, counted from the last, or of size 1."""
    if mask.rank > scores.rank or (mask.dtype is not bool_ and not mask.dtype.is_float):
        return False
    pairs = zip(reversed(mask.shape), reversed(scores.shape), strict=False)
    return all(a == 1 or a is b or a == b for a, b in pairs)
