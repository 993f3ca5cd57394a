"""Stands in for `cuda.bindings.runtime` and `cuda.cudart`: the calls that TensorRT scripts make, on host memory.

As there, each function returns a tuple whose first item is an error code. Streams finish at once, and events are
times of the clock.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from functools import partial
from typing import Any

from minirt.errors import ApiError
from minirt.runtime import recording
from minirt.standins import graphs, host_memory
from minirt.standins.cuda_device import cudaDeviceAttr as cudaDeviceAttr
from minirt.standins.cuda_device import cudaDeviceProp
from minirt.standins.finder import beyond
from minirt.standins.host_memory import Handle

cudaStreamDefault, cudaStreamNonBlocking, cudaStreamLegacy, cudaStreamPerThread = range(4)
cudaEventDefault, cudaEventBlockingSync, cudaEventDisableTiming = range(3)
cudaHostAllocDefault, cudaHostAllocPortable, cudaHostAllocMapped, cudaHostAllocWriteCombined = 0, 1, 2, 4
cudaMemAttachGlobal, cudaMemAttachHost = 1, 2


class cudaError_t(enum.IntEnum):
    """The error codes that the stand-in returns or scripts name."""

    cudaSuccess = 0
    cudaErrorInvalidValue = 1
    cudaErrorMemoryAllocation = 2
    cudaErrorInitializationError = 3
    cudaErrorInsufficientDriver = 35
    cudaErrorNoDevice = 100
    cudaErrorInvalidDevice = 101
    cudaErrorIllegalAddress = 700
    cudaErrorNotReady = 600
    cudaErrorNotSupported = 801
    cudaErrorStreamCaptureUnsupported = 900


class cudaMemcpyKind(enum.IntEnum):
    """Directions of copies; all are alike here."""

    cudaMemcpyHostToHost = 0
    cudaMemcpyHostToDevice = 1
    cudaMemcpyDeviceToHost = 2
    cudaMemcpyDeviceToDevice = 3
    cudaMemcpyDefault = 4


class cudaStreamCaptureMode(enum.IntEnum):
    """How strict a capture is; all are alike here."""

    cudaStreamCaptureModeGlobal = 0
    cudaStreamCaptureModeThreadLocal = 1
    cudaStreamCaptureModeRelaxed = 2


class cudaStreamCaptureStatus(enum.IntEnum):
    """Whether a stream is captured."""

    cudaStreamCaptureStatusNone = 0
    cudaStreamCaptureStatusActive = 1


class cudaGraph_t(Handle):
    """A graph."""


class cudaGraphExec_t(Handle):
    """A graph that can be launched."""


class cudaStream_t(Handle):
    """A stream: what is put on it has been done."""


class cudaEvent_t(Handle):
    """An event: a time."""


SUCCESS = cudaError_t.cudaSuccess
INVALID = cudaError_t.cudaErrorInvalidValue


def _try(function: Callable[..., Any], *arguments: Any) -> tuple[cudaError_t, Any]:
    """Call a function; return a code and what it returned, or None where it failed."""
    try:
        return SUCCESS, function(*arguments)
    except MemoryError:
        return cudaError_t.cudaErrorMemoryAllocation, None
    except ApiError:
        return INVALID, None


def cudaMalloc(size: int) -> tuple[cudaError_t, int | None]:
    """Allocate bytes."""
    return _try(host_memory.allocate, int(size))


def cudaMallocAsync(size: int, hStream: Any) -> tuple[cudaError_t, int | None]:
    """Allocate bytes."""
    return cudaMalloc(size)


def cudaMallocHost(size: int) -> tuple[cudaError_t, int | None]:
    """Allocate bytes."""
    return cudaMalloc(size)


def cudaHostAlloc(size: int, flags: int) -> tuple[cudaError_t, int | None]:
    """Allocate bytes."""
    return cudaMalloc(size)


def cudaMallocManaged(size: int, flags: int) -> tuple[cudaError_t, int | None]:
    """Allocate bytes."""
    return cudaMalloc(size)


def cudaHostGetDevicePointer(pHost: Any, flags: int) -> tuple[cudaError_t, int | None]:
    """Return the same address."""
    return _try(host_memory.address_of, pHost)


def cudaFree(devPtr: Any) -> tuple[cudaError_t]:
    """Free bytes."""
    return _try(lambda: host_memory.release(host_memory.address_of(devPtr)))[:1]


def cudaFreeHost(ptr: Any) -> tuple[cudaError_t]:
    """Free bytes."""
    return cudaFree(ptr)


def cudaFreeAsync(devPtr: Any, hStream: Any) -> tuple[cudaError_t]:
    """Free bytes."""
    return cudaFree(devPtr)


def cudaHostRegister(ptr: Any, size: int, flags: int) -> tuple[cudaError_t]:
    """Do nothing: host memory is reached as it is."""
    return (SUCCESS,)


def cudaHostUnregister(ptr: Any) -> tuple[cudaError_t]:
    """Do nothing."""
    return (SUCCESS,)


def cudaMemcpy(dst: Any, src: Any, count: int, kind: Any) -> tuple[cudaError_t]:
    """Copy bytes; the direction does not matter."""
    return _try(host_memory.copy, dst, src, int(count))[:1]


def cudaMemcpyAsync(dst: Any, src: Any, count: int, kind: Any, stream: Any = 0) -> tuple[cudaError_t]:
    """Copy bytes now, or when the graph runs that the stream is captured into."""
    return _try(lambda: recording.put(int(stream or 0), partial(host_memory.copy, dst, src, int(count))))[:1]


def cudaMemcpy2D(dst: Any, dpitch: int, src: Any, spitch: int, width: int, height: int, kind: Any) -> tuple[Any]:
    """Copy rows of bytes."""
    return _try(host_memory.copy_rows, dst, int(dpitch), src, int(spitch), int(width), int(height))[:1]


def cudaMemset(devPtr: Any, value: int, count: int) -> tuple[cudaError_t]:
    """Set bytes."""
    return _try(host_memory.fill, devPtr, int(value), int(count))[:1]


def cudaMemsetAsync(devPtr: Any, value: int, count: int, stream: Any = 0) -> tuple[cudaError_t]:
    """Set bytes now, or when the graph runs that the stream is captured into."""
    return _try(lambda: recording.put(int(stream or 0), partial(host_memory.fill, devPtr, int(value), int(count))))[:1]


def cudaMemGetInfo() -> tuple[cudaError_t, int, int]:
    """Return the free and all bytes of host memory."""
    return (SUCCESS, *host_memory.free_and_total())


def cudaStreamCreate() -> tuple[cudaError_t, cudaStream_t]:
    """Make a stream."""
    return SUCCESS, cudaStream_t.new()


def cudaStreamCreateWithFlags(flags: int) -> tuple[cudaError_t, cudaStream_t]:
    """Make a stream."""
    return cudaStreamCreate()


def cudaStreamCreateWithPriority(flags: int, priority: int) -> tuple[cudaError_t, cudaStream_t]:
    """Make a stream."""
    return cudaStreamCreate()


def cudaStreamDestroy(stream: Any) -> tuple[cudaError_t]:
    """Do nothing."""
    return (SUCCESS,)


def cudaStreamSynchronize(stream: Any) -> tuple[cudaError_t]:
    """Do nothing: all work is done; an error where the stream is being captured."""
    captured = recording.recorded(int(stream or 0))
    return (cudaError_t.cudaErrorStreamCaptureUnsupported if captured else SUCCESS,)


def cudaStreamQuery(stream: Any) -> tuple[cudaError_t]:
    """Say that all work is done."""
    return (SUCCESS,)


def cudaStreamWaitEvent(stream: Any, event: Any, flags: int = 0) -> tuple[cudaError_t]:
    """Do nothing."""
    return (SUCCESS,)


def cudaStreamBeginCapture(stream: Any, mode: Any) -> tuple[cudaError_t]:
    """Keep what is put on a stream for a graph: runs of contexts, copies and fills."""
    return _try(graphs.begin, stream)[:1]


def cudaStreamEndCapture(stream: Any) -> tuple[cudaError_t, cudaGraph_t | None]:
    """Return the graph of what was put on a stream."""
    code, made = _try(graphs.end, stream)
    return code, None if made is None else cudaGraph_t(made)


def cudaStreamIsCapturing(stream: Any) -> tuple[cudaError_t, cudaStreamCaptureStatus]:
    """Return whether a stream is captured."""
    return SUCCESS, cudaStreamCaptureStatus(recording.recorded(int(stream or 0)))


def cudaGraphInstantiate(graph: Any, flags: int = 0) -> tuple[cudaError_t, cudaGraphExec_t | None]:
    """Return a graph that can be launched."""
    code, made = _try(graphs.instantiate, graph)
    return code, None if made is None else cudaGraphExec_t(made)


def cudaGraphInstantiateWithFlags(graph: Any, flags: int = 0) -> tuple[cudaError_t, cudaGraphExec_t | None]:
    """Return a graph that can be launched."""
    return cudaGraphInstantiate(graph, flags)


def cudaGraphExecUpdate(hGraphExec: Any, hGraph: Any) -> tuple[cudaError_t, Any]:
    """Let a graph that can be launched do what another does."""
    return _try(graphs.update, hGraphExec, hGraph)


def cudaGraphUpload(graphExec: Any, stream: Any) -> tuple[cudaError_t]:
    """Do nothing but look whether there is such a graph."""
    return _try(graphs.count, graphExec)[:1]


def cudaGraphLaunch(graphExec: Any, stream: Any) -> tuple[cudaError_t]:
    """Do what was captured, at the addresses and shapes of then."""
    return _try(graphs.launch, graphExec, stream)[:1]


def cudaGraphDestroy(graph: Any) -> tuple[cudaError_t]:
    """Drop a graph."""
    return _try(graphs.destroy, graph)[:1]


def cudaGraphExecDestroy(graphExec: Any) -> tuple[cudaError_t]:
    """Drop a graph that can be launched."""
    return _try(graphs.destroy, graphExec)[:1]


def cudaEventCreate() -> tuple[cudaError_t, cudaEvent_t]:
    """Make an event."""
    return SUCCESS, cudaEvent_t.new()


def cudaEventCreateWithFlags(flags: int) -> tuple[cudaError_t, cudaEvent_t]:
    """Make an event."""
    return cudaEventCreate()


def cudaEventRecord(event: Any, stream: Any = 0) -> tuple[cudaError_t]:
    """Note the time."""
    host_memory.clock.record(event)
    return (SUCCESS,)


def cudaEventSynchronize(event: Any) -> tuple[cudaError_t]:
    """Do nothing."""
    return (SUCCESS,)


def cudaEventQuery(event: Any) -> tuple[cudaError_t]:
    """Say that the event has been."""
    return (SUCCESS,)


def cudaEventElapsedTime(start: Any, end: Any) -> tuple[cudaError_t, float | None]:
    """Return the milliseconds between two events."""
    return _try(host_memory.clock.milliseconds, start, end)


def cudaEventDestroy(event: Any) -> tuple[cudaError_t]:
    """Drop an event."""
    host_memory.clock.forget(event)
    return (SUCCESS,)


def cudaDeviceSynchronize() -> tuple[cudaError_t]:
    """Do nothing: all work is done."""
    return (SUCCESS,)


def cudaDeviceReset() -> tuple[cudaError_t]:
    """Do nothing."""
    return (SUCCESS,)


def cudaSetDeviceFlags(flags: int) -> tuple[cudaError_t]:
    """Do nothing: all work is done when a call returns."""
    return (SUCCESS,)


def cudaProfilerStart() -> tuple[cudaError_t]:
    """Do nothing: no profiler listens."""
    return (SUCCESS,)


cudaProfilerStop = cudaProfilerStart


def cudaDeviceGetStreamPriorityRange() -> tuple[cudaError_t, int, int]:
    """Return that all streams are alike."""
    return SUCCESS, 0, 0


def cudaInitDevice(device: int, deviceFlags: int, flags: int) -> tuple[cudaError_t]:
    """Take the one device."""
    return cudaSetDevice(device)


def cudaSetDevice(device: int) -> tuple[cudaError_t]:
    """Take the one device."""
    return (SUCCESS if int(device) == 0 else cudaError_t.cudaErrorInvalidDevice,)


def cudaGetDevice() -> tuple[cudaError_t, int]:
    """Return the one device."""
    return SUCCESS, 0


def cudaGetDeviceCount() -> tuple[cudaError_t, int]:
    """Return that there is one device."""
    return SUCCESS, 1


def cudaGetDeviceProperties(device: int) -> tuple[cudaError_t, cudaDeviceProp | None]:
    """Return the facts of the one device."""
    code = cudaSetDevice(device)[0]
    return code, cudaDeviceProp() if code == SUCCESS else None


def cudaDeviceGetAttribute(attr: Any, device: int) -> tuple[cudaError_t, int | None]:
    """Return an attribute of the one device."""
    return _try(cudaDeviceProp().attribute, int(attr))


def cudaRuntimeGetVersion() -> tuple[cudaError_t, int]:
    """Return the CUDA version whose calls these are."""
    return SUCCESS, host_memory.VERSION


def cudaDriverGetVersion() -> tuple[cudaError_t, int]:
    """Return the CUDA version whose calls these are."""
    return SUCCESS, host_memory.VERSION


def cudaGetLastError() -> tuple[cudaError_t]:
    """Say that nothing failed since: errors are returned by the call that fails."""
    return (SUCCESS,)


def cudaPeekAtLastError() -> tuple[cudaError_t]:
    """Say that nothing failed since."""
    return (SUCCESS,)


def cudaGetErrorName(error: Any) -> tuple[cudaError_t, bytes]:
    """Return the name of a code."""
    return SUCCESS, cudaError_t(error).name.encode()


def cudaGetErrorString(error: Any) -> tuple[cudaError_t, bytes]:
    """Return the name of a code."""
    return cudaGetErrorName(error)


def __getattr__(name: str) -> Any:
    return beyond("cuda.bindings.runtime", name)
