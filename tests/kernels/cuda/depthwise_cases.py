"""Depthwise convolutions as cases for the CUDA kernels: taps, strides, dilations, odd sizes, epilogues, types."""

from __future__ import annotations

from typing import Any

import numpy as np

from minirt.ops.convolution import Conv
from minirt.types.dtype import DType, bf16, f16, f32
from tests.kernels.cuda.matrix_cases import MatrixCase, epilogue, numbers, stored

LAST = (0, 2, 3, 1)


def depthwise(
    name: str, dtype: DType, image: tuple[int, int, int, int], taps: tuple[int, int], *,
    strides: tuple[int, int] = (1, 1), pads: tuple[int, ...] | None = None, dilations: tuple[int, int] = (1, 1),
    residual: bool = False, bias: bool = True, weights: bool = True, **more: Any,
) -> MatrixCase:  # fmt: skip
    """One channel a group, channels last, with relu(sum + bias + residual); ``weights``: they are a constant."""
    rng = np.random.default_rng(len(name))
    channels = image[1]
    pads = (taps[0] // 2, taps[1] // 2) * 2 if pads is None else pads
    x, w = stored(numbers(rng, image, dtype), LAST), numbers(rng, (channels, 1, *taps), dtype, 0.3)
    reach = [(k - 1) * d + 1 for k, d in zip(taps, dilations, strict=True)]
    shape = [(image[2 + i] + pads[i] + pads[2 + i] - reach[i]) // strides[i] + 1 for i in (0, 1)]
    extras = [numbers(rng, (channels, 1, 1), dtype)] if bias else []
    extras += [stored(numbers(rng, (image[0], channels, *shape), dtype), LAST)] if residual else []
    made = epilogue(dtype, [dtype] * len(extras)) if extras else None
    op = Conv(strides, pads, dilations, channels, made)
    w = w if weights else stored(w, (1, 2, 3, 0))
    return MatrixCase(f"{name}-{dtype}", op, [x, w, *extras], constants=(1,) if weights else (), **more)


def cases() -> list[MatrixCase]:
    """Shapes of every kind in f16, and those that differ in kind in bf16 and f32."""
    found = []
    for dtype in (f16, bf16, f32):
        found += [
            depthwise("7x7", dtype, (3, 48, 17, 19), (7, 7)),
            depthwise("5x5-stride", dtype, (2, 40, 15, 14), (5, 5), strides=(2, 2)),
            depthwise("3x3-residual", dtype, (2, 72, 14, 15), (3, 3), residual=True),
            depthwise("odd-channels", dtype, (2, 13, 9, 11), (3, 3)),
        ]
    return found + [
        depthwise("7x7-images", f16, (19, 64, 7, 7), (7, 7), residual=True),
        depthwise("7x7-wide", f16, (1, 96, 33, 61), (7, 7), bias=False),
        depthwise("5x5", f16, (5, 24, 14, 14), (5, 5)),
        depthwise("5x5-many", f16, (2, 200, 7, 7), (5, 5)),
        depthwise("9x9", f16, (2, 16, 20, 21), (8, 8), pads=(4, 4, 3, 3)),
        depthwise("3x3-stride", f16, (2, 32, 23, 31), (3, 3), strides=(2, 2)),
        depthwise("3x3-one-stride", f16, (2, 32, 9, 31), (3, 3), strides=(1, 2)),
        depthwise("3x3-dilated", f16, (2, 32, 23, 31), (3, 3), dilations=(2, 3), pads=(2, 3, 2, 3)),
        depthwise("1x5", f16, (2, 32, 6, 40), (1, 5)),
        depthwise("7x1", f16, (2, 32, 40, 6), (7, 1)),
        depthwise("3x5-strided-dilated", f16, (2, 32, 23, 31), (3, 5), strides=(2, 3), dilations=(3, 2)),
        depthwise("even", f16, (2, 16, 12, 12), (4, 2), pads=(1, 0, 2, 1)),
        depthwise("no-padding", f16, (2, 16, 12, 13), (5, 5), pads=(0, 0, 0, 0)),
        depthwise("much-padding", f16, (1, 16, 5, 6), (3, 3), pads=(4, 5, 6, 7)),
        depthwise("four-channels", f16, (2, 12, 12, 13), (3, 3)),
        depthwise("variable", f16, (2, 16, 12, 13), (3, 3), weights=False),
        depthwise("misaligned", f16, (2, 16, 12, 13), (3, 3), shift=1),
        depthwise("symbolic", f16, (4, 16, 19, 23), (5, 5), bias=False, names={4: "B", 19: "H", 23: "W"}),
    ]  # fmt: skip
