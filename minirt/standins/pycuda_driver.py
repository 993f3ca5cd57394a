"""Stands in for `pycuda.driver`: what classic TensorRT scripts use of it, on host memory."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any

import numpy as np

from minirt.errors import ApiError
from minirt.standins import host_memory
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


class Stream:
    """A stream: what is put on it has been done."""

    def __init__(self, flags: int = 0) -> None:
        self.handle = int(host_memory.Handle.new())

    def synchronize(self) -> None:
        """Do nothing."""

    def is_done(self) -> bool:
        """Say that all work is done."""
        return True

    def wait_for_event(self, event: Event) -> None:
        """Do nothing."""

    def __int__(self) -> int:
        return self.handle


class Event:
    """A time."""

    def __init__(self, flags: int = 0) -> None:
        self.handle = int(host_memory.Handle.new())

    def record(self, stream: Any = None) -> Event:
        """Note the time."""
        host_memory.clock.record(self.handle)
        return self

    def synchronize(self) -> Event:
        """Do nothing."""
        return self

    def query(self) -> bool:
        """Say that the event has been."""
        return True

    def time_since(self, event: Event) -> float:
        """Return the milliseconds since an earlier event."""
        return host_memory.clock.milliseconds(event.handle, self.handle)

    def time_till(self, event: Event) -> float:
        """Return the milliseconds until a later event."""
        return event.time_since(self)

    def __del__(self) -> None:
        host_memory.clock.forget(self.handle)


class Context:
    """The one context; pushing and popping it does nothing."""

    def push(self) -> None:
        """Do nothing."""

    def detach(self) -> None:
        """Do nothing."""

    @staticmethod
    def pop() -> None:
        """Do nothing."""

    @staticmethod
    def synchronize() -> None:
        """Do nothing: all work is done."""

    @staticmethod
    def get_device() -> Device:
        """Return the one device."""
        return Device(0)

    @staticmethod
    def get_current() -> Context:
        """Return the one context."""
        return Context()


class Device:
    """The one device; raises LogicError for an index other than 0."""

    def __init__(self, index: int | str = 0) -> None:
        if index != 0:
            raise LogicError(f"there is no device {index}: minirt's stand-in, for machines without a GPU, has one")

    @staticmethod
    def count() -> int:
        """Return that there is one device."""
        return 1

    def name(self) -> str:
        """Return the device's name."""
        return host_memory.NAME

    def compute_capability(self) -> tuple[int, int]:
        """Return the compute capability that is told."""
        return host_memory.CAPABILITY

    def total_memory(self) -> int:
        """Return the bytes of host memory."""
        return host_memory.free_and_total()[1]

    def get_attribute(self, attribute: int) -> int:
        """Return an attribute of the device."""
        major, minor = host_memory.CAPABILITY
        return {1: 1024, 10: 32, 16: 1, 75: major, 76: minor}[int(attribute)]

    def get_attributes(self) -> dict[device_attribute, int]:
        """Return all attributes that are known."""
        return {a: self.get_attribute(a) for a in device_attribute}

    def __getattr__(self, name: str) -> int:
        if name.upper() not in device_attribute.__members__:
            raise AttributeError(f"pycuda's Device has no attribute '{name}' in minirt's stand-in")
        return self.get_attribute(device_attribute[name.upper()])

    def pci_bus_id(self) -> str:
        """Return where a first device would be."""
        return "0000:00:00.0"

    def make_context(self, flags: int = 0) -> Context:
        """Return the one context."""
        return Context()

    def retain_primary_context(self) -> Context:
        """Return the one context."""
        return Context()


def init(flags: int = 0) -> None:
    """Do nothing."""


def get_version() -> tuple[int, int, int]:
    """Return the CUDA version whose calls these are."""
    return host_memory.VERSION // 1000, host_memory.VERSION % 1000 // 10, 0


def get_driver_version() -> int:
    """Return the CUDA version whose calls these are."""
    return host_memory.VERSION


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


def start_profiler() -> None:
    """Do nothing: no profiler listens."""


stop_profiler = start_profiler


def __getattr__(name: str) -> Any:
    raise AttributeError(f"minirt's stand-in of pycuda.driver, for machines without a GPU, has no '{name}'")
