"""Tensor maps: what Hopper's copy engine is told of a tensor, as plain numbers until its address is known.

Dims, boxes and strides are innermost first, as the engine takes them (CUDA driver API, "Tensor Map Object Management").
"""

from __future__ import annotations

import ctypes
import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from minirt.errors import DeviceError
from minirt.runtime.device.driver import check, driver

_TYPES = {
    "f16": ("FLOAT16", 2), "bf16": ("BFLOAT16", 2), "f32": ("FLOAT32", 4), "tf32": ("TFLOAT32", 4),
    "f64": ("FLOAT64", 8),
    "i8": ("UINT8", 1), "u8": ("UINT8", 1), "bool": ("UINT8", 1), "f8e4m3": ("UINT8", 1), "f8e5m2": ("UINT8", 1),
    "u16": ("UINT16", 2), "i16": ("UINT16", 2), "i32": ("INT32", 4), "u32": ("UINT32", 4), "i64": ("INT64", 8),
    "u64": ("UINT64", 8),
}  # fmt: skip
_MAX_BOX = 256
_MADE: dict[TiledMap | Im2colMap, Any] = {}
_MOST_MADE = 4096
_LOCK = threading.Lock()
"""Held while one of `_MADE` has an address."""


@dataclass(frozen=True)
class TiledMap:
    """Boxes of `box` elements out of a strided tensor.

    `strides` are bytes and leave out the innermost dim, whose elements are adjacent. `swizzle` is 0, 32, 64 or 128
    bytes; `promotion` is how much the second-level cache fetches at once, 0, 64, 128 or 256 bytes; elements outside the
    tensor read as zero, or as NaN with `nan_fill`.
    """

    dtype: str
    dims: tuple[int, ...]
    strides: tuple[int, ...]
    box: tuple[int, ...]
    element_strides: tuple[int, ...] = ()
    swizzle: int = 128
    promotion: int = 256
    nan_fill: bool = False

    def fault(self) -> str:
        """Why the copy engine does not take this map, as a sentence; "" when it does."""
        common = _fault(self.dtype, self.dims, self.strides, self.element_strides)
        if common:
            return common
        if len(self.box) != len(self.dims) or not all(1 <= size <= _MAX_BOX for size in self.box):
            return f"box {self.box} needs {len(self.dims)} sizes of 1 to {_MAX_BOX}"
        return _row_fault(self.box[0] * _TYPES[self.dtype][1], self.swizzle)

    def encode(self, address: int) -> bytes:
        """The 128 bytes over the tensor at `address`; raises DeviceError for a map that the engine does not take."""
        return _encoded(self, address)

    def fresh(self, address: int) -> Any:
        """The tensor map over the tensor at `address`, as the driver's object; DeviceError where it refuses."""
        _refuse(self.fault(), address)
        cuda = driver().cuda
        found = cuda.cuTensorMapEncodeTiled(
            *_head(self.dtype, self.dims, self.strides, address),
            [cuda.cuuint32_t(size) for size in self.box],
            [cuda.cuuint32_t(step) for step in self.element_strides or (1,) * len(self.dims)],
            *_tail(self.swizzle, self.promotion, self.nan_fill),
        )
        if int(found[0]):
            check(found, f"encoding {self}")
        return found[1]


@dataclass(frozen=True)
class Im2colMap:
    """Columns of a convolution's input: `pixels` positions times `channels`, for a channels-last tensor.

    `dims` are (C, W, H, N) or with D before N; `lower` and `upper` are the corners of the box of filter origins, W
    first: minus the padding, and padding minus (filter - 1) * dilation. `element_strides` carry the convolution's.
    """

    dtype: str
    dims: tuple[int, ...]
    strides: tuple[int, ...]
    lower: tuple[int, ...]
    upper: tuple[int, ...]
    channels: int
    pixels: int
    element_strides: tuple[int, ...] = ()
    swizzle: int = 128
    promotion: int = 256
    nan_fill: bool = False

    def fault(self) -> str:
        """Why the copy engine does not take this map, as a sentence; "" when it does."""
        common = _fault(self.dtype, self.dims, self.strides, self.element_strides)
        if common:
            return common
        if len(self.dims) < 3 or len(self.lower) != len(self.dims) - 2 or len(self.upper) != len(self.dims) - 2:
            return f"corners {self.lower} and {self.upper} do not fit {len(self.dims)} dims"
        limit = {3: 2**15, 4: 2**7, 5: 2**4}[len(self.dims)]
        if not all(-limit <= corner < limit for corner in self.lower + self.upper):
            return f"corners {self.lower} and {self.upper} exceed {limit}"
        if not 1 <= self.channels <= _MAX_BOX or not 1 <= self.pixels <= 1024:
            return f"{self.pixels} pixels of {self.channels} channels exceed 1024 of {_MAX_BOX}"
        return _row_fault(self.channels * _TYPES[self.dtype][1], self.swizzle)

    def encode(self, address: int) -> bytes:
        """The 128 bytes over the tensor at `address`; raises DeviceError for a map that the engine does not take."""
        return _encoded(self, address)

    def fresh(self, address: int) -> Any:
        """The tensor map over the tensor at `address`, as the driver's object; DeviceError where it refuses."""
        _refuse(self.fault(), address)
        cuda = driver().cuda
        found = cuda.cuTensorMapEncodeIm2col(
            *_head(self.dtype, self.dims, self.strides, address),
            list(self.lower),
            list(self.upper),
            self.channels,
            self.pixels,
            [cuda.cuuint32_t(step) for step in self.element_strides or (1,) * len(self.dims)],
            *_tail(self.swizzle, self.promotion, self.nan_fill),
        )
        if int(found[0]):
            check(found, f"encoding {self}")
        return found[1]


