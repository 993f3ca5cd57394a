"""Products of a few rows take in norms and second products: the numbers stay, others are left alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minirt.ir.graph import Graph, Input
from minirt.ir.op import Value, apply
from minirt.ops.activation import Sigmoid
from minirt.ops.arithmetic import Add, Mul
from minirt.ops.evaluate import evaluate
from minirt.ops.gemm import Gemm
from minirt.ops.normalization import Normalization
from minirt.ops.row_gemm import RowGemm
from minirt.optimize.pipeline import NEUTRAL, ROWS, fusing, run_passes
from minirt.types.dim import symbol
from minirt.types.dtype import f32
from minirt.types.tensor import Tensor
from tests.optimize.products import RNG, numbers


def found(x: Value, *outputs: Value) -> list[type]:
    """The kinds of nodes after all passes, the numbers having been compared; compositions give the same ones."""
    before = Graph("g", [x], list(outputs), [f"y{i}" for i in range(len(outputs))])
    feeds = {"x": RNG.normal(1.0, 2.0, size=[d if isinstance(d, int) else 2 for d in x.shape])}
    after = run_passes(before, (*NEUTRAL, *fusing(()), *ROWS))
    again = run_passes(after, fusing(())[:1])
    assert all(type(n.op) is not RowGemm for n in again.nodes)
    wants = evaluate(before, feeds, True)
    for graph in (after, again):
        for want, got in zip(wants, evaluate(graph, feeds, True), strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-9 * max(1.0, float(np.abs(want).max())))
    return [type(n.op) for n in after.nodes if type(n.op) in (Gemm, RowGemm, Normalization)]


def normed(x: Value, kind: str, scaled: bool, shifted: bool) -> Value:
    k = int(str(x.shape[-1]))
    y = apply(Normalization((x.rank - 1,), kind), x)
    y = apply(Mul(), y, numbers(k)) if scaled else y
    return apply(Add(), y, numbers(1, k)) if shifted else y


def linear(x: Value, n: int, bias: bool = False) -> Value:
    y = apply(Gemm(), x, numbers(int(str(x.shape[-1])), n))
    return apply(Add(), y, numbers(n)) if bias else y


def gated(x: Value, n: int, bias: bool = False) -> Value:
    gate = linear(x, n, bias)
    return apply(Mul(), apply(Mul(), gate, apply(Sigmoid(), gate)), linear(x, n, bias))


@settings(max_examples=40, deadline=None)
@given(
    rows=st.sampled_from([(1,), (3,), (2, 4), (1, 1)]), k=st.integers(1, 9), n=st.integers(1, 7),
    kind=st.sampled_from(["rms", "layer"]), scaled=st.booleans(), shifted=st.booleans(), bias=st.booleans(),
)  # fmt: skip
def test_the_numbers_stay(
    rows: tuple[int, ...], k: int, n: int, kind: str, scaled: bool, shifted: bool, bias: bool
) -> None:
    x = apply(Input("x", Tensor(f32, (*rows, k))))
    y = normed(x, kind, scaled, shifted)
    assert found(x, linear(y, n, bias)) == [RowGemm]
    assert found(x, gated(y, n, bias)) == [RowGemm]
    assert found(x, apply(Add(), x, linear(gated(y, n), k, bias))) == [RowGemm, Gemm]


def test_queries_keys_and_values_are_one_product() -> None:
    x = apply(Input("x", Tensor(f32, (1, 8))))
    y = normed(x, "rms", True, False)
    assert found(x, *(linear(y, n) for n in (8, 4, 4))) == [RowGemm]


@pytest.mark.parametrize("shape", [(9, 8), (3, 3, 8), (symbol("N"), 8), (1, 20000)])
def test_many_rows_and_long_ones_are_normalized_once(shape: tuple[int, ...]) -> None:
    x = apply(Input("x", Tensor(f32, shape)))
    assert found(x, linear(normed(x, "rms", True, False), 4)) == [Normalization, Gemm]


def test_what_others_read_too_is_left_alone() -> None:
    x = apply(Input("x", Tensor(f32, (1, 8))))
    y = normed(x, "rms", True, False)
    assert found(x, linear(y, 8), y) == [Normalization, Gemm]
    gate, up = linear(x, 6), linear(x, 6)
    assert RowGemm not in found(x, apply(Mul(), apply(Sigmoid(), gate), up), apply(Add(), up, up))
    other = linear(apply(Sigmoid(), x), 6)
    assert RowGemm not in found(x, apply(Mul(), apply(Sigmoid(), gate), other))


def test_axes_other_than_the_last_stay() -> None:
    x = apply(Input("x", Tensor(f32, (2, 8))))
    assert found(x, linear(apply(Normalization((0,), "rms"), x), 4)) == [Normalization, Gemm]
    assert found(x, linear(apply(Normalization((0, 1), "rms"), x), 4)) == [Normalization, Gemm]
