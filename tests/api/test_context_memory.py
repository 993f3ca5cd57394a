"""What a context allocates, and from whom; one thread at a time; engines that are gone leave nothing; on the CPU."""

from __future__ import annotations

import ctypes
import gc
import os
import threading
from typing import Any

import numpy as np
import pytest

import minirt as trt
from minirt import v7, v8
from tests.api.nets import Keeper, same

ROWS, WIDTH = 64, 128
W = (np.random.default_rng(0).normal(size=(WIDTH, WIDTH)) / WIDTH**0.5).astype(np.float32)
X = np.random.default_rng(1).normal(size=(ROWS, WIDTH)).astype(np.float32)
SMALL = 4096


@pytest.fixture(autouse=True)
def _cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIRT_TARGET", "cpu")


class Counting(trt.IGpuAllocator):  # type: ignore[misc]
    """Gives host memory, and counts the bytes that are out, and the most that were."""

    def __init__(self) -> None:
        trt.IGpuAllocator.__init__(self)
        self.held: dict[int, Any] = {}
        self.most = 0
        self.calls = 0

    def allocate(self, size: int, alignment: int, flags: int) -> int:
        block = (ctypes.c_uint8 * (size + alignment))()
        address = ctypes.addressof(block)
        address += -address % alignment
        self.held[address] = block, size
        self.calls += 1
        self.most = max(self.most, self.now)
        return address

    def deallocate(self, memory: int) -> bool:
        del self.held[memory]
        return True

    @property
    def now(self) -> int:
        return sum(size for _, size in self.held.values())


def numpy_layer(x: Any) -> Any:
    product = x @ W
    e = np.exp(product - product.max(0, keepdims=True))
    return e / e.sum(0, keepdims=True) + product


def engine_of(kind: str = "", allocator: Any = None, logger: Any = None) -> Any:
    """Return the engine of three layers: in a row, the last two in a loop, or the last in a branch."""
    logger = logger or Keeper()
    builder = trt.Builder(logger)
    net = builder.create_network()
    x = net.add_input("x", trt.float32, (-1, WIDTH))
    matrix = net.add_constant(W.shape, W).get_output(0)
    none = trt.MatrixOperation.NONE

    def layer(value: Any) -> Any:
        product = net.add_matrix_multiply(value, none, matrix, none).get_output(0)
        scaled = net.add_softmax(product)
        scaled.axes = 1
        return net.add_elementwise(scaled.get_output(0), product, trt.ElementWiseOperation.SUM).get_output(0)

    first = layer(x)
    if kind == "loop":
        loop = net.add_loop()
        flag = net.add_input("n", trt.int32, ())
        loop.add_trip_limit(flag, trt.TripLimit.COUNT)
        state = loop.add_recurrence(first)
        state.set_input(1, layer(state.get_output(0)))
        out = loop.add_loop_output(state.get_output(0), trt.LoopOutput.LAST_VALUE).get_output(0)
    elif kind == "branch":
        choice = net.add_if_conditional()
        choice.set_condition(net.add_input("flag", trt.bool, ()))
        inner = choice.add_input(layer(first)).get_output(0)
        out = choice.add_output(layer(inner), inner).get_output(0)
    else:
        out = layer(layer(first))
    out.name = "y"
    net.mark_output(out)
    config = builder.create_builder_config()
    profile = builder.create_optimization_profile()
    profile.set_shape("x", (1, WIDTH), (ROWS, WIDTH), (ROWS, WIDTH))
    config.add_optimization_profile(profile)
    runtime = trt.Runtime(logger)
    if allocator is not None:
        runtime.gpu_allocator = allocator
    return runtime.deserialize_cuda_engine(builder.build_serialized_network(net, config))


EXTRA: dict[str, dict[str, Any]] = {"": {}, "loop": {"n": np.array(2, np.int32)}, "branch": {"flag": np.array(True)}}


def bind(context: Any, kind: str, y: Any, rows: int = ROWS) -> None:
    context.set_input_shape("x", (rows, WIDTH))
    for name, array in {"x": X, "y": y, **EXTRA[kind]}.items():
        assert context.set_tensor_address(name, array)


@pytest.mark.parametrize("kind", EXTRA)
def test_a_context_takes_what_its_engine_says(kind: str) -> None:
    counting = Counting()
    engine = engine_of(kind, counting)
    weights, said = counting.now, engine.device_memory_size_v2
    assert said >= 2 * X.nbytes
    context = engine.create_execution_context()
    assert context.update_device_memory_size_for_shapes() == said
    y = np.empty_like(X)
    for rows in (ROWS, 3, ROWS, ROWS):
        bind(context, kind, y, rows)
        assert context.execute_async_v3(0)
        np.testing.assert_allclose(y[:rows], numpy_layer(numpy_layer(numpy_layer(X[:rows]))), rtol=1e-4, atol=1e-4)
    assert abs(counting.most - weights - said) <= SMALL
    del context
    assert counting.now == weights
    del engine
    assert not counting.held


