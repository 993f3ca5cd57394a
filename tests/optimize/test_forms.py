"""Normalizations as exporters write them, and pointwise work behind moves: found, and the numbers stay."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minirt.ir.graph import Graph, Input, constant
from minirt.ir.op import Op, Value, apply
from minirt.ops.activation import Sigmoid
from minirt.ops.arithmetic import Add, Div, Mul, Neg, Pow
from minirt.ops.arithmetic_functions import Reciprocal, Sqrt
from minirt.ops.cast import Cast
from minirt.ops.evaluate import evaluate
from minirt.ops.gemm import Gemm
from minirt.ops.movement import Concat, Reshape, Slice, Transpose
from minirt.ops.normalization import Normalization
from minirt.ops.pointwise import Map
from minirt.ops.reduce import Reduce
from minirt.optimize.pipeline import FUSING, NEUTRAL, run_passes
from minirt.types.dim import symbol
from minirt.types.dtype import DType, f16, f32
from minirt.types.tensor import Tensor

N = symbol("N")
RNG = np.random.default_rng(0)


def given_tensor(*shape: object, dtype: DType = f32, name: str = "x") -> Value:
    return apply(Input(name, Tensor(dtype, tuple(shape))))  # type: ignore[arg-type]


def numbers(*shape: int) -> Value:
    return constant(RNG.normal(size=shape), f32)


def same(inputs: list[Value], output: Value, **feeds: np.ndarray) -> list[type[Op]]:
    """The kinds of nodes after all passes, the numbers having been compared."""
    before = Graph("g", inputs, [output], ["y"])
    after = run_passes(before, NEUTRAL + FUSING)
    (want,), (got,) = evaluate(before, feeds, True), evaluate(after, feeds, True)
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-9 * max(1.0, float(np.abs(want).max())))
    return [type(n.op) for n in after.nodes if type(n.op).__name__ not in ("Input", "Constant")]


@pytest.mark.parametrize("divides", [False, True])
@pytest.mark.parametrize("multiplies", [False, True])
def test_root_mean_square_norms_are_found(divides: bool, multiplies: bool) -> None:
    x = given_tensor(N, 8)
    square = apply(Mul(), x, x) if multiplies else apply(Pow(), x, constant(2.0, f32))
    spread = apply(Sqrt(), apply(Add(), apply(Reduce("mean", (1,), True), square), constant(1e-5, f32)))
    normal = apply(Div(), x, spread) if divides else apply(Mul(), x, apply(Reciprocal(), spread))
    assert same([x], apply(Mul(), normal, numbers(8)), x=RNG.normal(size=(3, 8))) == [Normalization]


def test_a_norm_in_float32_reads_halves_as_they_are() -> None:
    x = given_tensor(N, 8, dtype=f16)
    normal = apply(Normalization((1,), "rms", 1e-5), apply(Cast(f32), x))
    out = apply(Cast(f16), apply(Mul(), normal, numbers(8)))
    assert same([x], out, x=RNG.normal(size=(3, 8)).astype(np.float16)) == [Normalization]


@settings(max_examples=20, deadline=None)
@given(groups=st.integers(1, 3), each=st.integers(1, 3), size=st.integers(1, 4), plain=st.booleans())
def test_group_norms_move_nothing(groups: int, each: int, size: int, plain: bool) -> None:
    """As PyTorch exports them: instance norm of the groups with ones and zeros, then numbers for each channel."""
    channels = groups * each
    x = given_tensor(N, channels, size, 5)
    normal = apply(Normalization((2,), "layer", 1e-3), apply(Reshape((N, groups, each * size * 5)), x))
    if plain:
        ones, zeros = constant(np.ones((groups, 1)), f32), constant(np.zeros((groups, 1)), f32)
        normal = apply(Add(), apply(Mul(), normal, ones), zeros)
    whole = apply(Reshape(x.shape), normal)
    scaled = apply(Add(), apply(Mul(), whole, numbers(channels, 1, 1)), numbers(channels, 1, 1))
    found = same([x], apply(Mul(), scaled, apply(Sigmoid(), scaled)), x=RNG.normal(size=(2, channels, size, 5)))
    assert set(found) <= {Reshape, Normalization} and found.count(Normalization) == 1


def test_a_residual_behind_a_transposition_joins_the_product() -> None:
    """x + transpose(a @ b * scale), as blocks with channels last write it."""
    a, x = given_tensor(N, 3, 4, 6, name="a"), given_tensor(N, 5, 3, 4)
    product = apply(Mul(), apply(Gemm(), a, numbers(6, 5)), numbers(5))
    out = apply(Add(), x, apply(Transpose((0, 3, 1, 2)), product))
    found = same([x, a], out, a=RNG.normal(size=(2, 3, 4, 6)), x=RNG.normal(size=(2, 5, 3, 4)))
    assert found == [Transpose, Gemm, Transpose]


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_pointwise_work_behind_a_reshape_joins_the_product(data: st.DataObject) -> None:
    a = given_tensor(N, 6, 4, name="a")
    product = apply(Gemm(), a, numbers(4, 6))
    shape = data.draw(st.sampled_from([(N, 36), (N, 2, 3, 6), (N, 6, 3, 2), (N, 6, 6), (N, 3, 2, 2, 3)]))
    other = tuple(data.draw(st.sampled_from([1, d])) for d in shape[1:] if isinstance(d, int))
    other = other[data.draw(st.integers(0, len(other))) :]
    out = apply(Mul(), apply(Reshape(shape), product), numbers(*other))
    assert Gemm in same([a], out, a=RNG.normal(size=(3, 6, 4)))


@pytest.mark.parametrize("axis", [1, 2, 3])
def test_a_rotary_embedding_is_one_region(axis: int) -> None:
    """x * cos + [-b a] * sin, where x = [a b]: nothing is joined in memory."""
    shape = (N, 4, 6, 8)
    x = given_tensor(*shape)
    half = shape[axis] // 2  # type: ignore[operator]
    sizes = (*shape[:axis], half, *shape[axis + 1 :])
    a, b = (apply(Slice(tuple(s if i == axis else 0 for i in range(4)), sizes, (1,) * 4), x) for s in (0, half))
    turned = apply(Concat(axis), apply(Neg(), b), a)
    table = [d if i >= axis else 1 for i, d in enumerate(shape)][1:]
    cos, sin = numbers(*table), numbers(*table)  # type: ignore[arg-type]
    out = apply(Add(), apply(Mul(), x, cos), apply(Mul(), turned, sin))
    found = same([x], out, x=RNG.normal(size=(2, 4, 6, 8)))
    assert found.count(Map) == 1 and set(found) <= {Map, Slice, Reshape}
