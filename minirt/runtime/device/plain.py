"""Launches put on streams one by one: branches on streams of their own, each launch in an NVTX range where asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from minirt.errors import DeviceError
from minirt.runtime.backend import Manner
from minirt.runtime.device.arrivals import Arrival
from minirt.runtime.device.device import Device
from minirt.runtime.device.events import Event
from minirt.runtime.device.launches import PackedLaunch
from minirt.runtime.device.ranges import Marked
from minirt.runtime.device.streams import synchronize


class Plain:
    """The launches of a segment, in order.

    ``lanes[i]`` numbers the stream of launch i among those of the manner, 0 for that of the run, and ``waits[i]`` are
    the launches before it that it must wait for; without either, each waits for the one before. Every stream waits for
    what is on that of the run, which waits for all of them in the end: so a run that is being captured stays one graph.
    ``reader`` is the last launch that reads what the caller lent, -1 for none.
    """

    def __init__(
        self,
        device: Device,
        labels: Sequence[str],
        launches: Sequence[PackedLaunch | Arrival],
        manner: Manner | None = None,
        lanes: Sequence[int] = (),
        waits: Sequence[Sequence[int]] | None = None,
        reader: int = -1,
    ) -> None:
        self._reader = reader
        self._labels, self._launches, self._manner = labels, launches, manner or Manner()
        self._lanes = list(lanes) if waits is not None and any(lanes) else []
        self._others = sorted(set(self._lanes) - {0})
        self._crossings: list[list[int]] = []
        self._events: dict[int, Event] = {}
        self._ends: dict[int, Event] = {}
        if self._lanes and waits is not None:
            self._crossings = [
                [e for e in earlier if self._lanes[e] != lane] for lane, earlier in zip(self._lanes, waits, strict=True)
            ]
            told = {e for earlier in self._crossings for e in earlier}
            self._events = {e: Event(device, timing=False) for e in sorted(told)}
            self._ends = {lane: Event(device, timing=False) for lane in [0, *self._others]}

    @property
    def checked(self) -> bool:
        """Whether each launch is to be waited for."""
        return self._manner.done is not None

    def run_checked(self, stream: int) -> None:
        """Run the launches one by one, each to its end; raises DeviceError naming the node whose launch fails."""
        for number in range(len(self._launches)):
            self.check(number, stream, partial(self._put, number, stream, False))
            self._read(number, stream)

    def check(self, number: int, stream: int, put: Callable[[], object]) -> None:
        """Put a launch on the stream, and wait for it; raises DeviceError naming its node where that fails."""
        label = self._labels[number]
        try:
            put()
            synchronize(stream)
        except DeviceError as error:
            where = f"node {label!r}, {error.where}" if error.where else f"node {label!r}"
            raise DeviceError(error.what, where, error.fix) from error
        if self._manner.done is not None:
            self._manner.done(label)

    def run(self, stream: int, *, early: bool = False) -> None:
        """Put every launch on its stream; the device must be current.

        Where all are on one stream, ``early`` lets those begin that may run beside the launch before.
        """
        streams = self._manner.streams() if self._lanes else []
        if self._others and len(streams) >= self._others[-1]:
            self._run_spread([stream, *streams])
        elif self._manner.ranges == "NONE" and self._manner.consumed is None:
            for launch in self._launches:
                launch.run_early(stream) if early else launch.run(stream)
        else:
            for number in range(len(self._launches)):
                self._put(number, stream, early)
                self._read(number, stream)

    def _read(self, number: int, stream: int) -> None:
        """Say that the inputs were read, after the last launch that reads them."""
        if number == self._reader and self._manner.consumed is not None:
            self._manner.consumed(stream)

    def _run_spread(self, streams: Sequence[int]) -> None:
        self._ends[0].record(streams[0])
        for lane in self._others:
            self._ends[0].hold(streams[lane])
        for number, lane in enumerate(self._lanes):
            for earlier in self._crossings[number]:
                self._events[earlier].hold(streams[lane])
            self._put(number, streams[lane], False)
            if number in self._events:
                self._events[number].record(streams[lane])
        for lane in self._others:
            self._ends[lane].record(streams[lane])
            self._ends[lane].hold(streams[0])

    def _put(self, number: int, stream: int, early: bool) -> None:
        launch = self._launches[number]
        run = launch.run_early if early else launch.run
        if self._manner.ranges == "NONE":
            run(stream)
            return
        text = self._labels[number]
        if self._manner.ranges == "DETAILED" and isinstance(launch, PackedLaunch):
            text = f"{text} [{launch.kernel.entry}, grid {launch.grid}, block {launch.block}]"
        with Marked(text):
            run(stream)
