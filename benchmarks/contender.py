"""Who is compared: something that runs inferences on a stream, and how that is timed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minirt.runtime import device as dev

WARM_UPS = 3
BURSTS, BURST = 30, 4
"""Calls whose cost to the host is measured; a few at a time, as a full queue would make a call wait."""


class Absent(Exception):
    """A peer that is not there, or gave up; the message says why."""


@dataclass
class Contender:
    """``call`` runs an inference, or puts it on ``stream`` where there is a device (None: it has run at return).

    ``first`` reads the first output as float32; ``facts`` are further figures of the row; ``keep`` is kept alive.
    """

    name: str
    call: Callable[[], Any]
    first: Callable[[], NDArray[np.float32]]
    stream: int | None = None
    facts: dict[str, float] = field(default_factory=dict)
    keep: Any = None

    def wait(self) -> None:
        """Until what was called is done."""
        if self.stream is not None:
            dev.synchronize(self.stream)

    def milliseconds(self, repeats: int) -> float:
        """Of one of so many inferences in a row: on the device's clock where there is one."""
        if self.stream is None:
            start = time.perf_counter()
            for _ in range(repeats):
                self.call()
            return (time.perf_counter() - start) * 1e3 / repeats
        begin, end = dev.Event(dev.Device(0)), dev.Event(dev.Device(0))
        begin.record(self.stream)
        for _ in range(repeats):
            self.call()
        end.record(self.stream)
        end.synchronize()
        return end.milliseconds_since(begin) / repeats

    def host_microseconds(self) -> HostTime:
        """What one call costs the host: bursts that the device has room for, each after it was idle."""
        idle, following = [], []
        for _ in range(BURSTS):
            self.wait()
            marks = [time.perf_counter()]
            for _ in range(BURST):
                self.call()
                marks.append(time.perf_counter())
            first, *others = (b - a for a, b in zip(marks, marks[1:], strict=False))
            idle.append(first)
            following += others
        self.wait()
        return HostTime(*(sorted(times)[len(times) // 2] * 1e6 for times in (idle, following)))


@dataclass(frozen=True)
class HostTime:
    """Median microseconds of a call: the first one after a wait, whose code the caches may hold no more, and others."""

    idle: float
    following: float


@dataclass(frozen=True)
class Timing:
    """Milliseconds of the rounds of one contender."""

    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return sorted(self.rounds)[len(self.rounds) // 2]

    @property
    def spread(self) -> float:
        """Half the distance between the quartiles, over the median."""
        ordered = sorted(self.rounds)
        n = len(ordered)
        return (ordered[(3 * n) // 4 if n > 1 else 0] - ordered[n // 4]) / 2 / self.median


def interleaved(contenders: Sequence[Contender], rounds: int, repeats: int) -> list[Timing]:
    """Times taken by turns, so that a change of clocks meets everyone."""
    for one in contenders:
        for _ in range(WARM_UPS):
            one.call()
        one.wait()
    found: list[list[float]] = [[] for _ in contenders]
    for _ in range(rounds):
        for times, one in zip(found, contenders, strict=True):
            times.append(one.milliseconds(repeats))
    return [Timing(tuple(times)) for times in found]


def error(got: NDArray[np.floating], want: NDArray[np.floating]) -> float:
    """Max |got - want| / max |want|; infinite where shapes differ or a number is not finite."""
    if got.shape != want.shape or not np.isfinite(got).all():
        return float("inf")
    return float(np.abs(got - want).max() / max(float(np.abs(want).max()), 1e-30))
