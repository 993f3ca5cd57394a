"""Arg reductions, top-k and cumulative ops on the CPU."""

from __future__ import annotations

import numpy as np
import pytest

from minirt.ops.ordering import ArgReduce, Cumulative, TopK
from minirt.types.dtype import Array, dtype_of
from tests.kernels.cpu.harness import check

_RNG = np.random.default_rng(3)


def _numbers(shape: tuple[int, ...], dtype: str = "f32") -> Array:
    kind = dtype_of(dtype)
    values = _RNG.standard_normal(shape) * 4
    return (np.abs(values) if kind.kind == "u" else np.round(values)).astype(kind.numpy)  # many are equal


@pytest.mark.parametrize("kind", ["max", "min"])
@pytest.mark.parametrize("dtype", ["f32", "f64", "f16", "i32", "u8", "u64"])
def test_arg(kind: str, dtype: str) -> None:
    """First and last of equals, rows and columns."""
    x = _numbers((3, 7, 20), dtype)
    for axis in range(3):
        check(ArgReduce(kind, axis), [x])
        check(ArgReduce(kind, axis, False, True), [x])
    check(ArgReduce(kind, 1), [x.transpose(2, 0, 1)], orders=[(1, 2, 0)])


def test_arg_of_nan_and_infinities() -> None:
    """NaN is found, as NumPy does."""
    x = np.array([[-np.inf, -np.inf, -np.inf], [1, np.nan, np.nan], [np.inf, -np.nan, 2], [0.0, -0.0, -1]], np.float32)
    for kind in ("max", "min"):
        for axis in (0, 1):
            check(ArgReduce(kind, axis), [x[[0, 1, 2]]])


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("dtype", ["f32", "f64", "f16", "i32", "u8", "u64"])
def test_topk(largest: bool, dtype: str) -> None:
    """Equal elements by place; every k; every axis; strided operands."""
    x = _numbers((4, 9, 30), dtype)
    for axis in range(3):
        for k in (0, 1, 4):
            check(TopK(axis, k, largest), [x])
    check(TopK(2, 30, largest), [x])
    check(TopK(0, 5, largest), [x.transpose(2, 1, 0)[::2]], orders=[(0, 2, 1), (0, 1, 2)])
    check(TopK(0, 300, largest), [_RNG.standard_normal(5000).astype(np.float32)])


@pytest.mark.parametrize("kind", ["sum", "prod"])
@pytest.mark.parametrize("dtype", ["f32", "f64", "f16", "i32", "i64"])
def test_cumulative(kind: str, dtype: str) -> None:
    """Exclusive and reverse, rows and columns."""
    x = _numbers((3, 6, 5), dtype)
    for axis in range(3):
        for exclusive in (False, True):
            for reverse in (False, True):
                check(Cumulative(kind, axis, exclusive, reverse), [x], 1e-3 if dtype == "f16" else 1e-6)
    check(Cumulative(kind, 1), [x.transpose(2, 0, 1)], 1e-3 if dtype == "f16" else 1e-6)
    check(Cumulative(kind, 1), [x[:, :0]])
