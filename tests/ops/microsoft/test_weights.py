"""Weights of few bits, against onnxruntime."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from minirt.build.build import build
from minirt.build.formulas import filled
from minirt.build.load import Package
from minirt.build.options import Options
from minirt.build.targets import default_target
from minirt.errors import MinirtError
from minirt.ops.evaluate import evaluate
from tests.ops.harness import assert_close, import_model, run_ort
from tests.ops.microsoft.nodes import RECENT, check, node_of
from tests.ops.on_target import OnTarget

RNG = np.random.default_rng(5)


def randn(*shape: int, dtype: Any = np.float32) -> Any:
    return RNG.standard_normal(shape).astype(dtype)


def random_bytes(*shape: int) -> Any:
    return RNG.integers(0, 256, shape).astype(np.uint8)


def matmul_n_bits(k: int, n: int, bits: int, block: int, zeros: str, dtype: Any = np.float32, **given: Any) -> None:
    """Compares random weights of [n, k]."""
    blocks = -(-k // block)
    scales = RNG.uniform(0.01, 0.1, (n, blocks)).astype(dtype)
    points = {
        "none": None,
        "packed": random_bytes(n, -(-blocks * bits // 8)),
        "floats": RNG.uniform(0, 2**bits - 1, (n, blocks)).astype(dtype),
    }[zeros]
    operands = [randn(2, 3, k, dtype=dtype), random_bytes(n, blocks, block * bits // 8), scales, points]
    operands += [given.pop(name, None) for name in ("g_idx", "bias")]
    while operands[-1] is None:
        operands.pop()
    constants = list(range(1, len(operands)))
    tolerance = 2e-2 * bits * bits if dtype is np.float16 else 1e-3
    given |= {"K": k, "N": n, "bits": bits, "block_size": block}
    check("MatMulNBits", operands, constants=constants, tolerance=tolerance, **given)


@pytest.mark.parametrize("bits", [4, 8])
@pytest.mark.parametrize(("k", "n", "block"), [(32, 5, 16), (64, 8, 32), (80, 3, 32), (128, 16, 128)])
@pytest.mark.parametrize("zeros", ["none", "packed"])
def test_matmul_n_bits(bits: int, k: int, n: int, block: int, zeros: str) -> None:
    """Whole blocks and a part of one."""
    matmul_n_bits(k, n, bits, block, zeros)


def test_matmul_n_bits_with_more() -> None:
    """Zero points that are floats, a bias, two bits, half precision."""
    matmul_n_bits(64, 6, 4, 32, "floats", bias=randn(6))
    matmul_n_bits(64, 6, 2, 32, "packed")
    matmul_n_bits(64, 6, 4, 16, "packed", np.float16)


def test_matmul_n_bits_with_groups() -> None:
    """Each row of weights says in which block its scale is; onnxruntime then reads no packed zero points."""
    for zeros in ("none", "floats"):
        matmul_n_bits(64, 6, 4, 16, zeros, g_idx=RNG.integers(0, 4, 64).astype(np.int32))


def test_what_matmul_n_bits_does_not_take() -> None:
    """Three bits, and layouts of other providers."""
    operands = [randn(2, 32), random_bytes(4, 1, 12), randn(4, 1)]
    with pytest.raises(MinirtError, match="3 bits"):
        import_model(node_of("MatMulNBits", operands, K=32, N=4, bits=3, block_size=32))
    with pytest.raises(MinirtError, match="provider"):
        given: dict[str, Any] = {"K": 32, "N": 4, "bits": 4, "block_size": 32, "weight_prepacked": 1}
        import_model(node_of("MatMulNBits", operands, **given))


@pytest.mark.parametrize("kind", [0, 1])
@pytest.mark.parametrize(("k", "n", "block"), [(32, 4, 16), (20, 3, 16)])
def test_matmul_bnb4(kind: int, k: int, n: int, block: int) -> None:
    """Floats of 4 bits and quantiles; onnxruntime's own product with what is not transposed is not whole."""
    given: dict[str, Any] = {"K": k, "N": n, "block_size": block, "quant_type": kind}
    codes, most = random_bytes((n * k + 1) // 2), RNG.uniform(0.1, 1, -(-n * k // block)).astype(np.float32)
    check("MatMulBnb4", [randn(2, 3, k), codes, most], constants=[1, 2], tolerance=1e-4, **given)
    weights = check("MatMulBnb4", [np.eye(k, dtype=np.float32), codes, most], **given)[0].T
    x = randn(2, n)
    check("MatMulBnb4", [x, codes, most], tolerance=1e-4, expected=[x @ weights], transB=0, **given)


PLACES = np.array([[0, 3, -1], [2, 2, 1]])


@pytest.mark.parametrize("kind", [ml_dtypes.int4, ml_dtypes.uint4])
@pytest.mark.parametrize(("at", "quantized"), [(0, 1), (0, 2), (1, 2), (2, 1), (1, 1)])
@pytest.mark.parametrize("points", [False, True])
def test_gather_of_small_integers(kind: Any, at: int, quantized: int, points: bool) -> None:
    """Along any axis; those quantized too."""
    data = RNG.integers(0, 8, (4, 32, 20)).astype(kind)
    shape = [4, 32, 20]
    shape[quantized] = -(-shape[quantized] // 16)
    zeros = [RNG.integers(0, 8, shape).astype(kind)] if points else []
    operands = [data, PLACES, RNG.uniform(0.1, 1, shape).astype(np.float32), *zeros]
    given: dict[str, Any] = {"gather_axis": at, "quantize_axis": quantized, "block_size": 16}
    check("GatherBlockQuantized", operands, constants=[0, 2, 3][: 2 + points], **given)


@pytest.mark.parametrize("bits", [2, 4, 8])
@pytest.mark.parametrize("points", [False, True])
def test_gather_of_packed_bytes(bits: int, points: bool) -> None:
    """Rows of bytes."""
    blocks, places = 3, PLACES.astype(np.int32)
    zeros = [random_bytes(5, -(-blocks * bits // 8))] if points else []
    operands = [random_bytes(5, 48 * bits // 8), places, RNG.uniform(0.1, 1, (5, blocks)).astype(np.float32), *zeros]
    check("GatherBlockQuantized", operands, constants=[0, 2, 3][: 2 + points], bits=bits, block_size=16)


@RECENT
@pytest.mark.parametrize("kind", [ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2])
@pytest.mark.parametrize("block", [0, 16])
def test_gather_of_small_floats(kind: Any, block: int) -> None:
    """By block, or by row with one scale for all rows."""
    data = randn(5, 48).astype(kind)
    scales = RNG.uniform(0.1, 1, (5, 3) if block else (1, 1)).astype(np.float32)
    check("GatherBlockQuantized", [data, PLACES, scales], constants=[0, 2], block_size=block)


@pytest.mark.parametrize("bits", [4, 8])
def test_weights_stay_packed_in_an_engine(bits: int) -> None:
    """They become floats when it is loaded; the graph that it holds has the bytes too."""
    n, k = 96, 256
    operands = [randn(2, k), random_bytes(n, k // 32, 32 * bits // 8), RNG.uniform(0.01, 0.1, (n, k // 32))]
    operands[2] = operands[2].astype(np.float32)
    model = node_of("MatMulNBits", operands, constants=[1, 2], K=k, N=n, bits=bits, block_size=32)
    graph = import_model(model)
    data = build(graph, Options((default_target(),), tf32=False))
    floats = 4 * n * k
    assert len(data) < floats * (bits + 1) / 32 + 16000 < floats
    (wanted,) = run_ort(model, {"x0": operands[0]})
    (found,) = evaluate(filled(Package(data).graph(), lambda name, kind: np.zeros(0)), {"x0": operands[0]})
    assert_close(found, wanted, 1e-3)
    assert_close(OnTarget(graph)({"x0": operands[0]})[0], wanted, 1e-3)
