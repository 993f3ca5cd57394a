"""Runs that need nothing of the host but to be submitted again: same sizes, same addresses, graphs of all that is done.

A run is looked up by its addresses, so callers that take turns among a few sets of buffers find each again.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from minirt.runtime.backend import Again, Backend, Manner
from minirt.runtime.control import Result
from minirt.runtime.frame import Frame

KEPT = 8
Key = tuple[int | None, ...]


@dataclass(frozen=True, eq=False)
class Repeat:
    """A run to be made again: what is submitted, in order, the results that it has each time, and its addresses."""

    backend: Backend
    parts: Sequence[Again]
    results: dict[str, Result]
    addresses: dict[str, int]
    manner: Manner
    range: AbstractContextManager[Any]
    """The NVTX range of a run."""

    @cached_property
    def _current(self) -> AbstractContextManager[Any]:
        """The target's device, current; one thread at a time makes a run."""
        return self.backend.current()

    def __call__(self, stream: int) -> bool:
        """Submit it; False where it must be run in full: step by step, while capturing, or once graphs were reused."""
        with self._current:
            if self.manner.done is not None or self.backend.capturing(stream):
                return False
            for part in self.parts:
                if not part.ready():
                    return False
            if self.manner.ranges == "NONE":
                self._submit(stream)
            else:
                with self.range:
                    self._submit(stream)
        return True

    def _submit(self, stream: int) -> None:
        for part in self.parts:
            part.submit(stream)


def find(frame: Frame, key: Key) -> Repeat | None:
    """The run of a frame at these addresses, where it can be repeated."""
    found: Repeat | None = frame.repeats.get(key)
    if found is not None:
        frame.repeats.move_to_end(key)
    return found


def keep(frame: Frame, key: Key, made: Repeat) -> Repeat:
    """Keep a run of a frame, to be repeated, and return it."""
    frame.repeats[key] = made
    while len(frame.repeats) > KEPT:
        frame.repeats.popitem(last=False)
    return made
