"""Stands in for libcudart where a script loads it by ctypes: the same C functions, on host memory."""

from __future__ import annotations

import ctypes
import ctypes.util
import re
import sys
from collections.abc import Callable
from pathlib import PurePath
from typing import Any

from minirt.standins import cuda_runtime, host_memory
from minirt.standins.cuda_runtime import cudaError_t

_NAME = re.compile(r"(lib)?cudart(64_\d+)?(\.so[.\d]*|\.dll)?")
_LOADER = "cuda.pathfinder"
"""Who loads the library itself, for other packages of NVIDIA's to link with."""
_CALLBACKS: dict[str, Any] = {}
_STRINGS: dict[int, ctypes.Array[ctypes.c_char]] = {}

_ADDRESS, _SIZE, _INT, _UINT = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_uint


def _store(kind: Any, call: Callable[..., tuple[Any, ...]]) -> Callable[..., int]:
    """Make a C function whose first argument takes the result of a Python one."""

    def function(result: int | None, *arguments: Any) -> int:
        if not result:
            return int(cudaError_t.cudaErrorInvalidValue)
        code, *values = call(*arguments)
        if code == cudaError_t.cudaSuccess:
            kind.from_address(result).value = values[0]
        return int(code)

    return function


def _plain(call: Callable[..., tuple[Any, ...]]) -> Callable[..., int]:
    """Make a C function of a Python one that returns only a code."""
    return lambda *arguments: int(call(*(argument or 0 for argument in arguments))[0])


def _memory_info(free: int | None, total: int | None) -> int:
    for place, value in zip((free, total), host_memory.free_and_total(), strict=True):
        if place:
            ctypes.c_size_t.from_address(place).value = value
    return 0


def _error_text(code: int) -> int:
    known = code in {int(error) for error in cudaError_t}
    text = cudaError_t(code).name if known else "unrecognized error code"
    return ctypes.addressof(_STRINGS.setdefault(code, ctypes.create_string_buffer(text.encode())))


def _table() -> dict[str, tuple[Any, Callable[..., int], tuple[Any, ...]]]:
    """Return the result type, the Python function and the argument types of each C function."""
    r = cuda_runtime
    stores: dict[str, tuple[Any, Callable[..., Any], tuple[Any, ...]]] = {
        "cudaMalloc": (_ADDRESS, r.cudaMalloc, (_SIZE,)),
        "cudaMallocAsync": (_ADDRESS, r.cudaMallocAsync, (_SIZE, _ADDRESS)),
        "cudaMallocHost": (_ADDRESS, r.cudaMallocHost, (_SIZE,)),
        "cudaHostAlloc": (_ADDRESS, r.cudaHostAlloc, (_SIZE, _UINT)),
        "cudaMallocManaged": (_ADDRESS, r.cudaMallocManaged, (_SIZE, _UINT)),
        "cudaStreamCreate": (_ADDRESS, r.cudaStreamCreate, ()),
        "cudaStreamCreateWithFlags": (_ADDRESS, r.cudaStreamCreateWithFlags, (_UINT,)),
        "cudaEventCreate": (_ADDRESS, r.cudaEventCreate, ()),
        "cudaEventCreateWithFlags": (_ADDRESS, r.cudaEventCreateWithFlags, (_UINT,)),
        "cudaEventElapsedTime": (ctypes.c_float, r.cudaEventElapsedTime, (_ADDRESS, _ADDRESS)),
        "cudaGetDevice": (_INT, r.cudaGetDevice, ()),
        "cudaGetDeviceCount": (_INT, r.cudaGetDeviceCount, ()),
        "cudaDeviceGetAttribute": (_INT, r.cudaDeviceGetAttribute, (_INT, _INT)),
        "cudaRuntimeGetVersion": (_INT, r.cudaRuntimeGetVersion, ()),
        "cudaDriverGetVersion": (_INT, r.cudaDriverGetVersion, ()),
    }
    plain: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
        "cudaFree": (r.cudaFree, (_ADDRESS,)),
        "cudaFreeAsync": (r.cudaFreeAsync, (_ADDRESS, _ADDRESS)),
        "cudaFreeHost": (r.cudaFreeHost, (_ADDRESS,)),
        "cudaMemcpy": (r.cudaMemcpy, (_ADDRESS, _ADDRESS, _SIZE, _INT)),
        "cudaMemcpyAsync": (r.cudaMemcpyAsync, (_ADDRESS, _ADDRESS, _SIZE, _INT, _ADDRESS)),
        "cudaMemset": (r.cudaMemset, (_ADDRESS, _INT, _SIZE)),
        "cudaMemsetAsync": (r.cudaMemsetAsync, (_ADDRESS, _INT, _SIZE, _ADDRESS)),
        "cudaStreamDestroy": (r.cudaStreamDestroy, (_ADDRESS,)),
        "cudaStreamSynchronize": (r.cudaStreamSynchronize, (_ADDRESS,)),
        "cudaStreamQuery": (r.cudaStreamQuery, (_ADDRESS,)),
        "cudaStreamWaitEvent": (r.cudaStreamWaitEvent, (_ADDRESS, _ADDRESS, _UINT)),
        "cudaEventRecord": (r.cudaEventRecord, (_ADDRESS, _ADDRESS)),
        "cudaEventSynchronize": (r.cudaEventSynchronize, (_ADDRESS,)),
        "cudaEventQuery": (r.cudaEventQuery, (_ADDRESS,)),
        "cudaEventDestroy": (r.cudaEventDestroy, (_ADDRESS,)),
        "cudaDeviceSynchronize": (r.cudaDeviceSynchronize, ()),
        "cudaDeviceReset": (r.cudaDeviceReset, ()),
        "cudaSetDevice": (r.cudaSetDevice, (_INT,)),
        "cudaGetLastError": (r.cudaGetLastError, ()),
        "cudaPeekAtLastError": (r.cudaPeekAtLastError, ()),
    }
    table: dict[str, tuple[Any, Callable[..., int], tuple[Any, ...]]] = {
        name: (_INT, _store(kind, call), (_ADDRESS, *types)) for name, (kind, call, types) in stores.items()
    }
    table |= {name: (_INT, _plain(call), types) for name, (call, types) in plain.items()}
    table["cudaMemGetInfo"] = _INT, _memory_info, (_ADDRESS, _ADDRESS)
    return table


