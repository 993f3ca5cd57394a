"""The device package on a GPU: memory, streams, launches, clusters, graphs and their updates, tensor maps, threads."""

from __future__ import annotations

import gc
import itertools
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from minirt.errors import DeviceError
from minirt.runtime import device as dev
from tests.runtime.device.kernels import AFFINE, DEVICE, STEP, chain, launch, module, put, random

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not dev.available(), reason="needs a CUDA device")]


@pytest.fixture
def stream() -> dev.Stream:
    return dev.Stream(DEVICE)


def test_properties() -> None:
    assert DEVICE.arch.startswith("sm_") and DEVICE.multiprocessors > 0 and DEVICE.shared_limit >= 48 * 1024
    assert 0 < DEVICE.free_memory() <= DEVICE.memory and DEVICE.l2 > 0
    print(f"\n{DEVICE.properties}")
    with pytest.raises(DeviceError, match="no device cuda:99"):
        _ = dev.Device(99).name


def test_memory_copies_and_fills(stream: dev.Stream) -> None:
    data = random(257, 3)
    memory = put(data)
    np.testing.assert_array_equal(memory.download(data.shape, "float32"), data)
    other, pinned = dev.DeviceMemory(DEVICE, data.nbytes), dev.PinnedMemory(data.nbytes)
    dev.copy(DEVICE, other.address, memory.address, data.nbytes, stream.handle)
    dev.fill(DEVICE, other.address, 0, 12, stream.handle)
    dev.copy(DEVICE, pinned.address, other.address, data.nbytes, stream.handle)
    stream.synchronize()
    view = pinned.view("float32", data.shape)
    assert (view[0] == 0).all()
    np.testing.assert_array_equal(view[1:], data[1:])
    with pytest.raises(DeviceError, match="no 1125899906842624 bytes are free"):
        dev.DeviceMemory(DEVICE, 1 << 50)
    assert memory.address % dev.memory.ALIGNMENT == 0
    before = DEVICE.free_memory()
    big = dev.DeviceMemory(DEVICE, 1 << 30)
    assert DEVICE.free_memory() <= before - (1 << 30)
    del big
    gc.collect()
    assert DEVICE.free_memory() == before


def test_a_users_allocator_gives_and_takes_back() -> None:
    arena = dev.DeviceMemory(DEVICE, 4096)
    taken: list[int] = []
    allocator = dev.Allocator(lambda size, alignment: arena.address if size <= 4096 else 0, taken.append)
    memory = dev.DeviceMemory(DEVICE, 1024, allocator)
    memory.close()
    assert taken == [arena.address]
    with pytest.raises(DeviceError, match="allocator gave no"):
        dev.DeviceMemory(DEVICE, 5000, allocator)


def test_a_launch_takes_every_kind_of_number_and_changes_in_place(stream: dev.Stream) -> None:
    x, other = random(1000), random(1000)
    inputs, others, out = put(x), put(other), put(np.full(1000, np.nan, np.float32))
    packed = launch("affine", AFFINE, out.address, inputs.address, 1000, 2.0, 0.5, -3)
    with DEVICE.current():
        packed.run(stream.handle)
    np.testing.assert_array_equal(out.download((1000,), "float32", stream.handle), 2 * x + np.float32(0.5) - 3)
    packed.set(1, others.address)
    packed.set(3, -1.0)
    with DEVICE.current():
        packed.run(stream.handle)
    np.testing.assert_array_equal(out.download((1000,), "float32", stream.handle), -other + np.float32(0.5) - 3)
    packed.resize((0, 1, 1))
    with DEVICE.current():
        packed.run(stream.handle)
    with pytest.raises(DeviceError, match="cannot be launched"):
        packed.resize((1, 70000, 1))
    packed = launch("affine", AFFINE, 0, 0, 0, 0, 0, 0, block=(2048, 1, 1))
    with DEVICE.current(), pytest.raises(DeviceError, match="'affine' on cuda:0"):
        packed.run(stream.handle)
    with pytest.raises(DeviceError, match="no kernel 'absent'"):
        dev.Kernel(module(), "absent")
    with pytest.raises(DeviceError, match="do not load"):
        dev.Module(DEVICE, b"\x7fELF" + bytes(100))


def test_large_shared_memory_and_attributes(stream: dev.Stream) -> None:
    x = random(24000)
    inputs, out = put(x), put(np.zeros_like(x))
    shared = 24000 * 4  # above the 48 KB that need no asking
    packed = launch("reverse", STEP, out.address, inputs.address, 24000, shared=shared, grid=(1, 1, 1))
    with DEVICE.current():
        packed.run(stream.handle)
    np.testing.assert_array_equal(out.download(x.shape, "float32", stream.handle), x[::-1])
    assert packed.kernel.attribute("NUM_REGS") > 0 and packed.kernel.blocks_per_multiprocessor(128) >= 1
    with pytest.raises(DeviceError, match="are the limit"):
        dev.Kernel(module(), "reverse", 10**6)


@pytest.mark.skipif(dev.available() and DEVICE.properties.capability < (9, 0), reason="clusters are Hopper's")
def test_clusters_and_programmatic_launches(stream: dev.Stream) -> None:
    out = put(np.full(8, -1, np.int32))
    packed = launch("ranks", ["ptr"], out.address, cluster=(4, 1, 1))
    graph = dev.Graph(DEVICE, [packed])
    for run in (packed.run, graph.launch):
        dev.fill(DEVICE, out.address, 0, 32, stream.handle)
        with DEVICE.current():
            run(stream.handle)
        assert out.download((8,), "int32", stream.handle).tolist() == [4, 104, 204, 304] * 2
    steps, memories = chain(20, programmatic=True)
    with DEVICE.current():
        for step in steps:
            step.run(stream.handle)
    assert (memories[-1].download((1000,), "float32", stream.handle) == 20).all()


