"""Layers that move data: shuffle, slice, gather, scatter, concatenation, squeeze, fill and constants."""

from __future__ import annotations

import numpy as np

from minirt.build.layers.emit import Layer, cast, emit, ints, scalar, to_i64, translates, transpose, unsupported
from minirt.errors import ApiError
from minirt.ir.graph import constant
from minirt.ir.op import Value
from minirt.types.dtype import f32, i64

_FAR = 1 << 40


@translates("SHUFFLE")
def shuffle(layer: Layer) -> Value:
    """Transpose, reshape, transpose again."""
    x = transpose(layer.operand(), layer.get("first_transpose", range(8)))
    shape = layer.optional(1)
    if shape is None and layer.get("reshape_dims") is not None:
        shape = ints(layer["reshape_dims"])
    if shape is not None:
        x = emit("Reshape", x, to_i64(shape), allowzero=int(not layer["zero_is_placeholder"]))
    return transpose(x, layer.get("second_transpose", range(8)))


@translates("CONCATENATION")
def concatenation(layer: Layer) -> Value:
    """The operands one after another along an axis."""
    values = [layer.operand(i) for i in range(len(layer.operands))]
    return emit("Concat", *values, axis=int(layer.get("axis", max(0, values[0].rank - 3))))


@translates("CONSTANT")
def constant_layer(layer: Layer) -> Value:
    """The weights in a shape."""
    held = layer["weights"]
    shape = tuple(layer["shape"])
    array = held.array if held.array is not None else np.empty(0, held.dtype.numpy)
    if array.size != int(np.prod(shape, dtype=np.int64)):
        raise ApiError(f"{array.size} numbers do not fill {shape}", layer.cell.name)
    return layer.parameter(held, array.reshape(shape), "CONSTANT") or constant(array.reshape(shape), held.dtype)


@translates("SQUEEZE")
def squeeze(layer: Layer) -> Value:
    """Drop axes of one element."""
    axes = layer.optional(1)
    return emit("Squeeze", layer.operand(0), None if axes is None else to_i64(axes))


@translates("UNSQUEEZE")
def unsqueeze(layer: Layer) -> Value:
    """Add axes of one element."""
    return emit("Unsqueeze", layer.operand(0), to_i64(layer.operand(1)))


@translates("SHAPE")
def shape(layer: Layer) -> Value:
    """The shape of the operand."""
    return emit("Shape", layer.operand())


@translates("GATHER")
def gather(layer: Layer) -> Value:
    """Pick slices along an axis, elements, or tuples of indices."""
    data, index = layer.operand(0), layer.operand(1)
    batch, axis = int(layer["num_elementwise_dims"]), int(layer["axis"])
    if layer["mode"] == "ELEMENT":
        return emit("GatherElements", data, index, axis=axis)
    if layer["mode"] == "ND":
        return emit("GatherND", data, to_i64(index), batch_dims=batch)
    if not batch:
        return emit("Gather", data, index, axis=axis)
    if axis < batch:
        raise unsupported(layer, f"a gather along axis {axis} with {batch} elementwise dims")
    between, added = list(range(batch, axis)), index.rank - batch
    front = transpose(data, [*range(batch), axis, *between, *range(axis + 1, data.rank)])
    found = emit("GatherND", front, emit("Unsqueeze", to_i64(index), ints([-1])), batch_dims=batch)
    places = range(batch, batch + added)
    before = range(batch + added, batch + added + len(between))
    return transpose(found, [*range(batch), *before, *places, *range(before.stop, found.rank)])


@translates("SCATTER")
def scatter(layer: Layer) -> Value:
    """Put updates at elements or at tuples of indices."""
    data, index, updates = (layer.operand(i) for i in range(3))
    if layer["mode"] == "ELEMENT":
        return emit("ScatterElements", data, index, updates, axis=int(layer["axis"]))
    return emit("ScatterND", data, to_i64(index), updates)


