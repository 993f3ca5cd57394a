"""Launches bound for one set of sizes: run one by one at first, as one graph from the second time on."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from minirt.errors import DeviceError
from minirt.flags import flags
from minirt.runtime.backend import Again
from minirt.runtime.device.arrivals import Arrival, dependencies
from minirt.runtime.device.device import Device
from minirt.runtime.device.events import Event
from minirt.runtime.device.graphs import Graph
from minirt.runtime.device.launches import PackedLaunch
from minirt.runtime.device.plain import Plain
from minirt.runtime.device.streams import is_capturing, synchronize

WORTH_A_GRAPH = 3
"""Fewer launches than this cost the host less one by one than as a graph."""
KEPT_GRAPHS = 4
"""Graphs of one segment, each at other addresses, for callers that take turns among a few sets of buffers."""

_UNKNOWN = -1

Slot = tuple[int, int, int]  # launch, argument, bytes beyond the buffer's start
Places = tuple[int, ...]  # where the caller's buffers are, in one order


class CudaSegment:
    """Launches packed for one set of sizes: run one by one at first, as one graph from the second time on.

    ``slots`` are the arguments that hold addresses in a caller's buffers, and ``places`` where those buffers are. Other
    addresses that come back get a graph of their own; those that do not are put into the oldest graph. ``waits`` says
    for each launch which others it waits for, where that is not the one before.
    """

    def __init__(
        self,
        device: Device,
        labels: Sequence[str],
        launches: Sequence[PackedLaunch | Arrival],
        slots: Mapping[int, list[Slot]],
        places: Mapping[int, int],
        waits: Callable[[], list[list[int]] | None] | None = None,
        plain: Plain | None = None,
    ) -> None:
        self.device, self._waits = device, waits or (lambda: None)
        self._plain = plain or Plain(device, labels, launches)
        self._labels, self._launches, self._slots = labels, launches, slots
        self._wanted = {buffer: places[buffer] for buffer in slots}
        self._packed = dict(self._wanted)
        self._graphs: OrderedDict[Places, Graph] = OrderedDict()
        self._met: deque[Places] = deque(maxlen=2 * KEPT_GRAPHS)
        self._used = False
        self._worth = len(launches) >= WORTH_A_GRAPH and flags().cuda_graph

    def patch(self, buffer: int, address: int) -> None:
        """Give a caller's buffer a new address."""
        if buffer in self._wanted:
            self._wanted[buffer] = address

    def run(self, stream: int) -> None:
        """Put every launch on the stream; on a stream that is capturing they are recorded one by one."""
        with self.device.current():
            capturing = is_capturing(stream)
            if self._plain.checked and not capturing:
                self._pack()
                self._plain.run_checked(stream)
                return
            if self._worth and self._used and not capturing:
                self._graph().launch(stream)
                return
            self._pack()
            once = self._worth and not capturing  # what is launched again, one by one or recorded, may begin early
            self._plain.run(stream, early=not once)
        self._used = True
        self._met.append(tuple(self._wanted.values()))

    def repeat(self) -> Again | None:
        """What does the run before again, at its addresses; None where nothing does."""
        if not self._worth:
            packed = dict(self._packed)
            return Again(lambda: self._packed == packed, self._one_by_one)
        graph = self._graphs.get(tuple(self._wanted.values()))
        if graph is None:
            return None
        version = graph.version
        return Again(lambda: graph.version == version, graph.launch)  # a graph may be given other addresses

    def _one_by_one(self, stream: int) -> None:
        self._plain.run(stream, early=True)

    def _graph(self) -> Graph:
        """The graph at the addresses of now."""
        places = tuple(self._wanted.values())
        found = self._graphs.get(places)
        if found is None:
            self._pack()
            if not self._graphs or (places in self._met and len(self._graphs) < KEPT_GRAPHS):
                found = Graph(self.device, self._launches, self._waits() or dependencies(self._launches))
            else:
                old, found = self._graphs.popitem(last=False)
                self._met.append(old)
                self._take_over(found, old)
            self._graphs[places] = found
        self._graphs.move_to_end(places)
        return found

    def _take_over(self, graph: Graph, old: Places) -> None:
        """Give a graph the addresses of now."""
        moved = [b for b, was in zip(self._wanted, old, strict=True) if was != self._wanted[b]]
        for number in sorted({number for buffer in moved for number, _, _ in self._slots[buffer]}):
            launch = self._launches[number]
            assert isinstance(launch, PackedLaunch)
            graph.update(launch)

    def _pack(self) -> None:
        """Write the addresses of now into the arguments."""
        for buffer, address in self._wanted.items():
            if self._packed[buffer] != address:
                self._packed[buffer] = _UNKNOWN  # until all of them are written
                for number, argument, offset in self._slots[buffer]:
                    self._set(number, argument, address + offset)
                self._packed[buffer] = address

    def _set(self, number: int, argument: int, address: int) -> None:
        try:
            launch = self._launches[number]
            assert isinstance(launch, PackedLaunch)
            launch.set(argument, address)
        except DeviceError as error:
            raise DeviceError(error.what, f"node {self._labels[number]!r}", error.fix) from error

    @property
    def launches(self) -> Sequence[PackedLaunch]:
        """The launches, in order, at the addresses of now."""
        self._pack()
        return [x for x in self._launches if isinstance(x, PackedLaunch)]

    @property
    def has_graph(self) -> bool:
        """True once the launches are submitted as a graph."""
        return bool(self._graphs)

    def profile(self, stream: int) -> list[tuple[str, str, float]]:
        """Run once and wait: for each launch its node, its kernel's entry and its microseconds on the device."""
        self._pack()
        events = [Event(self.device) for _ in range(len(self._launches) + 1)]
        with self.device.current():
            events[0].record(stream)
            for number, (launch, event) in enumerate(zip(self._launches, events[1:], strict=True)):
                if self._plain.checked:
                    self._plain.check(number, stream, partial(launch.run, stream))
                else:
                    launch.run(stream)
                event.record(stream)
        synchronize(stream)
        times = [1e3 * b.milliseconds_since(a) for a, b in zip(events, events[1:], strict=False)]
        entries = [x.kernel.entry if isinstance(x, PackedLaunch) else "weights arrive" for x in self._launches]
        return list(zip(self._labels, entries, times, strict=True))
