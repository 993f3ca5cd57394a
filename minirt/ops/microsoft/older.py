"""Ops that onnxruntime had before the standard did, and some that the standard lacks."""

from __future__ import annotations

from functools import reduce

import numpy as np

from minirt.errors import MinirtError
from minirt.ir.graph import constant
from minirt.ir.op import Value, apply
from minirt.ops.arithmetic import Abs, Add, Div, Mul, Sub
from minirt.ops.arithmetic_functions import Floor, Sqrt
from minirt.ops.cast import casted
from minirt.ops.importer import OnnxNode, Result, axis_of, number
from minirt.ops.indexing import Gather, GatherElements
from minirt.ops.logic import And, Equal, GreaterOrEqual, IsInf, IsNaN, LessOrEqual, Not, Or, where
from minirt.ops.microsoft.registry import microsoft, single, standard
from minirt.ops.movement import Concat, Iota, dims_value, expanded, reshaped, sliced, transposed
from minirt.ops.ordering import ArgReduce
from minirt.ops.reduce import reduced
from minirt.ops.shape import concatenated, unsqueezed
from minirt.types.dim import Dim, divide, floor, maximum
from minirt.types.dtype import bool_, f32, i64

_LARGEST = 16


@microsoft("Trilu", "GatherND", "Pad")
def _same(node: OnnxNode) -> Result:
    return standard(node, node.op_type, *node.inputs)


@microsoft("GridSample")
def _grid_sample(node: OnnxNode) -> Result:
    return standard(node, "GridSample", *node.inputs, opset=16)


@microsoft("SampleOp")
def _identity(node: OnnxNode) -> Result:
    return node.input(0)


@microsoft("Range")
def _range(node: OnnxNode) -> Result:
    start, limit, step = node.input(0), node.input(1), node.optional(2)
    return standard(node, "Range", start, limit, number(1, start.dtype) if step is None else step)


@microsoft("Unique")
def _unique(node: OnnxNode) -> Result:
    """Distinct elements in their order, the place of each element among them, and how often each is there."""
    values, _, inverse, counts = standard(node, "Unique", node.input(0), sorted=0)  # type: ignore[misc]
    return [values, inverse, counts]


@microsoft("ExpandDims")
def _expand_dims(node: OnnxNode) -> Result:
    (axis,) = node.static_ints("axis", 1) or (0,)
    return unsqueezed(node.input(0), [axis])


@microsoft("UnfoldTensor")
def _unfold(node: OnnxNode) -> Result:
    """Slices along an axis, each step by step, as a new last axis."""
    x, size, step = node.input(0), int(node.attributes["size"]), int(node.attributes.get("step", 1))
    axis = axis_of(int(node.attributes.get("dim", -1)), x.rank)
    count = floor(divide(x.shape[axis] - size, step)) + 1
    places = apply(Mul(), apply(Iota((count, size), 0, i64)), number(step, i64))
    found = apply(Gather(axis), x, apply(Add(), places, apply(Iota((count, size), 1, i64))))
    return transposed(found, [i for i in range(found.rank) if i != axis + 1] + [axis + 1])


@microsoft("CDist")
def _distances(node: OnnxNode) -> Result:
    """Distances of all rows of a from all rows of b."""
    a, b, metric = node.input(0), node.input(1), str(node.attributes.get("metric", "sqeuclidean"))
    if metric not in ("euclidean", "sqeuclidean"):
        raise MinirtError(f"metric {metric!r} is not euclidean or sqeuclidean")
    apart = apply(Sub(), unsqueezed(a, [1]), unsqueezed(b, [0]))
    total = reduced("sum", apply(Mul(), apart, apart), [2], keepdims=False)
    return apply(Sqrt(), total) if metric == "euclidean" else total


@microsoft("IsAllFinite")
def _is_all_finite(node: OnnxNode) -> Result:
    """Whether no element of any operand is infinite or NaN."""
    only = [bool(node.attributes.get(name, 0)) for name in ("isinf_only", "isnan_only")]
    found = []
    for x in (node.input(i) for i in range(len(node.inputs))):
        kinds = [apply(IsInf(), x)] * (not only[1]) + [apply(IsNaN(), x)] * (not only[0])
        bad = reduce(lambda a, b: apply(Or(), a, b), kinds)
        found.append(reduced("max", bad, list(range(x.rank)), keepdims=False))
    return apply(Not(), reduce(lambda a, b: apply(Or(), a, b), found))


@microsoft("ComplexMul", "ComplexMulConj")
def _complex_mul(node: OnnxNode) -> Result:
    """Real and imaginary parts along the last axis; the second operand may be conjugated."""
    a, b = ([sliced(x, x.rank - 1, i, 1) for i in range(2)] for x in (node.input(0), node.input(1)))
    same, crossed = (Sub(), Add()) if node.op_type == "ComplexMul" else (Add(), Sub())
    real = apply(same, apply(Mul(), a[0], b[0]), apply(Mul(), a[1], b[1]))
    imaginary = apply(crossed, apply(Mul(), a[1], b[0]), apply(Mul(), a[0], b[1]))
    return apply(Concat(real.rank - 1), real, imaginary)


