"""Copies on the CPU: layouts, transpositions, concatenation, padding, coordinates and sizes."""

from __future__ import annotations

import numpy as np
import pytest

from minirt.ops.layout import Relayout
from minirt.ops.movement import Concat, Dims, Expand, Iota, Pad, Reshape, Slice, Transpose
from minirt.types.dtype import Array, bf16, dtype_of, f32, i64
from tests.kernels.cpu.harness import check


def _numbers(shape: tuple[int, ...], dtype: str = "f32") -> Array:
    kind = dtype_of(dtype).numpy
    return (np.random.default_rng(1).standard_normal(shape) * 50).astype(kind)


@pytest.mark.parametrize("dtype", ["f32", "f16", "u8", "i64", "bool"])
@pytest.mark.parametrize("perm", [(0, 1, 2), (2, 1, 0), (0, 2, 1), (1, 0, 2)])
@pytest.mark.parametrize("shape", [(2, 3, 5), (1, 70, 3), (3, 33, 65), (2, 0, 4)])
def test_transpose(dtype: str, perm: tuple[int, ...], shape: tuple[int, ...]) -> None:
    """Plain rows, tiles, narrow tiles, every element size."""
    x = _numbers(shape, dtype)
    check(Transpose(perm), [x])
    check(Relayout(perm), [x], orders=[perm])


def test_layouts() -> None:
    """Channels first to last and back, from a slice, and rank 0."""
    x = _numbers((2, 19, 9, 11))
    check(Relayout((0, 2, 3, 1)), [x], orders=[(0, 2, 3, 1)])
    check(Relayout((0, 2, 3, 1)), [x[:, ::2, 1:-1]], orders=[(0, 2, 3, 1)])
    check(Relayout(), [np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)])
    check(Relayout(), [_numbers(())])


def test_slices_and_expansions() -> None:
    """Negative steps, starts, broadcasts."""
    x = _numbers((4, 10, 6))
    check(Slice((3, 1, 0), (2, 3, 6), (-2, 3, 1)), [x])
    check(Slice((0, 9, 5), (4, 10, 6), (1, -1, -1)), [x])
    check(Slice((0, 0, 0), (0, 10, 6), (1, 1, 1)), [x])
    check(Expand((3, 4, 10, 6)), [x])
    check(Expand((3, 5, 4)), [_numbers((5, 1))])


def test_reshape_of_a_strided_view() -> None:
    """Row-major order of the operand, whatever its memory order."""
    x = _numbers((6, 4, 5)).transpose(2, 0, 1)
    check(Reshape((30, 4)), [x])
    check(Reshape((2, 3, 20)), [_numbers((10, 24))[::2]])


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("order", [(0, 1, 2), (0, 2, 1)])
def test_concat(axis: int, order: tuple[int, ...]) -> None:
    """Operands of any strides, an empty one among them, into any layout."""
    parts = []
    for n in (2, 0, 5):
        shape = [3, 4, 5]
        shape[axis] = n
        parts.append(_numbers(tuple(shape)))
    shape = [3, 4, 5]
    parts.append(_numbers(tuple(shape[::-1])).transpose(2, 1, 0))
    check(Concat(axis), parts, orders=[order])


@pytest.mark.parametrize("mode", ["constant", "reflect", "edge", "wrap"])
@pytest.mark.parametrize("dtype", ["f32", "bf16", "u8", "i64"])
def test_pad(mode: str, dtype: str) -> None:
    """Every mode, wider than the operand as well, in both layouts."""
    x, value = _numbers((2, 3, 5, 4), dtype), np.array(7).astype(dtype_of(dtype).numpy)
    check(Pad((0, 1, 2, 3), (1, 0, 2, 0), mode), [x, value], orders=[(0, 2, 3, 1)])
    if dtype != "bf16" or mode != "reflect":
        check(Pad((0, 0, 11, 6), (0, 0, 12, 9), mode), [x, value])
    check(Pad((3,), (2,), mode), [_numbers((4,), dtype), value])


def test_coordinates_and_sizes() -> None:
    """Iota along any axis in any type; Dims of any type."""
    for axis in range(3):
        check(Iota((3, 4, 5), axis, i64), [])
        check(Iota((3, 4, 5), axis, bf16), [])
    check(Dims((3, -1, 1 << 40), i64, (3,)), [])
    check(Dims((3, 4), f32, (2, 1)), [])
    check(Dims((9,), i64, ()), [])
