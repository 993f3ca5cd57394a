"""Softmax and normalization on the CPU."""

from __future__ import annotations

import numpy as np
import pytest

from minirt.ir.scalar import Body, arg, call, cast
from minirt.ops.normalization import Normalization
from minirt.ops.softmax import Softmax
from minirt.types.dtype import Array, dtype_of, f16, f32
from tests.kernels.cpu.harness import check

_TOLERANCE = {"f16": 1e-3, "bf16": 8e-3}


def _numbers(shape: tuple[int, ...], dtype: str = "f32") -> Array:
    return (np.random.default_rng(2).standard_normal(shape) * 5).astype(dtype_of(dtype).numpy)


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("dtype", ["f32", "f64", "f16", "bf16"])
@pytest.mark.parametrize(
    ("shape", "axis"), [((3, 77), 1), ((3, 77), 0), ((2, 5, 300), 1), ((4,), 0), ((2, 0), 1), ((0, 3), 1)]
)
def test_softmax(log: bool, dtype: str, shape: tuple[int, ...], axis: int) -> None:
    """Rows, columns, empty tensors."""
    check(Softmax(axis, log), [_numbers(shape, dtype)], _TOLERANCE.get(dtype, 1e-6))


def test_softmax_strides_and_edges() -> None:
    """Sliced and transposed operands, other result layouts, infinities and NaN."""
    x = _numbers((4, 6, 9, 5))
    for axis in range(4):
        check(Softmax(axis), [x[::2, :, ::-1]], orders=[(0, 2, 3, 1)])
        check(Softmax(axis), [x.transpose(3, 0, 2, 1)])
    edges = np.array([[1, -np.inf, 3], [np.nan, 2, 1], [np.inf, 0, 0], [-np.inf] * 3, [1e30, -1e30, 90]], np.float32)
    check(Softmax(1), [edges])
    check(Softmax(0), [edges])
    check(Softmax(1, True), [edges])


@pytest.mark.parametrize("kind", ["layer", "rms"])
@pytest.mark.parametrize("dtype", ["f32", "f64", "f16", "bf16"])
@pytest.mark.parametrize("axes", [(3,), (1,), (2, 3), (1, 2, 3), (0, 2)])
def test_normalization(kind: str, dtype: str, axes: tuple[int, ...]) -> None:
    """Rows and columns, in both layouts."""
    x = _numbers((2, 150, 3, 7), dtype)
    op = Normalization(axes, kind, 1e-5)
    tolerance = _TOLERANCE.get(dtype, 1e-6)
    check(op, [x], tolerance)
    check(op, [np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)], tolerance, orders=[(0, 2, 3, 1)])
    check(op, [x[:, ::2, :, ::-1]], tolerance)


def test_normalization_with_epilogue() -> None:
    """Scale, bias and a residual, with a large mean."""
    total, scale, bias, rest = arg(0, f32), arg(1, f32), arg(2, f32), arg(3, f16)
    result = call("add", call("add", call("mul", total, scale), bias), rest)
    body = Body((f32, f32, f32, f16), (result, cast(result, f16)))
    x = _numbers((5, 64)) + 300
    extras = [_numbers((64,)), _numbers((64,)), _numbers((5, 64), "f16")]
    check(Normalization((1,), "layer", 1e-5, body), [x, *extras], 1e-3)
    check(Normalization((0,), "layer", 1e-5, body), [x, *extras], 1e-3)
    plain = Body((f32, f32, f32), (call("add", call("mul", total, scale), bias),))
    check(Normalization((1,), "layer", 1e-12, plain), [x, *extras[:2]], 1e-6)
