"""The memory plan: buffers alive together never overlap."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from minirt.build.memory import ALIGN, Lifetime, plan_offsets

LIFETIMES = st.lists(
    st.tuples(st.integers(0, 5000), st.integers(0, 20), st.integers(0, 8)).map(
        lambda t: Lifetime(t[0], t[1], t[1] + t[2])
    ),
    max_size=40,
)


@given(LIFETIMES)
def test_live_buffers_do_not_overlap(lifetimes: list[Lifetime]) -> None:
    offsets, total = plan_offsets(lifetimes)
    assert all(o % ALIGN == 0 and o + x.bytes <= total for o, x in zip(offsets, lifetimes, strict=True))
    for i, a in enumerate(lifetimes):
        for j, b in enumerate(lifetimes[:i]):
            if a.first <= b.last and b.first <= a.last:
                assert offsets[i] + a.bytes <= offsets[j] or offsets[j] + b.bytes <= offsets[i]


@given(LIFETIMES)
def test_the_arena_is_no_larger_than_all_buffers_side_by_side(lifetimes: list[Lifetime]) -> None:
    _, total = plan_offsets(lifetimes)
    assert total <= sum(-(-x.bytes // ALIGN) * ALIGN for x in lifetimes)


def test_a_chain_takes_two_places() -> None:
    chain = [Lifetime(1024, i, i + 1) for i in range(10)]
    assert plan_offsets(chain)[1] == 2048
