"""The device of `pycuda.driver`, its context, streams and events, on host memory."""

from __future__ import annotations

from typing import Any

from minirt.standins import host_memory
from minirt.standins.pycuda_names import LogicError, device_attribute


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
