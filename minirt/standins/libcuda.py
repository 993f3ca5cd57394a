"""The functions of libcuda for scripts that load it by ctypes to look what GPU there is, and how much memory."""

from __future__ import annotations

import ctypes
import re
from pathlib import PurePath
from typing import Any

from minirt.standins import cuda_driver as d
from minirt.standins import host_memory
from minirt.standins.c_library import CLibrary, Plain, Stores

_NAME = re.compile(r"(libcuda\.so[.\d]*|libcuda\.dylib|nvcuda\.dll)")
_STRINGS: dict[int, ctypes.Array[ctypes.c_char]] = {}
_ADDRESS, _SIZE, _INT, _UINT = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_uint

_STORES: Stores = {
    "cuDriverGetVersion": (_INT, d.cuDriverGetVersion, ()),
    "cuDeviceGetCount": (_INT, d.cuDeviceGetCount, ()),
    "cuDeviceGet": (_INT, d.cuDeviceGet, (_INT,)),
    "cuDeviceGetAttribute": (_INT, d.cuDeviceGetAttribute, (_INT, _INT)),
    "cuDeviceTotalMem": (_SIZE, d.cuDeviceTotalMem, (_INT,)),
    "cuDevicePrimaryCtxRetain": (_ADDRESS, d.cuDevicePrimaryCtxRetain, (_INT,)),
    "cuCtxCreate": (_ADDRESS, d.cuCtxCreate, (_UINT, _INT)),
    "cuCtxGetCurrent": (_ADDRESS, d.cuCtxGetCurrent, ()),
    "cuMemAlloc": (_ADDRESS, d.cuMemAlloc, (_SIZE,)),
    "cuStreamCreate": (_ADDRESS, d.cuStreamCreate, (_UINT,)),
}

_PLAIN: Plain = {
    "cuInit": (d.cuInit, (_UINT,)),
    "cuDevicePrimaryCtxRelease": (d.cuDevicePrimaryCtxRelease, (_INT,)),
    "cuCtxSetCurrent": (d.cuCtxSetCurrent, (_ADDRESS,)),
    "cuCtxDestroy": (d.cuCtxDestroy, (_ADDRESS,)),
    "cuCtxDetach": (d.cuCtxDestroy, (_ADDRESS,)),
    "cuCtxSynchronize": (d.cuCtxSynchronize, ()),
    "cuMemFree": (d.cuMemFree, (_ADDRESS,)),
    "cuMemcpyHtoD": (d.cuMemcpy, (_ADDRESS, _ADDRESS, _SIZE)),
    "cuMemcpyDtoH": (d.cuMemcpy, (_ADDRESS, _ADDRESS, _SIZE)),
    "cuStreamSynchronize": (d.cuStreamSynchronize, (_ADDRESS,)),
    "cuStreamDestroy": (d.cuStreamDestroy, (_ADDRESS,)),
}

_VERSIONED = (
    "cuDeviceTotalMem",
    "cuCtxCreate",
    "cuCtxDestroy",
    "cuMemAlloc",
    "cuMemFree",
    "cuMemcpyHtoD",
    "cuMemcpyDtoH",
)
"""Those whose symbols end in _v2; scripts use either."""


def _name(place: int | None, length: int, device: int) -> int:
    text = host_memory.NAME.encode()[: max(length - 1, 0)]
    if not place:
        return int(d.CUresult.CUDA_ERROR_INVALID_VALUE)
    ctypes.memmove(place, ctypes.create_string_buffer(text), len(text) + 1)
    return 0


def _two(first: int | None, second: int | None, values: tuple[int, int], kind: Any) -> int:
    for place, value in zip((first, second), values, strict=True):
        if place:
            kind.from_address(place).value = value
    return 0


def _capability(major: int | None, minor: int | None, device: int) -> int:
    return _two(major, minor, host_memory.CAPABILITY, _INT)


def _memory(free: int | None, total: int | None) -> int:
    return _two(free, total, host_memory.free_and_total(), _SIZE)


def _error(code: int, place: int | None) -> int:
    known = code in {int(error) for error in d.CUresult}
    text = d.CUresult(code).name if known else "unrecognized error code"
    kept = _STRINGS.setdefault(code, ctypes.create_string_buffer(text.encode()))
    if place:
        _ADDRESS.from_address(place).value = ctypes.addressof(kept)
    return 0 if known else int(d.CUresult.CUDA_ERROR_INVALID_VALUE)


_OTHERS: dict[str, tuple[Any, Any]] = {
    "cuDeviceGetName": (ctypes.CFUNCTYPE(_INT, _ADDRESS, _INT, _INT), _name),
    "cuDeviceComputeCapability": (ctypes.CFUNCTYPE(_INT, _ADDRESS, _ADDRESS, _INT), _capability),
    "cuMemGetInfo": (ctypes.CFUNCTYPE(_INT, _ADDRESS, _ADDRESS), _memory),
    "cuMemGetInfo_v2": (ctypes.CFUNCTYPE(_INT, _ADDRESS, _ADDRESS), _memory),
    "cuGetErrorName": (ctypes.CFUNCTYPE(_INT, _INT, _ADDRESS), _error),
    "cuGetErrorString": (ctypes.CFUNCTYPE(_INT, _INT, _ADDRESS), _error),
}


class LibCuda(CLibrary):
    """What `ctypes.CDLL` gives for libcuda."""

    title = "libcuda"
    stores = {**_STORES} | {f"{name}_v2": _STORES[name] for name in _VERSIONED if name in _STORES}
    plain = {**_PLAIN} | {f"{name}_v2": _PLAIN[name] for name in _VERSIONED if name in _PLAIN}
    others = _OTHERS


def is_libcuda(name: object) -> bool:
    """Return whether a library's name or path is libcuda's."""
    return isinstance(name, str) and _NAME.fullmatch(PurePath(name).name) is not None
