"""Stands in for `cuda.bindings.driver` and `cuda.cuda`: memory, streams, events and contexts, on host memory."""

from __future__ import annotations

import enum
from typing import Any

from minirt.standins import cuda_runtime, host_memory
from minirt.standins.finder import beyond
from minirt.standins.host_memory import Handle


class CUresult(enum.IntEnum):
    """The error codes that the stand-in returns or scripts name."""

    CUDA_SUCCESS = 0
    CUDA_ERROR_INVALID_VALUE = 1
    CUDA_ERROR_OUT_OF_MEMORY = 2
    CUDA_ERROR_NOT_INITIALIZED = 3
    CUDA_ERROR_NO_DEVICE = 100
    CUDA_ERROR_INVALID_DEVICE = 101
    CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED = 900


class CUdevice_attribute(enum.IntEnum):
    """The attributes that `cuDeviceGetAttribute` answers."""

    CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT = 16
    CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR = 75
    CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR = 76


class CUstream_flags(enum.IntEnum):
    """Flags of streams; they change nothing."""

    CU_STREAM_DEFAULT = 0
    CU_STREAM_NON_BLOCKING = 1


class CUevent_flags(enum.IntEnum):
    """Flags of events; they change nothing."""

    CU_EVENT_DEFAULT = 0
    CU_EVENT_BLOCKING_SYNC = 1
    CU_EVENT_DISABLE_TIMING = 2


class CUstreamCaptureMode(enum.IntEnum):
    """How strict a capture is; all are alike here."""

    CU_STREAM_CAPTURE_MODE_GLOBAL = 0
    CU_STREAM_CAPTURE_MODE_THREAD_LOCAL = 1
    CU_STREAM_CAPTURE_MODE_RELAXED = 2


class CUdeviceptr(Handle):
    """An address."""


class CUstream(Handle):
    """A stream: what is put on it has been done."""


class CUevent(Handle):
    """An event: a time."""


class CUcontext(Handle):
    """A context."""


class CUdevice(Handle):
    """The one device, 0."""


SUCCESS = CUresult.CUDA_SUCCESS
_CONTEXT = CUcontext.new()


def _result(code: int) -> CUresult:
    """Return the driver's code for the runtime's; those that the stand-in uses have the same numbers."""
    return CUresult(int(code))


def cuInit(Flags: int) -> tuple[CUresult]:
    """Do nothing."""
    return (SUCCESS,)


def cuDriverGetVersion() -> tuple[CUresult, int]:
    """Return the CUDA version whose calls these are."""
    return SUCCESS, host_memory.VERSION


def cuDeviceGet(ordinal: int) -> tuple[CUresult, CUdevice | None]:
    """Return the one device."""
    return (SUCCESS, CUdevice(0)) if ordinal == 0 else (CUresult.CUDA_ERROR_INVALID_DEVICE, None)


def cuDeviceGetCount() -> tuple[CUresult, int]:
    """Return that there is one device."""
    return SUCCESS, 1


def cuDeviceGetName(length: int, dev: Any) -> tuple[CUresult, bytes]:
    """Return the device's name."""
    return SUCCESS, host_memory.NAME.encode()[: max(length - 1, 0)]


def cuDeviceGetAttribute(attrib: Any, dev: Any) -> tuple[CUresult, int | None]:
    """Return an attribute of the device."""
    code, value = cuda_runtime.cudaDeviceGetAttribute(attrib, int(dev))
    return _result(code), value


def cuDeviceTotalMem(dev: Any) -> tuple[CUresult, int]:
    """Return the bytes of host memory."""
    return SUCCESS, host_memory.free_and_total()[1]


def cuDevicePrimaryCtxRetain(dev: Any) -> tuple[CUresult, CUcontext]:
    """Return the one context."""
    return SUCCESS, _CONTEXT


def cuDevicePrimaryCtxRelease(dev: Any) -> tuple[CUresult]:
    """Do nothing."""
    return (SUCCESS,)


def cuCtxCreate(*arguments: Any) -> tuple[CUresult, CUcontext]:
    """Return the one context."""
    return SUCCESS, _CONTEXT


def cuCtxGetCurrent() -> tuple[CUresult, CUcontext]:
    """Return the one context."""
    return SUCCESS, _CONTEXT


def cuCtxGetDevice() -> tuple[CUresult, CUdevice]:
    """Return the one device."""
    return SUCCESS, CUdevice(0)


def cuCtxSetCurrent(ctx: Any) -> tuple[CUresult]:
    """Do nothing."""
    return (SUCCESS,)


def cuCtxPushCurrent(ctx: Any) -> tuple[CUresult]:
    """Do nothing."""
    return (SUCCESS,)


def cuCtxPopCurrent() -> tuple[CUresult, CUcontext]:
    """Return the one context."""
    return SUCCESS, _CONTEXT


def cuCtxDestroy(ctx: Any) -> tuple[CUresult]:
    """Do nothing."""
    return (SUCCESS,)


def cuCtxSynchronize() -> tuple[CUresult]:
    """Do nothing: all work is done."""
    return (SUCCESS,)


def cuMemGetInfo() -> tuple[CUresult, int, int]:
    """Return the free and all bytes of host memory."""
    return (SUCCESS, *host_memory.free_and_total())


def cuMemAlloc(bytesize: int) -> tuple[CUresult, CUdeviceptr | None]:
    """Allocate bytes."""
    code, address = cuda_runtime.cudaMalloc(bytesize)
    return _result(code), None if address is None else CUdeviceptr(address)


def cuMemAllocAsync(bytesize: int, hStream: Any) -> tuple[CUresult, CUdeviceptr | None]:
    """Allocate bytes."""
    return cuMemAlloc(bytesize)


