"""Streams: handles taken from whatever library made them, streams of our own, and whether one is capturing."""

from __future__ import annotations

import weakref
from typing import Any

from minirt.errors import ApiError
from minirt.runtime.device.device import Device
from minirt.runtime.device.driver import available, check, driver, fail

LEGACY = 1  # cudaStreamLegacy; 0 means the same
PER_THREAD = 2  # cudaStreamPerThread
_ATTRIBUTES = ("ptr", "cuda_stream", "handle", "value")  # CuPy; PyTorch; PyCUDA and cuda.core; ctypes


def stream_handle(stream: Any) -> int:
    """The handle of a stream as an integer.

    Takes an int, None (the default stream), a ctypes pointer, cudaStream_t and CUstream of cuda.bindings, and the
    stream objects of CuPy, PyTorch, Numba, PyCUDA and cuda.core. Raises ApiError for anything else.
    """
    if isinstance(stream, int) and not isinstance(stream, bool):
        if stream < 0:  # a driver that is given one may fault instead of telling
            raise ApiError(f"{stream} is not a CUDA stream", fix="pass the handle of a stream, 0 for the default one")
        return stream
    if stream is None:
        return 0
    protocol = getattr(stream, "__cuda_stream__", None)
    if protocol is not None:
        pair = protocol() if callable(protocol) else protocol
        return int(pair[1])
    for name in _ATTRIBUTES:
        inner = getattr(stream, name, stream)
        if inner is None:
            return 0  # a ctypes null pointer
        if inner is not stream:
            return stream_handle(inner)
    try:
        return stream_handle(int(stream))
    except (TypeError, ValueError):
        what = f"{type(stream).__name__} is not a CUDA stream"
        raise ApiError(what, fix="pass its handle as an int, or an object with __cuda_stream__") from None


def is_capturing(stream: int) -> bool:
    """True when work put on `stream` now is recorded into a graph; the default stream cannot be captured."""
    return stream not in (0, LEGACY) and available() and is_recorded(driver().runtime, stream)


def is_recorded(runtime: Any, stream: int) -> bool:
    """`is_capturing` of a stream that is not the default one, asked of CuPy's runtime."""
    try:
        return bool(runtime.streamIsCapturing(stream))
    except Exception as error:
        fail(error, "recording on the stream was broken off")


def synchronize(stream: int) -> None:
    """Wait for the work put on `stream`; raises DeviceError with a fault that happened there."""
    try:
        driver().runtime.streamSynchronize(stream)
    except Exception as error:
        fail(error, "work on the stream failed")


class Stream:
    """A stream of our own on one device, destroyed with the object; `handle` is its integer."""

    def __init__(self, device: Device, *, blocking: bool = False) -> None:
        self.device = device
        runtime = driver().runtime
        with device.current():
            flag = runtime.streamDefault if blocking else runtime.streamNonBlocking
            self.handle = int(runtime.streamCreateWithFlags(flag))
        self._finalizer = weakref.finalize(self, _destroy, device, self.handle)
        self._finalizer.atexit = False

    def __cuda_stream__(self) -> tuple[int, int]:
        return 0, self.handle

    def synchronize(self) -> None:
        """Wait for the work put on the stream; raises DeviceError with a fault that happened there."""
        synchronize(self.handle)

    def close(self) -> None:
        """Destroy the stream; work already on it completes."""
        self._finalizer()


def mark(stream: int, event: int) -> None:
    """Record the event with handle `event` once the work that is on `stream` now is done."""
    cuda = driver().cuda
    check(cuda.cuEventRecord(cuda.CUevent(event), cuda.CUstream(stream)), "recording an event")


def wait_for(stream: int, event: int) -> None:
    """Make work put on `stream` from now on wait for the recorded event with handle `event`."""
    cuda = driver().cuda
    check(cuda.cuStreamWaitEvent(cuda.CUstream(stream), cuda.CUevent(event), 0), "waiting for an event")


def _destroy(device: Device, handle: int) -> None:
    with device.releasing():
        driver().runtime.streamDestroy(handle)
