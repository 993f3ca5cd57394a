"""Runs with plugins that may be recorded: from the second run on the same memory on, one graph is replayed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from minirt.errors import ApiError, MinirtError
from minirt.runtime.backend import Backend
from minirt.runtime.frame import Frame
from minirt.trace import Detail, say


class Owner(Protocol):
    """The executor of the plan."""

    backend: Backend
    frame: Frame


@dataclass
class Recording:
    """What is known of a frame's run: the addresses that it was last run on, and the graph of it, if there is one."""

    addresses: tuple[tuple[int, int], ...]
    graph: Any = None
    failed: bool = False


def replay(executor: Owner, run: Callable[[int], None], stream: int) -> bool:
    """Put the run on the stream as a graph; False where it is not recorded yet, or cannot be, and must be run.

    A plugin that raises while it is recorded is not asked again for these addresses.
    """
    frame = executor.frame
    dynamic = [(-1 - b, m.address) for b, m in frame.dynamic.items()]
    addresses = tuple(sorted([*frame.outside.items(), *dynamic]))
    held = frame.recording
    if held is None or held.addresses != addresses:
        frame.recording = Recording(addresses)
        return False
    if held.failed:
        return False
    if held.graph is None:
        try:
            held.graph = executor.backend.record(run)
        except MinirtError as error:
            say(Detail.PHASES, f"not recorded as a graph: {error}")
            held.failed = True
            return False
    with executor.backend.current():
        held.graph.launch(stream)
    return True


def check_recordable(waiting: Sequence[str], unplaced: Sequence[str]) -> None:
    """Raise ApiError where a run cannot be recorded: for steps that need the host, and outputs without an address."""
    if waiting:
        raise ApiError(
            "the host must wait for the device here, which cannot be done on a stream that is capturing",
            f"node {waiting[0]!r}", "run on a stream that is not capturing",
        )  # fmt: skip
    if unplaced:
        raise ApiError(
            "no memory can be allocated for it on a stream that is capturing", f"output {unplaced[0]!r}",
            "give every output an address",
        )  # fmt: skip
