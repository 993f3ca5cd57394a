# mypy: disable-error-code="no-untyped-call"
"""Typed addresses for kernel text: ``f32(args[0])[i]`` reads or writes the i-th float at an address.

Indexing a pointer has no bounds check and no negative wrap-around, which lets LLVM see plain contiguous loads.
float16 and bfloat16 are stored as 16 bits and converted by `load_f16`, `store_f16`, `load_bf16`, `store_bf16`.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


def _typed(kind: Any, doc: str) -> Any:
    def _typing(context: Any, address: Any) -> Any:
        if not isinstance(address, types.Integer):
            return None

        def _generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
            return builder.inttoptr(values[0], context.get_value_type(types.CPointer(kind)))

        return types.CPointer(kind)(types.int64), _generate

    _typing.__doc__ = doc
    return intrinsic(_typing)


f32 = _typed(types.float32, "The float32 elements at an address.")
f64 = _typed(types.float64, "The float64 elements at an address.")
i8 = _typed(types.int8, "The int8 elements at an address.")
i16 = _typed(types.int16, "The int16 elements at an address.")
i32 = _typed(types.int32, "The int32 elements at an address.")
i64 = _typed(types.int64, "The int64 elements at an address.")
u8 = _typed(types.uint8, "The uint8 elements at an address; also bool.")
u16 = _typed(types.uint16, "The uint16 elements at an address.")
u32 = _typed(types.uint32, "The uint32 elements at an address.")
u64 = _typed(types.uint64, "The uint64 elements at an address.")


@intrinsic
def as_f64(context: Any, bits: Any) -> Any:
    """The float64 number whose bits an int64 argument holds."""

    def _generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.bitcast(values[0], ir.DoubleType())

    return types.float64(types.int64), _generate


@intrinsic
def load_f16(context: Any, bits: Any) -> Any:
    """The float32 value of a float16's bits."""

    def _generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.fpext(builder.bitcast(values[0], ir.HalfType()), ir.FloatType())

    return types.float32(types.uint16), _generate


@intrinsic
def store_f16(context: Any, value: Any) -> Any:
    """The float16 bits of a float32, rounded half to even."""

    def _generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        return builder.bitcast(builder.fptrunc(values[0], ir.HalfType()), ir.IntType(16))

    return types.uint16(types.float32), _generate


@intrinsic
def load_bf16(context: Any, bits: Any) -> Any:
    """The float32 value of a bfloat16's bits."""

    def _generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        wide = builder.shl(builder.zext(values[0], ir.IntType(32)), ir.IntType(32)(16))
        return builder.bitcast(wide, ir.FloatType())

    return types.float32(types.uint16), _generate


@intrinsic
def store_bf16(context: Any, value: Any) -> Any:
    """The bfloat16 bits of a float32, rounded half to even; NaN stays NaN."""

    def _generate(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        word = ir.IntType(32)
        bits = builder.bitcast(values[0], word)
        odd = builder.and_(builder.lshr(bits, word(16)), word(1))
        rounded = builder.add(bits, builder.add(odd, word(0x7FFF)))
        quiet = builder.or_(bits, word(0x400000))
        chosen = builder.select(builder.fcmp_unordered("uno", values[0], values[0]), quiet, rounded)
        return builder.trunc(builder.lshr(chosen, word(16)), ir.IntType(16))

    return types.uint16(types.float32), _generate
