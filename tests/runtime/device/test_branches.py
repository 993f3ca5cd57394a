"""Dependencies of launches, from the memory that they touch."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from minirt.plan.launch import Address, Integer, Launch, Unit
from minirt.runtime.device.branches import Touched, touched, waits_of

SPANS = st.tuples(st.integers(0, 12), st.integers(1, 4)).map(lambda p: (p[0], p[0] + p[1]))
UNKNOWN = st.sampled_from([False] * 9 + [True])
ITEMS = st.builds(Touched, st.lists(SPANS, max_size=3).map(tuple), st.lists(SPANS, max_size=2).map(tuple), UNKNOWN)


class Bases:
    """Buffer 0 is a weight, 1 and 2 lie in memory, 3 is the caller's."""

    def address(self, buffer: int) -> int:
        return 100 * buffer

    def outside(self, buffer: int) -> bool:
        return buffer == 3

    def extent(self, buffer: int) -> tuple[int, int] | None:
        return [None, (100, 150), (140, 200), (-5, -4)][buffer]


def test_a_shortcut_runs_beside_what_it_goes_round() -> None:
    x, y, z, short, out = ((i, i + 1) for i in range(5))
    items = [
        Touched((), (x,)), Touched((x,), (y,)), Touched((y,), (z,)), Touched((x,), (short,)),
        Touched((z, short), (out,)),
    ]  # fmt: skip
    assert waits_of(items) == [[], [0], [1], [0], [2, 3]]


def test_memory_that_is_used_again_is_waited_for() -> None:
    a, b = (0, 8), (4, 12)
    assert waits_of([Touched((), (a,)), Touched((a,), ()), Touched((), (b,))]) == [[], [0], [1]]


def test_an_output_is_written_once_every_input_was_read_that_comes_before() -> None:
    """A caller may let an output lie where an input does; that later launches read the input then cannot be meant."""
    given, other, made, last = (-9, -8), (-8, -7), (-7, -6), (-6, -5)
    items = [Touched((given,)), Touched((), (made,)), Touched((other,)), Touched((made,)), Touched((), (last,))]
    assert waits_of(items) == [[], [0], [], [1], [0, 2]]


def test_what_launches_touch() -> None:
    args = (Address("buffer", 0), Address("buffer", 1), Integer(3), Address("buffer", 2), Address("buffer", 3))
    launch = Launch(Unit("k", {}), args, (1, 1, 1))
    assert touched(launch, Bases()).anything
    known = Launch(Unit("k", {}), args, (1, 1, 1), writes=(2,))
    assert touched(known, Bases()) == Touched(((100, 150), (-5, -4)), ((140, 200),))


@given(st.lists(ITEMS, max_size=12))
def test_every_conflict_is_ordered(items: list[Touched]) -> None:
    waits = waits_of(items)
    done: list[set[int]] = []
    for number, earlier in enumerate(waits):
        done.append({number}.union(*(done[e] for e in earlier)))
    for i, first in enumerate(items):
        for j in range(i + 1, len(items)):
            second = items[j]
            if first.anything or second.anything or _share(first, second):
                assert i in done[j]


def _share(first: Touched, second: Touched) -> bool:
    def cells(spans: tuple[tuple[int, int], ...]) -> set[int]:
        return {c for a, b in spans for c in range(a, b)}

    w, r = cells(first.writes), cells(first.reads)
    return bool(w & (cells(second.reads) | cells(second.writes)) or r & cells(second.writes))