def _functions() -> dict[str, Any]:
    """Return the C functions, made once: a script may keep them for as long as it runs."""
    if not _CALLBACKS:
        for name, (result, function, types) in _table().items():
            _CALLBACKS[name] = ctypes.CFUNCTYPE(result, *types)(function)
        for name in ("cudaGetErrorName", "cudaGetErrorString"):
            _CALLBACKS[name] = ctypes.CFUNCTYPE(_ADDRESS, _INT)(_error_text)
    return _CALLBACKS


class LibCudart(ctypes.CDLL):
    """What `ctypes.CDLL` gives for libcudart: each function found by its name; another name is an AttributeError."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._handle = 0

    def __getattr__(self, name: str) -> Any:
        known = _functions().get(name)
        if known is None:
            raise AttributeError(f"minirt's stand-in of libcudart, for machines without a GPU, has no '{name}'")
        kind = ctypes.CFUNCTYPE(known.restype, *known.argtypes)  # one of each library's own: scripts set its types
        made = kind(ctypes.cast(known, ctypes.c_void_p).value or 0)
        if name in ("cudaGetErrorName", "cudaGetErrorString"):
            made.restype = ctypes.c_char_p
        setattr(self, name, made)
        return made

    def __getitem__(self, name: int | str) -> Any:
        return getattr(self, str(name))


def is_cudart(name: object) -> bool:
    """Return whether a library's name or path is libcudart's."""
    return isinstance(name, str) and _NAME.fullmatch(PurePath(name).name) is not None


def install() -> None:
    """Let `ctypes.CDLL`, `ctypes.cdll` and `ctypes.util.find_library` answer for libcudart in this process."""
    loaded = ctypes.CDLL
    found = ctypes.util.find_library

    class CDLL(loaded):  # type: ignore[misc, valid-type]
        """`ctypes.CDLL`, which knows libcudart."""

        def __new__(cls, name: Any = None, *args: Any, **kwargs: Any) -> Any:
            asking = str(sys._getframe(1).f_globals.get("__name__"))
            return LibCudart(name) if is_cudart(name) and not asking.startswith(_LOADER) else super().__new__(cls)

    def find_library(name: str) -> str | None:
        return "libcudart.so" if name == "cudart" else found(name)

    CDLL.__qualname__ = "CDLL"
    ctypes.CDLL = CDLL  # type: ignore[misc]
    ctypes.cdll._dlltype = CDLL  # type: ignore[attr-defined]
    ctypes.util.find_library = find_library
