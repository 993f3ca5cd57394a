"""Attention of 32-bit floats as TF32 on a device: every kernel with every tactic, and whole layers, against float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minirt.build.targets import cuda_target, default_target
from minirt.ir.graph import Graph, Input, constant
from minirt.ir.op import Value, apply
from minirt.kernels.kernel import Target
from minirt.ops.arithmetic import Add, Mul
from minirt.ops.attention import seen_keys
from minirt.ops.evaluate import evaluate
from minirt.ops.gemm import Gemm
from minirt.ops.logic import And, where
from minirt.ops.movement import reshaped, transposed
from minirt.ops.softmax import Softmax
from minirt.types.dtype import bool_, f32
from minirt.types.tensor import Tensor
from tests.gpu.session import Session
from tests.gpu.tactics import compiled_ahead, wrong_of
from tests.kernels.cuda.attention_cases import singles
from tests.kernels.cuda.execution import choices
from tests.kernels.cuda.matrix_cases import TF32, MatrixCase

pytestmark = pytest.mark.gpu
CASES = singles()
EXACT = 1e-5


@pytest.fixture(scope="module")
def target() -> Target:
    """The device, with all kernels compiled in several processes."""
    made = cuda_target()
    compiled_ahead([way for case in CASES for way in choices(case, made)], made)
    return made


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_kernels_compute_what_the_reference_does(case: MatrixCase, target: Target) -> None:
    ways = list(choices(case, target))
    wrong = wrong_of(case, ways, target)
    assert ways and not wrong, wrong


def layer(batch: int, length: int, heads: int, size: int, causal: bool) -> Graph:
    """A layer as exported: products for q, k and v, heads split, scores scaled, masked, weighed, and joined."""
    rng = np.random.default_rng(0)
    width = heads * size
    x = apply(Input("x", Tensor(f32, (batch, length, width))))
    seen: Value = apply(Input("seen", Tensor(bool_, (batch, 1, 1, length))))

    def split() -> Value:
        weights = constant(rng.standard_normal((width, width)).astype(np.float32) / np.float32(width**0.5), f32)
        return transposed(reshaped(apply(Gemm(), x, weights), (batch, length, heads, size)), (0, 2, 1, 3))

    q, k, v = split(), split(), split()
    scores = apply(Mul(), apply(Gemm(trans_b=True), q, k), constant(size**-0.5, f32))
    shown = apply(And(), seen, reshaped(seen_keys(length, length, 0), (1, 1, length, length))) if causal else seen
    bias = where(shown, constant(0.0, f32), constant(-3.4e38, f32))
    out = apply(Gemm(), apply(Softmax(3), apply(Add(), scores, bias)), v)
    joined = reshaped(transposed(out, (0, 2, 1, 3)), (batch, length, width))
    return Graph("layer", [x, seen.node.outputs[0]], [joined], ["y"])


@pytest.mark.parametrize("tf32", [True, False])
@pytest.mark.parametrize(
    ("length", "size", "causal"), [(12, 64, False), (77, 32, True), (197, 64, False), (300, 128, True), (65, 20, False)]
)
def test_a_layer_runs_in_one_kernel_where_tf32_is_allowed(length: int, size: int, causal: bool, tf32: bool) -> None:
    graph = layer(3, length, 4, size, causal)
    session = Session(graph, default_target(), tf32=tf32)
    rng = np.random.default_rng(1)
    seen = np.arange(length) < rng.integers(1, length + 1, (3, 1, 1, 1))
    feeds: dict[str, Any] = {"x": rng.standard_normal((3, length, 4 * size)).astype(np.float32), "seen": seen}
    got, want = session.run(feeds)[0], evaluate(graph, feeds, wide=True)[0]
    kernels = session.kernels
    assert sum(n for k, n in kernels.items() if k.startswith("Attention")) == int(tf32), kernels
    assert not tf32 or not any(k.startswith(("Softmax", "Move", "host")) for k in kernels), kernels
    limit = (2 * TF32 if tf32 else EXACT) * max(1.0, float(np.abs(want).max()))  # of two products, one after the other
    np.testing.assert_allclose(got.astype(np.float64), want, rtol=0, atol=limit)
