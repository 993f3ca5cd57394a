"""Times of single launches: each alone, many times in a graph, so that neither the host nor its neighbours count."""

from __future__ import annotations

from collections.abc import Sequence

from minirt.runtime.device.device import Device
from minirt.runtime.device.events import Event
from minirt.runtime.device.graphs import Graph
from minirt.runtime.device.launches import PackedLaunch

_FEW, _MOST = 8, 64
_ENOUGH_US = 300.0
_SAMPLES = 3


def repeated_times(device: Device, launches: Sequence[PackedLaunch], stream: int) -> list[float]:
    """Microseconds of each launch as one of a chain of its own copies; what lies in the cache stays there.

    The launches overwrite what they write, over and over: nothing of the run's results is left.
    """
    start, end = Event(device), Event(device)
    out = []
    with device.current():
        for launch in launches:
            once = _time(Graph(device, [launch] * _FEW), stream, start, end) / _FEW
            count = int(min(_MOST, max(_FEW, _ENOUGH_US / max(once, 0.1))))
            graph = Graph(device, [launch] * count)
            out.append(min(_time(graph, stream, start, end) for _ in range(_SAMPLES)) / count)
    return out


def _time(graph: Graph, stream: int, start: Event, end: Event) -> float:
    graph.launch(stream)
    start.record(stream)
    graph.launch(stream)
    end.record(stream)
    end.synchronize()
    return end.milliseconds_since(start) * 1e3
