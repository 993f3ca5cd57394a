"""Windows side by side are a product of rows: the numbers stay, and other convolutions are left alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minirt.ir.graph import Graph, Input, constant
from minirt.ir.op import Op, Value, apply
from minirt.ops.activation import Sigmoid
from minirt.ops.arithmetic import Add
from minirt.ops.convolution import Conv
from minirt.ops.evaluate import evaluate
from minirt.ops.gemm import Gemm
from minirt.optimize.pipeline import NEUTRAL, fusing, run_passes
from minirt.types.dim import symbol
from minirt.types.dtype import f32
from minirt.types.tensor import Tensor

N = symbol("N")
RNG = np.random.default_rng(0)


def numbers(*shape: int) -> Value:
    return constant(RNG.normal(size=shape), f32)


def kinds(x: Value, output: Value) -> list[type[Op]]:
    """The kinds of nodes after all passes, the numbers having been compared."""
    before = Graph("g", [x], [output], ["y"])
    feeds = {"x": RNG.normal(size=(2, *(d for d in x.shape[1:] if isinstance(d, int))))}
    after = run_passes(before, (*NEUTRAL, *fusing(())))
    for want, got in zip(evaluate(before, feeds, True), evaluate(after, feeds, True), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-9 * max(1.0, float(np.abs(want).max())))
    return [type(n.op) for n in after.nodes]


@settings(max_examples=25, deadline=None)
@given(
    channels=st.integers(1, 4), results=st.integers(1, 5), taps=st.sampled_from([(4, 2), (2, 5), (3, 3), (8,)]),
    counts=st.tuples(*[st.integers(1, 3)] * 2), bias=st.booleans(),
)  # fmt: skip
def test_the_numbers_stay(
    channels: int, results: int, taps: tuple[int, ...], counts: tuple[int, ...], bias: bool
) -> None:
    space = tuple(t * c for t, c in zip(taps, counts, strict=False))
    x = apply(Input("x", Tensor(f32, (N, channels, *space))))
    y = apply(Conv(taps, (0,) * 2 * len(taps), (1,) * len(taps)), x, numbers(results, channels, *taps))
    y = apply(Add(), y, numbers(results, *(1,) * len(taps))) if bias else y
    found = kinds(x, apply(Sigmoid(), y))
    assert Gemm in found and Conv not in found


@pytest.mark.parametrize(
    ("channels", "side", "stride", "pad"), [(8, 8, 4, 0), (3, 9, 4, 0), (3, 8, 2, 0), (3, 8, 4, 2)]
)
def test_other_convolutions_stay(channels: int, side: int, stride: int, pad: int) -> None:
    x = apply(Input("x", Tensor(f32, (N, channels, side, side))))
    assert Conv in kinds(x, apply(Conv((stride,) * 2, (pad,) * 4, (1, 1)), x, numbers(2, channels, 4, 4)))
