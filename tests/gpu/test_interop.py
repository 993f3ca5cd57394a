"""Engines beside PyTorch, and in several threads, on a CUDA device."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

import minirt as trt

torch = pytest.importorskip("torch")
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch has no CUDA here"),
]
WIDTH = 96
ROUNDS = 1000


@pytest.fixture(autouse=True)
def _cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MINIRT_TARGET", raising=False)


def weights(seed: int) -> Any:
    return (np.random.default_rng(seed).normal(size=(WIDTH, WIDTH)) / WIDTH**0.5).astype(np.float32)


def engine_of(logger: Any = None, layers: int = 3) -> Any:
    """Return the engine of `layers` dense layers with softmax between, TF32 off."""
    builder = trt.Builder(logger or trt.Logger(trt.Logger.ERROR))
    net = builder.create_network()
    x = net.add_input("x", trt.float32, (-1, WIDTH))
    none = trt.MatrixOperation.NONE
    for layer in range(layers):
        w = net.add_constant((WIDTH, WIDTH), weights(layer)).get_output(0)
        product = net.add_matrix_multiply(x, none, w, none).get_output(0)
        scaled = net.add_softmax(product)
        scaled.axes = 1 << 1
        x = net.add_elementwise(scaled.get_output(0), product, trt.ElementWiseOperation.SUM).get_output(0)
    x.name = "y"
    net.mark_output(x)
    config = builder.create_builder_config()
    config.clear_flag(trt.BuilderFlag.TF32)
    profile = builder.create_optimization_profile()
    profile.set_shape("x", (1, WIDTH), (16, WIDTH), (64, WIDTH))
    config.add_optimization_profile(profile)
    return builder.build_engine_with_config(net, config)


def wanted(x: Any, layers: int = 3) -> Any:
    """Return what the engine computes, by PyTorch in float64."""
    x = x.double()
    for layer in range(layers):
        product = x @ torch.as_tensor(weights(layer), device=x.device).double()
        x = torch.softmax(product, 1) + product
    return x


def close(got: Any, x: Any) -> None:
    torch.testing.assert_close(got.double(), wanted(x), rtol=1e-4, atol=1e-5)


def bind(context: Any, x: Any, y: Any) -> None:
    assert context.set_input_shape("x", tuple(x.shape))
    assert context.set_tensor_address("x", x.data_ptr())
    assert context.set_tensor_address("y", y.data_ptr())


@pytest.mark.parametrize("runs", [1, 3])
def test_an_engine_within_a_graph_of_pytorch(runs: int) -> None:
    """Run once or until it is a graph of its own, captured between operations of PyTorch, replayed on new numbers."""
    context = engine_of().create_execution_context()
    x, y = torch.randn(32, WIDTH, device="cuda"), torch.empty(32, WIDTH, device="cuda")
    out = torch.empty_like(y)
    bind(context, x, y)
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(runs):
            assert context.execute_async_v3(stream.cuda_stream)
            torch.mul(y, 2, out=out)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        assert context.execute_async_v3(torch.cuda.current_stream().cuda_stream)
        torch.mul(y, 2, out=out)
    for seed in range(4):
        torch.manual_seed(seed)
        x.copy_(torch.randn(32, WIDTH, device="cuda"))
        y.zero_()
        graph.replay()
        torch.cuda.synchronize()
        close(y, x)
        torch.testing.assert_close(out, 2 * y)
    assert context.execute_async_v3(stream)  # still runs by itself, and takes PyTorch's stream as it is
    stream.synchronize()
    close(y, x)


def test_two_contexts_on_two_streams_from_two_threads() -> None:
    engine = engine_of()
    failed: list[Any] = []

    def work(number: int) -> None:
        try:
            context, stream = engine.create_execution_context(), torch.cuda.Stream()
            sizes = [(8, 40)[number], (33, 5)[number]]
            with torch.cuda.stream(stream):
                xs = [torch.randn(n, WIDTH, device="cuda") for n in sizes]
                goals = [wanted(x).float() for x in xs]
                y = torch.empty(64, WIDTH, device="cuda")
                worst = torch.zeros((), device="cuda")
                for round in range(ROUNDS):
                    x = xs[round % 2]
                    bind(context, x, y)
                    y.fill_(-9)
                    assert context.execute_async_v3(stream.cuda_stream)
                    worst = torch.maximum(worst, (y[: len(x)] - goals[round % 2]).abs().max())
            stream.synchronize()
            assert float(worst) < 1e-4, float(worst)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed


class Keeper(trt.ILogger):  # type: ignore[misc]
    """Keeps what it is told."""

    def __init__(self) -> None:
        trt.ILogger.__init__(self)
        self.lines: list[str] = []

    def log(self, severity: Any, msg: str) -> None:
        self.lines.append(msg)


def test_one_context_in_two_threads_is_refused() -> None:
    """Runs that are refused say so and change nothing: those that are not are right."""
    logger = Keeper()
    context = engine_of(logger).create_execution_context()
    xs = [torch.randn(16, WIDTH, device="cuda") for _ in range(2)]
    ys = [torch.empty(16, WIDTH, device="cuda") for _ in range(2)]
    goals = [wanted(x).float() for x in xs]
    context.set_input_shape("x", (16, WIDTH))
    torch.cuda.synchronize()
    wrong: list[float] = []
    refused = [0, 0]

    def work(number: int) -> None:
        for _ in range(300):
            ys[number].fill_(-9)
            torch.cuda.synchronize()
            if not context.execute_v2([xs[number].data_ptr(), ys[number].data_ptr()]):
                refused[number] += 1
                continue
            torch.cuda.synchronize()
            off = float((ys[number] - goals[number]).abs().max())
            if off > 1e-4:
                wrong.append(off)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    said = [line for line in logger.lines if "in use by another thread" in line]
    assert len(said) == sum(refused)
    assert min(refused) < 300
