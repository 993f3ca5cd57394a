"""ONNX ops that take parts of a tensor or add to it: Slice, Split, Pad."""

from __future__ import annotations

from collections.abc import Sequence

from minirt.errors import MinirtError
from minirt.ir.op import Value, apply
from minirt.ops.arithmetic import Add
from minirt.ops.cast import casted
from minirt.ops.contents import sizes_of
from minirt.ops.importer import OnnxNode, Result, axis_of, importer, number, numbers
from minirt.ops.movement import DynamicSlice, Pad, Slice, reshaped, sliced
from minirt.types import dim
from minirt.types.dim import Dim, Expr
from minirt.types.dtype import i64

_FAR = 2**30  # exporters write the largest 32- or 64-bit integer for "to the end"


def _from_first(place: Dim, size: Dim) -> Dim:
    """The place counted from the first element where it is negative."""
    return dim.select(dim.negative(place), place + size, place)


def extent(start: Dim, end: Dim, step: int, size: Dim) -> tuple[Dim, Dim]:
    """First element and number of elements of ONNX's ``start:end:step`` on an axis of ``size`` elements."""
    if step > 0:
        if isinstance(start, int) and start >= _FAR:
            return 0, 0
        to_end = isinstance(end, int) and end >= _FAR
        if to_end and isinstance(start, int) and -_FAR < start < 0:
            first = dim.maximum(size + start, 0)
            count = dim.minimum(size, -start)
        else:
            near = 0 if isinstance(start, int) and start <= -_FAR else start
            first = dim.maximum(_from_first(near, size), 0)
            last = size if to_end else dim.minimum(_from_first(end, size), size)
            count = last - first
        return first, dim.maximum(dim.ceil(dim.divide(count, step)), 0)
    first = size - 1 if isinstance(start, int) and start >= _FAR else dim.minimum(_from_first(start, size), size - 1)
    last = -1 if isinstance(end, int) and end <= -_FAR else dim.maximum(_from_first(end, size), -1)
    return dim.maximum(first, 0), dim.maximum(dim.ceil(dim.divide(first - last, -step)), 0)


def slice_of(x: Value, axes: Sequence[int], starts: Sequence[Dim], ends: Sequence[Dim], steps: Sequence[int]) -> Value:
    """ONNX's Slice, with contents known."""
    first: list[Dim] = [0] * x.rank
    sizes, strides = list(x.shape), [1] * x.rank
    for axis, start, end, step in zip(axes, starts, ends, steps, strict=True):
        if step == 0:
            raise MinirtError("a slice's step is 0")
        first[axis], sizes[axis] = extent(start, end, step, x.shape[axis])
        strides[axis] = step
    if tuple(sizes) == x.shape and all(s == 1 for s in strides):
        return x
    return apply(Slice(tuple(first), tuple(sizes), tuple(strides)), x)


def _follows(begin: Value, end: Value) -> bool:
    """True where a slice's end is its start and one more, as in x[i : i + 1]: it is one element.

    A run where nothing is left of the axis is refused: what follows is built for this length.
    """
    (first, a), (second, b) = _past(begin), _past(end)
    return first is second and b == a + 1


def _past(value: Value) -> tuple[Value, int]:
    """A value as another one and what is added to it."""
    if isinstance(value.op, Add):
        for v, more in (value.node.inputs, value.node.inputs[::-1]):
            if more.ints is not None and len(set(more.ints)) == 1 and isinstance(more.ints[0], int):
                return v, more.ints[0]
    return value, 0


def _count(axes: Sequence[int] | None, *bounds: Value) -> int:
    """How many axes are sliced; one where only the data tells, as in x[a[i] : a[i + 1]], a part of another slice."""
    if axes is not None:
        return len(axes)
    return next((d for v in bounds for d in v.shape if isinstance(d, int)), 1)


