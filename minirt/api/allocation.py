"""Memory from a script's allocator: a backend whose memory comes from an IGpuAllocator."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import Any

from minirt.api.boundary import Sink, call_back
from minirt.api.callbacks import IGpuAllocator, IGpuAsyncAllocator
from minirt.errors import DeviceError
from minirt.runtime.backend import Backend, Memory
from minirt.runtime.cpu.backend import HostMemory
from minirt.runtime.device import Device, DeviceMemory

_ALIGNMENT = 256


class PluginAllocator(IGpuAllocator):
    """Memory of the target for plugins that ask their context's resources for some; freed with it at the latest."""

    def __init__(self, on_device: bool) -> None:
        IGpuAllocator.__init__(self)
        self._state = on_device, {}

    def allocate(self, size: int, alignment: int, flags: int) -> int | None:
        """Return the address of `size` bytes, on 64 bytes of the host or 256 of the device; raises DeviceError."""
        on_device, held = self._state
        memory: Memory = DeviceMemory(Device(0), size) if on_device else HostMemory(size)
        held[memory.address] = memory
        return memory.address

    def deallocate(self, memory: int) -> bool:
        """Give an address back and return whether it was from here."""
        return self._state[1].pop(memory, None) is not None


@dataclass(frozen=True)
class Resources:
    """What plugins may use of the context that runs them: its allocator, and where it reports."""

    gpu_allocator: IGpuAllocator
    sink: Sink

    @property
    def error_recorder(self) -> Any:
        """The error recorder of now; None for none."""
        return self.sink.recorder


def resources_of(backend: Backend, sink: Sink) -> Resources:
    """Return what plugins of a context may use: the runtime's allocator, or one of the target's memory."""
    if isinstance(backend, AllocatingBackend):
        return Resources(backend.allocator, sink)
    return Resources(PluginAllocator(not backend.host_memory), sink)


def _free(allocator: IGpuAllocator, address: int) -> None:
    if isinstance(allocator, IGpuAsyncAllocator):
        call_back(allocator, "deallocate_async", False, address, 0)
    elif _defines(allocator, "free") and not _defines(allocator, "deallocate"):  # its name in TensorRT 7 and 8
        call_back(allocator, "free", None, address)
    else:
        call_back(allocator, "deallocate", False, address)


def _defines(allocator: IGpuAllocator, name: str) -> bool:
    """Return whether a script's class has a method of its own."""
    return any(name in kind.__dict__ for kind in type(allocator).__mro__ if not kind.__module__.startswith("minirt"))


class GivenByAllocator:
    """Memory that an allocator gave, given back with the object."""

    def __init__(self, allocator: IGpuAllocator, nbytes: int) -> None:
        if isinstance(allocator, IGpuAsyncAllocator):
            found = call_back(allocator, "allocate_async", None, nbytes, _ALIGNMENT, 0, 0)
        else:
            found = call_back(allocator, "allocate", None, nbytes, _ALIGNMENT, 0)
        if not found:
            raise DeviceError(f"the allocator gave no memory for {nbytes} bytes", fix="free memory, or use another")
        self.address = int(found)
        self._finalizer = weakref.finalize(self, _free, allocator, self.address)
        self._finalizer.atexit = False


class AllocatingBackend:
    """A backend that does all as another, and takes its memory from an allocator."""

    def __init__(self, inner: Backend, allocator: IGpuAllocator) -> None:
        self._inner = inner
        self.allocator = allocator

    def allocate(self, nbytes: int) -> Memory:
        """Uninitialised memory; raises DeviceError where the allocator gives none."""
        return GivenByAllocator(self.allocator, nbytes) if nbytes else self._inner.allocate(0)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def lending(allocator: IGpuAllocator | None) -> Any:
    """Return what makes a backend take its memory from an allocator; None for no allocator."""
    return None if allocator is None else lambda backend: AllocatingBackend(backend, allocator)
