"""What a build or a load may use of the machine: threads, and the disk. Limits hold for what is done within them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_THREADS: ContextVar[int] = ContextVar("threads", default=0)
_WRITES: ContextVar[bool] = ContextVar("writes", default=True)


@contextmanager
def limited(threads: int = 0, writes: bool = True) -> Iterator[None]:
    """Work with at most so many threads or processes, 0 for no bound of its own; without ``writes`` keep nothing."""
    tokens = _THREADS.set(threads or _THREADS.get()), _WRITES.set(writes and _WRITES.get())
    try:
        yield
    finally:
        _THREADS.reset(tokens[0])
        _WRITES.reset(tokens[1])


def workers() -> int:
    """How many threads or processes may work at once, this one among them: a core each, within the limits."""
    cores = available_cores()
    return min(cores, _THREADS.get() or cores)


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def may_write() -> bool:
    """Whether what is compiled may be kept on disk."""
    return _WRITES.get()