@importer("Slice")
def _slice(node: OnnxNode) -> Result:
    x = node.input(0)
    if node.opset < 10:
        starts, ends = node.ints("starts") or (), node.ints("ends") or ()
        found = node.static_ints("axes")
        axes = [axis_of(a, x.rank) for a in found] if found is not None else list(range(len(starts)))
        return slice_of(x, axes, starts, ends, [1] * len(starts))
    found = node.static_ints("axes", 3)
    given = [node.input(1), node.input(2)]  # a loop's index may stand where a vector of one is meant
    begin, end = (reshaped(v, (1,)) if v.rank == 0 else v for v in given)
    length = _count(found, begin, end)
    begin, end = reshaped(begin, (length,)), reshaped(end, (length,))
    axes = [axis_of(a, x.rank) for a in found] if found is not None else list(range(length))
    first, last = begin.ints, end.ints
    steps = (1,) * length if node.optional(4) is None else node.input(4).ints
    if first is None or last is None or steps is None or any(isinstance(s, Expr) for s in steps):
        step = node.optional(4) or numbers([1] * length)
        made = apply(DynamicSlice(axes=tuple(axes)), x, *(casted(v, i64) for v in (begin, end, step)))
        single = steps is not None and set(steps) == {1} and _follows(*given)
        return reshaped(made, [1 if single and i in axes else d for i, d in enumerate(made.shape)])
    return slice_of(x, axes, first, last, [int(s) for s in steps if not isinstance(s, Expr)])


@importer("Split")
def _split(node: OnnxNode) -> Result:
    x = node.input(0)
    axis = axis_of(int(node.attributes.get("axis", 0)), x.rank)
    sizes = sizes_of(node, "split", 1)
    if sizes is None:
        count = int(node.attributes.get("num_outputs", node.outputs))
        size = x.shape[axis]
        chunk = dim.ceil(dim.divide(size, count)) if node.opset >= 18 else dim.divide(size, count)
        sizes = (*([chunk] * (count - 1)), size - chunk * (count - 1))
    out: list[Value] = []
    start: Dim = 0
    for size in sizes:
        out.append(sliced(x, axis, start, size))
        start = start + size
    return out


@importer("Pad")
def _pad(node: OnnxNode) -> Result:
    """Attributes before opset 11 (``paddings`` in opset 1), operands later; a negative pad takes elements away."""
    x = node.input(0)
    mode = node.attributes.get("mode", "constant")
    pads = sizes_of(node, "paddings" if node.opset < 2 else "pads", 1 if node.opset >= 11 else None) or ()
    given = node.optional(2) if node.opset >= 11 else None
    fill = given if given is not None else number(node.attributes.get("value", 0), x.dtype)
    found = node.static_ints("axes", 3) if node.opset >= 18 else None
    axes = [axis_of(a, x.rank) for a in found] if found is not None else list(range(x.rank))
    if len(pads) != 2 * len(axes):
        raise MinirtError(f"{len(pads)} pads do not fit {len(axes)} axes")
    begins: list[Dim] = [0] * x.rank
    ends: list[Dim] = [0] * x.rank
    for i, axis in enumerate(axes):
        begins[axis], ends[axis] = pads[i], pads[i + len(axes)]
    return padded(x, begins, ends, mode, casted(reshaped(fill, ()), x.dtype))


def padded(x: Value, begins: Sequence[Dim], ends: Sequence[Dim], mode: str, fill: Value) -> Value:
    """x with elements added (or taken away where a number is negative) on each side."""
    starts: list[Dim] = [0] * x.rank
    sizes = list(x.shape)
    add: list[list[Dim]] = [list(begins), list(ends)]
    for side in add:
        for axis, d in enumerate(side):
            if isinstance(d, int) and d < 0:
                sizes[axis] = sizes[axis] + d
                starts[axis] = -d if side is add[0] else starts[axis]
                side[axis] = 0
    if tuple(sizes) != x.shape:
        x = apply(Slice(tuple(starts), tuple(sizes), (1,) * x.rank), x)
    if all(d == 0 for side in add for d in side):
        return x
    return apply(Pad(tuple(add[0]), tuple(add[1]), mode), x, fill)
