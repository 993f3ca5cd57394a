"""Element types in memory: the LLVM type that holds each, and exact conversions of narrow floats from and to float32.

float16 is LLVM's half; bfloat16 and the 8-bit floats are integers whose bits are moved about.  Rounding is half to
even; what is too large becomes infinity, or the greatest number of an 8-bit type.
"""

from __future__ import annotations

from typing import Any

import ml_dtypes

from minirt.errors import CompileError
from minirt.kernels.cpu.lanes import F16, F32, F64, I1, I8, I16, I32, I64, Num
from minirt.types.dtype import DType

_HELD: dict[str, Any] = {
    "f32": F32, "f64": F64, "f16": F16, "bf16": I16, "f8e4m3": I8, "f8e4m3fnuz": I8, "f8e5m2": I8, "f8e5m2fnuz": I8,
    "f8e8m0": I8, "bool": I8, "i8": I8, "u8": I8,
    "i16": I16, "u16": I16, "i32": I32, "u32": I32, "i64": I64, "u64": I64,
}  # fmt: skip
_SMALL = {"f8e4m3": (3, 7), "f8e4m3fnuz": (3, 8), "f8e5m2": (2, 15), "f8e5m2fnuz": (2, 16)}


def held(dtype: DType) -> Any:
    """The LLVM type of one element in memory; raises CompileError for types that CPU kernels do not take."""
    if dtype.name not in _HELD:
        raise CompileError(f"CPU kernels do not take element type {dtype}")
    return _HELD[dtype.name]


def takes(dtype: DType) -> bool:
    """True for element types that CPU kernels can load and store."""
    return dtype.name in _HELD


def computed(dtype: DType) -> Any:
    """The LLVM type of one element in arithmetic: bool is one bit, everything else as in memory."""
    return I1 if dtype.is_bool else held(dtype)


def to_f32(x: Num, dtype: DType) -> Num:
    """A narrow float, as loaded, as float32: exact."""
    if dtype.name == "f16":
        return x.as_float(F32)
    bits = x.extend(I32)
    if dtype.name == "bf16":
        return (bits << 16).bits(F32)
    if dtype.name == "f8e8m0":
        scale = bits.is_("==", 0).select(bits.like(0x400000), bits << 23)
        return bits.is_("==", 255).select(bits.like(0x7FC00000), scale).bits(F32)
    mantissa, bias = _SMALL[dtype.name]
    exact = ((bits & 0x7F) << (23 - mantissa)).bits(F32) * 2.0 ** (127 - bias)
    out = exact.bits(I32) | ((bits & 0x80) << 24)
    if dtype.name == "f8e5m2":
        out = (bits & 0x7F).is_(">", 0x7C).select(out.like(0x7FC00000), out)
        out = (bits & 0x7F).is_("==", 0x7C).select(((bits & 0x80) << 24) | 0x7F800000, out)
    elif dtype.name == "f8e4m3":
        out = (bits & 0x7F).is_("==", 0x7F).select(out.like(0x7FC00000), out)
    else:
        out = bits.is_("==", 0x80).select(out.like(0x7FC00000), out)
    return out.bits(F32)


def from_f32(x: Num, dtype: DType) -> Num:
    """A float32 rounded to a narrow float, as stored."""
    if dtype.name == "f16":
        return x.as_float(F16)
    bits = x.bits(I32)
    if dtype.name == "bf16":
        unsigned = Num(x.builder, bits.value, signed=False)
        rounded = unsigned + ((unsigned >> 16) & 1) + 0x7FFF
        return (x.is_nan().select(unsigned | 0x400000, rounded) >> 16).narrow(I16)
    if dtype.name == "f8e8m0":
        return _to_e8m0(x)
    return _to_small(x, dtype)


def _to_small(x: Num, dtype: DType) -> Num:
    mantissa, bias = _SMALL[dtype.name]
    most = float(ml_dtypes.finfo(dtype.numpy).max)  # type: ignore[no-untyped-call]
    x = x.is_(">", most).select(x.like(most), x)
    x = x.is_("<", -most).select(x.like(-most), x)
    shift = 23 - mantissa
    size = x.bits(I32) & 0x7FFFFFFF
    rebased = size - ((127 - bias) << 23)
    normal = (rebased + ((1 << (shift - 1)) - 1) + ((rebased >> shift) & 1)) >> shift
    # below the least normal: adding 2^k leaves the rounded multiple of the least subnormal in the low bits
    unit = 2.0 ** (1 - bias - mantissa + 23)
    tiny = (size.bits(F32) + unit).bits(I32) - size.like(unit, F32).bits(I32)
    out = size.is_("<", (128 - bias) << 23).select(tiny, normal)
    sign = (x.bits(I32) >> 24) & 0x80
    if dtype.name.endswith("fnuz"):
        out = x.is_nan().select(out.like(0x80), out.is_("==", 0).select(out, out | sign))
    else:
        out = x.is_nan().select(out.like(0x7F if dtype.name == "f8e4m3" else 0x7E), out) | sign
    return out.narrow(I8)


def _to_e8m0(x: Num) -> Num:
    bits = x.bits(I32)
    exponent = (bits >> 23) & 0xFF
    up = (bits & 0x7FFFFF).is_(">", 0x400000) | ((bits & 0x7FFFFF).is_("==", 0x400000) & (exponent & 1).is_("!=", 0))
    out = exponent + up.select(exponent.like(1), 0)
    bad = x.is_("<", 0.0) | x.is_nan() | x.is_("==", 0.0) | out.is_(">", 254)
    return bad.select(out.like(255), out).narrow(I8)
