"""Engines with plugins inside graphs of PyTorch's: run, captured, and replayed on new numbers."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import minirt as trt
import minirt.plugin as trtp
from examples import plugin_kernels as kernels
from minirt.plugin import _lib
from tests.gpu.test_plugins_ahead import ptx_of

torch = pytest.importorskip("torch")
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch has no CUDA here"),
]
ROWS = 8


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("MINIRT_TARGET", raising=False)
    creator: Any = kernels.ShrinkCreator()
    assert trt.get_plugin_registry().register_creator(creator, creator.plugin_namespace)
    yield
    trt.get_plugin_registry().deregister_creator(creator)
    _lib.QDP_REGISTRY.clear()


class Captured:
    """An engine's run in a graph of PyTorch's, between two of its operations, after some runs of warming up."""

    def __init__(self, engine: Any, runs: int, streams: Any = ()) -> None:
        assert engine is not None
        self.context = engine.create_execution_context()
        if streams:
            self.context.set_aux_streams(streams)
        self.x, self.y = (torch.zeros(ROWS, 100, device="cuda") for _ in range(2))
        self.half, self.out = torch.zeros_like(self.x), torch.zeros_like(self.y)
        assert self.context.set_input_shape("x", tuple(self.x.shape))
        assert self.context.set_tensor_address("x", self.half.data_ptr())
        assert self.context.set_tensor_address("y", self.y.data_ptr())
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(runs):
                self.step()
        torch.cuda.current_stream().wait_stream(stream)
        torch.cuda.synchronize()
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph, stream=stream):
            self.step()

    def step(self) -> None:
        """Halve the input, run, and double the output."""
        torch.mul(self.x, 0.5, out=self.half)
        assert self.context.execute_async_v3(torch.cuda.current_stream().cuda_stream)
        torch.mul(self.y, 2, out=self.out)

    def check(self, wanted: Any) -> None:
        """Replay on new numbers, and run beside the graph; compare with what ``wanted`` says of the halves."""
        for seed in range(4):
            x = np.random.default_rng(seed).normal(size=(ROWS, 100)).astype(np.float32)
            self.x.copy_(torch.as_tensor(x))
            self.y.fill_(-9)
            torch.cuda.synchronize()
            self.graph.replay()
            torch.cuda.synchronize()
            np.testing.assert_allclose(self.out.cpu().numpy(), 2 * wanted(x / 2), rtol=1e-4, atol=1e-5)
            self.y.fill_(-9)
            torch.cuda.synchronize()
            self.step()
            torch.cuda.synchronize()
            np.testing.assert_allclose(self.out.cpu().numpy(), 2 * wanted(x / 2), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("runs", [1, 3])
@pytest.mark.parametrize("capturable", [True, False])
@pytest.mark.parametrize("language", ["CuPy", "Triton", "PyTorch"])
def test_a_plugin(language: str, capturable: bool, runs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if not kernels.usable(language):
        pytest.skip(f"{language} is not installed")
    monkeypatch.setattr(kernels.Shrink, "capturable", capturable)
    Captured(kernels.engine_of(language), runs).check(kernels.wanted)


def built(add: Any, streams: int = -1) -> Any:
    """The engine of a network of an input of 8 rows that `add(network, x)` adds layers to."""
    builder = trt.Builder(trt.Logger(trt.Logger.ERROR))
    net = builder.create_network()
    out = add(net, net.add_input("x", trt.float32, (ROWS, 100))).get_output(0)
    out.name = "y"
    net.mark_output(out)
    config = builder.create_builder_config()
    config.max_aux_streams = streams
    config.clear_flag(trt.BuilderFlag.TF32)
    return builder.build_engine_with_config(net, config)


TEXT = """extern "C" __global__ void more(const float* x, int n, float* y) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] = 3 * x[i] + 1;
}"""


@pytest.mark.parametrize("runs", [1, 3])
def test_a_quick_plugin_compiled_ahead(runs: int) -> None:
    @trtp.register("gpu::more")
    def more_desc(inp: trtp.TensorDesc) -> trtp.TensorDesc:
        return inp.like()

    @trtp.aot_impl("gpu::more")
    def more(inp: trtp.TensorDesc, outputs: Any, tactic: int) -> Any:
        params = trtp.KernelLaunchParams()
        params.grid_x, params.block_x = trtp.cdiv(inp.shape_expr.numel(), 64), 64
        return "more", ptx_of(TEXT), params, trtp.SymIntExprs.from_tuple([inp.shape_expr.numel()])

    def add(net: Any, x: Any) -> Any:
        inner = net.add_plugin(trtp.op.gpu.more(x)).get_output(0)
        return net.add_activation(inner, trt.ActivationType.RELU)

    Captured(built(add), runs).check(lambda x: np.maximum(3 * x + 1, 0))


@pytest.mark.parametrize("runs", [1, 3])
def test_a_quick_plugin_in_pytorch(runs: int) -> None:
    """It allocates while it is captured: PyTorch takes that from the graph's own pool."""

    @trtp.register("gpu::grow")
    def grow_desc(inp: trtp.TensorDesc) -> trtp.TensorDesc:
        return inp.like()

    @trtp.impl("gpu::grow")
    def grow(inp: trtp.Tensor, outputs: Any, stream: int) -> None:
        with torch.cuda.stream(torch.cuda.ExternalStream(stream) if stream else torch.cuda.default_stream()):
            x, y = torch.as_tensor(inp, device="cuda"), torch.as_tensor(outputs[0], device="cuda")
            y.copy_(torch.exp(x) + torch.abs(x))

    def add(net: Any, x: Any) -> Any:
        inner = net.add_plugin(trtp.op.gpu.grow(x)).get_output(0)
        return net.add_activation(inner, trt.ActivationType.TANH)

    Captured(built(add), runs).check(lambda x: np.tanh(np.exp(x) + np.abs(x)))


