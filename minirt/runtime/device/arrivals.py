"""Weights that arrive from host memory between the launches of a segment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from minirt.errors import DeviceError
from minirt.runtime.device.device import Device
from minirt.runtime.device.graphs import Copy
from minirt.runtime.device.launches import PackedLaunch
from minirt.runtime.device.memory import copy


@dataclass(frozen=True)
class Arrival(Copy):
    """A copy from page-locked host memory in a segment; item ``after`` is the last to read what it overwrites."""

    device: Device | None = None
    after: int = -1

    def run(self, stream: int) -> None:
        """Put the copy on the stream."""
        if self.device is None:
            raise DeviceError("weights arrive on no device")
        copy(self.device, self.destination, self.source, self.nbytes, stream)

    run_early = run


def dependencies(items: Sequence[PackedLaunch | Arrival]) -> list[list[int]] | None:
    """Which items of a graph each waits for, so that weights arrive while launches run; None where none arrive.

    A launch waits for the launch before it and for what arrived since; an arrival for the arrival before it, and for
    the launch that still reads the memory it overwrites.
    """
    if not any(isinstance(item, Arrival) for item in items):
        return None
    waits: list[list[int]] = []
    launch, arrivals, arrival = -1, list[int](), -1
    for number, item in enumerate(items):
        if isinstance(item, Arrival):
            waits.append(sorted({n for n in (item.after, arrival) if n >= 0}))
            arrival = number
            arrivals.append(number)
        else:
            waits.append(([launch] if launch >= 0 else []) + arrivals)
            launch, arrivals = number, []
    return waits
