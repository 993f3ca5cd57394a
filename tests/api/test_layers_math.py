"""What layers that compute mean, against NumPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

import minirt as trt
from tests.api.nets import compute, inputs, network, same

pytestmark = pytest.mark.usefixtures("each_target")
RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 3, 4)).astype(np.float32)
Y = RNG.normal(size=(2, 3, 4)).astype(np.float32)
ERF = np.vectorize(math.erf)

ACTIVATIONS: dict[str, Any] = {
    "RELU": lambda x, a, b: np.maximum(x, 0),
    "SIGMOID": lambda x, a, b: 1 / (1 + np.exp(-x)),
    "TANH": lambda x, a, b: np.tanh(x),
    "LEAKY_RELU": lambda x, a, b: np.where(x > 0, x, a * x),
    "ELU": lambda x, a, b: np.where(x > 0, x, a * (np.exp(x) - 1)),
    "SELU": lambda x, a, b: b * np.where(x > 0, x, a * np.exp(x) - a),
    "SOFTSIGN": lambda x, a, b: x / (1 + abs(x)),
    "SOFTPLUS": lambda x, a, b: a * np.log(np.exp(b * x) + 1),
    "CLIP": lambda x, a, b: np.clip(x, a, b),
    "HARD_SIGMOID": lambda x, a, b: np.clip(a * x + b, 0, 1),
    "SCALED_TANH": lambda x, a, b: a * np.tanh(b * x),
    "THRESHOLDED_RELU": lambda x, a, b: np.where(x > a, x, 0),
    "GELU_ERF": lambda x, a, b: 0.5 * x * (1 + ERF(x / math.sqrt(2))),
    "GELU_TANH": lambda x, a, b: 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (0.044715 * x**3 + x))),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(name: str) -> None:
    def add(net: Any, x: Any) -> Any:
        layer = net.add_activation(x, getattr(trt.ActivationType, name))
        layer.alpha, layer.beta = 0.7, 0.4 if name != "CLIP" else 0.9
        return layer

    same(compute(add, X), ACTIVATIONS[name](X.astype(np.float64), 0.7, 0.9 if name == "CLIP" else 0.4))


def test_default_parameters_of_activations() -> None:
    net = network()
    (x,) = inputs(net, X)
    most = float(np.finfo(np.float32).max)
    wanted: dict[str, tuple[float, float | None]] = {"LEAKY_RELU": (0.01, None), "SELU": (1.67326, 1.05070)}
    wanted |= {"HARD_SIGMOID": (0.2, 0.5), "ELU": (1, None), "SOFTPLUS": (1, 1), "SCALED_TANH": (1, 1)}
    wanted |= {"THRESHOLDED_RELU": (1, None), "CLIP": (-most, most)}
    for name, (alpha, beta) in wanted.items():
        layer = net.add_activation(x, trt.ActivationType.__members__[name])
        assert layer.alpha == pytest.approx(alpha, abs=1e-5)
        assert beta is None or layer.beta == pytest.approx(beta, abs=1e-5)


UNARIES: dict[str, Any] = {
    "EXP": np.exp,
    "LOG": np.log,
    "SQRT": np.sqrt,
    "RECIP": lambda x: 1 / x,
    "ABS": np.abs,
    "NEG": np.negative,
    "SIN": np.sin,
    "COS": np.cos,
    "TAN": np.tan,
    "SINH": np.sinh,
    "COSH": np.cosh,
    "ASIN": np.arcsin,
    "ACOS": np.arccos,
    "ATAN": np.arctan,
    "ASINH": np.arcsinh,
    "ATANH": np.arctanh,
    "CEIL": np.ceil,
    "FLOOR": np.floor,
    "ERF": ERF,
    "SIGN": np.sign,
    "ROUND": np.rint,
    "ISINF": np.isinf,
    "ISNAN": np.isnan,
}


@pytest.mark.parametrize("name", UNARIES)
def test_unary(name: str) -> None:
    x = RNG.uniform(0.1, 0.9, (3, 4)).astype(np.float32)
    same(compute(lambda net, a: net.add_unary(a, getattr(trt.UnaryOperation, name)), x), UNARIES[name](x))


def test_unary_not_and_acosh() -> None:
    mask = np.array([True, False])
    assert compute(lambda net, a: net.add_unary(a, trt.UnaryOperation.NOT), mask).tolist() == [False, True]
    x = np.array([1.5, 3], np.float32)
    same(compute(lambda net, a: net.add_unary(a, trt.UnaryOperation.ACOSH), x), np.arccosh(x))


BINARIES: dict[str, Any] = {
    "DIV": np.divide,
    "POW": np.power,
    "FLOOR_DIV": np.floor_divide,
}


@pytest.mark.parametrize("name", BINARIES)
def test_elementwise_broadcasts(name: str) -> None:
    a = RNG.uniform(0.5, 2, (2, 1, 4)).astype(np.float32)
    b = RNG.uniform(0.5, 2, (2, 3, 1)).astype(np.float32)
    add = getattr(trt.ElementWiseOperation, name)
    same(compute(lambda net, x, y: net.add_elementwise(x, y, add), a, b), BINARIES[name](a, b))


def test_elementwise_floor_division_of_ints() -> None:
    a, b = np.array([7, -7, 7, -7], np.int32), np.array([2, 2, -2, -2], np.int32)
    got = compute(lambda net, x, y: net.add_elementwise(x, y, trt.ElementWiseOperation.FLOOR_DIV), a, b)
    assert got.tolist() == (a // b).tolist()


def test_elementwise_bools() -> None:
    a, b = np.array([True, True, False]), np.array([True, False, False])
    for name, wanted in (("AND", a & b), ("OR", a | b), ("XOR", a ^ b)):
        op = getattr(trt.ElementWiseOperation, name)
        assert (compute(lambda net, x, y, op=op: net.add_elementwise(x, y, op), a, b) == wanted).all()


def test_select_and_prelu() -> None:
    mask = X > 0
    same(compute(lambda net, m, x, y: net.add_select(m, x, y), mask, X, Y), np.where(mask, X, Y))
    slope = np.array([[[0.1], [0.2], [0.3]]], np.float32)
    same(compute(lambda net, x, s: net.add_parametric_relu(x, s), X, slope), np.where(X > 0, X, slope * X))


def test_cast_and_identity_with_an_output_type() -> None:
    got = compute(lambda net, x: net.add_cast(x, trt.int32), X * 10)
    assert got.dtype == np.int32
    assert (got == (X * 10).astype(np.int32)).all()

    def add(net: Any, x: Any) -> Any:
        layer = net.add_identity(x)
        layer.set_output_type(0, trt.float16)
        assert layer.output_type_is_set(0)
        return layer

    assert compute(add, X).dtype == np.float16


def _softmax(x: Any, axis: int) -> Any:
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def test_softmax_defaults_to_the_third_axis_from_the_end() -> None:
    same(compute(lambda net, x: net.add_softmax(x), X), _softmax(X, 0))

    def add(net: Any, x: Any) -> Any:
        layer = net.add_softmax(x)
        assert layer.axes == 1
        layer.axes = 1 << 2
        return layer

    same(compute(add, X), _softmax(X, 2))


def test_matrices_and_vectors() -> None:
    a, v = X, RNG.normal(size=(2, 4)).astype(np.float32)
    op = trt.MatrixOperation
    same(compute(lambda n, x, y: n.add_matrix_multiply(x, op.NONE, y, op.VECTOR), a, v), (a @ v[..., None])[..., 0])
    same(
        compute(lambda n, x, y: n.add_matrix_multiply(x, op.VECTOR, y, op.TRANSPOSE), v, a),
        (v[:, None] @ a.transpose(0, 2, 1))[:, 0],
    )


def test_scale_by_channel_element_and_whole() -> None:
    s, b = RNG.normal(size=3).astype(np.float32), RNG.normal(size=3).astype(np.float32)
    got = compute(lambda net, x: net.add_scale(x, trt.ScaleMode.CHANNEL, b, s, trt.Weights()), X)
    same(got, X * s[None, :, None] + b[None, :, None])
    p = np.full(1, 2, np.float32)
    same(compute(lambda net, x: net.add_scale(x, trt.ScaleMode.UNIFORM, power=p), X), X**2)
    e = RNG.normal(size=(3, 4)).astype(np.float32)
    same(compute(lambda net, x: net.add_scale_nd(x, trt.ScaleMode.ELEMENTWISE, e, channel_axis=1), X), X + e)
    with pytest.raises(TypeError, match="channel_axis"):
        compute(lambda net, x: net.add_scale_nd(x, trt.ScaleMode.UNIFORM), X)


def test_quantize_then_dequantize() -> None:
    def add(net: Any, x: Any) -> Any:
        scale = net.add_constant((), np.array([0.05], np.float32)).get_output(0)
        q = net.add_quantize(x, scale)
        assert (q.to_type, q.axis) == (trt.int8, -1)
        return net.add_dequantize(q.get_output(0), scale)

    same(compute(add, X), np.clip(np.rint(X / np.float32(0.05)), -128, 127) * np.float32(0.05))
