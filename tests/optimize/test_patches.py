"""Windows side by side are a product of rows: the numbers stay, and other convolutions are left alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minirt.ir.graph import Constant, Input, constant
from minirt.ir.op import Value, apply
from minirt.ops.activation import Sigmoid
from minirt.ops.arithmetic import Add
from minirt.ops.convolution import Conv
from minirt.ops.gemm import Gemm
from minirt.ops.movement import Concat, Reshape, Transpose
from minirt.types.dim import symbol
from minirt.types.dtype import f32
from minirt.types.tensor import Tensor
from tests.optimize.products import RNG, kinds, numbers

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


def eighths(*shape: int) -> Value:
    """Constants whose sums float32 holds exactly: those of constants are worked out in their type."""
    return constant(np.round(8 * RNG.normal(size=shape)) / 8, f32)


@settings(max_examples=15, deadline=None)
@given(results=st.integers(1, 5), tokens=st.integers(1, 2), last=st.booleans(), bias=st.booleans())
def test_places_are_added_where_patches_are_made(results: int, tokens: int, last: bool, bias: bool) -> None:
    """A class token beside patches, and what tells their places: only the product and the concatenation are left."""
    x = apply(Input("x", Tensor(f32, (2, 3, 8, 12))))
    y = apply(Conv((4, 4), (0,) * 4, (1, 1)), x, numbers(results, 3, 4, 4))
    y = apply(Add(), y, numbers(results, 1, 1)) if bias else y
    rows = apply(Transpose((0, 2, 1)), apply(Reshape((2, results, 6)), y))
    token, places = eighths(2, tokens, results), eighths(1, 6 + tokens, results)
    parts = [rows, token] if last else [token, rows]
    found = kinds(x, apply(Add(), apply(Concat(1), *parts), places))
    assert set(found) == {Input, Constant, Reshape, Transpose, Gemm, Concat}
    assert found[-1] is Concat and found[-2] in (Gemm, Constant)
