"""Launches on several streams, with events between them: what must wait does, and the run's stream has it all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minirt.runtime.backend import Manner
from minirt.runtime.device import plain
from minirt.runtime.device.branches import lanes_of
from minirt.runtime.device.plain import Plain

DAGS = st.integers(1, 14).flatmap(
    lambda n: st.tuples(*(st.sets(st.integers(0, max(0, i - 1)), max_size=3 if i else 0).map(sorted) for i in range(n)))
)


@dataclass
class Streams:
    """What each stream has done once all that is on it is done."""

    done: dict[int, set[int]] = field(default_factory=dict)
    seen: dict[int, set[int]] = field(default_factory=dict)
    at: dict[int, int] = field(default_factory=dict)
    early: set[int] = field(default_factory=set)


@dataclass
class Launch:
    streams: Streams
    number: int

    def run(self, stream: int) -> None:
        done = self.streams.done.setdefault(stream, set())
        self.streams.seen[self.number], self.streams.at[self.number] = set(done), stream
        done.add(self.number)

    def run_early(self, stream: int) -> None:
        self.streams.early.add(self.number)
        self.run(stream)


class FakeEvent:
    """An event over `Streams`."""

    world: Streams

    def __init__(self, device: Any, *, timing: bool = True) -> None:
        assert not timing
        self.done: set[int] | None = None

    def record(self, stream: int) -> None:
        self.done = set(self.world.done.setdefault(stream, set()))

    def hold(self, stream: int) -> None:
        assert self.done is not None, "nothing was recorded"
        self.world.done.setdefault(stream, set()).update(self.done)


@dataclass
class Own:
    handle: int


def ran(waits: list[list[int]], most: int, lent: list[int] | None = None, runs: int = 1) -> tuple[Streams, list[int]]:
    """What happens on the streams in the last of some runs on stream 7, whose work of before is -1."""
    world = Streams()
    lanes = lanes_of(waits, most)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plain, "Event", FakeEvent)
        manner = Manner([Own(100 + i) for i in range(max(lanes))], lent or [])
        launches: Any = [Launch(world, n) for n in range(len(waits))]
        made = Plain(Any, [str(n) for n in range(len(waits))], launches, manner, lanes, waits)  # type: ignore[arg-type]
        for _ in range(runs):
            FakeEvent.world = world
            world.done, world.early = {7: {-1}}, set()
            made.run(7, early=True)
    return world, lanes


@given(DAGS, st.integers(0, 4), st.integers(1, 2))
def test_what_must_wait_waits(dag: tuple[list[int], ...], most: int, runs: int) -> None:
    waits = list(dag)
    world, lanes = ran(waits, most, runs=runs)
    assert max(lanes) <= most
    for number, earlier in enumerate(waits):
        assert {-1, *earlier} <= world.seen[number]
    assert world.done[7] == {-1, *range(len(waits))}


@given(DAGS)
def test_one_stream_where_there_may_be_no_other(dag: tuple[list[int], ...]) -> None:
    world, lanes = ran(list(dag), 0)
    assert set(lanes) == {0}
    assert set(world.at.values()) == {7}
    assert world.early == set(range(len(dag)))


def test_branches_have_streams_and_a_chain_has_one() -> None:
    assert lanes_of([[], [0], [1], [2]], 3) == [0, 0, 0, 0]
    fork = [[], [0], [0], [0], [1], [2], [3], [4, 5, 6]]
    assert lanes_of(fork, 3) == [0, 0, 1, 2, 0, 1, 2, 0]
    assert max(lanes_of(fork, 1)) == 1
    world, _ = ran(fork, 3)
    assert [world.at[n] for n in range(8)] == [7, 7, 100, 101, 7, 100, 101, 7]
    assert world.seen[4] == {-1, 0, 1}  # beside the other branches
    assert not world.early  # what waits for several streams waits for them to end


def test_a_stream_is_used_again_once_its_work_is_done() -> None:
    """After a join the next fork takes the streams of the first."""
    assert lanes_of([[], [0], [0], [1, 2], [3], [3], [4, 5]], 3) == [0, 0, 1, 0, 0, 1, 0]


def test_the_callers_streams_come_first() -> None:
    fork = [[], [0], [0], [0], [1, 2, 3]]
    few, _ = ran(fork, 3, [55])
    assert [few.at[n] for n in range(5)] == [7, 7, 55, 101, 7]
    many, _ = ran(fork, 3, [55, 56, 57, 58])
    assert [many.at[n] for n in range(5)] == [7, 7, 55, 56, 7]


def test_all_on_one_stream_where_dependencies_are_not_known() -> None:
    world = Streams()
    launches: Any = [Launch(world, n) for n in range(3)]
    made = Plain(Any, ["a", "b", "c"], launches, Manner([Own(100)]), [0, 1, 0], None)  # type: ignore[arg-type]
    made.run(7)
    assert set(world.at.values()) == {7}
