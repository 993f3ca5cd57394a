"""CUDA graphs of the stand-ins: what was put on a captured stream, done again by each launch."""

from __future__ import annotations

from typing import Any

from minirt.errors import ApiError
from minirt.runtime import recording
from minirt.standins.host_memory import Handle

_GRAPHS: dict[int, list[recording.Work]] = {}


def begin(stream: Any) -> None:
    """Capture a stream from now on; raises ApiError where it is captured already, or is the default stream."""
    if not int(stream or 0) or not recording.begin(int(stream)):
        raise ApiError("it is the default stream, or is captured already", f"stream {stream}")


def end(stream: Any) -> Handle:
    """Stop, and return the graph; raises ApiError where the stream is not captured."""
    works = recording.end(int(stream or 0))
    if works is None:
        raise ApiError("it is not captured", f"stream {stream}")
    return _keep(works)


def instantiate(graph: Any) -> Handle:
    """Return an executable graph; raises ApiError for what is no graph."""
    return _keep(list(_of(graph)))


def update(executable: Any, graph: Any) -> None:
    """Let an executable graph do what another graph does; raises ApiError for what is no graph."""
    _of(executable)[:] = _of(graph)


def launch(executable: Any, stream: Any) -> None:
    """Do what was captured, or record it; raises ApiError for what is no graph."""
    for work in list(_of(executable)):
        recording.put(int(stream or 0), work)


def count(graph: Any) -> int:
    """Return how many works a graph has."""
    return len(_of(graph))


def destroy(graph: Any) -> None:
    """Drop a graph; raises ApiError for what is no graph."""
    _of(graph)
    del _GRAPHS[int(graph)]


def _keep(works: list[recording.Work]) -> Handle:
    made = Handle.new()
    _GRAPHS[int(made)] = works
    return made


def _of(graph: Any) -> list[recording.Work]:
    if int(graph or 0) not in _GRAPHS:
        raise ApiError("it is no graph, or was destroyed", f"graph {graph}")
    return _GRAPHS[int(graph)]
