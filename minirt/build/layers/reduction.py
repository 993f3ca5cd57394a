"""Layers that combine elements: products, reductions, softmax, top-k, einsum, cumulative sums, box selection."""

from __future__ import annotations

import numpy as np

from minirt.build.layers.emit import Layer, cast, emit, emit_all, ints, scalar, to_i64, translates
from minirt.ir.graph import constant
from minirt.ir.op import Value
from minirt.types.dtype import f32, i32

_REDUCE = {"SUM": "ReduceSum", "PROD": "ReduceProd", "MAX": "ReduceMax", "MIN": "ReduceMin", "AVG": "ReduceMean"}


@translates("REDUCE")
def reduce(layer: Layer) -> Value:
    """Combine the elements along the axes of a mask."""
    x = layer.operand()
    if layer["op"] == "NONE":
        return x
    return emit(_REDUCE[layer["op"]], x, ints(layer.axes(layer["axes"])), keepdims=int(layer["keep_dims"]))


@translates("SOFTMAX")
def softmax(layer: Layer) -> Value:
    """Softmax along the axis of a mask."""
    x = layer.operand()
    mask = layer.get("axes", 1 << max(0, x.rank - 3))
    return emit("Softmax", x, axis=layer.axis(mask))


@translates("RAGGED_SOFTMAX")
def ragged_softmax(layer: Layer) -> Value:
    """Softmax over the first elements of each row, so many as the bounds say; zeros after."""
    x, bounds = layer.operand(0), layer.operand(1)
    count = emit("Gather", emit("Shape", x), constant(np.asarray(x.rank - 1, np.int64)), axis=0)
    place = cast(emit("Range", scalar(0, count), count, scalar(1, count)), i32)
    inside = emit("Less", place, cast(bounds, i32))
    least = emit("Where", inside, x, scalar(-np.inf, x))
    return emit("Where", inside, emit("Softmax", least, axis=x.rank - 1), scalar(0, x))


@translates("TOPK")
def topk(layer: Layer) -> list[Value]:
    """The largest or smallest along an axis, in order, and where they are."""
    x, given = layer.operand(), layer.optional(1)
    k = emit("Reshape", to_i64(given), ints([1])) if given is not None else ints([int(layer["k"])])
    axis, most = layer.axis(layer["axes"]), int(layer["op"] == "MAX")
    values, places = emit_all("TopK", x, k, outputs=2, axis=axis, largest=most, sorted=1)
    return [values, cast(places, layer["indices_type"])]


@translates("MATRIX_MULTIPLY")
def matrix_multiply(layer: Layer) -> Value:
    """The product of two stacks of matrices, either transposed or a vector."""
    a, b = _matrix(layer.operand(0), layer["op0"], -2), _matrix(layer.operand(1), layer["op1"], -1)
    out = emit("MatMul", a, b)
    gone = [axis for axis, op in ((-2, layer["op0"]), (-1, layer["op1"])) if op == "VECTOR"]
    return emit("Squeeze", out, ints(gone)) if gone else out


def _matrix(value: Value, op: str, vector_axis: int) -> Value:
    if op == "VECTOR":
        return emit("Unsqueeze", value, ints([vector_axis]))
    if op == "TRANSPOSE":
        order = [*range(value.rank - 2), value.rank - 1, value.rank - 2]
        return emit("Transpose", value, perm=order)
    return value


@translates("EINSUM")
def einsum(layer: Layer) -> Value:
    """The sum of products that an equation describes."""
    values = [layer.operand(i) for i in range(len(layer.operands))]
    return emit("Einsum", *values, equation=layer["equation"])


@translates("CUMULATIVE")
def cumulative(layer: Layer) -> Value:
    """Running sums along an axis."""
    how = {"exclusive": int(layer["exclusive"]), "reverse": int(layer["reverse"])}
    return emit("CumSum", layer.operand(0), layer.operand(1), **how)


@translates("NMS")
def nms(layer: Layer) -> list[Value]:
    """Boxes that overlap no better one: (batch, class, box) rows, and how many there are."""
    boxes, scores, most = (layer.operand(i) for i in range(3))
    if boxes.rank == 4:
        boxes = emit("Squeeze", boxes, ints([2]))
    limits = [layer.optional(i) for i in (3, 4)]
    iou, least = (None if v is None else emit("Reshape", cast(v, f32), ints([1])) for v in limits)
    by_class = emit("Transpose", scores, perm=[0, 2, 1])
    count = emit("Reshape", to_i64(most), ints([1]))
    centre = int(layer["bounding_box_format"] == "CENTER_SIZES")
    rows = emit("NonMaxSuppression", boxes, by_class, count, iou, least, center_point_box=centre)
    size = emit("Gather", emit("Shape", rows), constant(np.asarray(0, np.int64)), axis=0)
    return [cast(rows, layer["indices_type"]), cast(size, i32)]
