"""Element types: one table for NumPy, ONNX, TensorRT, CUDA and bits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from minirt.errors import MinirtError

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class DType:
    """One element type; instances are unique, so they compare by identity.

    ``bits`` is the width, ``onnx`` the ``TensorProto.DataType`` number, ``trt`` the ``DataType`` member's
    name ("" where TensorRT has none), ``cuda`` the C++ type of CUDA kernels ("" where kernels do not take it).
    """

    name: str
    bits: int
    kind: str  # "f" float, "i" signed, "u" unsigned, "b" bool, "c" complex, "s" string
    numpy: np.dtype[Any]
    onnx: int
    trt: str = ""
    cuda: str = ""

    def __repr__(self) -> str:
        return self.name

    def __reduce__(self) -> str | tuple[Any, ...]:
        return (dtype_of, (self.name,))

    @property
    def is_float(self) -> bool:
        """True for real floating-point types of any width."""
        return self.kind == "f"

    @property
    def is_integer(self) -> bool:
        """True for signed and unsigned integers."""
        return self.kind in "iu"

    @property
    def is_bool(self) -> bool:
        """True for bool."""
        return self.kind == "b"

    @property
    def compute(self) -> DType:
        """The type in which scalar arithmetic on this type is done: narrow floats widen to f32."""
        return f32 if self.is_float and self.bits < 32 else self

    @property
    def held_bits(self) -> int:
        """Bits of one element in memory: narrower elements than a byte take one each; 0 for strings."""
        return max(self.bits, 8) if self.bits else 0

    def nbytes(self, count: int) -> int:
        """Bytes that ``count`` elements take in memory."""
        return count * self.held_bits // 8


def _np(name: str) -> np.dtype[Any]:
    found: np.dtype[Any] = np.dtype(getattr(ml_dtypes, name))
    return found


f32 = DType("f32", 32, "f", np.dtype(np.float32), 1, "FLOAT", "float")
f16 = DType("f16", 16, "f", np.dtype(np.float16), 10, "HALF", "__half")
bf16 = DType("bf16", 16, "f", _np("bfloat16"), 16, "BF16", "__nv_bfloat16")
f64 = DType("f64", 64, "f", np.dtype(np.float64), 11, "", "double")
i8 = DType("i8", 8, "i", np.dtype(np.int8), 3, "INT8", "signed char")
i16 = DType("i16", 16, "i", np.dtype(np.int16), 5, "", "short")
i32 = DType("i32", 32, "i", np.dtype(np.int32), 6, "INT32", "int")
i64 = DType("i64", 64, "i", np.dtype(np.int64), 7, "INT64", "long long")
u8 = DType("u8", 8, "u", np.dtype(np.uint8), 2, "UINT8", "unsigned char")
u16 = DType("u16", 16, "u", np.dtype(np.uint16), 4, "", "unsigned short")
u32 = DType("u32", 32, "u", np.dtype(np.uint32), 12, "", "unsigned int")
u64 = DType("u64", 64, "u", np.dtype(np.uint64), 13, "", "unsigned long long")
bool_ = DType("bool", 8, "b", np.dtype(np.bool_), 9, "BOOL", "bool")
c64 = DType("c64", 64, "c", np.dtype(np.complex64), 14)
c128 = DType("c128", 128, "c", np.dtype(np.complex128), 15)
string = DType("string", 0, "s", np.dtype(object), 8)
f8e4m3 = DType("f8e4m3", 8, "f", _np("float8_e4m3fn"), 17, "FP8", "__nv_fp8_e4m3")
f8e4m3fnuz = DType("f8e4m3fnuz", 8, "f", _np("float8_e4m3fnuz"), 18)
f8e5m2 = DType("f8e5m2", 8, "f", _np("float8_e5m2"), 19, "", "__nv_fp8_e5m2")
f8e5m2fnuz = DType("f8e5m2fnuz", 8, "f", _np("float8_e5m2fnuz"), 20)
u4 = DType("u4", 4, "u", _np("uint4"), 21)
i4 = DType("i4", 4, "i", _np("int4"), 22, "INT4")
f4 = DType("f4", 4, "f", _np("float4_e2m1fn"), 23, "FP4")
u2 = DType("u2", 2, "u", _np("uint2"), 25)
i2 = DType("i2", 2, "i", _np("int2"), 26)
f8e8m0 = DType("f8e8m0", 8, "f", _np("float8_e8m0fnu"), 24, "E8M0")

DTYPES: dict[str, DType] = {
    d.name: d
    for d in (f32, f16, bf16, f64, i8, i16, i32, i64, u8, u16, u32, u64, bool_, c64, c128, string)
    + (f8e4m3, f8e4m3fnuz, f8e5m2, f8e5m2fnuz, u4, i4, f4, f8e8m0, u2, i2)
}
_BY_ONNX = {d.onnx: d for d in DTYPES.values()}
_BY_NUMPY = {d.numpy: d for d in DTYPES.values() if d is not string}

FLOATS: tuple[DType, ...] = (f32, f16, bf16, f64)
SIGNED: tuple[DType, ...] = (i8, i16, i32, i64)
UNSIGNED: tuple[DType, ...] = (u8, u16, u32, u64)
INTEGERS = SIGNED + UNSIGNED
NUMBERS = FLOATS + INTEGERS
ANY = NUMBERS + (bool_,)


def dtype_of(name: str) -> DType:
    """The type called ``name``; raises MinirtError for an unknown name."""
    if name not in DTYPES:
        raise MinirtError(f"no element type is called {name!r}; known: {', '.join(DTYPES)}")
    return DTYPES[name]


def from_onnx(number: int) -> DType:
    """The type with this ``TensorProto.DataType`` number; raises MinirtError for one that does not exist."""
    if number not in _BY_ONNX:
        raise MinirtError(f"ONNX data type {number} is not known")
    return _BY_ONNX[number]


def from_numpy(dtype: Any) -> DType:
    """The type of NumPy arrays of ``dtype``; raises MinirtError where there is none."""
    found = np.dtype(dtype)
    if found.kind in "OUST":
        return string
    if found not in _BY_NUMPY:
        raise MinirtError(f"NumPy type {found} has no element type here")
    return _BY_NUMPY[found]
