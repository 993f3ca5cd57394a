"""Attention of 16-bit floats on a device: every kernel with every tactic against float64, and whole graphs."""

from __future__ import annotations

import numpy as np
import pytest

from minirt.build.targets import cuda_target, default_target
from minirt.ir.graph import Graph, Input, constant
from minirt.ir.op import Value, apply
from minirt.kernels.cuda import attention
from minirt.kernels.kernel import Target
from minirt.ops.arithmetic import Add, Mul
from minirt.ops.evaluate import evaluate
from minirt.ops.gemm import Gemm
from minirt.ops.logic import where
from minirt.ops.movement import reshaped, transposed
from minirt.ops.softmax import Softmax
from minirt.types.dtype import bool_, f16
from minirt.types.tensor import Tensor
from tests.gpu.session import Session
from tests.gpu.tactics import compiled_ahead, wrong_of
from tests.kernels.cuda.attention_cases import halves, ragged, rounds
from tests.kernels.cuda.execution import choices
from tests.kernels.cuda.matrix_cases import MatrixCase

pytestmark = pytest.mark.gpu
CASES, RAGGED = halves(), ragged()


@pytest.fixture(scope="module")
def target() -> Target:
    """The device, with all kernels compiled in several processes."""
    made = cuda_target()
    ways = [way for case in CASES for way in choices(case, made)]
    ways += [way for case in RAGGED for way in choices(case, made, further=True)]
    compiled_ahead(ways, made)
    return made


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_kernels_compute_what_the_reference_does(case: MatrixCase, target: Target) -> None:
    ways = list(choices(case, target))
    wrong = wrong_of(case, ways, target)
    assert ways and not wrong, wrong


@pytest.mark.parametrize("case", RAGGED, ids=lambda case: case.name)
def test_lengths_about_the_edges_of_tiles(case: MatrixCase, target: Target) -> None:
    ways = list(choices(case, target, further=True))
    wrong = wrong_of(case, ways, target)
    assert ways and not wrong, wrong


@pytest.mark.parametrize("heads", [1, 5, 17])
def test_causal_heads_in_groups(heads: int, target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    """As many heads at a time as the second-level cache were to hold: every other group begins with short rows."""
    monkeypatch.setattr(attention, "group", lambda problem: heads)
    for case in rounds()[:3]:
        ways = [way for way in choices(case, target) if way[0].name == "AttentionWgmma"]
        wrong = wrong_of(case, ways, target)
        assert not wrong, wrong


def spelled_out(batch: int, length: int, heads: int, size: int) -> Graph:
    """A layer as exported: one product for q, k and v, heads split, scores scaled, masked, weighed, and joined."""
    rng = np.random.default_rng(0)
    width = heads * size
    x = apply(Input("x", Tensor(f16, (batch, length, width))))
    seen = apply(Input("seen", Tensor(bool_, (batch, 1, 1, length))))

    def split(seed: int) -> Value:
        weights = constant(rng.standard_normal((width, width)).astype(np.float16) / width**0.5, f16)
        shape = (batch, length, heads, size)
        return transposed(reshaped(apply(Gemm(), x, weights), shape), (0, 2, 1, 3))

    q, k, v = split(0), split(1), split(2)
    scores = apply(Mul(), apply(Gemm(trans_b=True), q, k), constant(size**-0.5, f16))
    bias = where(seen, constant(0.0, f16), constant(-np.inf, f16))
    out = apply(Gemm(), apply(Softmax(3), apply(Add(), scores, bias)), v)
    joined = reshaped(transposed(out, (0, 2, 1, 3)), (batch, length, width))
    return Graph("layer", [x, seen], [joined], ["y"])


@pytest.mark.parametrize(("length", "size"), [(12, 64), (77, 32), (197, 64), (300, 128)])
def test_a_layer_runs_in_one_kernel_between_its_products(length: int, size: int) -> None:
    graph = spelled_out(3, length, 4, size)
    session = Session(graph, default_target())
    rng = np.random.default_rng(1)
    seen = np.arange(length) < rng.integers(1, length + 1, (3, 1, 1, 1))
    feeds = {"x": rng.standard_normal((3, length, 4 * size)).astype(np.float16), "seen": seen}
    got, want = session.run(feeds)[0], evaluate(graph, feeds, wide=True)[0]
    assert sum(n for k, n in session.kernels.items() if k.startswith("Attention")) == 1, session.kernels
    assert not any(k.startswith(("Softmax", "Move", "host")) for k in session.kernels), session.kernels
    np.testing.assert_allclose(got.astype(np.float64), want, rtol=0, atol=4e-3 * max(1.0, np.abs(want).max()))
