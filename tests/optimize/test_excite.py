"""Scaled channels scale the weights: the numbers stay, and what it does not pay for is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minirt.ir.graph import Input
from minirt.ir.op import Value, apply
from minirt.ops.activation import Sigmoid
from minirt.ops.arithmetic import Add, Mul
from minirt.ops.convolution import Conv
from minirt.ops.gemm import Gemm
from minirt.ops.reduce import Reduce
from minirt.types.dim import symbol
from minirt.types.dtype import f32
from minirt.types.tensor import Tensor
from tests.optimize.products import kinds, numbers

N = symbol("N")


def excited(x: Value, results: int, kernel: int = 1, stride: int = 1) -> Value:
    """A convolution of x scaled by a gate on the means of its channels."""
    channels = x.shape[1]
    assert isinstance(channels, int)
    gate = apply(Sigmoid(), apply(Mul(), apply(Reduce("mean", (2, 3), True), x), numbers(channels, 1, 1)))
    pad = kernel // 2
    op = Conv((stride, stride), (pad,) * 4, (1, 1))
    return apply(op, apply(Mul(), x, gate), numbers(results, channels, kernel, kernel))


@settings(max_examples=25, deadline=None)
@given(results=st.integers(1, 5), height=st.integers(2, 4), bias=st.booleans(), shortcut=st.booleans())
def test_the_numbers_stay(results: int, height: int, bias: bool, shortcut: bool) -> None:
    x = apply(Input("x", Tensor(f32, (N, 5 if not shortcut else results, height, 3))))
    y = excited(x, results)
    y = apply(Add(), y, numbers(results, 1, 1)) if bias else y
    y = apply(Add(), x, y) if shortcut else y
    found = kinds(x, apply(Sigmoid(), y))
    assert Gemm in found and Conv not in found


@pytest.mark.parametrize(("results", "kernel", "stride"), [(40, 1, 1), (3, 3, 1), (3, 1, 2)])
def test_what_it_does_not_pay_for_is_left_alone(results: int, kernel: int, stride: int) -> None:
    x = apply(Input("x", Tensor(f32, (N, 5, 4, 4))))
    assert Gemm not in kinds(x, excited(x, results, kernel, stride))


@settings(max_examples=25, deadline=None)
@given(results=st.integers(1, 5), channels=st.integers(1, 6), bias=st.booleans(), rank=st.integers(1, 3))
def test_a_pixel_of_each_image_is_a_row(results: int, channels: int, bias: bool, rank: int) -> None:
    x = apply(Input("x", Tensor(f32, (N, channels, *(1,) * rank))))
    op = Conv((1,) * rank, (0,) * (2 * rank), (1,) * rank)
    y = apply(op, x, numbers(results, channels, *(1,) * rank))
    y = apply(Add(), y, numbers(results, *(1,) * rank)) if bias else y
    y = apply(Add(), x, y) if results == channels else y
    found = kinds(x, apply(Sigmoid(), y))
    assert Gemm in found and Conv not in found
