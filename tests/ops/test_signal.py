"""Fourier transforms against onnxruntime and NumPy."""

from typing import Any

import numpy as np
import pytest

from tests.ops.harness import check, check_symbolic

RNG = np.random.default_rng(0)


def randn(*shape: int) -> Any:
    return RNG.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("inverse", [0, 1])
@pytest.mark.parametrize("axis", [1, 2])
def test_dft(parts: int, inverse: int, axis: int) -> None:
    x = randn(2, 10, 6, parts)
    check("DFT", [x], opset=17, axis=axis, inverse=inverse, tolerance=1e-4)
    check("DFT", [x, None, np.int64(axis)], constants=(2,), inverse=inverse, opset=20, tolerance=1e-4)


@pytest.mark.parametrize("length", [8, 13])
def test_dft_length(length: int) -> None:
    check("DFT", [randn(2, 10, 1), np.int64(length)], constants=(1,), opset=17, onesided=1, tolerance=1e-4)


def test_inverse_of_a_onesided_transform_is_real() -> None:
    x = randn(3, 12)
    half = np.fft.rfft(x)
    pairs = np.stack([half.real, half.imag], axis=-1).astype(np.float32)
    check("DFT", [pairs], opset=20, inverse=1, onesided=1, expected=[x[..., None]], tolerance=1e-5)


@pytest.mark.parametrize("onesided", [0, 1])
@pytest.mark.parametrize("window", [None, 8])
def test_stft(onesided: int, window: int | None) -> None:
    hann = None if window is None else np.hanning(8).astype(np.float32)
    for x in (randn(2, 50), randn(2, 50, 1)):
        check(
            "STFT", [x, np.int64(3), hann, np.int64(8)], constants=(1, 3), opset=17, onesided=onesided, tolerance=1e-4
        )


def test_stft_of_complex_signals() -> None:
    check(
        "STFT",
        [randn(2, 50, 2), np.int64(3), None, np.int64(8)],
        constants=(1, 3),
        opset=17,
        onesided=0,
        tolerance=1e-4,
    )


def test_symbolic_signals() -> None:
    sizes = [{"B": 1, "L": 40}, {"B": 2, "L": 33}]
    shapes: list[Any] = [("B", "L"), np.array(5), np.hanning(8).astype(np.float32)]
    check_symbolic("STFT", shapes, sizes, opset=17, tolerance=1e-4)


@pytest.mark.parametrize("bands", [4, 8])
def test_mel_weight_matrix(bands: int) -> None:
    given = [np.int64(bands), np.int64(64), np.int64(8000), np.float32(20), np.float32(4000)]
    check("MelWeightMatrix", given, constants=(0, 1, 2, 3, 4), opset=17)
