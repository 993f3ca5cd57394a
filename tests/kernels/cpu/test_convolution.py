"""Convolutions and pooling on the CPU."""

from __future__ import annotations

import numpy as np
import pytest

from minirt.ir.scalar import Body, arg, call, cast, const
from minirt.ops.convolution import Conv, ConvTranspose
from minirt.ops.pooling import Pool
from minirt.types.dtype import Array, dtype_of, f16, f32
from tests.kernels.cpu.harness import check

_TOLERANCE = {"f16": 2e-3, "bf16": 1e-2}
_LAST = (0, 2, 3, 1)


def _numbers(shape: tuple[int, ...], dtype: str = "f32", seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype_of(dtype).numpy)


def _last(x: Array) -> Array:
    return np.ascontiguousarray(np.moveaxis(x, 1, -1)).swapaxes(0, 0).transpose(0, x.ndim - 1, *range(1, x.ndim - 1))


@pytest.mark.parametrize("dtype", ["f32", "f16", "bf16"])
@pytest.mark.parametrize(
    ("x", "w", "strides", "pads", "dilations", "groups"),
    [
        ((1, 3, 19, 23), (20, 3, 7, 7), (2, 2), (3, 3, 3, 3), (1, 1), 1),
        ((2, 32, 9, 7), (48, 32, 3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 1),
        ((2, 40, 9, 7), (17, 40, 1, 1), (1, 1), (0, 0, 0, 0), (1, 1), 1),
        ((1, 24, 11, 11), (36, 12, 3, 3), (2, 1), (0, 2, 1, 0), (2, 2), 2),
        ((2, 20, 10, 9), (20, 1, 3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 20),
        ((1, 70, 10, 9), (70, 1, 5, 5), (2, 2), (2, 2, 2, 2), (1, 1), 70),
        ((1, 12, 8, 8), (24, 1, 3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 12),
        ((1, 16, 1, 1), (8, 16, 3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 1),
    ],
)
def test_convolution(
    dtype: str, x: tuple[int, ...], w: tuple[int, ...], strides: tuple[int, int], pads: tuple[int, ...],
    dilations: tuple[int, int], groups: int,
) -> None:  # fmt: skip
    """First layers, dense, strided, dilated, grouped and depthwise ones."""
    op = Conv(strides, pads, dilations, groups)
    check(op, [_last(_numbers(x, dtype)), _numbers(w, dtype, 1)], _TOLERANCE.get(dtype, 1e-6), [_LAST], constants=(1,))


@pytest.mark.parametrize("groups", [1, 12])
def test_one_spatial_axis(groups: int) -> None:
    """As rows of images."""
    x = _last(_numbers((2, 12, 50)))
    op = Conv((2,), (3, 1), (2,), groups)
    check(op, [x, _numbers((12, 12 // groups, 5), seed=1)], 1e-6, [(0, 2, 1)], constants=(1,))


@pytest.mark.parametrize("groups", [1, 24])
def test_epilogue(groups: int) -> None:
    """Bias, residual and activation; narrow results."""
    acc, bias, rest = arg(0, f32), arg(1, f32), arg(2, f16)
    value = call("max", call("add", call("add", acc, bias), cast(rest, f32)), const(0.0, f32))
    for result in (call("mul", value, const(0.37, f32)), cast(call("add", value, const(1.3, f32)), f16)):
        op = Conv((1, 1), (1, 1, 1, 1), (1, 1), groups, Body((f32, f32, f16), (result,)))
        extras = [_numbers((24, 1, 1), seed=2), _last(_numbers((2, 24, 6, 5), "f16", 3))]
        inputs = [_last(_numbers((2, 24, 6, 5))), _numbers((24, 24 // groups, 3, 3), seed=1), *extras]
        check(op, inputs, 1e-3 if result.dtype is f16 else 1e-6, [_LAST], constants=(1,))


@pytest.mark.parametrize("kind", ["max", "average"])
@pytest.mark.parametrize("dtype", ["f32", "f16"])
@pytest.mark.parametrize(
    ("kernel", "strides", "pads", "dilations", "up", "include"),
    [
        ((3, 3), (2, 2), (1, 1, 1, 1), (1, 1), False, False), ((2, 2), (2, 2), (0, 0, 0, 0), (1, 1), True, False),
        ((3, 2), (1, 3), (1, 0, 2, 1), (1, 1), False, True), ((3, 3), (2, 2), (1, 1, 1, 1), (1, 1), True, True),
        ((3, 3), (1, 1), (2, 2, 2, 2), (2, 2), False, False),
    ],
)  # fmt: skip
def test_pooling(
    kind: str, dtype: str, kernel: tuple[int, int], strides: tuple[int, int], pads: tuple[int, ...],
    dilations: tuple[int, int], up: bool, include: bool,
) -> None:  # fmt: skip
    """Pads in and out of the average, last partial windows, dilation."""
    op = Pool(kind, kernel, strides, pads, dilations, up, include)
    check(op, [_last(_numbers((2, 21, 11, 10), dtype))], _TOLERANCE.get(dtype, 1e-6), [_LAST])
    row = Pool(kind, kernel[:1], strides[:1], (pads[0], pads[2]), dilations[:1], up, include)
    check(row, [_last(_numbers((2, 21, 13), dtype))], _TOLERANCE.get(dtype, 1e-6), [(0, 2, 1)])


@pytest.mark.parametrize(
    ("kernel", "strides", "pads", "more", "dilations", "groups"),
    [
        ((2, 2), (2, 2), (0, 0, 0, 0), (0, 0), (1, 1), 1), ((4, 4), (2, 2), (1, 1, 1, 1), (0, 0), (1, 1), 1),
        ((3, 3), (2, 2), (1, 1, 1, 1), (1, 1), (1, 1), 2), ((3, 5), (1, 3), (0, 2, 1, 0), (0, 2), (1, 1), 1),
        ((3, 3), (2, 1), (1, 0, 0, 2), (0, 0), (1, 2), 1), ((4, 4), (2, 3), (0, 0, 0, 0), (0, 0), (3, 2), 1),
    ],
)  # fmt: skip
@pytest.mark.parametrize("dtype", ["f32", "f16"])
def test_transposed(
    kernel: tuple[int, int], strides: tuple[int, int], pads: tuple[int, ...], more: tuple[int, int],
    dilations: tuple[int, int], groups: int, dtype: str,
) -> None:  # fmt: skip
    """Phases stored in place and interleaved; pads, output paddings, dilations, groups; a bias."""
    body = Body((f32, f32), (cast(call("add", arg(0, f32), arg(1, f32)), dtype_of(dtype)),))
    op = ConvTranspose(strides, pads, more, dilations, groups, body)
    x, w = _last(_numbers((2, 24, 5, 6), dtype)), _numbers((24, 20 // groups, *kernel), dtype, 1)
    check(op, [x, w, _numbers((20, 1, 1))], _TOLERANCE.get(dtype, 1e-6), [_LAST], constants=(1,))
    row = ConvTranspose(strides[1:], (pads[1], pads[3]), more[1:], dilations[1:], groups, body)
    inputs = [_last(_numbers((2, 24, 9), dtype)), w[:, :, 0], _numbers((20, 1))]
    check(row, inputs, _TOLERANCE.get(dtype, 1e-6), [(0, 2, 1)], constants=(1,))


@pytest.mark.parametrize("images", [1, 2])
def test_transposed_with_a_bias_of_each_image(images: int) -> None:
    """Where rows are taken as images, the bias must not move from row to row."""
    op = ConvTranspose(
        (2, 2), (0, 0, 0, 0), (0, 0), (1, 1), 1, Body((f32, f32), (call("add", arg(0, f32), arg(1, f32)),))
    )
    x, w = _last(_numbers((images, 24, 5, 6))), _numbers((24, 20, 2, 2), seed=1)
    check(op, [x, w, _numbers((images, 20, 1, 1))], 1e-6, [_LAST], constants=(1,))
