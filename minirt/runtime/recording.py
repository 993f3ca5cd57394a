"""Streams that record work instead of doing it: what the capture of a CUDA graph is where work is done by the host."""

from __future__ import annotations

from collections.abc import Callable

Work = Callable[[], None]
_RECORDINGS: dict[int, list[Work]] = {}
_HEARERS: list[Callable[[int], None]] = []


def hear_events(hearer: Callable[[int], None]) -> None:
    """Let a function hear of each event, by its handle, that work done by the host records."""
    _HEARERS.append(hearer)


def record_event(event: int) -> None:
    """Record an event now, for whoever hears of events."""
    for hearer in _HEARERS:
        hearer(event)


def begin(stream: int) -> bool:
    """Record what is put on a stream from now on; False where it is recorded already."""
    if stream in _RECORDINGS:
        return False
    _RECORDINGS[stream] = []
    return True


def end(stream: int) -> list[Work] | None:
    """Stop, and return what was recorded, in order; None where nothing was begun."""
    return _RECORDINGS.pop(stream, None)


def recorded(stream: int) -> bool:
    """Return whether a stream is being recorded."""
    return stream in _RECORDINGS


def put(stream: int, work: Work) -> None:
    """Do the work, or keep it where the stream is being recorded."""
    kept = _RECORDINGS.get(stream)
    if kept is None:
        work()
    else:
        kept.append(work)
