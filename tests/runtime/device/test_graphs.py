"""CUDA graphs on a GPU: order, changes, branches, capture, leaks."""

from __future__ import annotations

import gc

import numpy as np
import pytest

from minirt.errors import DeviceError
from minirt.runtime import device as dev
from tests.runtime.device.kernels import DEVICE, STEP, chain, launch, put, random

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not dev.available(), reason="needs a CUDA device")]


@pytest.fixture
def stream() -> dev.Stream:
    return dev.Stream(DEVICE)


@pytest.mark.parametrize("programmatic", [False, True])
def test_a_graph_runs_its_nodes_in_order_and_follows_changes(stream: dev.Stream, programmatic: bool) -> None:
    if programmatic and DEVICE.properties.capability < (9, 0):
        pytest.skip("programmatic launches are Hopper's")
    steps, memories = chain(10, programmatic=programmatic)
    x = random(1000)
    source, target = put(x), put(np.zeros(1000, np.float32))
    start = dev.Copy(memories[0].address, source.address, 4000)
    tail = dev.Fill(memories[10].address, 0x3F800000, 10, 4)
    out = launch("chained", STEP, target.address, memories[10].address, 1000)
    graph = dev.Graph(DEVICE, [start, *steps, tail, out])
    graph.upload(stream.handle)
    expected = x.copy()
    for _ in range(10):
        expected += 1
    expected[:10] = 1
    for _ in range(2):
        dev.fill(DEVICE, target.address, 255, 4000, stream.handle)
        with DEVICE.current():
            graph.launch(stream.handle)
        np.testing.assert_array_equal(target.download((1000,), "float32", stream.handle), expected + 1)
    elsewhere, other = put(np.zeros(1000, np.float32)), random(1000)
    out.set(0, elsewhere.address)
    graph.update(out)
    source2 = put(other)
    start2 = dev.Copy(memories[0].address, source2.address, 4000)
    graph.update(start, start2)
    tail2 = dev.Fill(memories[10].address, 0, 5, 4)
    graph.update(tail, tail2)
    graph.update(start2, start2)
    with DEVICE.current():
        graph.launch(stream.handle)
    for _ in range(10):
        other += 1
    other[:5] = 0
    np.testing.assert_array_equal(elsewhere.download((1000,), "float32", stream.handle), other + 1)
    with pytest.raises(DeviceError, match="not in this graph"):
        graph.update(start)
    graph.close()


def test_a_graph_with_branches_waits_for_all_of_them(stream: dev.Stream) -> None:
    steps, memories = chain(3)
    joined = put(np.zeros(3000, np.float32))
    copies = [dev.Copy(joined.address + 4000 * i, memories[i + 1].address, 4000) for i in range(3)]
    graph = dev.Graph(DEVICE, [*steps, *copies], [[], [0], [1], [0], [1], [2]])
    with DEVICE.current():
        graph.launch(stream.handle)
    assert (joined.download((3, 1000), "float32", stream.handle) == [[1], [2], [3]]).all()
    with pytest.raises(DeviceError, match="only wait for nodes before"):
        dev.Graph(DEVICE, steps, [[1], [], []])


def test_capture_records_and_a_failure_within_it_leaves_the_stream_usable(stream: dev.Stream) -> None:
    steps, memories = chain(5)
    seen = []

    def record(handle: int) -> None:
        seen.append(dev.is_capturing(handle))
        for step in steps:
            step.run(handle)

    def broken(handle: int) -> None:
        record(handle)
        raise RuntimeError("user code")

    with pytest.raises(RuntimeError, match="user code"):
        dev.CapturedGraph(DEVICE, stream.handle, broken)
    graph = dev.CapturedGraph(DEVICE, stream.handle, record)
    assert seen == [True, True] and not dev.is_capturing(stream.handle)
    assert (memories[5].download((1000,), "float32", stream.handle) == 0).all()
    with DEVICE.current():
        graph.launch(stream.handle)
    assert (memories[5].download((1000,), "float32", stream.handle) == 5).all()
    with pytest.raises(DeviceError, match="default stream"):
        dev.CapturedGraph(DEVICE, 0, record)


def test_graphs_leave_no_memory_behind(stream: dev.Stream) -> None:
    steps, _ = chain(50)

    def build() -> None:
        for _ in range(40):
            graph = dev.Graph(DEVICE, steps)
            graph.upload(stream.handle)
            stream.synchronize()

    build()
    gc.collect()
    before = DEVICE.free_memory()
    build()
    gc.collect()
    assert DEVICE.free_memory() >= before - (4 << 20)
