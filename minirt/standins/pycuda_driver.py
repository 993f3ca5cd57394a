"""Stands in for `pycuda.driver`: what classic TensorRT scripts use of it, on host memory."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import numpy as np

from minirt.errors import ApiError
from minirt.standins import host_memory
from minirt.standins.pycuda_device import (
    Context as Context,
)
from minirt.standins.pycuda_device import (
    Device as Device,
)
from minirt.standins.pycuda_device import (
    Event as Event,
)
from minirt.standins.pycuda_device import (
    Stream as Stream,
)
from minirt.standins.pycuda_device import (
    get_driver_version as get_driver_version,
)
from minirt.standins.pycuda_device import (
    get_version as get_version,
)
from minirt.standins.pycuda_device import (
    init as init,
)
from minirt.standins.pycuda_names import (
    CompileError as CompileError,
)
from minirt.standins.pycuda_names import (
    Error as Error,
)
from minirt.standins.pycuda_names import (
    LaunchError as LaunchError,
)
from minirt.standins.pycuda_names import (
    LogicError as LogicError,
)
from minirt.standins.pycuda_names import (
    MemoryError as MemoryError,
)
from minirt.standins.pycuda_names import (
    RuntimeError as RuntimeError,
)
from minirt.standins.pycuda_names import (
    ctx_flags as ctx_flags,
)
from minirt.standins.pycuda_names import (
    device_attribute as device_attribute,
)
from minirt.standins.pycuda_names import (
    event_flags as event_flags,
)
from minirt.standins.pycuda_names import (
    host_alloc_flags as host_alloc_flags,
)
from minirt.standins.pycuda_names import (
    mem_attach_flags as mem_attach_flags,
)
from minirt.types.dtype import Array


class PointerHolderBase:
    """Base of objects that hold an address, which `get_pointer` gives."""

    def get_pointer(self) -> int:
        """Return the address; subclasses override this."""
        raise NotImplementedError("get_pointer")

    def __int__(self) -> int:
        return self.get_pointer()

    __index__ = __int__


def _told(what: str, function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function of the host's memory; what it raises becomes an error of PyCUDA's."""
    try:
        return function(*arguments)
    except ApiError as error:
        raise LogicError(f"{what} failed: invalid argument: {error}") from None
    except builtins.MemoryError:
        raise MemoryError(f"{what} failed: out of memory") from None


class DeviceAllocation:
    """Memory that is freed with its object."""

    def __init__(self, size: int) -> None:
        self._address = 0
        self._address = _told("cuMemAlloc", host_memory.allocate, int(size))

    def __int__(self) -> int:
        return self._address

    __index__ = __int__

    def free(self) -> None:
        """Free the memory now."""
        host_memory.release(self._address)
        self._address = 0

    def as_buffer(self, size: int, offset: int = 0) -> memoryview:
        """Return bytes of it as a buffer."""
        held = np.empty(size, np.uint8)
        host_memory.copy(held, self._address + offset, size)
        return held.data

    def __del__(self) -> None:
        if self._address:
            self.free()


def mem_get_info() -> tuple[int, int]:
    """Return the free and all bytes of host memory."""
    return host_memory.free_and_total()


def mem_alloc(bytes: int) -> DeviceAllocation:
    """Allocate bytes."""
    return DeviceAllocation(bytes)


def mem_alloc_like(ary: Array) -> DeviceAllocation:
    """Allocate as many bytes as an array has."""
    return DeviceAllocation(ary.nbytes)


class PagelockedHostAllocation:
    """Host memory that the device reaches too: what pinned arrays have as their `base`."""

    def __init__(self, held: Array) -> None:
        self.__array_interface__ = held.__array_interface__
        self._held = held

    def get_device_pointer(self) -> int:
        """Return the address, which is the host's."""
        return int(self._held.ctypes.data)

    def free(self) -> None:
        """Do nothing: the array keeps its memory."""


def pagelocked_empty(shape: Any, dtype: Any, order: Any = "C", mem_flags: int = 0) -> Array:
    """Return a host array."""
    return np.asarray(PagelockedHostAllocation(np.empty(shape, dtype, order)))


