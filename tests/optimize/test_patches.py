"""Windows side by side are a product of rows: the numbers stay, and other convolutions are left alone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minirt.ir.graph import Input
from minirt.ir.op import apply
from minirt.ops.activation import Sigmoid
from minirt.ops.arithmetic import Add
from minirt.ops.convolution import Conv
from minirt.ops.gemm import Gemm
from minirt.types.dim import symbol
from minirt.types.dtype import f32
from minirt.types.tensor import Tensor
from tests.optimize.products import kinds, numbers

N = symbol("N")


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
