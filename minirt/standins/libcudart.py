"""The functions of libcudart for scripts that load it by ctypes, on host memory."""

from __future__ import annotations

import ctypes
import re
from pathlib import PurePath
from typing import Any

from minirt.standins import cuda_runtime as r
from minirt.standins import host_memory
from minirt.standins.c_library import CLibrary, Plain, Stores
from minirt.standins.cuda_runtime import cudaError_t

_NAME = re.compile(r"(lib)?cudart(64_\d+)?(\.so[.\d]*|\.dll)?")
_STRINGS: dict[int, ctypes.Array[ctypes.c_char]] = {}

_ADDRESS, _SIZE, _INT, _UINT = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_uint


_STORES: Stores = {
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
    "cudaGraphInstantiate": (_ADDRESS, r.cudaGraphInstantiate, (_ADDRESS, ctypes.c_ulonglong)),
}

_PLAIN: Plain = {
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
    "cudaStreamBeginCapture": (r.cudaStreamBeginCapture, (_ADDRESS, _INT)),
    "cudaGraphLaunch": (r.cudaGraphLaunch, (_ADDRESS, _ADDRESS)),
    "cudaGraphDestroy": (r.cudaGraphDestroy, (_ADDRESS,)),
    "cudaGraphExecDestroy": (r.cudaGraphExecDestroy, (_ADDRESS,)),
}


def _memory_info(free: int | None, total: int | None) -> int:
    for place, value in zip((free, total), host_memory.free_and_total(), strict=True):
        if place:
            ctypes.c_size_t.from_address(place).value = value
    return 0


def _error_text(code: int) -> int:
    known = code in {int(error) for error in cudaError_t}
    text = cudaError_t(code).name if known else "unrecognized error code"
    return ctypes.addressof(_STRINGS.setdefault(code, ctypes.create_string_buffer(text.encode())))


def _end_capture(stream: int | None, graph: int | None) -> int:
    code, made = r.cudaStreamEndCapture(stream)
    if graph:
        _ADDRESS.from_address(graph).value = int(made or 0)
    return int(code)


def _is_capturing(stream: int | None, status: int | None) -> int:
    if status:
        _INT.from_address(status).value = int(r.cudaStreamIsCapturing(stream)[1])
    return 0


_OTHERS: dict[str, tuple[Any, Any]] = {
    "cudaMemGetInfo": (ctypes.CFUNCTYPE(_INT, _ADDRESS, _ADDRESS), _memory_info),
    "cudaStreamEndCapture": (ctypes.CFUNCTYPE(_INT, _ADDRESS, _ADDRESS), _end_capture),
    "cudaStreamIsCapturing": (ctypes.CFUNCTYPE(_INT, _ADDRESS, _ADDRESS), _is_capturing),
    "cudaGetErrorName": (ctypes.CFUNCTYPE(_ADDRESS, _INT), _error_text),
    "cudaGetErrorString": (ctypes.CFUNCTYPE(_ADDRESS, _INT), _error_text),
}


class LibCudart(CLibrary):
    """What `ctypes.CDLL` gives for libcudart."""

    title = "libcudart"
    stores, plain, others = _STORES, _PLAIN, _OTHERS
    texts = ("cudaGetErrorName", "cudaGetErrorString")


def is_cudart(name: object) -> bool:
    """Return whether a library's name or path is libcudart's."""
    return isinstance(name, str) and _NAME.fullmatch(PurePath(name).name) is not None
