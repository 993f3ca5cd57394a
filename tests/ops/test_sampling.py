"""Sampling at given places against onnxruntime."""

from typing import Any

import numpy as np
import pytest

from tests.ops.harness import check

RNG = np.random.default_rng(0)


def randn(*shape: int) -> Any:
    return RNG.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("mode", ["linear", "nearest", "cubic"])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
@pytest.mark.parametrize("corners", [0, 1])
def test_grid_sample(mode: str, padding: str, corners: int) -> None:
    grid = RNG.uniform(-1.6, 1.6, (2, 5, 6, 2)).astype(np.float32)
    check("GridSample", [randn(2, 3, 7, 8), grid], opset=20, mode=mode, padding_mode=padding, align_corners=corners,
          tolerance=1e-4)  # fmt: skip


@pytest.mark.parametrize("mode", ["linear", "nearest"])
def test_volumes(mode: str) -> None:
    grid = RNG.uniform(-1.3, 1.3, (2, 2, 3, 4, 3)).astype(np.float32)
    check("GridSample", [randn(2, 3, 4, 5, 6), grid], opset=20, mode=mode, tolerance=1e-4)


@pytest.mark.parametrize("mask", [False, True])
@pytest.mark.parametrize("groups", [(1, 1), (2, 2), (1, 4)])
def test_deform_conv_without_moves_is_a_conv(mask: bool, groups: tuple[int, int]) -> None:
    """onnxruntime has no kernel for it: whole moves are a convolution of a moved image, and no moves one of x."""
    group, offset_group = groups
    x, w, bias = randn(2, 4, 7, 8), randn(6, 4 // group, 3, 2), randn(6)
    places: dict[str, Any] = {"pads": [1, 0, 1, 0], "strides": [2, 1], "dilations": [1, 3]}
    (wanted,) = check("Conv", [x, w, bias], group=group, tolerance=1e-4, **places)
    offset = np.zeros((2, offset_group * 12, *wanted.shape[2:]), np.float32)
    weight = np.full((2, offset_group * 6, *wanted.shape[2:]), 0.5, np.float32)
    if mask:
        wanted = (wanted - bias[:, None, None]) * 0.5 + bias[:, None, None]
    given = [x, w, offset, bias, *([weight] if mask else [])]
    check("DeformConv", given, group=group, offset_group=offset_group, tolerance=1e-4, expected=[wanted], **places)
    moved = np.zeros_like(x)
    moved[:, :, :-1] = x[:, :, 1:]
    (wanted,) = check("Conv", [moved, w, bias], group=group, tolerance=1e-4)
    offset = np.zeros((2, offset_group * 6, 2, *wanted.shape[2:]), np.float32)
    offset[:, :, 0] = 1
    given = [x, w, offset.reshape(2, -1, *wanted.shape[2:]), bias]
    check("DeformConv", given, group=group, offset_group=offset_group, tolerance=1e-4, expected=[wanted])


def test_col2im() -> None:
    cases: list[dict[str, Any]] = [{}, {"strides": [2, 2]}, {"pads": [1, 0, 1, 1], "dilations": [1, 2]}]
    for attributes in cases:
        size = np.array([6, 7])
        kernel = np.array([2, 3])
        pads = attributes.get("pads", [0, 0, 0, 0])
        steps, gaps = attributes.get("strides", [1, 1]), attributes.get("dilations", [1, 1])
        counts = [
            (n + pads[i] + pads[i + 2] - (k - 1) * gaps[i] - 1) // steps[i] + 1
            for i, (n, k) in enumerate(zip(size, kernel, strict=True))
        ]
        given = [randn(2, 3 * 6, int(np.prod(counts))), size, kernel]
        check("Col2Im", given, constants=(1, 2), **attributes)


def test_max_unpool() -> None:
    x = RNG.permutation(2 * 3 * 16).reshape(2, 3, 4, 4).astype(np.float32)
    places = np.arange(2 * 3 * 64).reshape(2, 3, 8, 8)[:, :, ::2, 1::2]
    check("MaxUnpool", [x, places], kernel_shape=[2, 2], strides=[2, 2], opset=11)
