"""Floats of 8 bits on CUDA: every code widens, every number rounds as in ml_dtypes; regions and products of them."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from minirt.build.targets import cuda_target
from minirt.ir.scalar import Body, Scalar, arg, call, cast, const
from minirt.kernels.kernel import Target
from minirt.ops.cast import Cast
from minirt.ops.gemm import Gemm
from minirt.ops.indexing import Gather
from minirt.ops.layout import Relayout
from minirt.ops.movement import Concat
from minirt.ops.pointwise import Map
from minirt.runtime import device as dev
from minirt.types.dtype import DType, dtype_of, f8e4m3, f8e5m2, f16, f32
from tests.kernels.cuda.execution import COMPILED, Array, Case, check, choices, compiled
from tests.kernels.cuda.map_cases import channels_last, random
from tests.kernels.cuda.matrix_cases import MatrixRunner

HERE = pytest.mark.skipif(not dev.available(), reason="needs a CUDA device")
TYPES = [dtype_of(name) for name in ("f8e4m3", "f8e4m3fnuz", "f8e5m2", "f8e5m2fnuz")]


def every(dtype: DType) -> Array:
    """All codes."""
    return np.arange(256, dtype=np.uint8).view(dtype.numpy)


def awkward(dtype: DType) -> Array:
    """Numbers of the type, ties between them and their neighbours, random bits, signed zeros, infinities and NaN."""
    exact = every(dtype).astype(np.float32)
    exact = np.sort(exact[np.isfinite(exact)])
    ties = ((exact[1:].astype(np.float64) + exact[:-1]) / 2).astype(np.float32)
    up, down = (np.nextafter(ties, np.float32(end)) for end in (np.inf, -np.inf))
    bits = np.random.default_rng(5).integers(0, 1 << 32, 40_000, dtype=np.uint64).astype(np.uint32)
    rest = np.array([0, -0.0, np.inf, -np.inf, np.nan], np.float32)
    return np.concatenate([exact, ties, up, down, bits.view(np.float32), rest]).astype(np.float32)


def scaled(x: Scalar, by: float) -> Scalar:
    return call("mul", cast(x, f32), const(by, f32))


def cases() -> list[Case]:
    """What Q/DQ layers become: quantized on the way out, dequantized on the way in, both, moved, multiplied."""
    small: Any = ml_dtypes.float8_e4m3fn
    there_and_back = cast(cast(scaled(arg(0, f16), 0.5), f8e4m3), f16)
    quantized = Body((f32,), (cast(arg(0, f32), f8e4m3),))
    dequantized = Body((f8e5m2,), (scaled(arg(0, f8e5m2), 0.25),))
    grain = 1 / 16  # half a step of e4m3, of e5m2 twice that
    return [
        Case("codes-in", Map(dequantized), [random(33, 64, dtype=ml_dtypes.float8_e5m2)]),
        Case("codes-in-odd", Map(dequantized), [random(7, 13, dtype=ml_dtypes.float8_e5m2)], {7: "N"}),
        Case("codes-out", Cast(f8e4m3), [random(64, 48)], tolerance=grain),
        Case("codes-out-wide", Cast(f8e5m2), [random(50, dtype=np.float64)], tolerance=2 * grain),
        Case("there-and-back", Map(Body((f16,), (there_and_back,))), [random(40, 8, dtype=np.float16)],
             tolerance=grain),
        Case("moved", Relayout((0, 2, 3, 1)), [random(2, 48, 5, 7, dtype=small)]),
        Case("tiled", Map(Body((f8e4m3, f16), (call("add", scaled(arg(0, f8e4m3), 2.0), cast(arg(1, f16), f32)),))),
             [channels_last(random(2, 64, 9, 16, dtype=small)), random(2, 64, 9, 16, dtype=np.float16)]),
        Case("gathered", Gather(0), [random(9, 24, dtype=small), np.array([3, 0, 8])]),
        Case("joined", Concat(1), [random(4, 8, dtype=small), random(4, 24, dtype=small)]),
        Case("product-out", Gemm(False, False, quantized),
             [random(37, 64) / 8, random(64, 72)], tolerance=grain),
        Case("product-out-half", Gemm(False, False, quantized),
             [random(64, 128, dtype=np.float16) / 8, random(128, 96, dtype=np.float16)], tolerance=grain),
    ]  # fmt: skip


@pytest.mark.compile
@pytest.mark.parametrize("target", COMPILED)
@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_it_compiles_without_spilling(case: Case, target: Target) -> None:
    pytest.importorskip("cuda.bindings.nvrtc")
    found = list(choices(case, target))
    assert found, "no kernel takes the case"
    for kernel, problem, tactic in found:
        for code in compiled(kernel.launch(problem, tactic), target):
            assert code.spills == 0, f"{kernel.name} {tactic}: {code.resources}"


def on_device(case: Case) -> list[list[Array]]:
    """The case by each kernel that takes it."""
    target = cuda_target()
    return [MatrixRunner(case, *choice, target).run() for choice in choices(case, target)]


@pytest.mark.gpu
@HERE
@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_it_computes_what_the_reference_does(case: Case) -> None:
    for got in on_device(case):
        check(case, got, case.name)


@pytest.mark.gpu
@HERE
@pytest.mark.parametrize("dtype", [*TYPES, dtype_of("f8e8m0")], ids=lambda dtype: dtype.name)
def test_every_code_widens_exactly(dtype: DType) -> None:
    wanted = every(dtype).astype(np.float32)
    for (got,) in on_device(Case("widen", Cast(f32), [every(dtype)])):
        np.testing.assert_array_equal(got, wanted)
        np.testing.assert_array_equal(np.signbit(got[wanted == 0]), np.signbit(wanted[wanted == 0]))


@pytest.mark.gpu
@HERE
@pytest.mark.parametrize("dtype", TYPES, ids=lambda dtype: dtype.name)
def test_numbers_round_half_to_even_and_saturate(dtype: DType) -> None:
    x = awkward(dtype)
    most = float(ml_dtypes.finfo(dtype.numpy).max)  # type: ignore[no-untyped-call]
    wanted = np.clip(x, -most, most).astype(dtype.numpy).astype(np.float32)
    for (got,) in on_device(Case("round", Cast(dtype), [x])):
        np.testing.assert_array_equal(got.astype(np.float32), wanted)
        zero = wanted == 0
        np.testing.assert_array_equal(np.signbit(got.astype(np.float32)[zero]), np.signbit(wanted[zero]))
