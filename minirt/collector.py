"""Python's garbage collector, held off for a while in the whole process, by several threads at once if need be."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_inside = 0  # blocks that hold it off now
_collected = False  # whether it was on before the first of them


@contextmanager
def held_off() -> Iterator[None]:
    """Collect no garbage until this block ends, and the last of those that other threads are in."""
    global _inside, _collected
    with _lock:
        if not _inside:
            _collected = gc.isenabled()
            gc.disable()
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside and _collected:
                gc.enable()
