"""The errors and flags of `pycuda.driver`."""

from __future__ import annotations

import enum


class Error(Exception):
    """The base of PyCUDA's errors."""


class LogicError(Error):
    """A wrong call."""


class MemoryError(Error):
    """Too little memory."""


class LaunchError(Error):
    """A kernel that failed."""


class RuntimeError(Error):
    """Another failure."""


class CompileError(Error):
    """CUDA source that cannot be compiled."""


class host_alloc_flags(enum.IntFlag):
    """Flags of pinned memory; they change nothing."""

    PORTABLE = 1
    DEVICEMAP = 2
    WRITECOMBINED = 4


class ctx_flags(enum.IntFlag):
    """Flags of contexts; they change nothing."""

    SCHED_AUTO = 0
    SCHED_SPIN = 1
    SCHED_YIELD = 2
    SCHED_BLOCKING_SYNC = 4
    MAP_HOST = 8


class mem_attach_flags(enum.IntFlag):
    """Who reaches managed memory; it changes nothing."""

    GLOBAL = 1
    HOST = 2
    SINGLE = 4


class event_flags(enum.IntFlag):
    """Flags of events; they change nothing."""

    DEFAULT = 0
    BLOCKING_SYNC = 1
    DISABLE_TIMING = 2


class device_attribute(enum.IntEnum):
    """The attributes that `Device.get_attribute` answers."""

    MAX_THREADS_PER_BLOCK = 1
    WARP_SIZE = 10
    MULTIPROCESSOR_COUNT = 16
    COMPUTE_CAPABILITY_MAJOR = 75
    COMPUTE_CAPABILITY_MINOR = 76
