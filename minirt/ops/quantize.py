"""Quantisation: by tensor, by axis or by block, to integers and 8-bit floats."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ml_dtypes
import numpy as np

from minirt.errors import MinirtError
from minirt.ir.op import OPS, Op, Value, apply, same_dim
from minirt.ir.scalar import Body, Scalar, arg, call, cast, const
from minirt.ir.scalar_numpy import run_body
from minirt.ops.importer import OnnxNode, Result, importer, number
from minirt.ops.movement import expanded, reshaped, sliced
from minirt.ops.pointwise import Map
from minirt.types.dim import Dim
from minirt.types.dtype import DTYPES, Array, DType, from_numpy, from_onnx, i32, u8
from minirt.types.tensor import Tensor, Type


class _Scaled(Op):
    """Base of both directions: x, scale and zero point, with ``axis`` and ``block`` saying how the last two spread.

    Both have rank 0 (one for the tensor), rank 1 (one for each place along ``axis``), or, with ``block``, the rank of
    x, each holding for ``block`` neighbours along ``axis``.
    """

    dtypes = tuple(DTYPES.values())

    axis: int = 0
    block: int = 0
    dtype: DType = u8

    def element(self, x: DType, scale: DType, zero: DType) -> Body:
        """One element of the result."""
        raise NotImplementedError

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """The shape of x."""
        x, scale, zero = inputs
        if scale.rank != zero.rank:
            raise MinirtError(f"scale has rank {scale.rank}, the zero point {zero.rank}")
        for a, b in zip(scale.shape, zero.shape, strict=True):
            same_dim(a, b, "scale and zero point")
        if scale.rank and not 0 <= self.axis < x.rank:
            raise MinirtError(f"axis {self.axis} is not one of the {x.rank} of the operand")
        if self.block:
            for i, (a, b) in enumerate(zip(x.shape, scale.shape, strict=True)):
                if i != self.axis:
                    same_dim(a, b, "operand and scale")
        elif scale.rank == 1:
            same_dim(x.shape[self.axis], scale.shape[0], "scales along the axis")
        elif scale.rank:
            raise MinirtError(f"a scale of rank {scale.rank} needs a block size")
        self.element(x.dtype, scale.dtype, zero.dtype)
        return (Tensor(self.dtype, x.shape),)

    def reference(self, *arrays: Any) -> Any:
        """The element function over x and the spread scale and zero point."""
        x, scale, zero = map(np.asarray, arrays)
        from_types = [from_numpy(a.dtype) for a in (x, scale, zero)]
        return run_body(self.element(*from_types), [x, self._spread(scale, x), self._spread(zero, x)])[0]

    def run(self, arrays: Sequence[Any], types: Sequence[Type], wide: bool) -> tuple[Any, ...]:
        """The element function; ``wide`` computes floats in float64."""
        x, scale, zero = map(np.asarray, arrays)
        body = self.element(*(t.dtype for t in types if isinstance(t, Tensor)))
        return run_body(body, [x, self._spread(scale, x), self._spread(zero, x)], wide)

    def _spread(self, given: Array, x: Array) -> Array:
        if given.ndim == 0:
            return given
        if self.block:
            return np.repeat(given, self.block, axis=self.axis)[
                (slice(None),) * self.axis + (slice(0, x.shape[self.axis]),)
            ]
        return given.reshape([-1 if i == self.axis else 1 for i in range(x.ndim)])

    def decompose(self, *inputs: Value) -> Value | Sequence[Value] | None:
        """A pointwise region, over scales that are spread by views."""
        x, scale, zero = inputs
        body = self.element(x.dtype, scale.dtype, zero.dtype)
        return apply(Map(body), x, self._spread_value(scale, x), self._spread_value(zero, x))

    def _spread_value(self, given: Value, x: Value) -> Value:
        if given.rank == 0:
            return given
        at = self.axis
        if not self.block:
            return reshaped(given, [d if i == at else 1 for i, d in enumerate(x.shape)])
        shape = given.shape
        apart: list[Dim] = [*shape[: at + 1], 1, *shape[at + 1 :]]
        repeated = [*shape[: at + 1], self.block, *shape[at + 1 :]]
        flat = reshaped(
            expanded(reshaped(given, apart), repeated), [*shape[:at], shape[at] * self.block, *shape[at + 1 :]]
        )
        return sliced(flat, at, 0, x.shape[at])


OPS.pop("_Scaled", None)


def _limits(dtype: DType) -> tuple[float, float]:
    if dtype.is_integer:
        low = -(2 ** (dtype.bits - 1)) if dtype.kind == "i" else 0
        return low, low + 2**dtype.bits - 1
    top = float(ml_dtypes.finfo(dtype.numpy).max)  # type: ignore[no-untyped-call]
    return -top, top


class Quantize(_Scaled):
    """round(x / scale), half to even, plus the zero point, kept within ``dtype``; operands x, scale, zero point.

    8-bit floats round to their own grid; without ``saturate`` what lies outside becomes NaN or infinite.
    """

    saturate: bool = True

    def element(self, x: DType, scale: DType, zero: DType) -> Body:
        """round(x / scale) + zero, bounded."""
        if zero is not self.dtype:
            raise MinirtError(f"the zero point is {zero}, the result {self.dtype}")
        wide = scale.compute if scale.compute.bits >= x.compute.bits or x.is_integer else x.compute
        value = call("div", cast(cast(arg(0, x), wide), wide), cast(arg(1, scale), wide))
        if self.dtype.is_integer:
            value = call("add", call("round", value), cast(arg(2, zero), wide))
        if self.dtype.is_integer or self.saturate:
            low, high = _limits(self.dtype)
            value = call("min", call("max", value, const(low, wide)), const(high, wide))
        return Body((x, scale, zero), (cast(value, self.dtype),))


class Dequantize(_Scaled):
    """(x - zero point) * scale; operands x, scale, zero point."""

    def element(self, x: DType, scale: DType, zero: DType) -> Body:
        """(x - zero) * scale, the difference exact."""
        if zero is not x:
            raise MinirtError(f"the zero point is {zero}, the operand {x}")
        wide = scale.compute
        difference: Scalar
        if x.is_integer:
            difference = cast(call("sub", cast(arg(0, x), i32), cast(arg(2, x), i32)), wide)
        else:
            difference = cast(arg(0, x), wide)
        return Body((x, scale, zero), (cast(call("mul", difference, cast(arg(1, scale), wide)), self.dtype),))


def _zero(node: OnnxNode, at: int, like: Value, dtype: DType) -> Value:
    given = node.optional(at)
    if given is not None:
        return given
    zero = number(0, dtype)
    return zero if like.rank == 0 else expanded(zero, like.shape)


def _place(node: OnnxNode, x: Value, scale: Value) -> dict[str, Any]:
    """axis and block; a scale of one element holds for the whole tensor."""
    block = int(node.attributes.get("block_size", 0))
    axis = int(node.attributes.get("axis", 1))
    if scale.rank == 0 or not block and scale.rank == 1 and scale.shape[0] == 1:
        return {}
    if not -x.rank <= axis < x.rank:
        raise MinirtError(f"axis {axis} is not one of the {x.rank} of the operand")
    if block < 0 or (block and scale.rank != x.rank):
        raise MinirtError(f"block_size {block} does not fit a scale of rank {scale.rank}")
    return {"axis": axis % x.rank, "block": block}


def _scalar(value: Value, place: dict[str, Any]) -> Value:
    return reshaped(value, ()) if value.rank and not place else value


@importer("QuantizeLinear")
@importer("QuantizeLinear", domain="com.microsoft")
def _quantize(node: OnnxNode) -> Result:
    x, scale = node.input(0), node.input(1)
    named = int(node.attributes.get("output_dtype", 0))
    given = node.optional(2)
    dtype = given.dtype if given is not None else from_onnx(named) if named else u8
    place = _place(node, x, scale)
    zero = _scalar(_zero(node, 2, scale, dtype), place)
    op = Quantize(**place, dtype=dtype, saturate=bool(node.attributes.get("saturate", 1)))
    return apply(op, x, _scalar(scale, place), zero)


@importer("DequantizeLinear")
@importer("DequantizeLinear", domain="com.microsoft")
def _dequantize(node: OnnxNode) -> Result:
    x, scale = node.input(0), node.input(1)
    named = int(node.attributes.get("output_dtype", 0))
    place = _place(node, x, scale)
    zero = _scalar(_zero(node, 2, scale, x.dtype), place)
    dtype = from_onnx(named) if named else scale.dtype
    return apply(Dequantize(**place, dtype=dtype), x, _scalar(scale, place), zero)
