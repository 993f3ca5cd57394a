"""Stands in for `cuda.core`, where that is not installed: device, streams, events and buffers, on host memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from minirt.errors import DeviceError
from minirt.standins import graphs, host_memory
from minirt.standins.host_memory import Handle

__path__: list[str] = []  # so that `cuda.core.experimental` can be imported


@dataclass(frozen=True)
class StreamOptions:
    """What a stream is made with; it changes nothing."""

    nonblocking: bool = True
    priority: int | None = None


@dataclass(frozen=True)
class EventOptions:
    """What an event is made with; it changes nothing."""

    enable_timing: bool = True
    busy_waited_sync: bool = False


class Event:
    """A time."""

    def __init__(self) -> None:
        self.handle = Handle.new()
        self.is_done = True

    def sync(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Drop it."""
        host_memory.clock.forget(self.handle)

    def __sub__(self, earlier: Event) -> float:
        return host_memory.clock.milliseconds(earlier.handle, self.handle)


class Stream:
    """A stream: what is put on it has been done."""

    def __init__(self, handle: int | None = None) -> None:
        self.handle = Handle.new() if handle is None else Handle(handle)

    @staticmethod
    def from_handle(handle: int) -> Stream:
        """Return the stream of a handle."""
        return Stream(handle)

    @property
    def device(self) -> Device:
        """The one device."""
        return Device()

    def __cuda_stream__(self) -> tuple[int, int]:
        return 0, int(self.handle)

    def sync(self) -> None:
        """Do nothing."""

    def wait(self, event_or_stream: Any) -> None:
        """Do nothing."""

    def record(self, event: Event | None = None, options: EventOptions | None = None) -> Event:
        """Note the time in an event, a new one if none is given."""
        made = event or Event()
        host_memory.clock.record(made.handle)
        return made

    def create_graph_builder(self) -> GraphBuilder:
        """Return what captures the stream."""
        return GraphBuilder(self)

    def close(self) -> None:
        """Do nothing."""


class Graph:
    """A graph that can be launched."""

    def __init__(self, handle: Handle) -> None:
        self.handle = handle

    def upload(self, stream: Stream) -> None:
        """Do nothing."""

    def launch(self, stream: Stream) -> None:
        """Do what was captured."""
        graphs.launch(self.handle, stream.handle)

    def close(self) -> None:
        """Drop it."""
        graphs.destroy(self.handle)


class GraphBuilder:
    """Captures a stream into a graph."""

    def __init__(self, stream: Stream) -> None:
        self.stream = stream
        self._made: Handle | None = None

    def begin_building(self, mode: str = "relaxed") -> GraphBuilder:
        """Capture from now on."""
        graphs.begin(self.stream.handle)
        return self

    def end_building(self) -> GraphBuilder:
        """Stop."""
        self._made = graphs.end(self.stream.handle)
        return self

    def complete(self, options: Any = None) -> Graph:
        """Return the graph."""
        return Graph(graphs.instantiate(self._made))


class Buffer:
    """Memory that is freed when it is closed."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.handle = Handle(host_memory.allocate(size))

    def copy_to(self, dst: Buffer | None = None, *, stream: Any = None) -> Buffer:
        """Copy to a buffer, a new one if none is given."""
        to = dst or Buffer(self.size)
        host_memory.copy(to.handle, self.handle, self.size)
        return to

    def copy_from(self, src: Buffer, *, stream: Any = None) -> None:
        """Copy from a buffer."""
        host_memory.copy(self.handle, src.handle, min(self.size, src.size))

    def close(self, stream: Any = None) -> None:
        """Free the memory."""
        host_memory.release(self.handle)
        self.handle = Handle(0)


class Device:
    """The one device; raises DeviceError for an index other than 0."""

    def __init__(self, device_id: int | None = None) -> None:
        if device_id:
            raise DeviceError("minirt's stand-in, for machines without a GPU, has one device", f"device {device_id}")
        self.device_id = 0
        self.name = host_memory.NAME
        self.compute_capability = host_memory.CAPABILITY
        self.arch = "".join(map(str, host_memory.CAPABILITY))
        self.default_stream = Stream(0)

    def set_current(self, ctx: Any = None) -> None:
        """Do nothing."""

    def create_stream(self, obj: Any = None, options: StreamOptions | None = None) -> Stream:
        """Return a new stream, or the one that an object with `__cuda_stream__` has."""
        return Stream() if obj is None else Stream(obj.__cuda_stream__()[1])

    def create_event(self, options: EventOptions | None = None) -> Event:
        """Return a new event."""
        return Event()

    def allocate(self, size: int, stream: Any = None) -> Buffer:
        """Return new memory."""
        return Buffer(size)

    def sync(self) -> None:
        """Do nothing."""


class Program:
    """CUDA source that is compiled; raises DeviceError, as it has nothing to run on."""

    def __init__(self, code: str, code_type: str, options: Any = None) -> None:
        raise DeviceError(
            "CUDA source cannot run on the CPU", "cuda.core.Program", "run the script where there is a GPU"
        )


def __getattr__(name: str) -> Any:
    raise AttributeError(f"minirt's stand-in of cuda.core, for machines without a GPU, has no '{name}'")
