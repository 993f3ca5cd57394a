"""Iterations of a loop on host memory that are run again as they were: one native call, no sizes and no addresses.

An iteration's launches depend on its sizes and on where its inputs and results lie. While sizes stay as they are,
results take turns between two places, so from the third iteration on, and in later runs, all is known beforehand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from minirt.plan.plan import Plan
from minirt.runtime.backend import Backend, Manner, Memory, Segment
from minirt.runtime.frame import Frame
from minirt.runtime.groups import Group
from minirt.types.dtype import Array

KEPT = 16
"""Turns that a frame keeps: two for each place that a loop is entered with."""
NO_GROUP = -1
"""Stands for the number of a group in what a frame keeps."""


class Placed(Protocol):
    """A tensor in memory."""

    address: int
    shape: tuple[int, ...]


R = TypeVar("R", bound=Placed)


class Body(Protocol):
    """The executor of a loop's body."""

    plan: Plan
    backend: Backend
    frame: Frame
    manner: Manner

    @property
    def launches_only(self) -> bool:
        """True where the body is one list of launches."""
        ...

    def segments(self) -> Iterator[tuple[Group, Segment]]:
        """What kernels did in the run before."""
        ...


@dataclass(frozen=True)
class Turn(Generic[R]):
    """An iteration to be run again: the call, the state after it, whether to go on, and what it adds to each scan."""

    run: Callable[[int], None]
    state: list[R]
    go: Array
    scans: Sequence[Array]


class Turns(Generic[R]):
    """The known iterations of one loop: looked up by where inputs and results lie, in the frame of the body's sizes."""

    def __init__(self, body: Body, carried: int) -> None:
        self._body, self._carried = body, carried
        self._able = body.backend.host_memory and body.launches_only and body.manner.done is None
        self._steady = False
        self._last: list[Turn[R] | None] = [None, None, None]

    def following(self) -> Turn[R] | None:
        """The iteration after those that were found last, where they take turns: as before, results lie in two places.

        Where the last is the last but two, what follows is the last but one.
        """
        third, second, first = self._last
        if first is None or first is not third:
            return None
        self._last = [second, first, second]
        return second

    def find(self, inputs: Sequence[R], memory: Mapping[str, int]) -> Turn[R] | None:
        """The iteration with these inputs and places for results, if it has been run and sizes are what they were."""
        found = self._body.frame.turns.get(_key(inputs, memory)) if self._steady else None
        self._last = [*self._last[1:], found]
        return found

    def keep(self, inputs: Sequence[R], memory: Mapping[str, int], results: Sequence[R]) -> None:
        """Learn an iteration that has just been run in full."""
        state = inputs[2 : 2 + self._carried]
        after = results[1 : 1 + self._carried]
        self._steady = self._able and all(a.shape == b.shape for a, b in zip(state, after, strict=True))
        if not self._able or len(memory) < len(self._body.plan.outputs):
            return
        again = [segment.repeat() for _, segment in self._body.segments()]
        if len(again) != 1 or again[0] is None:
            return
        outputs, read = self._body.plan.outputs, self._body.backend.read
        parts = []
        for binding, result in zip(outputs, results, strict=True):
            dtype = binding.view.type.dtype
            count = 1
            for size in result.shape:
                count *= size
            parts.append(read(result.address, dtype.nbytes(count), 0).view(dtype.numpy).reshape(result.shape))
        known = self._body.frame.turns
        known[_key(inputs, memory)] = Turn(
            again[0].submit, list(after), parts[0].reshape(-1), parts[1 + self._carried :]
        )
        while len(known) > KEPT:
            known.pop(next(iter(known)))


def _key(inputs: Sequence[Placed], memory: Mapping[str, int]) -> tuple[int, ...]:
    return (*(i.address for i in inputs), *memory.values())


def scalars(backend: Backend, frame: Frame, label: str) -> list[Memory]:
    """Memory for the number of an iteration and the condition of a loop; on the host the same in each run."""
    if not backend.host_memory:
        return [backend.allocate(8), backend.allocate(8)]
    if (NO_GROUP, label) not in frame.kept:
        frame.kept[NO_GROUP, label] = [backend.allocate(8), backend.allocate(8)]
    return frame.kept[NO_GROUP, label]
