"""Fourier transforms against onnxruntime and NumPy."""

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from minirt.ops.evaluate import evaluate
from tests.ops.harness import check, check_symbolic, import_model, one_node, run_ort

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


@pytest.mark.parametrize("parts", [1, 2])
@pytest.mark.parametrize("given", [{}, {"inverse": 1}, {"onesided": 1}])
def test_dft_of_a_length_that_dims_tell(parts: int, given: dict[str, Any]) -> None:
    if parts == 2 and "onesided" in given:
        pytest.skip("onesided transforms are of real signals")
    sizes = [{"batch": 2, "time": 10}, {"batch": 3, "time": 7}, {"batch": 1, "time": 1}]
    check_symbolic("DFT", [("batch", "time", 3, parts)], sizes, opset=17, axis=1, tolerance=1e-4, **given)
    check_symbolic("DFT", [("batch", "time", parts), np.array(6)], sizes, opset=17, axis=1, tolerance=1e-4, **given)


@pytest.mark.parametrize("size", [9, 16])
def test_there_and_back_at_a_length_that_dims_tell(size: int) -> None:
    nodes = [
        helper.make_node("Shape", ["x"], ["length"], start=1, end=2),
        helper.make_node("Squeeze", ["length"], ["count"]),
        helper.make_node("DFT", ["x", "", "axis"], ["bins"], onesided=1),
        helper.make_node("DFT", ["bins", "count", "axis"], ["y"], onesided=1, inverse=1),
    ]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", "time", 1])]
    output = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * 3)
    axis = numpy_helper.from_array(np.array(1), "axis")
    made = helper.make_graph(nodes, "g", inputs, [output], [axis])
    graph = import_model(helper.make_model(made, opset_imports=[helper.make_opsetid("", 20)]))
    x = randn(2, size, 1)
    (found,) = evaluate(graph, {"x": x})
    np.testing.assert_allclose(found, x, atol=1e-5)


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


@pytest.mark.parametrize("length", [400, 480, 512, 1200])
def test_stft_has_its_angles_as_onnxruntime_has(length: int) -> None:
    """Unit impulses give the matrix that a transform is: in float32 not the exact one, unless by powers of two."""
    bins = np.arange(length // 2 + 1)
    true = np.exp(-2j * np.pi * (np.arange(length)[:, None] * bins % length) / length)
    for dtype in (np.float32, np.float64):
        x = np.eye(length, dtype=dtype)
        model = one_node("STFT", [x, np.int64(1), None, np.int64(length)], constants=(1, 3), opset=17)
        theirs = run_ort(model, {"x0": x})[0][:, 0].astype(np.float64) @ [1, 1j]
        mine = evaluate(import_model(model), {"x0": x})[0][:, 0].astype(np.float64) @ [1, 1j]
        exact = dtype is np.float64 or length & (length - 1) == 0
        assert np.abs(mine - theirs).max() < (1e-10 if dtype is np.float64 else 2e-5)
        assert (np.abs(mine - true).max() < 1e-6) == exact


def test_symbolic_signals() -> None:
    sizes = [{"B": 1, "L": 40}, {"B": 2, "L": 33}]
    shapes: list[Any] = [("B", "L"), np.array(5), np.hanning(8).astype(np.float32)]
    check_symbolic("STFT", shapes, sizes, opset=17, tolerance=1e-4)


@pytest.mark.parametrize("bands", [4, 8])
def test_mel_weight_matrix(bands: int) -> None:
    given = [np.int64(bands), np.int64(64), np.int64(8000), np.float32(20), np.float32(4000)]
    check("MelWeightMatrix", given, constants=(0, 1, 2, 3, 4), opset=17)
