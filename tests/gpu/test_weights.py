"""Weights of engines on a CUDA device: refitted where they lie, stripped, and streamed from host memory."""

from __future__ import annotations

import gc
import threading
from typing import Any

import numpy as np
import pytest

import minirt as trt
from tests.api.weighted import MODELS, SHAPES, build, close, load, oracle, perceptron, picture, run

cp = pytest.importorskip("cupy")
pytestmark = pytest.mark.gpu

LOG = trt.Logger(trt.Logger.ERROR)
WIDTH, DEPTH, MIB = 2048, 8, 1 << 20


@pytest.fixture(autouse=True)
def _cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MINIRT_TARGET", raising=False)


def engine_of(name: str, *flags: Any) -> Any:
    return load(LOG, build(LOG, MODELS[name](0), SHAPES[name], *flags))


@pytest.mark.parametrize("flags", [(), (trt.BuilderFlag.FP16,)], ids=["f32", "f16"])
@pytest.mark.parametrize("name", MODELS)
def test_a_refit_reaches_contexts_that_run_graphs(name: str, flags: Any) -> None:
    bound, x = (2e-2 if flags else 1e-4), picture(name)
    engine = engine_of(name, trt.BuilderFlag.REFIT, *flags)
    context = engine.create_execution_context()
    for _ in range(3):
        close(context.run({"x": x})["y"], oracle(MODELS[name](0), x), bound)
    refitter = trt.Refitter(engine, LOG)
    assert trt.OnnxParserRefitter(refitter, LOG).refit_from_bytes(MODELS[name](1))
    assert refitter.refit_cuda_engine()
    for _ in range(3):
        close(context.run({"x": x})["y"], oracle(MODELS[name](1), x), bound)
    close(run(load(LOG, engine.serialize()), x), oracle(MODELS[name](1), x), bound)


def test_weights_on_the_device_and_a_stream() -> None:
    x, engine = picture("perceptron"), engine_of("perceptron", trt.BuilderFlag.REFIT)
    refitter, stream = trt.Refitter(engine, LOG), cp.cuda.Stream(non_blocking=True)
    b = cp.asarray(np.linspace(-1, 1, 64), cp.float32)
    cp.cuda.Device().synchronize()
    weights = trt.Weights(trt.float32, b.data.ptr, 64)
    assert refitter.set_named_weights("b2", weights, trt.TensorLocation.DEVICE)
    assert refitter.get_weights_location("b2") == trt.TensorLocation.DEVICE
    before = run(engine, x)
    assert refitter.refit_cuda_engine_async(stream.ptr)
    stream.synchronize()
    assert np.abs(run(engine, x) - before).max() > 0.1
    host = trt.Refitter(load(LOG, engine.serialize()), LOG)
    assert host.get_missing_weights() == []


def test_a_stripped_engine() -> None:
    x, whole = picture("residual"), engine_of("residual", trt.BuilderFlag.REFIT)
    stripped = engine_of("residual", trt.BuilderFlag.STRIP_PLAN)
    context = stripped.create_execution_context()
    assert context.run({"x": x}) is None
    refitter = trt.Refitter(stripped, LOG)
    assert trt.OnnxParserRefitter(refitter, LOG).refit_from_bytes(MODELS["residual"](0))
    assert refitter.refit_cuda_engine()
    close(context.run({"x": x})["y"], run(whole, x), 1e-6)


@pytest.fixture(scope="module")
def wide() -> bytes:
    """An engine with 128 MiB of weights."""
    flags = trt.BuilderFlag.WEIGHT_STREAMING, trt.BuilderFlag.REFIT
    return build(LOG, perceptron(0, WIDTH, DEPTH), (16, WIDTH), *flags)


def used(data: bytes, budget: int, x: Any) -> tuple[Any, Any, int]:
    """Return an engine with a budget, what it computes, and the device memory that it takes with a context."""
    gc.collect()
    cp.get_default_memory_pool().free_all_blocks()
    cp.cuda.Device().synchronize()
    free = cp.cuda.runtime.memGetInfo()[0]
    engine = load(LOG, data)
    if budget >= 0:
        engine.weight_streaming_budget_v2 = budget
        assert engine.weight_streaming_budget_v2 == budget
    context = engine.create_execution_context()
    made = [context.run({"x": x})["y"] for _ in range(4)]  # launches first, then a graph
    for other in made[1:]:
        np.testing.assert_array_equal(other, made[0])
    cp.cuda.Device().synchronize()
    return engine, made[0], free - cp.cuda.runtime.memGetInfo()[0]


