"""Device memory, pinned host memory, copies and fills, on explicit devices and streams."""

from __future__ import annotations

import ctypes
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from minirt.errors import DeviceError
from minirt.runtime.device.device import Device, Relaxed
from minirt.runtime.device.driver import driver, fail

ALIGNMENT = 256
"""Bytes to which device memory is aligned, ours and that of allocators."""


_DEVICE = 2  # cudaMemoryTypeDevice


@dataclass(frozen=True)
class Allocator:
    """Where device memory comes from: `allocate(nbytes, alignment)` gives an address or 0, `free` takes it back."""

    allocate: Callable[[int, int], int]
    free: Callable[[int], None]


class DeviceMemory:
    """A stretch of one device's memory, freed with the object; `address` is 0 when it holds no bytes."""

    def __init__(self, device: Device, nbytes: int, allocator: Allocator | None = None) -> None:
        self.device = device
        self.nbytes = nbytes
        self.address = _allocate(device, nbytes, allocator) if nbytes else 0
        self._finalizer = weakref.finalize(self, _free, device, self.address, allocator)
        self._finalizer.atexit = False

    def close(self) -> None:
        """Free the memory now; work that still uses it must be complete."""
        self.address = 0
        self._finalizer()

    def upload(self, array: NDArray[Any], stream: int = 0, offset: int = 0) -> None:
        """Copy an array's bytes to `offset`; returns once the array may be changed again."""
        data = np.ascontiguousarray(array)
        if offset + data.nbytes > self.nbytes:
            raise DeviceError(f"{data.nbytes} bytes at {offset} do not fit in {self.nbytes}")
        copy(self.device, self.address + offset, data.ctypes.data, data.nbytes, stream)
        driver().runtime.streamSynchronize(stream)

    def download(self, shape: tuple[int, ...], dtype: DTypeLike, stream: int = 0, offset: int = 0) -> NDArray[Any]:
        """Copy bytes from `offset` into a new array, after the work on `stream`."""
        out = np.empty(shape, dtype)
        if offset + out.nbytes > self.nbytes:
            raise DeviceError(f"{out.nbytes} bytes at {offset} are not within {self.nbytes}")
        copy(self.device, out.ctypes.data, self.address + offset, out.nbytes, stream)
        driver().runtime.streamSynchronize(stream)
        return out


class PinnedMemory:
    """Page-locked host memory, which every device copies from and to without a staging copy."""

    def __init__(self, nbytes: int) -> None:
        self.nbytes = nbytes
        runtime = driver().runtime
        try:
            self.address = int(runtime.hostAlloc(max(nbytes, 1), runtime.hostAllocPortable))
        except Exception as error:
            fail(error, f"no {nbytes} bytes of pinned host memory")
        self._finalizer = weakref.finalize(self, _free_pinned, self.address)
        self._finalizer.atexit = False

    def view(self, dtype: DTypeLike, shape: tuple[int, ...], offset: int = 0) -> NDArray[Any]:
        """An array over the memory, valid while this object is: the array keeps it alive."""
        item = np.dtype(dtype)
        nbytes = item.itemsize * int(np.prod(shape, dtype=np.int64))
        if offset + nbytes > self.nbytes:
            raise DeviceError(f"{nbytes} bytes at {offset} are not within {self.nbytes}")
        raw = (ctypes.c_ubyte * nbytes).from_address(self.address + offset)
        raw._owner = self  # type: ignore[attr-defined]
        found: NDArray[Any] = np.frombuffer(memoryview(raw).cast("B"), np.uint8).view(item).reshape(shape)
        return found

    def close(self) -> None:
        """Free the memory now; no view of it may be used again."""
        self._finalizer()


def copy(device: Device, destination: int, source: int, nbytes: int, stream: int) -> None:
    """Put a copy of `nbytes` on `stream`; each address may be of a device or of the host, pinned or not."""
    if not nbytes:
        return
    runtime = driver().runtime
    with device.current():
        try:
            runtime.memcpyAsync(destination, source, nbytes, runtime.memcpyDefault, stream)
        except Exception as error:
            fail(error, f"copying {nbytes} bytes failed")


def is_device_memory(address: int) -> bool:
    """True where an address is of a device's memory that the host cannot read."""
    try:
        found = driver().runtime.pointerGetAttributes(address)
    except Exception:  # host memory that CUDA does not know, in older drivers
        return False
    return int(found.type) == _DEVICE


def fill(device: Device, address: int, value: int, nbytes: int, stream: int) -> None:
    """Put on `stream` a setting of `nbytes` bytes to `value` (0..255)."""
    if not nbytes:
        return
    with device.current():
        try:
            driver().runtime.memsetAsync(address, value, nbytes, stream)
        except Exception as error:
            fail(error, f"filling {nbytes} bytes failed")


def _allocate(device: Device, nbytes: int, allocator: Allocator | None) -> int:
    if allocator is not None:
        address = int(allocator.allocate(nbytes, ALIGNMENT) or 0)
        if not address:
            raise DeviceError(f"the allocator gave no {nbytes} bytes on cuda:{device.index}")
        if address % ALIGNMENT:
            allocator.free(address)
            raise DeviceError(f"the allocator's address {address:#x} is not aligned to {ALIGNMENT} bytes")
        return address
    with device.current():
        try:
            return int(driver().runtime.malloc(nbytes))
        except Exception as error:
            fail(error, f"no {nbytes} bytes are free on cuda:{device.index}")


def _free(device: Device, address: int, allocator: Allocator | None) -> None:
    if not address:
        return
    if allocator is not None:
        allocator.free(address)
        return
    with device.releasing():
        driver().runtime.free(address)


def _free_pinned(address: int) -> None:
    with Relaxed():
        driver().runtime.freeHost(address)
