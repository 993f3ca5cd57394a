"""Products and convolutions of 16-bit integers on the CPU, exact against NumPy in int64."""

from __future__ import annotations

import ctypes
import platform
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minirt.ir.scalar import Body, arg, call, cast, const
from minirt.kernels.cpu import pair_tile
from minirt.kernels.cpu.compile import CpuUnit, address
from minirt.kernels.cpu.epilogue import Epilogue
from minirt.kernels.cpu.host import word_lanes
from minirt.kernels.cpu.matrix import MatrixSpec, matrix_text
from minirt.ops.convolution import Conv
from minirt.ops.gemm import Gemm
from minirt.types.dtype import Array, f32, i32, u8
from tests.kernels.cpu.harness import run

SUM = Body((i32,), (arg(0, i32),))


def _numbers(shape: tuple[int, ...], seed: int = 0, most: int = 255) -> Array:
    return np.random.default_rng(seed).integers(-most, most + 1, shape).astype(np.int16)


def _exact(a: Array, b: Array) -> Array:
    """The product in int64, modulo 2^32."""
    total: Array = np.matmul(a.astype(np.int64), b.astype(np.int64))
    return total.astype(np.int32)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((1, 1), (1, 1)), ((5, 7), (7, 33)), ((30, 64), (64, 96)), ((1, 301), (301, 70)), ((4, 3, 5, 6), (4, 3, 6, 17)),
        ((3, 5, 6), (6, 9)), ((2, 1, 5, 7), (3, 7, 7)), ((5, 0), (0, 3)), ((0, 4), (4, 3)), ((7, 5), (2, 5, 5)),
        ((3, 5000), (5000, 2)), ((40, 1, 9), (9, 40)), ((4, 5), (5, 0)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize("trans", [(False, False), (True, False), (False, True), (True, True)])
def test_products(a: tuple[int, ...], b: tuple[int, ...], constant: bool, trans: tuple[bool, bool]) -> None:
    """Odd sizes, batches, empty ones; either operand transposed; columns packed at load or while running."""
    left, right = _numbers(a), _numbers(b, 1)
    turned = [x.swapaxes(-1, -2).copy() if t else x for x, t in zip((left, right), trans, strict=True)]
    (got,) = run(Gemm(*trans, epilogue=SUM), turned, kernel="GemmPairs", constants=(1,) if constant else ())
    np.testing.assert_array_equal(got, _exact(left, right))


@given(k=st.integers(1, 5000), rows=st.integers(1, 20), columns=st.integers(1, 50), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_every_depth(k: int, rows: int, columns: int, seed: int) -> None:
    """Depths up to 5000, of numbers at their ends and of any."""
    a, b = _numbers((rows, k), seed), _numbers((k, columns), seed + 1)
    a[seed % rows] = 255
    b[:, seed % columns] = (-255, 255)[seed % 2]
    (got,) = run(Gemm(epilogue=SUM), [a, b], kernel="GemmPairs", constants=(1,))
    np.testing.assert_array_equal(got, _exact(a, b))


@pytest.mark.parametrize("number", [-32768, 32767])
def test_sums_wrap(number: int) -> None:
    """All numbers at an end of int16: sums modulo 2^32."""
    a, b = np.full((3, 9), number, np.int16), np.full((9, 20), number, np.int16)
    (got,) = run(Gemm(epilogue=SUM), [a, b], kernel="GemmPairs")
    np.testing.assert_array_equal(got, _exact(a, b))


def test_epilogues() -> None:
    """Scaled and biased to float32; rounded, moved and bounded to a byte; an int32 bias and residual."""
    a, b = _numbers((2, 9, 25)), _numbers((25, 40), 1)
    exact, rng = _exact(a, b), np.random.default_rng(3)
    scale, bias = rng.random((40,), np.float32), rng.standard_normal((40,)).astype(np.float32)
    total = cast(arg(0, i32), f32)
    scaled = Body(
        (i32, f32, f32), (call("max", call("add", call("mul", total, arg(1, f32)), arg(2, f32)), const(0.0, f32)),)
    )
    (got,) = run(Gemm(epilogue=scaled), [a, b, scale, bias], kernel="GemmPairs", constants=(1,))
    np.testing.assert_allclose(got, np.maximum(exact * scale.astype(np.float64) + bias, 0), rtol=1e-5, atol=1e-2)
    level = call("add", call("round", call("mul", total, const(0.0017, f32))), const(117.0, f32))
    narrow = Body((i32,), (cast(call("min", call("max", level, const(0.0, f32)), const(255.0, f32)), u8),))
    (got,) = run(Gemm(epilogue=narrow), [a, b], kernel="GemmPairs", constants=(1,))
    wanted = np.clip(np.rint(exact.astype(np.float32) * np.float32(0.0017)) + 117, 0, 255).astype(np.uint8)
    np.testing.assert_array_equal(got, wanted)
    added = Body((i32, i32, i32), (call("sub", call("add", arg(0, i32), arg(1, i32)), arg(2, i32)),))
    whole = rng.integers(-1000, 1000, (40,)).astype(np.int32)
    rest = rng.integers(-(2**31), 2**31, (2, 9, 40)).astype(np.int32)
    (got,) = run(Gemm(epilogue=added), [a, b, whole, rest], kernel="GemmPairs", constants=(1,))
    np.testing.assert_array_equal(got, (exact.astype(np.int64) + whole - rest).astype(np.int32))


def _convolved(x: Array, w: Array, op: Any) -> Array:
    """Sums over taps in int64."""
    rank, g = x.ndim - 2, op.groups
    pads = [(0, 0), (0, 0), *((int(op.pads[i]), int(op.pads[rank + i])) for i in range(rank))]
    x = np.pad(x.astype(np.int64), pads)
    sizes = [(x.shape[2 + i] - (w.shape[2 + i] - 1) * op.dilations[i] - 1) // op.strides[i] + 1 for i in range(rank)]
    out = np.zeros((x.shape[0], w.shape[0], *sizes), np.int64)
    each, deep = w.shape[0] // g, w.shape[1]
    for tap in np.ndindex(w.shape[2:]):
        cut = tuple(
            slice(t * d, t * d + (n - 1) * s + 1, s)
            for t, d, s, n in zip(tap, op.dilations, op.strides, sizes, strict=True)
        )
        for i in range(g):
            part = x[(slice(None), slice(i * deep, (i + 1) * deep), *cut)]
            taps = w[(slice(i * each, (i + 1) * each), slice(None), *tap)].astype(np.int64)
            out[:, i * each : (i + 1) * each] += np.einsum("nc...,oc->no...", part, taps)
    return out.astype(np.int32)


@pytest.mark.parametrize(
    ("x", "w", "strides", "pads", "dilations", "groups"),
    [
        ((2, 3, 9, 11), (5, 3, 3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 1),
        ((1, 16, 12, 13), (40, 16, 3, 3), (2, 1), (1, 0, 0, 2), (1, 1), 1),
        ((1, 1, 20, 20), (33, 1, 5, 5), (2, 2), (2, 2, 2, 2), (1, 1), 1),
        ((2, 8, 7, 7), (16, 8, 1, 1), (1, 1), (0, 0, 0, 0), (1, 1), 1),
        ((1, 6, 10, 10), (9, 2, 3, 3), (1, 1), (2, 2, 2, 2), (2, 2), 3),
        ((1, 7, 8, 8), (7, 1, 3, 3), (1, 1), (1, 1, 1, 1), (1, 1), 7),
        ((3, 5, 30), (8, 5, 4), (3,), (2, 1), (1,), 1),
    ],
)
def test_convolutions(
    x: tuple[int, ...], w: tuple[int, ...], strides: Any, pads: Any, dilations: Any, groups: int
) -> None:
    """Odd and even depths, padding, strides, dilations, groups, one axis."""
    rank = len(x)
    order = (0, *range(2, rank), 1)
    image = np.ascontiguousarray(_numbers(x).transpose(order)).transpose(np.argsort(order))
    image[..., -1] = 255
    weights = _numbers(w, 1)
    op = Conv(strides, pads, dilations, groups, SUM)
    (got,) = run(op, [image, weights], orders=[order], kernel="ConvPairs", constants=(1,))
    np.testing.assert_array_equal(got, _convolved(image, weights, op))


@pytest.mark.parametrize("channels", [2, 7, 16, 33, 48, 70, 130])
@pytest.mark.parametrize(
    ("size", "taps", "strides", "pads", "dilations"),
    [
        ((9, 11), (3, 3), (1, 1), (1, 1, 1, 1), (1, 1)),
        ((12, 13), (3, 5), (2, 1), (1, 0, 0, 2), (1, 1)),
        ((10, 40), (3, 3), (1, 2), (2, 2, 2, 2), (2, 2)),
        ((4, 3), (5, 5), (1, 1), (4, 4, 4, 4), (1, 1)),
        ((30,), (4,), (3,), (2, 1), (1,)),
    ],
)
def test_filters_of_channels(channels: int, size: Any, taps: Any, strides: Any, pads: Any, dilations: Any) -> None:
    """One filter a channel: whole vectors of channels and parts of them, windows at edges and beyond, greatest sums."""
    shape = (2, channels, *size)
    order = (0, *range(2, len(shape)), 1)
    image = np.ascontiguousarray(_numbers(shape, 2).transpose(order)).transpose(np.argsort(order))
    image[..., -1] = 32767
    weights = _numbers((channels, 1, *taps), 3)
    weights[0] = -32768
    op = Conv(strides, pads, dilations, channels, SUM)
    (got,) = run(op, [image, weights], orders=[order], kernel="ConvDepthwiseShorts", constants=(1,))
    np.testing.assert_array_equal(got, _convolved(image, weights, op))


@pytest.mark.parametrize("machine", ["x86_64", "other"])
@pytest.mark.parametrize("lanes", [4, 8, 16])
def test_other_processors(machine: str, lanes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Narrower vectors, and the code of processors that have no such instruction, compile to the same sums."""
    if lanes > word_lanes():
        pytest.skip("vectors are narrower here")
    monkeypatch.setattr(platform, "machine", lambda: machine)
    pair_tile.pair_product.cache_clear()
    a, b = _numbers((7, 13)), _numbers((13, 2 * lanes), 1)
    text = matrix_text(MatrixSpec(2, lanes, epilogue=Epilogue(out="i32", sums="i32"))) + f"# {machine}\n"
    words = np.zeros((7, 2 * lanes, 2), np.int16)
    words[:, :, 0], words[:6, :, 1] = b[0::2], b[1::2]
    y = np.zeros((7, 2 * lanes), np.int32)
    width, far = 2 * lanes, 1 << 40
    args = [a.ctypes.data, words.ctypes.data, a.ctypes.data, 1, 1, 7, far, width, 13, 1, 1, 1, 1, 1, 1, 0, 0, 1, far]
    args += [0, 0, 0, 13, 1, 0, 0, 7 * width, width, 14, 1, y.ctypes.data, 0, 0, width]
    given = np.array(args, np.int64)
    call_kernel = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)
    call_kernel(address(CpuUnit("pairs", text)))(0, 1, given.ctypes.data)
    pair_tile.pair_product.cache_clear()
    np.testing.assert_array_equal(y, _exact(a, b))