def test_streaming_takes_less_device_memory(wide: bytes) -> None:
    x = np.random.default_rng(3).normal(size=(16, WIDTH)).astype(np.float32)
    used(wide, -1, x)  # modules and pools are there from now on
    engine, wanted, most = used(wide, -1, x)
    size = engine.streamable_weights_size
    assert size >= WIDTH * WIDTH * DEPTH * 4
    assert engine.weight_streaming_scratch_memory_size == 0
    close(wanted, oracle(perceptron(0, WIDTH, DEPTH), x), 1e-4)
    del engine
    for budget in (0, size // 2):
        engine, found, least = used(wide, budget, x)
        np.testing.assert_array_equal(found, wanted)
        scratch = engine.weight_streaming_scratch_memory_size
        sizes = ", ".join(f"{n / MIB:.0f}" for n in (budget, most, least, scratch))
        print(f"MiB of budget, device memory without and with streaming, ring: {sizes}")
        assert 0 < scratch < size
        layer = WIDTH * WIDTH * 4
        assert most - least >= size - budget - layer - scratch - 8 * MIB  # the budget may not divide into layers
        assert least <= budget + scratch + (most - size) + 8 * MIB
        del engine


def test_streaming_inside_the_callers_graph(wide: bytes) -> None:
    x = cp.asarray(np.random.default_rng(4).normal(size=(16, WIDTH)), cp.float32)
    y, stream = cp.zeros((16, WIDTH), cp.float32), cp.cuda.Stream(non_blocking=True)
    engine = load(LOG, wide)
    engine.weight_streaming_budget_v2 = 0
    context = engine.create_execution_context()
    context.set_input_shape("x", x.shape)
    context.set_tensor_address("x", x.data.ptr)
    context.set_tensor_address("y", y.data.ptr)
    cp.cuda.Device().synchronize()
    assert context.execute_async_v3(stream.ptr)
    stream.synchronize()
    with stream:
        stream.begin_capture()
        assert context.execute_async_v3(stream.ptr)
        graph = stream.end_capture()
    for seed in range(3):
        x[...] = cp.asarray(np.random.default_rng(seed).normal(size=x.shape), cp.float32)
        cp.cuda.Device().synchronize()
        graph.launch(stream)
        stream.synchronize()
        close(cp.asnumpy(y), oracle(perceptron(0, WIDTH, DEPTH), cp.asnumpy(x)), 1e-4)


def test_streaming_through_memory_of_the_caller(wide: bytes) -> None:
    x = np.random.default_rng(6).normal(size=(16, WIDTH)).astype(np.float32)
    engine = load(LOG, wide)
    before = engine.device_memory_size_v2
    engine.weight_streaming_budget_v2 = 0
    need = engine.device_memory_size_v2
    assert need >= before + engine.weight_streaming_scratch_memory_size
    context = engine.create_execution_context(trt.ExecutionContextAllocationStrategy.USER_MANAGED)
    assert context.update_device_memory_size_for_shapes() == need
    memory = cp.full(need + 512, 0xA5, cp.uint8)
    start = int(memory.data.ptr) + -int(memory.data.ptr) % 256
    context.set_device_memory(start, need)
    for _ in range(3):
        close(context.run({"x": x})["y"], oracle(perceptron(0, WIDTH, DEPTH), x), 1e-4)
    end = start + need - int(memory.data.ptr)
    assert (memory[end:] == 0xA5).all()


def test_two_contexts_stream_at_once(wide: bytes) -> None:
    engine = load(LOG, wide)
    engine.weight_streaming_budget_v2 = 0
    inputs = [np.random.default_rng(s).normal(size=(16, WIDTH)).astype(np.float32) for s in range(2)]
    found: list[list[Any]] = [[], []]

    def work(number: int) -> None:
        context, stream = engine.create_execution_context(), cp.cuda.Stream(non_blocking=True)
        x, y = cp.asarray(inputs[number]), cp.zeros((16, WIDTH), cp.float32)
        cp.cuda.Device().synchronize()
        context.set_input_shape("x", x.shape)
        context.set_tensor_address("x", x.data.ptr)
        context.set_tensor_address("y", y.data.ptr)
        for _ in range(20):
            assert context.execute_async_v3(stream.ptr)
            stream.synchronize()
            found[number].append(cp.asnumpy(y))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(2):
        assert len(found[number]) == 20
        wanted = oracle(perceptron(0, WIDTH, DEPTH), inputs[number])
        for got in found[number]:
            close(got, wanted, 1e-4)


def test_a_refit_reaches_streamed_and_resident_weights(wide: bytes) -> None:
    x = np.random.default_rng(5).normal(size=(16, WIDTH)).astype(np.float32)
    engine = load(LOG, wide)
    engine.weight_streaming_budget_v2 = engine.streamable_weights_size // 2
    context = engine.create_execution_context()
    context.run({"x": x})
    refitter = trt.Refitter(engine, LOG)
    new = perceptron(1, WIDTH, DEPTH)
    assert trt.OnnxParserRefitter(refitter, LOG).refit_from_bytes(new)
    assert refitter.refit_cuda_engine()
    for _ in range(3):
        close(context.run({"x": x})["y"], oracle(new, x), 1e-4)
