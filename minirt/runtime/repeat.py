"""Runs that need nothing of the host but to be submitted again: same sizes, same addresses, graphs of all that is done.

A run is looked up by its addresses, so callers that take turns among a few sets of buffers find each again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from minirt.runtime.backend import Manner
from minirt.runtime.control import Result
from minirt.runtime.frame import Frame

KEPT = 8
Key = tuple[int | None, ...]


@dataclass(frozen=True, eq=False, slots=True)
class Repeat:
    """A run to be made again: what submits it, the results that it has each time, and its addresses.

    ``put`` is what `Backend.again` made of its parts.
    """

    put: Callable[[int, bool], bool]
    results: dict[str, Result]
    addresses: dict[str, int]
    manner: Manner

    def __call__(self, stream: int) -> bool:
        """Submit it; False where it must be run in full: step by step, while capturing, or once graphs were reused."""
        manner = self.manner
        return manner.done is None and self.put(stream, manner.ranges != "NONE")


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
