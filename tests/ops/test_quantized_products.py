"""Products of 8-bit numbers through their importers, exact against NumPy in int64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.ops.harness import check

KINDS = [np.int8, np.uint8]


def _bytes(kind: Any, shape: tuple[int, ...], seed: int) -> Any:
    """Random bytes, a good part of them at the ends of the range."""
    rng, info = np.random.default_rng(seed), np.iinfo(kind)
    x = rng.integers(info.min, info.max, shape, endpoint=True)
    return np.where(rng.random(shape) < 0.3, rng.choice([info.min, info.max], shape), x).astype(kind)


def _centred(x: Any, zero: Any) -> Any:
    return x.astype(np.int64) - np.asarray(zero, np.int64)


@pytest.mark.parametrize("a_kind", KINDS)
@pytest.mark.parametrize("b_kind", KINDS)
@pytest.mark.parametrize("zeros", ["tensor", "rows", "columns"])
@pytest.mark.parametrize(
    ("a", "b"), [((7, 33), (33, 19)), ((1, 5), (5, 1)), ((2, 3, 1, 9), (9, 4)), ((2, 5, 8), (2, 8, 3))]
)
def test_matmul_integer(a_kind: Any, b_kind: Any, zeros: str, a: tuple[int, ...], b: tuple[int, ...]) -> None:
    """Zero points of the tensor, of each row of a, of each column of b."""
    x, y = _bytes(a_kind, a, 0), _bytes(b_kind, b, 1)
    x_zero, y_zero = _bytes(a_kind, (), 2), _bytes(b_kind, (), 3)
    wanted_x, wanted_y = x_zero, y_zero
    if zeros == "rows":
        x_zero = _bytes(a_kind, (a[-2],), 4)
        wanted_x = x_zero[:, None]
    elif zeros == "columns":
        wanted_y = y_zero = _bytes(b_kind, (b[-1],), 5)
    wanted = np.matmul(_centred(x, wanted_x), _centred(y, wanted_y)).astype(np.int32)
    for constants in ((), (1, 3)):
        check("MatMulInteger", [x, y, x_zero, y_zero], constants=constants, expected=[wanted])


@given(k=st.integers(1, 5000), rows=st.integers(1, 9), columns=st.integers(1, 20), seed=st.integers(0, 99))
@settings(max_examples=12, deadline=None)
def test_every_depth(k: int, rows: int, columns: int, seed: int) -> None:
    """All depths, with zero points at the far ends, where sums are largest."""
    x, y = _bytes(np.uint8, (rows, k), seed), _bytes(np.int8, (k, columns), seed + 1)
    x_zero, y_zero = np.uint8(255 * (seed % 2)), np.int8(127 - 255 * (seed % 3 // 2))
    wanted = np.matmul(_centred(x, x_zero), _centred(y, y_zero)).astype(np.int32)
    check("MatMulInteger", [x, y, x_zero, y_zero], constants=(1, 3), expected=[wanted])


@pytest.mark.parametrize("shape", [((0, 4), (4, 3)), ((4, 0), (0, 3)), ((4, 3), (3, 0))])
def test_empty(shape: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    """No rows, no columns, nothing to sum."""
    x, y = _bytes(np.uint8, shape[0], 0), _bytes(np.int8, shape[1], 1)
    check("MatMulInteger", [x, y], expected=[np.zeros((shape[0][0], shape[1][1]), np.int32)])


@pytest.mark.parametrize("channels", [1, 2, 7])
def test_convolutions_by_onnxruntime(channels: int) -> None:
    """Padding stands for the zero point; weights of any sign, biased to a byte."""
    x, w = _bytes(np.uint8, (2, channels, 9, 8), 0), _bytes(np.int8, (5, channels, 3, 3), 1)
    check("ConvInteger", [x, w, np.uint8(255)], pads=[1, 1, 1, 1], strides=[2, 1], constants=(1,))
    scales = np.linspace(0.01, 0.02, 5, dtype=np.float32)
    given = [x, np.float32(0.02), np.uint8(200), w, scales, np.zeros(5, np.int8), np.float32(0.7), np.uint8(130)]
    check("QLinearConv", [*given, np.arange(-2, 3, dtype=np.int32) * 900], pads=[1, 1, 1, 1], constants=(3, 4, 5, 8))


@pytest.mark.parametrize("channels", [3, 64])
def test_filters_of_channels_by_onnxruntime(channels: int) -> None:
    """One filter and one scale for each channel."""
    x, w = _bytes(np.uint8, (2, channels, 9, 8), 0), _bytes(np.int8, (channels, 1, 3, 3), 1)
    scales = np.linspace(0.01, 0.02, channels, dtype=np.float32)
    given = [x, np.float32(0.02), np.uint8(200), w, scales, np.zeros(channels, np.int8), np.float32(0.3), np.uint8(130)]
    bias = np.arange(channels, dtype=np.int32) * 90
    check("QLinearConv", [*given, bias], pads=[1, 1, 1, 1], group=channels, constants=(3, 4, 5, 8))


def _lstm(x: Any, w: Any, r: Any, bias: Any) -> list[Any]:
    """One direction of an LSTM in float64: y [T, N, H], the last h and c; gates i o f c."""
    hidden = r.shape[0]
    h = c = np.zeros((x.shape[1], hidden))
    y = []
    for step in x:
        i, o, f, g = np.split(step @ w + h @ r + bias[: 4 * hidden] + bias[4 * hidden :], 4, axis=1)
        i, o, f = (1 / (1 + np.exp(-v)) for v in (i, o, f))
        c = f * c + i * np.tanh(g)
        h = o * np.tanh(c)
        y.append(h)
    return [np.array(y), h, c]


def _rounded(x: Any) -> Any:
    """x in the 255 steps of its range."""
    low, high = min(x.min(), np.float32(0)), max(x.max(), np.float32(0))
    scale = (high - low) / np.float32(255)
    zero = np.clip(np.rint(-low / scale), 0, 255)
    return (np.clip(np.rint(x / scale) + zero, 0, 255) - zero) * np.float64(scale)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("zero", [0, 5])
@pytest.mark.parametrize("each", [False, True])
@pytest.mark.parametrize("constant", [False, True])
def test_dynamic_quantize_lstm(kind: Any, zero: int, each: bool, constant: bool) -> None:
    """Weights with a scale for each direction or column, with zero points, known and computed."""
    rng, size, hidden = np.random.default_rng(0), 6, 20
    x = rng.standard_normal((4, 3, size)).astype(np.float32)
    w, r = _bytes(kind, (2, size, 4 * hidden), 1), _bytes(kind, (2, hidden, 4 * hidden), 2)
    bias = rng.standard_normal((2, 8 * hidden)).astype(np.float32)
    scales = [(0.004 * (0.5 + rng.random((2, 4 * hidden) if each else (2,)))).astype(np.float32) for _ in "wr"]
    zeros = np.full(scales[0].shape, zero, kind)
    w_wide, r_wide = (
        (v.astype(np.float64) - zero) * s.astype(np.float64).reshape(2, 1, -1)
        for v, s in zip((w, r), scales, strict=True)
    )
    ways = [_lstm(_rounded(x)[::step], w_wide[d], r_wide[d], bias[d]) for d, step in enumerate((1, -1))]
    ways[1][0] = ways[1][0][::-1]
    expected = [np.stack([way[i] for way in ways], axis=1 if i == 0 else 0).astype(np.float32) for i in range(3)]
    given = [x, w, r, bias, None, None, None, None, scales[0], zeros, scales[1], zeros]
    check(
        "DynamicQuantizeLSTM", given, 3, constants=(1, 2, 3, 8, 9, 10, 11) if constant else (), tolerance=2e-4,
        expected=expected, domain="com.microsoft", hidden_size=hidden, direction="bidirectional",
    )  # fmt: skip