@translates("ONE_HOT")
def one_hot(layer: Layer) -> Value:
    """One of two values at each place of a new axis."""
    index, values, depth = (layer.operand(i) for i in range(3))
    return emit("OneHot", index, depth, values, axis=int(layer["axis"]))


@translates("REVERSE_SEQUENCE")
def reverse_sequence(layer: Layer) -> Value:
    """Turn the first elements of each sequence round."""
    x, batch, time = layer.operand(0), int(layer["batch_axis"]), int(layer["sequence_axis"])
    if batch == time or not {batch, time} <= set(range(x.rank)):
        what = f"batch_axis {batch} and sequence_axis {time} must be two axes of rank {x.rank}"
        raise ApiError(what, layer.cell.name)
    order = [batch, time, *(i for i in range(x.rank) if i not in (batch, time))]  # ONNX has these two first
    made = emit(
        "ReverseSequence", emit("Transpose", x, perm=order), to_i64(layer.operand(1)), batch_axis=0, time_axis=1
    )
    return emit("Transpose", made, perm=[order.index(i) for i in range(x.rank)])


@translates("NON_ZERO")
def non_zero(layer: Layer) -> Value:
    """The indices of the elements that are not zero, a column each."""
    return cast(emit("NonZero", layer.operand()), layer["indices_type"])


class _Cut:
    """A slice's start, size and stride per axis: dims, or tensors that the network computes."""

    def __init__(self, layer: Layer, x: Value) -> None:
        given = layer.get("axes")
        self.axes = list(range(x.rank)) if given is None else [int(a) % x.rank for a in given]
        axes = layer.optional(5)
        if axes is not None and axes.ints is not None:
            self.axes = [int(a) % x.rank for a in axes.ints]  # type: ignore[arg-type]
        self.start, self.size, self.stride = (
            _vector(layer, place, name) for place, name in ((1, "start"), (2, "shape"), (3, "stride"))
        )


def _vector(layer: Layer, place: int, name: str) -> Value:
    given = layer.optional(place)
    if given is not None:
        return to_i64(given)
    if layer.get(name) is None:
        raise ApiError(f"'{name}' is not set, neither as dims nor as input {place}", layer.cell.name)
    return ints(layer[name])


@translates("SLICE")
def slice_layer(layer: Layer) -> Value:
    """Elements from a start, so many, at a stride; past the edge as the mode says."""
    x = layer.operand()
    cut = _Cut(layer, x)
    if layer["mode"] != "STRICT_BOUNDS":
        return _outside(layer, x, cut)
    if cut.stride.ints is not None and 0 in cut.stride.ints:
        return _repeated(x, cut)
    end = emit("Add", cut.start, emit("Mul", cut.size, cut.stride))
    if cut.stride.ints is None or any(not isinstance(s, int) or s < 0 for s in cut.stride.ints):
        down = emit("And", emit("Less", cut.stride, ints([0])), emit("Less", end, ints([0])))
        end = emit("Where", down, ints([-_FAR]), end)
    return emit("Slice", x, cut.start, end, ints(cut.axes), cut.stride)


def _repeated(x: Value, cut: _Cut) -> Value:
    """Return a slice along whose axes of stride 0 the first element is all there is: TensorRT's way to broadcast."""
    sizes = [ints([1])] * x.rank
    for place, (axis, stride) in enumerate(zip(cut.axes, cut.stride.ints or (), strict=True)):
        start, size, step = (
            emit("Slice", v, ints([place]), ints([place + 1]), ints([0]), ints([1]))
            for v in (cut.start, cut.size, cut.stride)
        )
        if stride == 0:
            sizes[axis], size, step = size, ints([1]), ints([1])
        end = emit("Add", start, emit("Mul", size, step))
        if not isinstance(stride, int) or stride < 0:
            end = emit("Where", emit("Less", end, ints([0])), ints([-_FAR]), end)
        x = emit("Slice", x, start, end, ints([axis]), step)
    return emit("Expand", x, emit("Concat", *sizes, axis=0))


