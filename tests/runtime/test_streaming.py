"""Streamed weights are in the ring when a launch reads them, whatever the order in which copies and launches end."""

from __future__ import annotations

import random

import pytest

from minirt.plan.launch import Address, Arg, Integer, Launch, TensorMap, Unit
from minirt.runtime.backend import Transfer
from minirt.runtime.device.arrivals import Arrival, dependencies
from minirt.runtime.streaming import ALIGNED, Hosted, room, weights_of, with_transfers
from minirt.runtime.unroll import NOWHERE

RING = 1 << 20


def launch_of(buffers: list[int]) -> Launch:
    args: list[Arg] = [Address("buffer", 1000, 8), *(Address("buffer", b, 16) for b in buffers), Integer(7)]
    return Launch(Unit("K", {}), tuple(args), (1, 1, 1))


@pytest.mark.parametrize("seed", range(30))
def test_launches_read_what_they_need(seed: int) -> None:
    rng = random.Random(seed)
    hosted = {b: Hosted(10_000_000 * (b + 1), rng.randint(1, 5000)) for b in range(6)}
    sizes = {b: h.nbytes for b, h in hosted.items()}
    wanted = [rng.sample(range(6), rng.randint(0, 3)) for _ in range(40)]
    size = 2 * max(room(b, sizes) for b in wanted)
    out = with_transfers([(str(i), launch_of(b)) for i, b in enumerate(wanted)], hosted, RING, size)
    items = [work for _, work in out]
    assert [label for label, work in out if isinstance(work, Launch)] == [str(i) for i in range(40)]
    owner: dict[int, int] = {}  # byte of the ring -> buffer, in steps of ALIGNED
    readers: dict[int, int] = {}
    launches = iter(wanted)
    for place, work in enumerate(items):
        if isinstance(work, Transfer):
            assert RING <= work.target <= work.target + work.nbytes <= RING + size
            buffer = next(b for b, h in hosted.items() if h.address == work.source)
            for at in range(work.target, work.target + work.nbytes, ALIGNED):
                assert readers.get(at, -1) <= work.after < place
                owner[at] = buffer
        else:
            buffers = next(launches)
            read = [a for a in work.args if isinstance(a, Address)]
            assert read[0] == Address("buffer", 1000, 8)
            for buffer, arg in zip(buffers, read[1:], strict=True):
                assert arg.index == NOWHERE
                assert isinstance(arg.offset, int)
                start = arg.offset - 16
                for at in range(start, start + sizes[buffer], ALIGNED):
                    assert owner[at] == buffer
                    readers[at] = place


def test_weights_under_tensor_maps_are_moved() -> None:
    tensor_map = TensorMap(Address("buffer", 3, 64), "f16", (8, 8), (16,), (8, 8), (1, 1))
    launch = Launch(Unit("K", {}), (tensor_map,), (1, 1, 1))
    assert weights_of(launch, [3, 4]) == [3]
    (_, transfer), (_, moved) = with_transfers([("n", launch)], {3: Hosted(5, 128)}, RING, 512)
    assert isinstance(transfer, Transfer)
    assert isinstance(moved, Launch)
    arg = moved.args[0]
    assert isinstance(arg, TensorMap)
    assert arg.address == Address("buffer", NOWHERE, RING + 64)


def test_dependencies_let_weights_arrive_while_launches_run() -> None:
    class Plain:
        pass

    items = [Arrival(0, 0, 1), Plain(), Arrival(0, 0, 1), Plain(), Arrival(0, 0, 1, after=1), Plain()]
    assert dependencies(items) == [[], [0], [0], [1, 2], [1, 2], [3, 4]]  # type: ignore[arg-type]
    assert dependencies([Plain(), Plain()]) is None  # type: ignore[list-item]
