"""Binary and variadic arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minirt.ops.evaluate import evaluate
from tests.ops.harness import check, check_symbolic, import_model, one_node
from tests.ops.strategies import array, broadcasting, quick

ARITHMETIC = ["Add", "Sub", "Mul", "Div"]


@pytest.mark.parametrize("op", ARITHMETIC)
@quick
@given(broadcasting(), st.integers(0, 9), st.sampled_from([np.float32, np.float64, np.int32, np.int64]))
def test_binary(op: str, shapes: list[tuple[int, ...]], seed: int, dtype: Any) -> None:
    """NumPy broadcasting; integer division toward zero."""
    a, b = array(shapes[0], dtype, seed, -9, 9), array(shapes[1], dtype, seed + 1, 1, 5)
    b = b if seed % 2 else -b
    check(op, [a, b])


@quick
@given(shapes=broadcasting(), fmod=st.integers(0, 1), dtype=st.sampled_from([np.int8, np.int32, np.int64, np.float32]))
def test_mod(shapes: list[tuple[int, ...]], fmod: int, dtype: Any) -> None:
    """The sign is the divisor's, with fmod the dividend's."""
    a, b = array(shapes[0], dtype, 1, -9, 9), array(shapes[1], dtype, 2, 1, 5)
    check("Mod", [a, -b], fmod=1 if dtype is np.float32 else fmod)


@pytest.mark.parametrize("base", [np.float32, np.float64, np.int32, np.int64])
@pytest.mark.parametrize("exponent", [np.float32, np.float64, np.int32, np.int64])
def test_pow_mixes_types(base: Any, exponent: Any) -> None:
    """The result has the base's type."""
    check("Pow", [array((3, 4), base, 0, 0, 4), array((4,), exponent, 1, 0, 3)])


def test_pow_of_integers_to_negative_powers() -> None:
    """Only 1 and -1 are not 0."""
    x, y = np.array([1, -1, -1, 2, -3], np.int32), np.array([-3, -3, -2, -1, -2], np.int32)
    check("Pow", [x, y], expected=[np.array([1, -1, 1, 0, 0], np.int32)])


@pytest.mark.parametrize("op", ["Sum", "Mean", "Min", "Max"])
@quick
@given(shapes=broadcasting(3), count=st.integers(1, 3), seed=st.integers(0, 9))
def test_variadic(op: str, shapes: list[tuple[int, ...]], count: int, seed: int) -> None:
    """One to three operands."""
    check(op, [array(s, np.float32, seed + i) for i, s in enumerate(shapes[:count])])


@pytest.mark.parametrize("op", ["Min", "Max"])
@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint64, np.float64, np.float16])
def test_extremes_of_other_types(op: str, dtype: Any) -> None:
    """Integers and other floats."""
    check(op, [array((3, 1), dtype, 0), array((4,), dtype, 1)])


@pytest.mark.parametrize("op", ["Min", "Max"])
def test_nan_wins(op: str) -> None:
    """NaN of either operand is the result."""
    check(op, [np.array([np.nan, 1], np.float32), np.array([1, np.nan], np.float32)])


@pytest.mark.parametrize("direction", ["LEFT", "RIGHT"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint32, np.uint64])
def test_bit_shift(direction: str, dtype: Any) -> None:
    """Shifts below the width."""
    check("BitShift", [array((3, 4), dtype, 0, 0, 200), array((4,), dtype, 1, 0, 7)], direction=direction)


@pytest.mark.parametrize("op", ["BitwiseAnd", "BitwiseOr", "BitwiseXor"])
@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.int32, np.uint64])
def test_bitwise(op: str, dtype: Any) -> None:
    """Every width."""
    check(op, [array((3, 4), dtype, 0, -100, 100), array((4,), dtype, 1, -100, 100)])


def test_bitwise_not() -> None:
    """Every bit."""
    check("BitwiseNot", [array((3, 4), np.int16, 0, -100, 100)])


CLIPS = [(None, None), (-1.0, None), (None, 0.5), (-1.0, 0.5)]


@pytest.mark.parametrize(("low", "high"), CLIPS)
@pytest.mark.parametrize("opset", [6, 11, 13])
@pytest.mark.parametrize("constant", [False, True])
def test_clip(low: float | None, high: float | None, opset: int, constant: bool) -> None:
    """Attributes, then operands."""
    x = array((3, 4), low=-3, high=3)
    if opset < 11:
        bounds: dict[str, Any] = {k: v for k, v in (("min", low), ("max", high)) if v is not None}
        check("Clip", [x], opset=opset, **bounds)
    else:
        operands = [None if v is None else np.float32(v) for v in (low, high)]
        check("Clip", [x, *operands], opset=opset, constants=(1, 2) if constant else ())


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.int64, np.float64])
def test_clip_of_other_types(dtype: Any) -> None:
    """Bounds have the operand's type."""
    check("Clip", [array((3, 4), dtype, 0, 0, 9), np.array(2, dtype), np.array(6, dtype)])


def test_axis_of_old_broadcasting() -> None:
    """Before opset 7 the second operand's place is an attribute."""
    a, b = array((2, 3, 4)), array((3,), seed=1)
    for op, wanted in (("Add", a + b[:, None]), ("Mul", a * b[:, None])):
        check(op, [a, b], opset=6, broadcast=1, axis=1, expected=[wanted])


def test_symbolic_broadcasting() -> None:
    """A known dim, an equal name and 1 meet a name."""
    check_symbolic("Add", [("N", 1, "S"), (3, "S")], [{"N": 2, "S": 4}, {"N": 1, "S": 5}])
    check_symbolic("Mul", [("N", "S"), (1,)], [{"N": 2, "S": 4}])
    check_symbolic("Sub", [("N", "S"), ("T",)], [{"N": 2, "S": 4, "T": 4}])


def test_contents_fold() -> None:
    """Arithmetic on known small integers is known, by exact rules or by numbers."""
    for op, dtype, wanted in (("Div", np.int64, (-3, 2)), ("Mod", np.int64, (1, 1)), ("Pow", np.int64, (49, 25))):
        model = one_node(op, [np.array([-7, 5], dtype), np.array(2, dtype)], constants=(0, 1))
        graph = import_model(model)
        assert graph.outputs[0].ints == wanted
        assert tuple(evaluate(graph, {})[0].tolist()) == wanted