def pagelocked_zeros(shape: Any, dtype: Any, order: Any = "C", mem_flags: int = 0) -> Array:
    """Return a host array of zeros."""
    return np.asarray(PagelockedHostAllocation(np.zeros(shape, dtype, order)))


def pagelocked_empty_like(array: Array, mem_flags: int = 0) -> Array:
    """Return a host array like another."""
    return pagelocked_empty(array.shape, array.dtype)


def pagelocked_zeros_like(array: Array, mem_flags: int = 0) -> Array:
    """Return a host array of zeros like another."""
    return pagelocked_zeros(array.shape, array.dtype)


def aligned_empty(shape: Any, dtype: Any, order: Any = "C", alignment: int = 4096) -> Array:
    """Return a host array: what `register_host_memory` takes."""
    return pagelocked_empty(shape, dtype, order)


def aligned_zeros(shape: Any, dtype: Any, order: Any = "C", alignment: int = 4096) -> Array:
    """Return a host array of zeros: what `register_host_memory` takes."""
    return pagelocked_zeros(shape, dtype, order)


managed_empty, managed_zeros = pagelocked_empty, pagelocked_zeros
managed_empty_like, managed_zeros_like = pagelocked_empty_like, pagelocked_zeros_like


def register_host_memory(ary: Array, flags: int = 0) -> Array:
    """Return the array: host memory is reached as it is."""
    return ary


def memcpy_htod(dest: Any, src: Any) -> None:
    """Copy an array or buffer to an address; raises LogicError for an array that is not dense."""
    host = np.asarray(memoryview(src) if isinstance(src, bytes | bytearray) else src)
    if not (host.flags.c_contiguous or host.flags.f_contiguous):
        raise LogicError("the array is not contiguous")
    _told("cuMemcpyHtoD", host_memory.copy, dest, host, host.nbytes)


def memcpy_dtoh(dest: Any, src: Any) -> None:
    """Copy from an address to an array or buffer; raises LogicError for an array that is not dense."""
    host = np.asarray(memoryview(dest) if isinstance(dest, bytearray) else dest)
    if not (host.flags.c_contiguous or host.flags.f_contiguous):
        raise LogicError("the array is not contiguous")
    _told("cuMemcpyDtoH", host_memory.copy, host, src, host.nbytes)


def memcpy_dtod(dest: Any, src: Any, size: int) -> None:
    """Copy bytes between addresses."""
    _told("cuMemcpyDtoD", host_memory.copy, dest, src, size)


def memcpy_htod_async(dest: Any, src: Any, stream: Any = None) -> None:
    """Copy an array or buffer to an address now."""
    memcpy_htod(dest, src)


def memcpy_dtoh_async(dest: Any, src: Any, stream: Any = None) -> None:
    """Copy from an address to an array or buffer now."""
    memcpy_dtoh(dest, src)


def memcpy_dtod_async(dest: Any, src: Any, size: int, stream: Any = None) -> None:
    """Copy bytes between addresses now."""
    memcpy_dtod(dest, src, size)


def memset_d8(dest: Any, data: int, count: int) -> None:
    """Set bytes."""
    _told("cuMemsetD8", host_memory.fill, dest, data, count)


def memset_d32(dest: Any, data: int, count: int) -> None:
    """Set 32-bit words."""
    _told("cuMemsetD32", host_memory.copy, dest, np.full(count, data, np.uint32), 4 * count)


def memset_d8_async(dest: Any, data: int, count: int, stream: Any = None) -> None:
    """Set bytes now."""
    memset_d8(dest, data, count)


def memset_d32_async(dest: Any, data: int, count: int, stream: Any = None) -> None:
    """Set 32-bit words now."""
    memset_d32(dest, data, count)


def to_device(bf_obj: Any) -> DeviceAllocation:
    """Allocate and copy an array there."""
    made = DeviceAllocation(np.asarray(bf_obj).nbytes)
    memcpy_htod(made, bf_obj)
    return made


