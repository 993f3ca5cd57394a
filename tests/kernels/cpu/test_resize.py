"""Resizing on the CPU."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from minirt.ops.resize import COORDINATES, NEAREST, Resize
from minirt.types.dtype import Array, dtype_of
from tests.kernels.cpu.harness import check, reference, run

_HALF = Fraction(1, 2)


def _numbers(shape: tuple[int, ...], dtype: str = "f32") -> Array:
    return (np.random.default_rng(0).standard_normal(shape) * 30).astype(dtype_of(dtype).numpy)


def _last(x: Array) -> Array:
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize("coordinates", [c for c in COORDINATES if c != "tf_crop_and_resize"])
def test_coordinates(mode: str, coordinates: str) -> None:
    """Growing and shrinking axes, in both layouts."""
    x = _numbers((2, 3, 6, 7))
    op = Resize((1, 1, 2, Fraction(5, 7)), (2, 3, 12, 5), mode, coordinates)
    check(op, [x], 2e-6)
    check(op, [_last(x)], 2e-6, [(0, 2, 3, 1)])


@pytest.mark.parametrize("nearest", NEAREST)
def test_nearest(nearest: str) -> None:
    """Every rounding, any element size."""
    for dtype in ("f32", "f16", "u8", "i64"):
        check(
            Resize((1, 1, 3, _HALF), (1, 2, 15, 4), "nearest", "half_pixel", nearest), [_numbers((1, 2, 5, 8), dtype)]
        )


@pytest.mark.parametrize("mode", ["linear", "cubic"])
def test_filters(mode: str) -> None:
    """Antialiasing, weights outside, one axis, integer and narrow types."""
    x = _numbers((1, 2, 12, 9))
    check(Resize((1, 1, _HALF, Fraction(2, 3)), (1, 2, 6, 6), mode, antialias=True), [x], 2e-6)
    check(Resize((1, 1, 2, 1), (1, 2, 24, 9), mode, exclude_outside=True), [x], 2e-6)
    check(Resize((1, 1, 2, 2), (1, 2, 24, 18), mode), [_numbers((1, 2, 12, 9), "f16")], 1e-3)
    check(Resize((2, 1, 1, 1), (2, 2, 12, 9), mode), [_numbers((1, 2, 12, 9), "f64")], 1e-7)


def test_nothing_changes() -> None:
    """A copy."""
    check(Resize((1, 1), (3, 4), "linear"), [_numbers((3, 4))])


@pytest.mark.parametrize("dtype", ["u8", "i8", "i32"])
def test_whole_numbers_are_not_cut_to_the_one_below(dtype: str) -> None:
    """Linear resizing of integers is exact, then cut toward zero."""
    x = np.full((1, 2, 6, 9), -127 if dtype == "i8" else 255).astype(dtype_of(dtype).numpy)
    x[0, 1] = np.random.default_rng(0).integers(0, 100, (6, 9))
    for high, wide in (("3/2", "5/3"), ("7/6", "11/9"), ("2/3", "4/3")):
        ratios = Fraction(high), Fraction(wide)
        sizes = tuple(int(size * ratio) for size, ratio in zip((6, 9), ratios, strict=True))
        op = Resize((1, 1, *ratios), (1, 2, *sizes), "linear")
        for (got,) in (reference(op, [x]), run(op, [x])):
            np.testing.assert_array_equal(got, _exact(x, ratios))


def _exact(x: Array, ratios: tuple[Fraction, Fraction]) -> Array:
    """Linear resizing of the last two axes in fractions."""
    made = x.astype(object)
    for axis, ratio in zip((2, 3), ratios, strict=True):
        size, rows = made.shape[axis], []
        for i in range(int(size * ratio)):
            at = min(max((i + _HALF) / ratio - _HALF, Fraction(0)), Fraction(size - 1))
            low, part = int(at), at - int(at)
            ends = (np.take(made, k, axis) for k in (low, min(low + 1, size - 1)))
            rows.append(next(ends) * (1 - part) + next(ends) * part)
        made = np.stack(rows, axis)
    return np.vectorize(int)(made)  # type: ignore[no-any-return]