@pytest.mark.parametrize("kind", EXTRA)
def test_memory_of_the_caller_is_all_that_a_context_works_in(kind: str) -> None:
    counting = Counting()
    engine = engine_of(kind, counting)
    weights = counting.now
    context = engine.create_execution_context(trt.ExecutionContextAllocationStrategy.USER_MANAGED)
    said = context.update_device_memory_size_for_shapes()
    memory = np.full(said + 256, 0xA5, np.uint8)
    start = int(memory.ctypes.data) + -int(memory.ctypes.data) % 64
    context.set_device_memory(start, said)
    y = np.empty_like(X)
    bind(context, kind, y)
    assert context.execute_async_v3(0)
    same(y, numpy_layer(numpy_layer(numpy_layer(X))))
    assert counting.most - weights <= SMALL
    past = memory[start - int(memory.ctypes.data) + said :]
    assert (past == 0xA5).all()


def test_an_output_allocator_gets_the_output_at_once() -> None:
    """Its memory is written by the engine: there is no other of that size."""

    class Output(trt.IOutputAllocator):  # type: ignore[misc]
        array = np.empty(0, np.uint8)
        shape: tuple[int, ...] = ()

        def reallocate_output(self, name: str, memory: int, size: int, alignment: int) -> int:
            self.array = np.empty(size, np.uint8)
            return int(self.array.ctypes.data)

        def notify_shape(self, name: str, shape: Any) -> None:
            self.shape = tuple(shape)

    counting = Counting()
    context, output = engine_of("", counting).create_execution_context(), Output()
    bind(context, "", np.empty_like(X), 5)
    assert context.set_output_allocator("y", output)
    before = counting.calls
    assert context.execute_async_v3(0)
    assert output.shape == (5, WIDTH)
    same(output.array.view(np.float32).reshape(5, WIDTH), numpy_layer(numpy_layer(numpy_layer(X[:5]))))
    assert counting.calls == before


def test_the_temporary_allocator_gives_what_has_no_bound() -> None:
    builder = trt.Builder(Keeper())
    net = builder.create_network()
    found = net.add_non_zero(net.add_input("x", trt.float32, (-1, -1))).get_output(0)
    out = net.add_elementwise(found, found, trt.ElementWiseOperation.SUM).get_output(0)
    out.name = "y"
    net.mark_output(out)
    engine = trt.Runtime(Keeper()).deserialize_cuda_engine(
        builder.build_serialized_network(net, builder.create_builder_config())
    )
    context, counting = engine.create_execution_context(), Counting()
    context.temporary_allocator = counting
    assert context.temporary_allocator is counting
    got = context.run({"x": X[:3]})["y"]
    assert (got == 2 * np.stack(np.nonzero(X[:3]))).all()
    assert counting.calls > 0
    del context
    gc.collect()
    assert not counting.held


def test_a_context_in_two_threads_is_refused() -> None:
    logger = Keeper()
    context = engine_of("", logger=logger).create_execution_context()
    context.set_input_shape("x", X.shape)
    xs, ys = (X, -X), (np.empty_like(X), np.empty_like(X))
    goals = [numpy_layer(numpy_layer(numpy_layer(x))) for x in xs]
    refused, wrong = [0, 0], []

    def work(number: int) -> None:
        for _ in range(100):
            ys[number].fill(-9)
            if not context.execute_v2([xs[number], ys[number]]):
                refused[number] += 1
            elif np.abs(ys[number] - goals[number]).max() > 1e-4:
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len([e for e in logger.errors if "in use by another thread" in e]) == sum(refused)
    assert context.execute_v2([xs[0], ys[0]])


def test_a_context_that_is_running_refuses_another_run() -> None:
    logger = Keeper()
    context = engine_of("", logger=logger).create_execution_context()
    with context._state.alone():
        assert context.run({"x": X}) is None
        assert context.execute_v2([X, np.empty_like(X)]) is False
    assert len([e for e in logger.errors if "in use by another thread" in e]) == 2
    assert context.run({"x": X}) is not None


def rss() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGESIZE")


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="the system does not tell what a process holds")
def test_engines_that_are_gone_leave_nothing() -> None:
    def cycle() -> None:
        counting = Counting()
        assert engine_of("", counting).create_execution_context().run({"x": X}) is not None
        assert not counting.held

    for _ in range(15):
        cycle()
    gc.collect()
    held, objects = rss(), len(gc.get_objects())
    for _ in range(60):
        cycle()
    gc.collect()
    assert rss() - held < 4 << 20
    assert len(gc.get_objects()) - objects < 600


@pytest.mark.parametrize("module", [v7, v8], ids=["7", "8"])
def test_an_allocator_of_an_older_dialect_frees(module: Any) -> None:
    class Older(module.IGpuAllocator):  # type: ignore[misc]
        def __init__(self) -> None:
            module.IGpuAllocator.__init__(self)
            self.counting = Counting()

        def allocate(self, size: int, alignment: int, flags: int) -> int:
            return self.counting.allocate(size, alignment, flags)

        def free(self, memory: int) -> None:
            self.counting.deallocate(memory)

    older = Older()
    runtime = module.Runtime(module.Logger(module.Logger.ERROR))
    runtime.gpu_allocator = older
    engine = runtime.deserialize_cuda_engine(engine_of().serialize())
    context = engine.create_execution_context()
    assert older.counting.calls > 1
    del context, engine
    assert not older.counting.held