def from_device(devptr: Any, shape: Any, dtype: Any, order: Any = "C") -> Array:
    """Return a host array with what is at an address."""
    made = np.empty(shape, dtype, order)
    memcpy_dtoh(made, devptr)
    return made


def from_device_like(devptr: Any, other_ary: Array) -> Array:
    """Return a host array like another with what is at an address."""
    return from_device(devptr, other_ary.shape, other_ary.dtype)


class Memcpy2D:
    """A copy of rows of bytes: from and to host arrays, or addresses, each with a pitch and a first place."""

    def __init__(self) -> None:
        self.src_x_in_bytes = self.src_y = self.src_pitch = 0
        self.dst_x_in_bytes = self.dst_y = self.dst_pitch = 0
        self.width_in_bytes = self.height = 0
        self._source: Any = 0
        self._target: Any = 0

    def set_src_host(self, buffer: Any) -> None:
        """Read an array or buffer."""
        self._source = np.asarray(memoryview(buffer) if isinstance(buffer, bytes | bytearray) else buffer)

    def set_src_device(self, devptr: Any) -> None:
        """Read at an address."""
        self._source = int(devptr)

    def set_dst_host(self, buffer: Any) -> None:
        """Write an array or buffer."""
        self._target = np.asarray(memoryview(buffer) if isinstance(buffer, bytearray) else buffer)

    def set_dst_device(self, devptr: Any) -> None:
        """Write at an address."""
        self._target = int(devptr)

    set_src_unified, set_dst_unified = set_src_host, set_dst_host

    def __call__(self, aligned: Any = True) -> None:
        """Copy now; raises LogicError for rows longer than a pitch, or beyond an array or what was allocated."""
        width, height = int(self.width_in_bytes), int(self.height)
        to, step = self._end(self._target, self.dst_pitch, self.dst_x_in_bytes, self.dst_y)
        from_, source_step = self._end(self._source, self.src_pitch, self.src_x_in_bytes, self.src_y)
        _told("cuMemcpy2D", host_memory.copy_rows, to, step, from_, source_step, width, height)

    def _end(self, end: Any, pitch: int, x: int, y: int) -> tuple[int, int]:
        """Return where the first row of an end begins, and how far apart its rows are."""
        width, step = int(self.width_in_bytes), int(pitch) or int(self.width_in_bytes)
        first = int(y) * step + int(x)
        last = first + max(int(self.height) - 1, 0) * step + width
        if isinstance(end, int):
            return end + first, step
        if last > end.nbytes:
            raise LogicError(f"cuMemcpy2D failed: invalid argument: {last} bytes of an array of {end.nbytes}")
        return int(end.ctypes.data) + first, step


class ArgumentHandler:
    """An array that a call has beside it in device memory: what `In`, `Out` and `InOut` are."""

    def __init__(self, array: Array) -> None:
        self.array = array
        self.dev_alloc: DeviceAllocation | None = None

    def get_device_alloc(self) -> DeviceAllocation:
        """Return the memory, allocated by the first call."""
        if self.dev_alloc is None:
            self.dev_alloc = mem_alloc_like(self.array)
        return self.dev_alloc

    def pre_call(self, stream: Any = None) -> None:
        """Do nothing before a call."""

    def post_call(self, stream: Any = None) -> None:
        """Do nothing after a call."""


class In(ArgumentHandler):
    """An array that is copied to the device before a call."""

    def pre_call(self, stream: Any = None) -> None:
        """Copy the array there."""
        memcpy_htod(self.get_device_alloc(), self.array)


class Out(ArgumentHandler):
    """An array that is copied from the device after a call."""

    def post_call(self, stream: Any = None) -> None:
        """Copy the array back."""
        memcpy_dtoh(self.array, self.get_device_alloc())


class InOut(In, Out):
    """An array that is copied to the device before a call, and back after it."""


def start_profiler() -> None:
    """Do nothing: no profiler listens."""


stop_profiler = start_profiler


def __getattr__(name: str) -> Any:
    raise AttributeError(f"minirt's stand-in of pycuda.driver, for machines without a GPU, has no '{name}'")
