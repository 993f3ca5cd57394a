"""Device memory: what a context takes is what its engine says, and engines that are gone leave none behind."""

from __future__ import annotations

import gc
import os
from typing import Any

import numpy as np
import pytest

import minirt as trt

cp = pytest.importorskip("cupy")
pytestmark = pytest.mark.gpu

MIB = 1 << 20
CYCLES = int(os.environ.get("MINIRT_TEST_CYCLES", "1000"))
WARM = 20
ROWS, WIDTH = 4096, 2048


@pytest.fixture(autouse=True)
def _cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MINIRT_TARGET", raising=False)


class Counting(trt.IGpuAllocator):  # type: ignore[misc]
    """Allocates by CuPy's runtime, and counts the bytes that are out, and the most that were."""

    def __init__(self) -> None:
        trt.IGpuAllocator.__init__(self)
        self.held: dict[int, int] = {}
        self.most = 0

    def allocate(self, size: int, alignment: int, flags: int) -> int:
        address = int(cp.cuda.runtime.malloc(size))
        self.held[address] = size
        self.most = max(self.most, self.now)
        return address

    def deallocate(self, memory: int) -> bool:
        del self.held[memory]
        cp.cuda.runtime.free(memory)
        return True

    @property
    def now(self) -> int:
        """Bytes that are out."""
        return sum(self.held.values())


def rss() -> int:
    """Return the bytes of host memory that the process holds."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


def free() -> int:
    """Return the bytes of device memory that are free."""
    cp.cuda.Device().synchronize()
    return int(cp.cuda.runtime.memGetInfo()[0])


def engine_of(width: int, allocator: Any = None, looped: bool = False) -> Any:
    """Return the engine of two dense layers and a transposed softmax, or of a loop over them."""
    logger = trt.Logger(trt.Logger.ERROR)
    builder = trt.Builder(logger)
    net = builder.create_network()
    x = net.add_input("x", trt.float32, (-1, width))
    w = (np.random.default_rng(0).normal(size=(width, width)) / width**0.5).astype(np.float32)
    matrix = net.add_constant(w.shape, w).get_output(0)
    none = trt.MatrixOperation.NONE

    def layer(value: Any) -> Any:
        product = net.add_matrix_multiply(value, none, matrix, none).get_output(0)
        scaled = net.add_softmax(product)
        scaled.axes = 1
        return net.add_elementwise(scaled.get_output(0), product, trt.ElementWiseOperation.SUM).get_output(0)

    if looped:
        loop = net.add_loop()
        trips = net.add_constant((), np.array([3], np.int32)).get_output(0)
        loop.add_trip_limit(trips, trt.TripLimit.COUNT)
        state = loop.add_recurrence(layer(x))
        state.set_input(1, layer(state.get_output(0)))
        out = loop.add_loop_output(state.get_output(0), trt.LoopOutput.LAST_VALUE).get_output(0)
    else:
        out = layer(layer(x))
    out.name = "y"
    net.mark_output(out)
    config = builder.create_builder_config()
    config.builder_optimization_level = 0
    profile = builder.create_optimization_profile()
    profile.set_shape("x", (1, width), (ROWS, width), (ROWS, width))
    config.add_optimization_profile(profile)
    data = builder.build_serialized_network(net, config)
    runtime = trt.Runtime(logger)
    if allocator is not None:
        runtime.gpu_allocator = allocator
    return runtime.deserialize_cuda_engine(data)


def run(context: Any, x: Any, y: Any, times: int = 3) -> None:
    for rows in (len(x), max(1, len(x) // 3)):
        assert context.set_input_shape("x", (rows, x.shape[1]))
        context.set_tensor_address("x", x)
        context.set_tensor_address("y", y)
        for _ in range(times):
            assert context.execute_async_v3(0)
    cp.cuda.Device().synchronize()


@pytest.mark.parametrize("looped", [False, True])
def test_a_context_takes_what_its_engine_says(looped: bool) -> None:
    counting = Counting()
    engine = engine_of(WIDTH, counting, looped)
    weights = counting.now
    x, y = (cp.zeros((ROWS, WIDTH), cp.float32) for _ in range(2))
    run(engine.create_execution_context(), x, y)  # loads what the device loads once
    gc.collect()
    assert counting.now == weights
    said = engine.device_memory_size_v2
    assert said > 16 * MIB
    counting.most, before = weights, free()
    context = engine.create_execution_context()
    run(context, x, y)
    assert abs(counting.most - weights - said) <= MIB
    assert abs(before - free() - said) <= MIB + 2 * MIB  # the driver takes pages of 2 MiB
    del context
    gc.collect()
    assert counting.now == weights
    del engine
    gc.collect()
    assert not counting.held


def test_memory_of_the_caller_is_all_that_a_context_works_in() -> None:
    counting = Counting()
    engine = engine_of(WIDTH, counting)
    weights = counting.now
    context = engine.create_execution_context(trt.ExecutionContextAllocationStrategy.USER_MANAGED)
    said = context.update_device_memory_size_for_shapes()
    assert said == engine.device_memory_size_v2
    memory = cp.cuda.alloc(said)
    context.set_device_memory(memory.ptr, said)
    x = cp.asarray(np.random.default_rng(1).normal(size=(ROWS, WIDTH)), cp.float32)
    y, again = (cp.zeros((ROWS, WIDTH), cp.float32) for _ in range(2))
    run(context, x, y, 2)
    assert counting.most - weights <= MIB
    run(engine.create_execution_context(), x, again, 2)
    cp.testing.assert_array_equal(y[: ROWS // 3], again[: ROWS // 3])


def test_engines_that_are_gone_leave_nothing() -> None:
    """Build, load, run as a graph, throw away."""
    x = np.random.default_rng(2).normal(size=(3, 32)).astype(np.float32)
    taken: list[tuple[int, int]] = []
    for cycle in range(WARM + CYCLES):
        context = engine_of(32).create_execution_context()
        for _ in range(2):
            assert context.run({"x": x}) is not None
        del context
        if cycle >= WARM and (cycle - WARM) % max(1, CYCLES // 4) == 0:
            gc.collect()
            taken.append((free(), rss()))
    gc.collect()
    taken.append((free(), rss()))
    assert taken[0][0] - taken[-1][0] <= 4 * MIB, taken
    assert taken[-1][1] - taken[0][1] <= 24 * MIB, taken
