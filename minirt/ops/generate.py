"""Ops that make tensors: filled ones, ranges, masks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from minirt.errors import MinirtError
from minirt.ir.graph import array_of, constant, is_constant
from minirt.ir.op import DataDependent, Value, apply
from minirt.ops.arithmetic import Add, Mul, Sub
from minirt.ops.cast import casted
from minirt.ops.contents import known_ints, sizes_of
from minirt.ops.importer import OnnxNode, Result, axis_of, importer, number
from minirt.ops.logic import Equal, GreaterOrEqual, Less, where
from minirt.ops.movement import DynamicExpand, Iota, expanded, reshaped, sliced
from minirt.ops.shape import unsqueezed
from minirt.types import dim
from minirt.types.dim import Dim, Expr, symbol
from minirt.types.dtype import NUMBERS, from_onnx, i64
from minirt.types.tensor import Tensor, Type


class DynamicRange(DataDependent):
    """start, start + step, ... before the limit (operands 0, 2, 1; rank 0), where only the data tells how many."""

    dtypes = NUMBERS

    def unknowns(self, *inputs: Value) -> int:
        """How many there are."""
        return 1

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """A vector."""
        return (Tensor(inputs[0].dtype, (symbol(self.dims[0]),)),)

    def reference(self, *arrays: Any) -> Any:
        """Each element is computed from its place."""
        start, limit, step = (np.asarray(a).reshape(()) for a in arrays)
        count = max(0, math.ceil((limit.astype(np.float64) - start.astype(np.float64)) / step.astype(np.float64)))
        wide = np.int64 if start.dtype.kind in "iu" else np.float64
        return (start.astype(wide) + np.arange(count) * step.astype(wide)).astype(start.dtype)


@importer("Range")
def _range(node: OnnxNode) -> Result:
    start, limit, step = (reshaped(node.input(i), ()) for i in range(3))
    known = [v.ints for v in (start, limit, step)]
    if any(k is None for k in known):
        return apply(DynamicRange(), start, limit, step)
    first, last, by = (k[0] for k in known if k is not None)
    if by == 0:
        raise MinirtError("a range's step is 0")
    count = dim.maximum(dim.ceil(dim.divide(last - first, by)), 0)
    places = apply(Iota((count,), 0, start.dtype))
    stepped = places if by == 1 else apply(Mul(), places, step)
    return stepped if first == 0 else apply(Add(), stepped, start)


@importer("ConstantOfShape")
def _constant_of_shape(node: OnnxNode) -> Result:
    fill = np.asarray(node.attributes.get("value", np.zeros(1, np.float32))).reshape(())
    return filled(constant(fill), node.input(0))


def filled(x: Value, shape: Value) -> Value:
    """The rank-0 value in every element of a tensor whose shape is the operand's contents."""
    if shape.ints is not None:
        return expanded(x, shape.ints)
    known = tuple(-1 if d is None else d for d in known_ints(shape))
    return apply(DynamicExpand(known=known), x, shape)


@importer("EyeLike")
def _eye_like(node: OnnxNode) -> Result:
    x = node.input(0)
    dtype = from_onnx(int(node.attributes["dtype"])) if "dtype" in node.attributes else x.dtype
    rows, columns = apply(Iota(x.shape, 0, i64)), apply(Iota(x.shape, 1, i64))
    offset = number(int(node.attributes.get("k", 0)), i64)
    return casted(apply(Equal(), apply(Sub(), columns, rows), offset), dtype)


@importer("Trilu")
def _trilu(node: OnnxNode) -> Result:
    """The upper (or lower) triangle, measured from the diagonal k; 0 elsewhere."""
    x = node.input(0)
    k = node.optional(1)
    offset = number(0, i64) if k is None else reshaped(k, ())
    square = x.shape[-2:]
    apart = apply(Sub(), apply(Iota(square, 1, i64)), apply(Iota(square, 0, i64)))
    if node.attributes.get("upper", 1):
        kept = apply(GreaterOrEqual(), apart, offset)
    else:
        kept = apply(GreaterOrEqual(), offset, apart)
    return where(kept, x, number(0, x.dtype))


@importer("OneHot")
def _one_hot(node: OnnxNode) -> Result:
    """The on value where the new axis' coordinate is the index; a negative index counts from the depth."""
    places, values = casted(node.input(0), i64), node.input(2)
    depth = sizes_of(node, "depth", 1)
    if depth is None:
        raise MinirtError("depth is required")
    axis = axis_of(int(node.attributes.get("axis", -1)), places.rank + 1)
    size: Dim = depth[0] if isinstance(depth[0], int | Expr) else int(depth[0])
    shape = (*places.shape[:axis], size, *places.shape[axis:])
    count = reshaped(casted(node.input(1), i64), ())
    places = where(apply(Less(), places, number(0, i64)), apply(Add(), places, count), places)
    hit = apply(Equal(), apply(Iota(shape, axis, i64)), unsqueezed(places, [axis]))
    if is_constant(values):
        off, on = (constant(v) for v in array_of(values))
    else:
        off, on = (reshaped(sliced(values, 0, i, 1), ()) for i in range(2))
    return where(hit, on, off)
