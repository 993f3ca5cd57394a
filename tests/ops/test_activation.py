"""Activations and elementary functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ops.harness import check, check_symbolic
from tests.ops.strategies import array, quick, shapes

# op, attributes, lowest and highest operand
UNARY = [
    ("Relu", {}, -3, 3),
    ("LeakyRelu", {"alpha": 0.3}, -3, 3),
    ("Sigmoid", {}, -20, 20),
    ("HardSigmoid", {"alpha": 0.3, "beta": 0.4}, -5, 5),
    ("HardSwish", {}, -6, 6),
    ("Elu", {"alpha": 0.7}, -3, 3),
    ("Celu", {"alpha": 1.7}, -3, 3),
    ("Selu", {}, -3, 3),
    ("Selu", {"alpha": 2.0, "gamma": 3.0}, -3, 3),
    ("Softplus", {}, -90, 90),
    ("Softsign", {}, -9, 9),
    ("Mish", {}, -9, 9),
    ("Gelu", {}, -4, 4),
    ("Gelu", {"approximate": "tanh"}, -4, 4),
    ("ThresholdedRelu", {"alpha": 0.9}, -3, 3),
    ("Shrink", {"lambd": 1.0, "bias": 0.5}, -3, 3),
    ("Neg", {}, -3, 3),
    ("Abs", {}, -3, 3),
    ("Sign", {}, -3, 3),
    ("Floor", {}, -3, 3),
    ("Ceil", {}, -3, 3),
    ("Round", {}, -3, 3),
    ("Sqrt", {}, 0, 9),
    ("Reciprocal", {}, 0.3, 9),
    ("Exp", {}, -5, 5),
    ("Log", {}, 0.1, 9),
    ("Erf", {}, -4, 4),
    ("Sin", {}, -9, 9),
    ("Cos", {}, -9, 9),
    ("Tan", {}, -1, 1),
    ("Asin", {}, -1, 1),
    ("Acos", {}, -1, 1),
    ("Atan", {}, -9, 9),
    ("Sinh", {}, -4, 4),
    ("Cosh", {}, -4, 4),
    ("Tanh", {}, -4, 4),
    ("Asinh", {}, -9, 9),
    ("Acosh", {}, 1, 9),
    ("Atanh", {}, -0.9, 0.9),
]
SPECIAL = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-30, 3e38]


@pytest.mark.parametrize(("op", "attributes", "low", "high"), UNARY)
@quick
@given(shape=shapes(), seed=st.integers(0, 9))
def test_unary(
    op: str, attributes: dict[str, Any], low: float, high: float, shape: tuple[int, ...], seed: int
) -> None:
    """Against onnxruntime, any shape."""
    check(op, [array(shape, np.float32, seed, low, high)], **attributes)


# Left out: functions whose vector code in onnxruntime differs at infinities, or clears NaN.
SPECIAL_OPS = (
    "LeakyRelu Sigmoid Elu Softsign Neg Abs Floor Ceil Round Sqrt Reciprocal Exp Log Erf Asin Acos Atan Sinh Cosh Tanh "
    "Asinh Acosh Atanh"
).split()


@pytest.mark.parametrize("op", SPECIAL_OPS)
def test_special_numbers(op: str) -> None:
    """NaN, infinities and zeros."""
    check(op, [np.array(SPECIAL, np.float32)])


@pytest.mark.parametrize("op", ["Relu", "HardSigmoid", "HardSwish", "Selu", "Mish", "Gelu", "Sign", "Softplus"])
def test_nan_stays(op: str) -> None:
    """NaN is not cleared."""
    check(op, [np.array([np.nan], np.float32)], expected=[np.array([np.nan], np.float32)])


@pytest.mark.parametrize("op", ["Relu", "Abs", "Neg", "Sign"])
@pytest.mark.parametrize("dtype", [np.int8, np.int32])
def test_integers(op: str, dtype: type) -> None:
    """Integer types."""
    check(op, [array((3, 5), dtype)])


@pytest.mark.parametrize("op", ["Sigmoid", "Tanh", "Erf", "Exp", "Relu", "Sqrt"])
def test_narrow_floats_round_once(op: str) -> None:
    """f16 is computed in f32 and rounded."""
    x = array((7, 3), np.float16, low=0.1)
    wanted = check(op, [x.astype(np.float32)])[0].astype(np.float16)
    check(op, [x], expected=[wanted], tolerance=1e-3)


@quick
@given(shape=shapes(1, 4), seed=st.integers(0, 9), data=st.data())
def test_prelu(shape: tuple[int, ...], seed: int, data: st.DataObject) -> None:
    """The slope broadcasts to x."""
    slope = tuple(1 if data.draw(st.booleans()) else d for d in shape)
    check("PRelu", [array(shape, np.float32, seed), array(slope, np.float32, seed + 1)])


def test_prelu_of_opset_6_has_a_slope_a_channel() -> None:
    """A vector of channels meets axis 1."""
    x, slope = array((2, 3, 4)), array((3,), seed=1)
    wanted = np.where(x < 0, slope[:, None] * x, x)
    check("PRelu", [x, slope], opset=6, expected=[wanted])


def test_swish() -> None:
    """By its definition; onnxruntime has no kernel."""
    x = array((4, 5))
    check("Swish", [x], opset=24, alpha=1.5, expected=[x / (1 + np.exp(-1.5 * x))])


@pytest.mark.parametrize("op", ["Relu", "LeakyRelu", "Sigmoid", "HardSwish"])
def test_symbolic(op: str) -> None:
    """Shapes pass through."""
    check_symbolic(op, [("N", 3, "S")], [{"N": 1, "S": 4}, {"N": 2, "S": 1}])