def cuMemAllocHost(bytesize: int) -> tuple[CUresult, int | None]:
    """Allocate bytes."""
    code, address = cuda_runtime.cudaMalloc(bytesize)
    return _result(code), address


def cuMemHostAlloc(bytesize: int, Flags: int) -> tuple[CUresult, int | None]:
    """Allocate bytes."""
    return cuMemAllocHost(bytesize)


def cuMemFree(dptr: Any) -> tuple[CUresult]:
    """Free bytes."""
    return (_result(cuda_runtime.cudaFree(dptr)[0]),)


def cuMemFreeAsync(dptr: Any, hStream: Any) -> tuple[CUresult]:
    """Free bytes."""
    return cuMemFree(dptr)


def cuMemFreeHost(p: Any) -> tuple[CUresult]:
    """Free bytes."""
    return cuMemFree(p)


def cuMemcpy(dst: Any, src: Any, ByteCount: int) -> tuple[CUresult]:
    """Copy bytes."""
    return (_result(cuda_runtime.cudaMemcpy(dst, src, ByteCount, cuda_runtime.cudaMemcpyKind.cudaMemcpyDefault)[0]),)


def cuMemcpyAsync(dst: Any, src: Any, ByteCount: int, hStream: Any) -> tuple[CUresult]:
    """Copy bytes now, or when the graph runs that the stream is captured into."""
    return (_result(cuda_runtime.cudaMemcpyAsync(dst, src, ByteCount, 4, hStream)[0]),)


cuMemcpyHtoD = cuMemcpyDtoH = cuMemcpyDtoD = cuMemcpy
cuMemcpyHtoDAsync = cuMemcpyDtoHAsync = cuMemcpyDtoDAsync = cuMemcpyAsync


def cuMemsetD8(dstDevice: Any, uc: int, N: int) -> tuple[CUresult]:
    """Set bytes."""
    return (_result(cuda_runtime.cudaMemset(dstDevice, uc, N)[0]),)


def cuMemsetD8Async(dstDevice: Any, uc: int, N: int, hStream: Any) -> tuple[CUresult]:
    """Set bytes now, or when the graph runs that the stream is captured into."""
    return (_result(cuda_runtime.cudaMemsetAsync(dstDevice, uc, N, hStream)[0]),)


def cuStreamCreate(Flags: Any) -> tuple[CUresult, CUstream]:
    """Make a stream."""
    return SUCCESS, CUstream.new()


def cuStreamDestroy(hStream: Any) -> tuple[CUresult]:
    """Do nothing."""
    return (SUCCESS,)


def cuStreamSynchronize(hStream: Any) -> tuple[CUresult]:
    """Do nothing: all work is done; an error where the stream is being captured."""
    return (_result(cuda_runtime.cudaStreamSynchronize(hStream)[0]),)


def cuStreamQuery(hStream: Any) -> tuple[CUresult]:
    """Say that all work is done."""
    return (SUCCESS,)


def cuStreamWaitEvent(hStream: Any, hEvent: Any, Flags: int) -> tuple[CUresult]:
    """Do nothing."""
    return (SUCCESS,)


def cuStreamBeginCapture(hStream: Any, mode: Any) -> tuple[CUresult]:
    """Keep what is put on a stream for a graph."""
    return (_result(cuda_runtime.cudaStreamBeginCapture(hStream, mode)[0]),)


def cuStreamEndCapture(hStream: Any) -> tuple[CUresult, Any]:
    """Return the graph of what was put on a stream."""
    code, made = cuda_runtime.cudaStreamEndCapture(hStream)
    return _result(code), made


def cuGraphInstantiate(hGraph: Any, flags: int = 0) -> tuple[CUresult, Any]:
    """Return a graph that can be launched."""
    code, made = cuda_runtime.cudaGraphInstantiate(hGraph, flags)
    return _result(code), made


def cuGraphLaunch(hGraphExec: Any, hStream: Any) -> tuple[CUresult]:
    """Do what was captured, at the addresses and shapes of then."""
    return (_result(cuda_runtime.cudaGraphLaunch(hGraphExec, hStream)[0]),)


def cuGraphDestroy(hGraph: Any) -> tuple[CUresult]:
    """Drop a graph."""
    return (_result(cuda_runtime.cudaGraphDestroy(hGraph)[0]),)


def cuGraphExecDestroy(hGraphExec: Any) -> tuple[CUresult]:
    """Drop a graph that can be launched."""
    return (_result(cuda_runtime.cudaGraphExecDestroy(hGraphExec)[0]),)


def cuEventCreate(Flags: Any) -> tuple[CUresult, CUevent]:
    """Make an event."""
    return SUCCESS, CUevent.new()


def cuEventRecord(hEvent: Any, hStream: Any) -> tuple[CUresult]:
    """Note the time."""
    host_memory.clock.record(hEvent)
    return (SUCCESS,)


def cuEventSynchronize(hEvent: Any) -> tuple[CUresult]:
    """Do nothing."""
    return (SUCCESS,)


def cuEventElapsedTime(hStart: Any, hEnd: Any) -> tuple[CUresult, float | None]:
    """Return the milliseconds between two events."""
    code, time = cuda_runtime.cudaEventElapsedTime(hStart, hEnd)
    return _result(code), time


def cuEventDestroy(hEvent: Any) -> tuple[CUresult]:
    """Drop an event."""
    host_memory.clock.forget(hEvent)
    return (SUCCESS,)


def cuGetErrorName(error: Any) -> tuple[CUresult, bytes]:
    """Return the name of a code."""
    return SUCCESS, CUresult(error).name.encode()


def cuGetErrorString(error: Any) -> tuple[CUresult, bytes]:
    """Return the name of a code."""
    return cuGetErrorName(error)


def __getattr__(name: str) -> Any:
    return beyond("cuda.bindings.driver", name)
