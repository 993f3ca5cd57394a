"""The one device of the stand-ins: its memory is host memory, its work is done when a call returns."""

from __future__ import annotations

import ctypes
import os
import time
from typing import Any, Self

import numpy as np

from minirt.api.addresses import LOWEST, place_of
from minirt.errors import ApiError
from minirt.runtime.recording import hear_events
from minirt.types.dtype import Array

ALIGNMENT = 256
NAME = "minirt host memory"
CAPABILITY = (9, 0)
"""The compute capability that is told, so that a script that asks for a recent GPU goes on."""
VERSION = 13000

_BLOCKS: dict[int, tuple[Array, int]] = {}


def allocate(size: int) -> int:
    """Return the address of that many new bytes, aligned as CUDA's are; 0 for no bytes.

    Raises MemoryError where the host has too little, ApiError for a negative size.
    """
    if size < 0:
        raise ApiError(f"{size} is no size")
    if size == 0:
        return 0
    block = np.empty(size + ALIGNMENT, np.uint8)
    address = -(-block.ctypes.data // ALIGNMENT) * ALIGNMENT
    _BLOCKS[address] = block, size
    return address


def release(address: int) -> None:
    """Free what `allocate` returned; 0 is nothing. Raises ApiError for another address."""
    if address and _BLOCKS.pop(address, None) is None:
        raise ApiError(f"{address:#x} was not allocated, or is free already")


def address_of(memory: Any) -> int:
    """Return the address of an int, a pointer, an array or a buffer; None is 0. Raises ApiError for another object."""
    if memory is None:
        return 0
    if isinstance(memory, bytes | bytearray | memoryview | ctypes.Array):
        view = memoryview(memory).cast("B") if len(memory) else b""
        return int(np.frombuffer(view, np.uint8).ctypes.data) if view else 0
    return place_of(memory).address


def _check(address: int, size: int) -> None:
    if size < 0 or (size and address < LOWEST):
        raise ApiError(f"{size} bytes at {address:#x} cannot be reached")
    if address in _BLOCKS and size > _BLOCKS[address][1]:
        raise ApiError(f"{size} bytes at {address:#x} are more than the {_BLOCKS[address][1]} allocated there")


def copy(target: Any, source: Any, size: int) -> None:
    """Copy bytes; raises ApiError where either side has no address or was allocated with fewer bytes."""
    to, from_ = address_of(target), address_of(source)
    _check(to, size)
    _check(from_, size)
    ctypes.memmove(to, from_, size)


def copy_rows(target: Any, step: int, source: Any, source_step: int, width: int, count: int) -> None:
    """Copy `count` rows of `width` bytes that begin so many bytes apart; raises ApiError as `copy` does."""
    if width > min(step, source_step):
        raise ApiError(f"rows of {width} bytes do not fit steps of {step} and {source_step}")
    to, from_ = address_of(target), address_of(source)
    for address, apart in ((to, step), (from_, source_step)):
        _check(address, apart * (count - 1) + width if count else 0)
    for row in range(count):
        ctypes.memmove(to + row * step, from_ + row * source_step, width)


def fill(target: Any, value: int, size: int) -> None:
    """Set each of `size` bytes to the low byte of a value; raises ApiError as `copy` does."""
    to = address_of(target)
    _check(to, size)
    ctypes.memset(to, value & 0xFF, size)


def free_and_total() -> tuple[int, int]:
    """Return the bytes of host memory that are free, and all of them."""
    page = os.sysconf("SC_PAGE_SIZE")
    return page * os.sysconf("SC_AVPHYS_PAGES"), page * os.sysconf("SC_PHYS_PAGES")


class Handle(int):
    """A handle: an int that is unlike any before it; 0 is the default one."""

    _last = 0

    @classmethod
    def new(cls) -> Self:
        """Return a handle that no one has."""
        Handle._last += 16
        return cls(Handle._last)

    def getPtr(self) -> int:
        """Return the handle, as the objects of cuda.bindings do."""
        return int(self)


class Clock:
    """When events were recorded, by their handles."""

    def __init__(self) -> None:
        self._times: dict[int, float] = {}

    def record(self, event: int) -> None:
        """Note that an event is now."""
        self._times[int(event)] = time.perf_counter()

    def milliseconds(self, start: int, end: int) -> float:
        """Return the time between two events; raises ApiError if one was not recorded."""
        if int(start) not in self._times or int(end) not in self._times:
            raise ApiError("an event was not recorded")
        return 1e3 * (self._times[int(end)] - self._times[int(start)])

    def forget(self, event: int) -> None:
        """Drop an event."""
        self._times.pop(int(event), None)


clock = Clock()
hear_events(clock.record)
