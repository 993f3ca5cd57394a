"""Casts: the ops that change an element type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ml_dtypes
import numpy as np

from minirt.errors import MinirtError
from minirt.ir.op import Op, Value, apply
from minirt.ir.scalar import Body, arg, cast
from minirt.ops.importer import OnnxNode, Result, importer
from minirt.ops.pointwise import Elementwise
from minirt.types.dtype import DTYPES, Array, DType, bool_, f8e8m0, f32, from_onnx, string
from minirt.types.tensor import Tensor, Type

_NUMERIC = tuple(d for d in DTYPES.values() if d.kind in "fiub")
_EVERY = tuple(DTYPES.values())


class Cast(Elementwise):
    """The operand rounded to another element type; to bool: x != 0; to 8-bit floats: saturated."""

    dtypes = _NUMERIC
    to: DType

    def body(self, dtypes: tuple[DType, ...]) -> Body:
        """The cast."""
        if len(dtypes) != 1:
            raise MinirtError(f"Cast takes one operand, not {len(dtypes)}")
        if self.to not in _NUMERIC:
            raise MinirtError(f"numbers are not cast to {self.to}")
        return Body(dtypes, (cast(arg(0, dtypes[0]), self.to),))


class NarrowCast(Op):
    """Casts to 8-bit floats by rules other than Cast's.

    Without ``saturate`` what is out of range becomes infinite, or NaN where the type has no infinity.  ``round_mode``
    (up, down, nearest) is for the type of scales, e8m0.
    """

    dtypes = _NUMERIC
    to: DType
    saturate: bool = True
    round_mode: str = "up"

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """The operand's shape."""
        if not self.to.is_float or self.to.bits != 8:
            raise MinirtError(f"{self.to} is not an 8-bit float")
        return (inputs[0].tensor.with_dtype(self.to),)

    def decompose(self, *inputs: Value) -> Value | None:
        """What is not float32 is cast to it first."""
        (x,) = inputs
        return None if x.dtype is f32 else apply(self, apply(Cast(f32), x))

    def reference(self, *arrays: Any) -> Any:
        """Rounded by ml_dtypes, or by exponents."""
        x = np.asarray(arrays[0]).astype(np.float32)
        if self.to is f8e8m0:
            return _scales(x, self.saturate, self.round_mode)
        if self.saturate:
            most = float(ml_dtypes.finfo(self.to.numpy).max)  # type: ignore[no-untyped-call]
            x = np.clip(x, -most, most)
        return x.astype(self.to.numpy)


def _scales(x: Array, saturate: bool, mode: str) -> Array:
    """Powers of two from 2**-127 to 2**127 as e8m0 bytes (255 is NaN)."""
    fraction, power = np.frexp(np.abs(x).astype(np.float64))  # fraction in [0.5, 1)
    exponent = power - 1
    above = {"up": fraction > 0.5, "down": np.zeros(x.shape, bool), "nearest": fraction >= 0.75}[mode]
    exponent = exponent + above
    outside = (exponent < -127) | (exponent > 127) | np.isinf(x) | (x == 0)
    exponent = np.where(np.isinf(x), 127, np.where(x == 0, -127, np.clip(exponent, -127, 127)))
    codes = np.where(np.isnan(x) | (outside & (not saturate)), 255, exponent + 127).astype(np.uint8)
    return codes.view(f8e8m0.numpy)


class StringCast(Op):
    """Numbers as text, and text as numbers; on the host."""

    dtypes = _EVERY
    to: DType

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """The operand's shape."""
        if (inputs[0].dtype is string) == (self.to is string):
            raise MinirtError(f"{inputs[0].dtype} to {self.to} is not a cast of strings")
        return (inputs[0].tensor.with_dtype(self.to),)

    def reference(self, *arrays: Any) -> Any:
        """Python's conversions; whole numbers without a fraction, as ONNX writes them."""
        x = np.asarray(arrays[0])
        out = np.empty(x.size, dtype=object if self.to is string else self.to.numpy)
        for i, element in enumerate(x.reshape(-1)):
            out[i] = str(element) if self.to is string else _number(str(element), self.to)
        return out.reshape(x.shape)


def _number(text: str, dtype: DType) -> Any:
    value = float(text)
    return value != 0 if dtype is bool_ else int(value) if dtype.is_integer else value


class BitCast(Op):
    """The same bits read as another element type of the same width."""

    dtypes = tuple(d for d in _EVERY if d is not string)
    to: DType

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """The operand's shape."""
        if inputs[0].dtype.bits != self.to.bits:
            raise MinirtError(f"{inputs[0].dtype} and {self.to} differ in width")
        return (inputs[0].tensor.with_dtype(self.to),)

    def run(self, arrays: Sequence[Any], types: Sequence[Type], wide: bool) -> tuple[Any, ...]:
        """NumPy's view of the narrow array."""
        assert isinstance(types[0], Tensor)
        narrow = np.ascontiguousarray(np.asarray(arrays[0]).astype(types[0].dtype.numpy))
        return (narrow.view(self.to.numpy).reshape(np.shape(arrays[0])),)


def casted(x: Value, dtype: DType) -> Value:
    """x as ``dtype``; x itself where it has it."""
    if x.dtype is dtype:
        return x
    return apply(StringCast(dtype) if string in (x.dtype, dtype) else Cast(dtype), x)


def _converted(node: OnnxNode, to: DType) -> Value:
    """Cast by the node's rules."""
    x = node.input(0)
    mode, saturate = node.attributes.get("round_mode", "up"), bool(node.attributes.get("saturate", 1))
    if x.dtype is not to and (to is f8e8m0 or (not saturate and to.is_float and to.bits == 8)):
        return apply(NarrowCast(to, saturate, mode), x)
    return casted(x, to)


@importer("Cast")
def _cast(node: OnnxNode) -> Result:
    to = node.attributes["to"]
    names = {"FLOAT": 1, "DOUBLE": 11, "INT64": 7, "INT32": 6, "BOOL": 9, "FLOAT16": 10}  # opsets 1 to 5 name it
    return _converted(node, from_onnx(names.get(to, 1) if isinstance(to, str) else int(to)))


@importer("CastLike")
def _cast_like(node: OnnxNode) -> Result:
    return _converted(node, node.input(1).dtype)


@importer("BitCast")
def _bit_cast(node: OnnxNode) -> Result:
    return apply(BitCast(from_onnx(int(node.attributes["to"]))), node.input(0))