def _outside(layer: Layer, x: Value, cut: _Cut) -> Value:
    """Return a slice whose places may lie outside: they wrap, clamp, reflect, or read a fill value."""
    mode, whole, kept = layer["mode"], emit("Shape", x), None
    for place, axis in enumerate(cut.axes):
        start, size, stride = (_at(v, place) for v in (cut.start, cut.size, cut.stride))
        steps = emit("Range", scalar(0, size), size, scalar(1, size))
        index = emit("Add", emit("Mul", steps, stride), start)
        count = _at(whole, axis)
        inside = _place(mode, index, count)
        x = emit("Gather", x, inside, axis=axis)
        if mode == "FILL":
            shape = ints([-1] + [1] * (x.rank - 1 - axis))
            here = emit("Reshape", emit("Equal", index, inside), shape)
            kept = here if kept is None else emit("And", kept, here)
    if kept is None:
        return x
    fill = layer.optional(4)
    return emit("Where", kept, x, scalar(0, x) if fill is None else fill)


def _at(vector: Value, place: int) -> Value:
    """Return one element of a vector as a scalar."""
    return emit("Gather", vector, constant(np.asarray(place, np.int64)), axis=0)


def _place(mode: str, index: Value, count: Value) -> Value:
    """Return where an index reads, inside of `count` elements."""
    last = emit("Sub", count, scalar(1, count))
    if mode == "WRAP":
        return emit("Mod", index, count, fmod=0)
    if mode == "REFLECT":
        period = emit("Max", emit("Mul", last, scalar(2, count)), scalar(1, count))
        folded = emit("Mod", index, period, fmod=0)
        return emit("Min", folded, emit("Sub", period, folded))
    return emit("Min", emit("Max", index, scalar(0, count)), last)


@translates("FILL")
def fill(layer: Layer) -> Value:
    """A ramp, or random numbers, of a shape."""
    given = layer.optional(0)
    shape = to_i64(given) if given is not None else ints(layer["shape"])
    dtype = layer.get("to_type", f32)
    if layer["operation"] == "LINSPACE":
        return cast(_ramp(layer, shape), dtype)
    low, high = float(layer["alpha"]), float(layer["beta"])
    like = emit("ConstantOfShape", shape, value=np.zeros(1, np.float32))
    if layer["operation"] == "RANDOM_UNIFORM":
        return emit("RandomUniformLike", like, low=low, high=high, dtype=dtype.onnx)
    return emit("RandomNormalLike", like, mean=low, scale=high, dtype=dtype.onnx)


def _ramp(layer: Layer, shape: Value) -> Value:
    """start + sum over the axes of index * step."""
    start, step = layer.optional(1), layer.optional(2)
    dtype = start.dtype if start is not None else layer.get("to_type", f32)
    work = i64 if dtype.is_integer else f32
    out = cast(start, work) if start is not None else constant(np.asarray(layer["alpha"]), work)
    rank = _length(layer, shape)
    for axis in range(rank):
        size = _at(shape, axis)
        count = cast(emit("Range", scalar(0, size), size, scalar(1, size)), work)
        by = _step(layer, step, axis, work)
        ramp = emit("Reshape", emit("Mul", count, by), ints([-1] + [1] * (rank - 1 - axis)))
        out = emit("Add", ramp, out)
    return out


def _step(layer: Layer, step: Value | None, axis: int, work: object) -> Value:
    if step is None:
        return constant(np.asarray(layer["beta"]), work)  # type: ignore[arg-type]
    return cast(step if step.rank == 0 else _at(step, axis), work)  # type: ignore[arg-type]


def _length(layer: Layer, shape: Value) -> int:
    count = shape.shape[0]
    if not isinstance(count, int):
        raise unsupported(layer, "the rank of the shape is not known")
    return count