def test_a_collector_inside_a_capture() -> None:
    """Engines that are garbage are freed while PyTorch records: the recording stays whole."""
    x, y = torch.zeros(4, device="cuda"), torch.zeros(4, device="cuda")
    context = built(lambda net, x: net.add_activation(x, trt.ActivationType.TANH)).create_execution_context()
    context.run({"x": np.zeros((ROWS, 100), np.float32)})
    circle = [context]
    circle.append(circle)
    del context, circle
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        torch.add(x, 1, out=y)
        gc.collect()
        torch.mul(y, 2, out=y)
    x.fill_(3)
    graph.replay()
    torch.cuda.synchronize()
    assert y.tolist() == [8] * 4


def branches(net: Any, x: Any) -> Any:
    """Four chains of softmaxes of one input, added up."""
    total = None
    for branch in range(4):
        y = x
        for layer in range(3):
            soft = net.add_softmax(y)
            soft.axes = 1 << (branch + layer) % 2
            scaled = net.add_elementwise(
                soft.get_output(0), net.add_constant((1, 1), np.full((1, 1), 3.0 + branch, np.float32)).get_output(0),
                trt.ElementWiseOperation.PROD,
            )  # fmt: skip
            y = scaled.get_output(0)
        layer_sum = y if total is None else net.add_elementwise(total, y, trt.ElementWiseOperation.SUM).get_output(0)
        total = layer_sum
    return net.add_activation(total, trt.ActivationType.TANH)


def wanted_of_branches(x: Any) -> Any:
    """What they compute."""
    total = np.zeros_like(x, np.float64)
    for branch in range(4):
        y = x.astype(np.float64)
        for layer in range(3):
            e = np.exp(y - y.max((branch + layer) % 2, keepdims=True))
            y = (3.0 + branch) * e / e.sum((branch + layer) % 2, keepdims=True)
        total += y
    return np.tanh(total)


@pytest.mark.parametrize("lent", [False, True])
def test_branches_on_streams_of_their_own(lent: bool) -> None:
    engine = built(branches, 3)
    assert engine.num_aux_streams >= 1
    streams = [torch.cuda.Stream().cuda_stream for _ in range(engine.num_aux_streams)] if lent else []
    Captured(engine, 1, streams).check(wanted_of_branches)
