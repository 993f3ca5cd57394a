"""Reductions on the CPU."""

from __future__ import annotations

import numpy as np
import pytest

from minirt.ir.scalar import Body, arg, call, cast
from minirt.ops.reduce import KINDS, Reduce
from minirt.types.dtype import Array, bf16, dtype_of, f16, f32
from tests.kernels.cpu.harness import check, run


def _numbers(shape: tuple[int, ...], dtype: str = "f32") -> Array:
    rng = np.random.default_rng(2)
    kind = dtype_of(dtype)
    if kind.is_bool:
        return rng.random(shape) > 0.6
    scaled = rng.standard_normal(shape) * (2 if kind.is_float else 60)
    return (np.abs(scaled) if kind.kind == "u" else scaled).astype(kind.numpy)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", ["f32", "f64", "f16", "bf16", "i8", "i32", "i64", "u8", "u64", "bool"])
@pytest.mark.parametrize("axes", [(1,), (2,), (0, 2), (0, 1, 2)])
def test_kinds_and_types(kind: str, dtype: str, axes: tuple[int, ...]) -> None:
    """Rows and columns in every type."""
    if dtype == "bool" and kind not in ("max", "min"):
        return
    x = _numbers((3, 5, 37), dtype)
    if kind == "prod" and dtype in ("f16", "bf16"):
        x = (x * 0.2).astype(x.dtype)
    tolerance = {"f16": 1e-3, "bf16": 8e-3}.get(dtype, 1e-6)
    check(Reduce(kind, axes), [x], tolerance)
    check(Reduce(kind, axes, False), [x], tolerance)


@pytest.mark.parametrize("axes", [(2, 3), (1,), (0,), (1, 3), (0, 1, 2, 3)])
def test_layouts(axes: tuple[int, ...]) -> None:
    """Channels-last operands and results, wider than a block; strided slices."""
    x = _numbers((2, 300, 5, 6))
    last = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    check(Reduce("sum", axes), [last], orders=[(0, 2, 3, 1)])
    check(Reduce("max", axes), [last])
    check(Reduce("mean", axes, False), [x[:, ::3, ::-1, ::2]])


def test_nan_and_infinity() -> None:
    """NaN wins over everything, of either sign."""
    x = np.array([[1, np.nan, np.inf], [-np.nan, 2, -np.inf], [np.inf, -np.inf, 0], [-3, -2, -1]], np.float32)
    for kind in ("max", "min", "sum"):
        for axis in (0, 1):
            check(Reduce(kind, (axis,)), [x])
            check(Reduce(kind, (axis,)), [x.astype(np.float64)])


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0,), ()])
def test_empty_and_rank_0(shape: tuple[int, ...]) -> None:
    """The neutral element where nothing is reduced."""
    x = np.zeros(shape, np.float32)
    for kind in ("sum", "prod", "max", "min"):
        check(Reduce(kind, tuple(range(len(shape)))), [x])
        if len(shape) == 2:
            check(Reduce(kind, (1,)), [x])


def test_prologue_and_epilogue() -> None:
    """sqrt(sum((a - b)^2)) * c with a broadcast operand, and two results."""
    a, b = arg(0, f32), arg(1, f16)
    difference = call("sub", a, b)
    prologue = Body((f32, f16), (call("mul", difference, difference),))
    total = call("sqrt", arg(0, f32))
    epilogue = Body((f32, bf16), (call("mul", total, arg(1, bf16)), cast(total, f16)))
    op = Reduce("sum", (1,), True, prologue, epilogue)
    x, y = _numbers((4, 50, 33)), _numbers((50, 1), "f16")
    check(op, [x, y, _numbers((33,), "bf16")], 1e-3)
    check(op, [x.transpose(2, 1, 0), _numbers((50, 4), "f16"), _numbers((1, 4), "bf16")], 1e-3)


def test_long_sums() -> None:
    """A million numbers of one sign: sums to 1e-7, and means, whose partial sums are float32, to 5e-7."""
    x = np.random.default_rng(0).random((2, 1 << 20), np.float32)
    check(Reduce("sum", (1,)), [x], 1e-7)
    check(Reduce("mean", (0,)), [x.T.copy().T], 1e-7)
    check(Reduce("mean", (1,)), [x], 5e-7)
    check(Reduce("mean", (0,)), [x.T.copy()], 5e-7)


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("channels", [1, 3, 32, 300])
def test_means_round_as_eight_sums(channels: int, last: bool) -> None:
    """Rows and columns of float32, mostly of one number, are added as onnxruntime adds them, to the bit."""
    rng = np.random.default_rng(channels)
    shape = (1, channels, 32, 104)
    x = np.where(rng.random(shape) < 0.95, np.float32(1 / 3), rng.random(shape)).astype(np.float32)
    lanes = np.zeros((channels, 8), np.float32)
    for part in np.split(x.reshape(channels, -1), 32 * 104 // 8, 1):
        lanes += part
    for width in (4, 2, 1):
        lanes = lanes[:, :width] + lanes[:, width:]
    wanted = lanes.reshape(1, channels, 1, 1) / np.float32(32 * 104)
    laid = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2) if last else x
    (mine,) = run(Reduce("mean", (2, 3)), [laid])
    np.testing.assert_array_equal(mine, wanted)
    assert np.abs(wanted / x.astype(np.float64).mean((2, 3), keepdims=True) - 1).max() > 1e-6
