"""Quick plugins whose kernels are compiled ahead of time, on a CUDA device: launches like any other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import minirt as trt
import minirt.plugin as trtp
from examples.kernels.in_cuda_python import checked
from minirt.plugin import _lib
from tests.gpu.test_plugins import Bound, built, close

pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("MINIRT_TARGET", raising=False)
    yield
    _lib.QDP_REGISTRY.clear()


TEXT = """extern "C" __global__ void axpb(const float* x, int n, int rows, float* y) {
  extern __shared__ float held[];
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  held[threadIdx.x] = i < n ? x[i] : 0;
  if (i < n) y[i] = 2 * held[threadIdx.x] + rows;
}"""


FOUND = """extern "C" __global__ void positives(const float* x, int n, float* y, int* count) {
  int found = 0;
  for (int i = 0; i < n; ++i) if (x[i] > 0) y[found++] = x[i];
  *count = found;
}"""
ADDED = """extern "C" __global__ void added(const float* x, int n, float* y) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] = x == y ? x[i] + 1 : -99;
}"""


def ptx_of(text: str = TEXT) -> bytes:
    """Return PTX of a kernel, as NVRTC makes it."""
    nvrtc = pytest.importorskip("cuda.bindings.nvrtc")
    program = checked(nvrtc.nvrtcCreateProgram(text.encode(), b"kernel.cu", 0, [], []))
    checked(nvrtc.nvrtcCompileProgram(program, 1, [b"--gpu-architecture=compute_80"]))
    code = bytes(checked(nvrtc.nvrtcGetPTXSize(program)))
    checked(nvrtc.nvrtcGetPTX(program, code))
    return code


def test_a_kernel_compiled_ahead_of_time() -> None:
    """It runs in the engine's graph, and needs no Python: not even its plugin."""

    @trtp.register("gpu::axpb")
    def axpb_desc(inp: trtp.TensorDesc) -> trtp.TensorDesc:
        return inp.like()

    @trtp.aot_impl("gpu::axpb")
    def axpb(inp: trtp.TensorDesc, outputs: Any, tactic: int) -> Any:
        params = trtp.KernelLaunchParams()
        params.grid_x, params.block_x, params.shared_mem = trtp.cdiv(inp.shape_expr.numel(), 64), 64, 60_000
        extra = trtp.SymIntExprs.from_tuple([inp.shape_expr.numel(), inp.shape_expr[0]])
        return "axpb", ptx_of(), params, extra

    def add(net: Any, x: Any) -> Any:
        inner = net.add_plugin(trtp.op.gpu.axpb(x)).get_output(0)
        for _ in range(3):
            inner = net.add_plugin(trtp.op.gpu.axpb(inner)).get_output(0)
        return net.add_activation(inner, trt.ActivationType.RELU)

    data = built(add).serialize()
    _lib.QDP_REGISTRY.clear()
    engine = trt.Runtime(trt.Logger(trt.Logger.ERROR)).deserialize_cuda_engine(data)
    for rows in (8, 3):
        bound = Bound(engine, rows)
        for seed in range(3):
            x = bound.fill(seed)
            close(bound.run(), np.maximum(16 * x + 15 * rows, 0))
        assert all(s.has_graph for _, s in bound.context._state.executor.frame.segments.values())


def test_ahead_of_time_in_an_inputs_memory_and_with_a_size_that_it_writes() -> None:
    @trtp.register("gpu::added")
    def added_desc(inp: trtp.TensorDesc) -> trtp.TensorDesc:
        return inp.aliased()

    @trtp.aot_impl("gpu::added")
    def added(inp: trtp.TensorDesc, outputs: Any, tactic: int) -> Any:
        params = trtp.KernelLaunchParams()
        params.grid_x, params.block_x = trtp.cdiv(inp.shape_expr.numel(), 64), 64
        return "added", ptx_of(ADDED), params, trtp.SymIntExprs.from_tuple([inp.shape_expr.numel()])

    @trtp.register("gpu::positives")
    def positives_desc(inp: trtp.TensorDesc) -> Any:
        most = inp.shape_expr.numel()
        count = trtp.size_tensor(opt=most, upper_bound=most)
        return trtp.from_shape_expr((count.expr(),), inp.dtype), count

    @trtp.aot_impl("gpu::positives")
    def positives(inp: trtp.TensorDesc, outputs: Any, tactic: int) -> Any:
        return "positives", ptx_of(FOUND), trtp.KernelLaunchParams(), trtp.SymIntExprs.from_tuple([inp.numel()])

    def add(net: Any, x: Any) -> Any:
        more = net.add_plugin(trtp.op.gpu.added(x)).get_output(0)
        again = net.add_plugin(trtp.op.gpu.added(more)).get_output(0)
        found = net.add_plugin(trtp.op.gpu.positives(again)).get_output(0)
        return net.add_elementwise(found, found, trt.ElementWiseOperation.SUM)

    context = built(add).create_execution_context()
    for seed in range(4):
        x = np.random.default_rng(seed).normal(size=(1 + seed % 3, 100)).astype(np.float32) - 2
        given = x.copy()
        close(context.run({"x": x})["y"], 2 * (x + 2)[x + 2 > 0])
        assert (given == x).all()


def test_a_triton_kernel_compiled_ahead_of_time() -> None:
    triton = pytest.importorskip("triton")
    source = pytest.importorskip("tests.gpu.shrink_in_triton")

    @trtp.register("gpu::shrink")
    def shrink_desc(inp: trtp.TensorDesc) -> trtp.TensorDesc:
        return inp.like()

    @trtp.aot_impl("gpu::shrink")
    def shrink_ahead(inp: trtp.TensorDesc, outputs: Any, tactic: int) -> Any:
        text = triton.compiler.ASTSource(fn=source.shrink, signature=source.SIGNATURE, constexprs={"BLOCK": 256})
        made = triton.compile(text)
        params = trtp.KernelLaunchParams()
        params.grid_x = trtp.cdiv(inp.shape_expr.numel(), 256)
        params.block_x, params.shared_mem = made.metadata.num_warps * 32, made.metadata.shared
        extra = trtp.SymIntExprs.from_tuple([inp.shape_expr.numel()])
        return made.metadata.name, made.asm["ptx"], params, extra

    bound = Bound(built(lambda net, x: net.add_plugin(trtp.op.gpu.shrink(x))))
    for seed in range(3):
        x = bound.fill(seed)
        close(bound.run(), x - np.clip(x, -0.5, 0.5))