@microsoft("Rfft", "Irfft")
def _rfft(node: OnnxNode) -> Result:
    """A Fourier transform of real numbers over the last ``signal_ndim`` axes, or back."""
    x, rank = node.input(0), int(node.attributes.get("signal_ndim", 1))
    if node.attributes.get("normalized", 0) or not node.attributes.get("onesided", 1):
        raise MinirtError("only onesided transforms that are not normalized are supported")
    back = node.op_type == "Irfft"
    if not back:
        x = unsqueezed(x, [x.rank])
    axes = [x.rank - 2 - i for i in range(rank)]  # the onesided one first there, and last back
    for axis in reversed(axes) if back else axes:
        given = {"inverse": int(back), "onesided": int(axis == x.rank - 2)}
        x = single(standard(node, "DFT", x, None, constant(axis, i64), **given))
    return reshaped(x, x.shape[:-1]) if back else x


@microsoft("Inverse")
def _inverse(node: OnnxNode) -> Result:
    """Elimination (Gauss-Jordan) with the largest pivot of each column, row by row: for small matrices."""
    x = node.input(0)
    n = x.shape[-1]
    if not isinstance(n, int) or n > _LARGEST or x.shape[-2] != n:
        raise MinirtError(f"inverses are of square matrices up to {_LARGEST} rows, not of {x.type}")
    wide = casted(x, f32) if x.dtype.bits < 32 else x
    eye = expanded(constant(np.eye(n), wide.dtype), x.shape)
    rows, places = apply(Concat(x.rank - 1), wide, eye), apply(Iota((n, 1), 0, i64))
    for k in range(n):
        column = apply(Abs(), sliced(rows, x.rank - 1, k, 1))
        hidden = where(apply(GreaterOrEqual(), places, number(k, i64)), column, number(-1, wide.dtype))
        pivot = apply(ArgReduce("max", x.rank - 2), hidden)
        swapped = where(apply(Equal(), places, pivot), number(k, i64), places)
        swapped = where(apply(Equal(), places, number(k, i64)), pivot, swapped)
        rows = apply(GatherElements(x.rank - 2), rows, expanded(swapped, rows.shape))
        first = sliced(rows, x.rank - 2, k, 1)
        first = apply(Div(), first, sliced(first, x.rank - 1, k, 1))
        less = apply(Sub(), rows, apply(Mul(), sliced(rows, x.rank - 1, k, 1), first))
        rows = where(apply(Equal(), places, number(k, i64)), first, less)
    return casted(sliced(rows, x.rank - 1, n, n), x.dtype)


@microsoft("CropAndResize")
def _crop_and_resize(node: OnnxNode) -> Result:
    """Samples boxes (y1, x1, y2, x2, parts of the image) on a grid whose corners are theirs."""
    x, boxes = node.input(0), node.input(1)
    sizes, mode = node.ints("crop_size", 3) or (1, 1), str(node.attributes.get("mode", "bilinear"))
    whole = (boxes.shape[0], *sizes, 1)
    grid, inside = [], number(True, bool_)
    for at in (1, 0):  # a grid tells x before y
        most = x.shape[2 + at] - 1
        shape = [boxes.shape[0], 1, 1, 1]
        shape[1 + at] = sizes[at]
        place = reshaped(_places(boxes, at, most, sizes[at]), shape)
        kept = apply(And(), apply(GreaterOrEqual(), place, number(0, f32)), apply(LessOrEqual(), place, _float(most)))
        inside = apply(And(), inside, kept)
        if mode == "nearest":  # ties go up, where a grid's go to even places
            place = apply(Floor(), apply(Add(), place, number(0.5, f32)))
        unit = apply(Div(), apply(Mul(), place, number(2, f32)), _float(maximum(most, 1)))
        grid.append(expanded(apply(Sub(), unit, number(1, f32)), whole))
    given = {"align_corners": 1, "padding_mode": "border", "mode": mode}
    images = apply(Gather(0), x, node.input(2))
    found = single(standard(node, "GridSample", images, concatenated(grid, 3), opset=16, **given))
    seen = reshaped(expanded(inside, whole), (boxes.shape[0], 1, *sizes))
    return where(seen, found, number(float(node.attributes.get("extrapolation_value", 0.0)), found.dtype))


def _float(size: Dim) -> Value:
    return casted(dims_value([size], i64, ()), f32)


def _places(boxes: Value, at: int, most: Dim, count: Dim) -> Value:
    """[boxes, count]: where along an axis up to ``most`` the boxes are sampled; one sample is in the middle."""
    low, high = (sliced(boxes, 1, i, 1) for i in (at, at + 2))
    if count == 1:
        return apply(Mul(), apply(Mul(), apply(Add(), low, high), number(0.5, f32)), _float(most))
    step = apply(Div(), apply(Mul(), apply(Sub(), high, low), _float(most)), _float(count - 1))
    return apply(Add(), apply(Mul(), low, _float(most)), apply(Mul(), apply(Iota((1, count), 1, f32)), step))