def _fault(dtype: str, dims: tuple[int, ...], strides: tuple[int, ...], steps: tuple[int, ...]) -> str:
    if dtype not in _TYPES:
        return f"elements of type {dtype} are not copied by tensor maps"
    if not 1 <= len(dims) <= 5 or len(strides) != len(dims) - 1:
        return f"{len(dims)} dims with {len(strides)} strides; 1 to 5 dims take one stride fewer"
    if not all(1 <= size <= 2**32 for size in dims):
        return f"dims {dims} are not all between 1 and 2**32"
    if any(stride % 16 or not 0 <= stride < 2**40 for stride in strides):
        return f"strides {strides} are not all multiples of 16 bytes"
    if steps and (len(steps) != len(dims) or not all(1 <= step <= 8 for step in steps)):
        return f"element strides {steps} need {len(dims)} numbers of 1 to 8"
    return ""


def _row_fault(row: int, swizzle: int) -> str:
    if swizzle not in (0, 32, 64, 128):
        return f"swizzle {swizzle} is none of 0, 32, 64 and 128 bytes"
    if row % 16:
        return f"a box's rows of {row} bytes are not multiples of 16"
    if swizzle and row > swizzle:
        return f"a box's rows of {row} bytes exceed the swizzle's {swizzle}"
    return ""


def _refuse(fault: str, address: int) -> None:
    if fault or address % 16:
        raise DeviceError(f"no tensor map: {fault or f'address {address:#x} is not a multiple of 16'}")


def _head(dtype: str, dims: tuple[int, ...], strides: tuple[int, ...], address: int) -> tuple[Any, ...]:
    cuda = driver().cuda
    kind = getattr(cuda.CUtensorMapDataType, f"CU_TENSOR_MAP_DATA_TYPE_{_TYPES[dtype][0]}")
    sizes = [cuda.cuuint64_t(size) for size in dims]
    return kind, len(dims), address, sizes, [cuda.cuuint64_t(stride) for stride in strides]


@lru_cache(maxsize=32)
def _tail(swizzle: int, promotion: int, nan_fill: bool) -> tuple[Any, ...]:
    cuda = driver().cuda
    width = {0: "NONE", 32: "32B", 64: "64B", 128: "128B"}[swizzle]
    fetch = {0: "NONE", 64: "L2_64B", 128: "L2_128B", 256: "L2_256B"}[promotion]
    outside = "NAN_REQUEST_ZERO_FMA" if nan_fill else "NONE"
    return (
        cuda.CUtensorMapInterleave.CU_TENSOR_MAP_INTERLEAVE_NONE,
        getattr(cuda.CUtensorMapSwizzle, f"CU_TENSOR_MAP_SWIZZLE_{width}"),
        getattr(cuda.CUtensorMapL2promotion, f"CU_TENSOR_MAP_L2_PROMOTION_{fetch}"),
        getattr(cuda.CUtensorMapFloatOOBfill, f"CU_TENSOR_MAP_FLOAT_OOB_FILL_{outside}"),
    )


def _encoded(wanted: TiledMap | Im2colMap, address: int) -> bytes:
    """The bytes of a map over a tensor: those that differ in the address alone are encoded once."""
    with _LOCK:
        found = _MADE.get(wanted)
        if found is None:
            if len(_MADE) >= _MOST_MADE:
                _MADE.clear()
            found = _MADE[wanted] = wanted.fresh(address)
        else:
            _refuse("", address)
            check(driver().cuda.cuTensorMapReplaceAddress(found, address), "giving a tensor map its address")
        return ctypes.string_at(found.getPtr(), 128)
