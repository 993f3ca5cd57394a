"""The API on a CUDA device: arrays of CuPy, streams, captured graphs, output allocators, plugins, refitting."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minirt as trt

cp = pytest.importorskip("cupy")
pytestmark = pytest.mark.gpu

RNG = np.random.default_rng(12)
W = RNG.normal(size=(64, 64)).astype(np.float32)


@pytest.fixture(autouse=True)
def _cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MINIRT_TARGET", raising=False)


def engine_of(*flags: Any) -> Any:
    """Return an engine of relu(x @ W.T) for x of 1 to 32 rows, with TF32 off."""
    builder = trt.Builder(trt.Logger(trt.Logger.ERROR))
    net = builder.create_network()
    x = net.add_input("x", trt.float32, (-1, 64))
    w = net.add_constant(W.shape, W)
    w.name = "w"
    product = net.add_matrix_multiply(x, trt.MatrixOperation.NONE, w.get_output(0), trt.MatrixOperation.TRANSPOSE)
    out = net.add_activation(product.get_output(0), trt.ActivationType.RELU).get_output(0)
    out.name = "y"
    net.mark_output(out)
    config = builder.create_builder_config()
    config.clear_flag(trt.BuilderFlag.TF32)
    for flag in flags:
        config.set_flag(flag)
    profile = builder.create_optimization_profile()
    profile.set_shape("x", (1, 64), (16, 64), (32, 64))
    config.add_optimization_profile(profile)
    return builder.build_engine_with_config(net, config)


def close(got: Any, x: Any, w: Any = W) -> None:
    """Assert that a result on the device is what the engine computes."""
    np.testing.assert_allclose(cp.asnumpy(got), np.maximum(cp.asnumpy(x) @ w.T, 0), rtol=1e-4, atol=1e-4)


def test_arrays_on_a_stream() -> None:
    context = engine_of().create_execution_context()
    stream = cp.cuda.Stream(non_blocking=True)
    for rows in (4, 32, 4):
        x = cp.asarray(RNG.normal(size=(rows, 64)), dtype=cp.float32)
        y = cp.empty((rows, 64), cp.float32)
        cp.cuda.Device().synchronize()
        assert context.set_input_shape("x", x.shape)
        assert context.set_tensor_address("x", x)
        assert context.set_tensor_address("y", y.data.ptr)
        for handle in (stream, stream.ptr):
            y.fill(0)
            cp.cuda.Device().synchronize()
            assert context.execute_async_v3(handle)
            stream.synchronize()
            close(y, x)


def test_execute_v2_waits() -> None:
    context = engine_of().create_execution_context()
    x = cp.asarray(RNG.normal(size=(8, 64)), dtype=cp.float32)
    y = cp.zeros((8, 64), cp.float32)
    assert context.set_input_shape("x", x.shape)
    assert context.execute_v2([x.data.ptr, y.data.ptr])
    close(y, x)


def test_a_run_captured_into_the_callers_graph() -> None:
    context = engine_of().create_execution_context()
    x = cp.asarray(RNG.normal(size=(16, 64)), dtype=cp.float32)
    y = cp.zeros((16, 64), cp.float32)
    context.set_input_shape("x", x.shape)
    context.set_tensor_address("x", x)
    context.set_tensor_address("y", y)
    stream = cp.cuda.Stream(non_blocking=True)
    assert context.execute_async_v3(stream.ptr)
    stream.synchronize()
    with stream:
        stream.begin_capture()
        assert context.execute_async_v3(stream.ptr)
        graph = stream.end_capture()
    for _ in range(3):
        x[...] = cp.asarray(RNG.normal(size=(16, 64)), dtype=cp.float32)
        cp.cuda.Device().synchronize()
        graph.launch(stream)
        stream.synchronize()
        close(y, x)


def test_host_and_device_arrays_in_one_call() -> None:
    context = engine_of().create_execution_context()
    x = RNG.normal(size=(3, 64)).astype(np.float32)
    close(context.run({"x": x})["y"], x)
    close(context.run({"x": cp.asarray(x)})["y"], x)


def test_an_output_allocator() -> None:
    class Allocator(trt.IOutputAllocator):  # type: ignore[misc]
        memory: Any = None
        shape: tuple[int, ...] = ()

        def reallocate_output_async(self, name: str, memory: int, size: int, alignment: int, stream: int) -> int:
            self.memory = cp.empty(size, cp.uint8)
            return int(self.memory.data.ptr)

        def notify_shape(self, name: str, shape: Any) -> None:
            self.shape = tuple(shape)

    context, allocator = engine_of().create_execution_context(), Allocator()
    x = cp.asarray(RNG.normal(size=(5, 64)), dtype=cp.float32)
    context.set_input_shape("x", x.shape)
    context.set_tensor_address("x", x)
    assert context.set_output_allocator("y", allocator)
    assert context.execute_async_v3(0)
    cp.cuda.Device().synchronize()
    assert allocator.shape == (5, 64)
    close(allocator.memory.view(cp.float32).reshape(5, 64), x)


def test_refit_changes_what_contexts_compute() -> None:
    engine = engine_of(trt.BuilderFlag.REFIT)
    context = engine.create_execution_context()
    x = RNG.normal(size=(4, 64)).astype(np.float32)
    close(context.run({"x": x})["y"], x)
    refitter = trt.Refitter(engine, trt.Logger())
    assert refitter.set_weights("w", trt.WeightsRole.CONSTANT, -W)
    assert refitter.refit_cuda_engine()
    close(context.run({"x": x})["y"], x, -W)


def test_a_profiler_hears_device_times() -> None:
    class Times(trt.IProfiler):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IProfiler.__init__(self)
            self.rows: list[tuple[str, float]] = []

        def report_layer_time(self, layer_name: str, ms: float) -> None:
            self.rows.append((layer_name, ms))

    context, times = engine_of().create_execution_context(), Times()
    context.profiler = times
    x = RNG.normal(size=(4, 64)).astype(np.float32)
    close(context.run({"x": x})["y"], x)
    assert times.rows
    assert all(ms > 0 for _, ms in times.rows)