def test_streams_of_other_libraries_and_events() -> None:
    import cupy  # noqa: PLC0415
    import torch  # noqa: PLC0415
    from cuda.bindings import driver  # noqa: PLC0415

    foreign = cupy.cuda.Stream(non_blocking=True)
    assert dev.stream_handle(foreign) == foreign.ptr == dev.stream_handle(driver.CUstream(foreign.ptr))
    ours = torch.cuda.Stream()
    assert dev.stream_handle(ours) == ours.cuda_stream
    first, second = dev.Event(DEVICE), dev.Event(DEVICE)
    busy = launch("spin", ["i64"], 20_000_000, grid=(1, 1, 1), block=(1, 1, 1))
    with DEVICE.current():
        first.record(foreign.ptr)
        busy.run(foreign.ptr)
        second.record(foreign.ptr)
        assert not second.done()
        second.hold(ours.cuda_stream)
        second.synchronize()
    assert second.done() and 5 < second.milliseconds_since(first) < 100
    assert not dev.is_capturing(foreign.ptr) and not dev.is_capturing(0)


@pytest.mark.skipif(dev.available() and DEVICE.properties.capability < (9, 0), reason="tensor maps are Hopper's")
def test_tensor_maps_copy_tiles_and_columns(stream: dev.Stream) -> None:
    a, b = random(100, 192, dtype="float16"), random(100, 192, dtype="float16")
    tiled = dev.TiledMap("f16", (192, 100), (384,), (64, 32), swizzle=0)
    first, second, out = put(a), put(b), put(np.zeros((32, 64), np.float16))
    kinds: list[dev.Kind] = ["map", "ptr", "i32", "i32"]
    packed = launch("tile", kinds, (tiled, first.address), out.address, 128, 80, grid=(1, 1, 1))
    for array, memory in ((a, first), (b, second)):
        packed.set(0, memory.address)
        with DEVICE.current():
            packed.run(stream.handle)
        got = out.download((32, 64), "float16", stream.handle)
        np.testing.assert_array_equal(got[:20], array[80:, 128:])
        assert (got[20:] == 0).all()
    x = random(2, 14, 14, 64, dtype="float16")
    image, out = put(x), put(np.zeros((64, 64), np.float16))
    described = dev.Im2colMap("f16", (64, 14, 14, 2), (128, 1792, 25088), (-1, -1), (-1, -1), 64, 64, swizzle=0)
    columns: list[dev.Kind] = ["map", "ptr", "i32", "i32", "i32", "i32"]
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    for row, column in itertools.product(range(3), range(3)):
        values = ((described, image.address), out.address, -1, -1, column, row)
        packed = launch("columns", columns, *values, grid=(1, 1, 1))
        with DEVICE.current():
            packed.run(stream.handle)
        window = padded[:, row : row + 14, column : column + 14].reshape(-1, 64)[:64]
        np.testing.assert_array_equal(out.download((64, 64), "float16", stream.handle), window)


def test_threads_launch_at_once_each_on_its_own_stream() -> None:
    results: list[bool] = []

    def work() -> None:
        own = dev.Stream(DEVICE)
        steps, memories = chain(20)
        graph = dev.Graph(DEVICE, steps)
        with DEVICE.current():
            for _ in range(20):
                graph.launch(own.handle)
                for step in steps:
                    step.run(own.handle)
        results.append(bool((memories[-1].download((1000,), "float32", own.handle) == 20).all()))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 6


def microseconds(stream: dev.Stream, call: Callable[[], None], count: int = 200) -> float:
    best = float("inf")
    for _ in range(15):
        stream.synchronize()
        start = time.perf_counter()
        for _ in range(count):
            call()
        best = min(best, (time.perf_counter() - start) / count)
        stream.synchronize()
    return best * 1e6


def test_a_launch_costs_the_host_a_few_microseconds(stream: dev.Stream) -> None:
    kinds: list[dev.Kind] = ["ptr", "ptr", "ptr", "i32"]
    plain = launch("nothing", kinds, 0, 0, 0, 0)
    hopper = DEVICE.properties.capability >= (9, 0)
    extended = launch("nothing", kinds, 0, 0, 0, 0, programmatic=hopper)
    graph = dev.Graph(DEVICE, [launch("nothing", kinds, 0, 0, 0, 0) for _ in range(50)])
    node = graph.nodes[25]
    bare, params = dev.driver.driver().launcher.launchKernel, plain.arguments.params
    head = (plain.kernel.handle, 8, 1, 1, 128, 1, 1, 0)
    start, end = dev.Event(DEVICE), dev.Event(DEVICE)
    with DEVICE.current():
        costs = {
            "plain launch": microseconds(stream, lambda: plain.run(stream.handle)),
            "launch with attributes": microseconds(stream, lambda: extended.run(stream.handle)),
            "patching an address": microseconds(stream, lambda: plain.set(0, 4096)),
            "graph of 50, launch": microseconds(stream, lambda: graph.launch(stream.handle), 50),
            "graph node update": microseconds(stream, lambda: graph.update(node), 50),
            "making the device current": microseconds(stream, lambda: DEVICE.current().__enter__()),
            "CuPy's bare launchKernel": microseconds(stream, lambda: bare(*head, stream.handle, params, 0)),
        }
        start.record(stream.handle)
        for _ in range(20):
            graph.launch(stream.handle)
        end.record(stream.handle)
        end.synchronize()
    costs["graph of 50, on the device"] = end.milliseconds_since(start) * 1e3 / 20
    print("\n" + "\n".join(f"{name}: {cost:.2f} us" for name, cost in costs.items()))
    assert costs["plain launch"] < 10  # about 3 on an idle machine
