"""Which launches of a graph must wait for which: those that touch the same memory, so that branches run at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from minirt.plan.launch import Address, Launch, TensorMap
from minirt.runtime.backend import Bases

Extent = tuple[int, int]
MOST_APART = 2000
"""More launches than this are put one after the other: comparing each with each takes its time."""


@dataclass(frozen=True)
class Touched:
    """Memory that a launch reads and writes, as stretches of addresses; ``anything`` where that is not known.

    What the caller lends has addresses below 0, of its own.
    """

    reads: tuple[Extent, ...] = ()
    writes: tuple[Extent, ...] = ()
    anything: bool = False


def touched(launch: Launch, bases: Bases) -> Touched:
    """What a launch of a plan touches."""
    if launch.writes is None:
        return Touched(anything=True)
    given = (a.address if isinstance(a, TensorMap) else a for a in launch.args)
    places = {a.index for a in given if isinstance(a, Address)}
    reads: list[Extent] = []
    writes: list[Extent] = []
    for place in sorted(places):
        extent = bases.extent(place)
        if extent is not None:
            (writes if place in launch.writes else reads).append(extent)
    return Touched(tuple(reads), tuple(writes))


def waits_of(items: Sequence[Touched]) -> list[list[int]]:
    """For each item the items before it that it must wait for; what those wait for in turn is left out.

    An output may lie where an input does, so what writes one waits for all that read inputs before.
    """
    made = {extent for item in items for extent in item.writes}
    borrows = [any(r[0] < 0 and r not in made for r in item.reads) for item in items]
    gives = [any(w[0] < 0 for w in item.writes) for item in items]
    waits: list[list[int]] = []
    before: list[int] = []  # of each item, all that is done when it is done: a bit each
    for number, item in enumerate(items):
        done, found = 0, []
        for earlier in range(number - 1, -1, -1):
            if done == (1 << number) - 1:
                break
            lent = borrows[earlier] and gives[number]
            if not done >> earlier & 1 and (lent or _conflict(items[earlier], item)):
                found.append(earlier)
                done |= before[earlier]
        before.append(done | 1 << number)
        waits.append(sorted(found))
    return waits


def lanes_of(waits: Sequence[Sequence[int]], most: int) -> list[int]:
    """A stream for each item: 0 is the caller's own, and there are at most ``most`` others.

    An item follows one that it waits for, or else what is done by then; what waits for neither starts another stream,
    while there are any.
    """
    lanes: list[int] = []
    last: list[int] = []  # the latest item of each stream
    before: list[int] = []  # of each item, all that is done when it is done: a bit each
    for number, found in enumerate(waits):
        done = 0
        for earlier in found:
            done |= before[earlier]
        follows = [lane for lane, item in enumerate(last) if item in found]
        idle = follows or [lane for lane, item in enumerate(last) if done >> item & 1]
        if not idle and len(last) <= most:
            idle = [len(last)]
            last.append(number)
        lane = idle[0] if idle else min(range(len(last)), key=last.__getitem__)
        last[lane] = number
        lanes.append(lane)
        before.append(done | 1 << number)
    return lanes


def _conflict(first: Touched, second: Touched) -> bool:
    if first.anything or second.anything:
        return True
    return _meet(first.writes, second.reads) or _meet(first.reads, second.writes) or _meet(first.writes, second.writes)


def _meet(first: Sequence[Extent], second: Sequence[Extent]) -> bool:
    return any(a < d and c < b for a, b in first for c, d in second)
