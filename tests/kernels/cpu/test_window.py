"""Depthwise convolution and pooling against NumPy in float64, in guarded memory."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from minirt.kernels.cpu.compile import address
from minirt.kernels.cpu.epilogue import Epilogue, Operand
from minirt.kernels.cpu.window import WindowSpec, pack_depthwise, window_args, window_count, window_unit

RANGE = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)
Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """Images, channels, size, kernel, strides, dilations, (top, left, bottom, right)."""

    n: int
    c: int
    size: tuple[int, int]
    kernel: tuple[int, int]
    strides: tuple[int, int] = (1, 1)
    dilations: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    ceil: bool = False

    def out(self) -> tuple[int, int]:
        """Output height and width; ONNX drops a last window that would start in the trailing pad."""
        sizes = []
        for i in (0, 1):
            free = self.size[i] + self.pads[i] + self.pads[2 + i] - self.dilations[i] * (self.kernel[i] - 1) - 1
            count = (free + (self.strides[i] - 1) * self.ceil) // self.strides[i] + 1
            sizes.append(count - ((count - 1) * self.strides[i] >= self.size[i] + self.pads[i]))
        return sizes[0], sizes[1]


def taps(case: Case, x: Doubles, outside: float, past: float) -> Doubles:
    """[taps, n, oh, ow, c]: what each tap sees, `outside` in pads, `past` beyond them."""
    (oh, ow), (t, left, b, r) = case.out(), case.pads
    x = np.pad(x, ((0, 0), (t, b), (left, r), (0, 0)), constant_values=outside)
    more = [
        (n - 1) * s + (k - 1) * d + 1
        for n, s, k, d in zip((oh, ow), case.strides, case.kernel, case.dilations, strict=True)
    ]
    grow = [max(m - have, 0) for m, have in zip(more, x.shape[1:3], strict=True)]
    x = np.pad(x, ((0, 0), (0, grow[0]), (0, grow[1]), (0, 0)), constant_values=past)
    seen = []
    for a in range(case.kernel[0]):
        for c in range(case.kernel[1]):
            top, side = a * case.dilations[0], c * case.dilations[1]
            seen.append(x[:, top:, side:][:, :: case.strides[0], :: case.strides[1]][:, :oh, :ow])
    return np.stack(seen)


def run(
    spec: WindowSpec, case: Case, x: NDArray[np.float32], weights: int, count_pads: bool, extra: list[int]
) -> Doubles:
    (oh, ow), wide = case.out(), case.c + 3
    everything = np.full(case.n * oh * ow * wide + 128, np.nan, np.float32)
    y = everything[64:-64].reshape(case.n, oh, ow, wide)
    pitch = x.strides[2] // 4
    x_strides = (case.size[0] * case.size[1] * pitch, case.size[1] * pitch, pitch)
    args = window_args(
        case.n, case.c, (case.size, (oh, ow)), case.kernel, case.strides, case.dilations, case.pads, x_strides,
        (oh * ow * wide, wide), count_pads,
    )  # fmt: skip
    args[0], args[1], args[24] = x.ctypes.data, weights, y.ctypes.data
    args[19] = spec.width if case.n > 1 else case.c
    n, memory = window_count(args), np.array(args + extra)
    entry = RANGE(address(window_unit(spec)))
    for lo, hi in ((n // 2, n), (0, n // 2)):
        entry(lo, hi, memory.ctypes.data)
    assert np.isnan(everything[:64]).all() and np.isnan(everything[-64:]).all() and np.isnan(y[..., case.c :]).all()
    return y[..., : case.c].astype(np.float64)


def image(case: Case) -> NDArray[np.float32]:
    """A view of the case's channels in wider pixels, NaN between them."""
    x = np.full((case.n, *case.size, case.c + 5), np.nan, np.float32)
    x[..., : case.c] = np.random.default_rng(4).standard_normal((case.n, *case.size, case.c))
    return x[..., : case.c]


CASES = [
    Case(1, 1, (1, 1), (1, 1)),
    Case(2, 33, (7, 9), (3, 3), pads=(1, 1, 1, 1)),
    Case(1, 64, (14, 29), (3, 3), pads=(1, 1, 1, 1)),
    Case(1, 17, (12, 13), (5, 5), strides=(2, 2), pads=(2, 2, 1, 1)),
    Case(3, 100, (5, 5), (5, 3), pads=(4, 2, 4, 2)),
    Case(1, 70, (9, 40), (3, 3), dilations=(2, 3), pads=(2, 3, 2, 3)),
    Case(1, 5, (11, 10), (2, 2), strides=(5, 3)),
    Case(1, 16, (8, 8), (3, 3), strides=(2, 2), pads=(0, 0, 1, 1), ceil=True),
    Case(2, 31, (7, 6), (3, 2), strides=(2, 3), pads=(1, 1, 1, 1), ceil=True),
]


@pytest.mark.parametrize("vectors", [1, 2, 4])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_depthwise(case: Case, vectors: int) -> None:
    x, rng = image(case), np.random.default_rng(5)
    w = rng.standard_normal((case.c, 1, *case.kernel)).astype(np.float32)
    bias, packed = rng.standard_normal(case.c).astype(np.float32), pack_depthwise(w)
    spec = WindowSpec("depthwise", vectors, epilogue=Epilogue((Operand(),), "max(acc + e0, float32(0))"))
    got = run(spec, case, x, packed.ctypes.data, False, [bias.ctypes.data, 0, 0, 0])
    seen = taps(case, x.astype(np.float64), 0, 0)
    exact = np.maximum(np.einsum("tnhwc,tc->nhwc", seen, w[:, 0].reshape(case.c, -1).T) + bias, 0)
    np.testing.assert_allclose(got, exact, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("vectors", [1, 4])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_pooling(case: Case, vectors: int) -> None:
    x = image(case)
    wide = x.astype(np.float64)
    seen = taps(case, wide, -np.inf, -np.inf)
    np.testing.assert_array_equal(run(WindowSpec("max", vectors), case, x, 0, False, []), seen.max(0))
    total = taps(case, wide, 0, 0).sum(0)
    within = taps(case, np.ones_like(wide), 0, 0).sum(0)
    padded = taps(case, np.ones_like(wide), 1, 0).sum(0)
    spec = WindowSpec("average", vectors)
    np.testing.assert_allclose(run(spec, case, x, 0, False, []), total / np.maximum(within, 1), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(run(spec, case, x, 0, True, []), total / padded, rtol=1e-5, atol=1e-6)


def test_maximum_keeps_nan() -> None:
    case = Case(1, 3, (4, 4), (2, 2))
    x = image(case)
    x[0, 1, 1, 1] = np.nan
    got = run(WindowSpec("max", 1), case, x, 0, False, [])
    assert np.isnan(got[0, :2, :2, 1]).all() and np.isnan(got).sum() == 4
