"""Comparisons, logic, selection and casts."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minirt.types.dtype import from_numpy
from tests.ops.harness import check, check_symbolic
from tests.ops.strategies import BFLOAT, FLOATS, INTEGERS, array, broadcasting, quick


@pytest.mark.parametrize("op", ["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"])
@quick
@given(shapes=broadcasting(), dtype=st.sampled_from([np.float32, np.float64, np.int32, np.int64]))
def test_comparison(op: str, shapes: list[tuple[int, ...]], dtype: Any) -> None:
    """Broadcast, to bool."""
    check(op, [array(shapes[0], dtype, 0, 0, 3).round(), array(shapes[1], dtype, 1, 0, 3).round()])


@pytest.mark.parametrize("op", ["And", "Or", "Xor"])
@quick
@given(shapes=broadcasting())
def test_logic(op: str, shapes: list[tuple[int, ...]]) -> None:
    """Of bools."""
    check(op, [array(shapes[0], np.bool_, 0), array(shapes[1], np.bool_, 1)])


def test_not_and_equal_of_bools() -> None:
    """Of bools."""
    check("Not", [array((3, 4), np.bool_)])
    check("Equal", [array((3, 4), np.bool_), array((4,), np.bool_, 1)])


def test_comparisons_with_nan() -> None:
    """NaN is unequal to all."""
    a, b = np.array([np.nan, 1, np.nan], np.float32), np.array([np.nan, np.nan, 1], np.float32)
    for op in ("Equal", "Less", "GreaterOrEqual"):
        check(op, [a, b])


@quick
@given(shapes=broadcasting(3), dtype=st.sampled_from([np.float32, np.int64, np.uint8]))
def test_where(shapes: list[tuple[int, ...]], dtype: Any) -> None:
    """Three operands broadcast."""
    check("Where", [array(shapes[0], np.bool_), array(shapes[1], dtype, 1), array(shapes[2], dtype, 2)])


@pytest.mark.parametrize("flags", [{}, {"detect_positive": 0}, {"detect_negative": 0}])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_is_inf(flags: dict[str, Any], dtype: Any) -> None:
    """Either sign, or both."""
    check("IsInf", [np.array([np.inf, -np.inf, np.nan, 1], dtype)], **flags)


def test_is_inf_of_neither_sign() -> None:
    """Nothing is found."""
    x = np.array([np.inf, -np.inf, 1], np.float32)
    check("IsInf", [x], detect_positive=0, detect_negative=0, expected=[np.zeros(3, bool)])


def test_is_nan() -> None:
    """Floats."""
    check("IsNaN", [np.array([np.inf, np.nan, 1], np.float32)])


def _number(dtype: Any) -> int:
    return from_numpy(np.dtype(dtype)).onnx


KINDS: list[Any] = [*FLOATS, *INTEGERS, np.bool_, BFLOAT]


@pytest.mark.parametrize("source", KINDS)
@pytest.mark.parametrize("to", KINDS)
def test_cast(source: Any, to: Any) -> None:
    """Every pair of common types, in a range that all hold."""
    x = array((3, 4), source, 0, 0, 9)
    here = source is BFLOAT or to is BFLOAT  # which onnxruntime takes no arrays of
    x = x.astype(np.float32).round().astype(source) if here else x
    check("Cast", [x], to=_number(to), expected=[x.astype(to)] if here else None)


def test_cast_of_negative_floats_truncates() -> None:
    """Toward zero; integers wrap."""
    check("Cast", [np.array([-1.7, -0.2, 1.7], np.float32)], to=_number(np.int32))
    check("Cast", [np.array([-1, 300, 128], np.int32)], to=_number(np.uint8))
    check("Cast", [np.array([0.0, -0.0, np.nan, 0.1], np.float32)], to=_number(np.bool_))


EIGHT = [ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e4m3fnuz, ml_dtypes.float8_e5m2, ml_dtypes.float8_e5m2fnuz]


@pytest.mark.parametrize("to", EIGHT)
@pytest.mark.parametrize("saturate", [0, 1])
@pytest.mark.parametrize("source", [np.float32, np.float16])
def test_cast_to_eight_bits(to: Any, saturate: int, source: Any) -> None:
    """Saturated or not, ties to even."""
    x = np.concatenate([np.linspace(-500, 500, 1001), [np.inf, -np.inf, np.nan, 6e4, 1e-3, 1e-9]]).astype(source)
    wanted = check_bytes(x, to, saturate)
    check("Cast", [x], to=_number(to), saturate=saturate, expected=[wanted])


def check_bytes(x: Any, to: Any, saturate: int) -> Any:
    """What ONNX's tables say, by ml_dtypes."""
    most = float(ml_dtypes.finfo(to).max)  # type: ignore[no-untyped-call]
    return (np.clip(x.astype(np.float32), -most, most) if saturate else x.astype(np.float32)).astype(to)


@pytest.mark.parametrize("kind", [ml_dtypes.int4, ml_dtypes.uint4, ml_dtypes.float4_e2m1fn])
def test_cast_of_four_bits(kind: Any) -> None:
    """There and back."""
    x = np.array([0, 1, 2, 3, 4, 6], np.float32)
    (narrow,) = check("Cast", [x], to=_number(kind), expected=[x.astype(kind)])
    check("Cast", [narrow], to=1, expected=[x])


def test_strings() -> None:
    """Text to numbers and back."""
    text = np.array(["1.5", "-2", "inf"], object)
    check("Cast", [text], to=1, expected=[np.array([1.5, -2, np.inf], np.float32)])
    check("Cast", [np.array([1, -2], np.int64)], to=8, expected=[np.array(["1", "-2"], object)])
    check("Equal", [text, text[:1]], expected=[np.array([True, False, False])])


def test_symbolic_where() -> None:
    """Names broadcast."""
    check_symbolic(
        "Where",
        [np.array([[True], [False]]), ("N", 2, "S"), ("S",)],
        [{"N": 1, "S": 3}, {"N": 2, "S": 5}],
    )
