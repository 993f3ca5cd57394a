"""Products and convolutions of any type, on the CPU."""

from __future__ import annotations

import numpy as np
import pytest

from minirt.ir.scalar import Body, arg, call, cast
from minirt.ops.convolution import Conv
from minirt.ops.gemm import Gemm
from minirt.types.dtype import Array, dtype_of, f32, i32, u8
from tests.kernels.cpu.harness import check


def _numbers(shape: tuple[int, ...], dtype: str, seed: int = 0) -> Array:
    kind = dtype_of(dtype)
    values = np.random.default_rng(seed).standard_normal(shape) * (1 if kind.is_float else 40)
    return (np.abs(values) if kind.kind == "u" else values).astype(kind.numpy)


@pytest.mark.parametrize("dtype", ["f32", "f64", "i32", "u8", "i64"])
@pytest.mark.parametrize("trans", [(False, False), (True, True), (False, True)])
@pytest.mark.parametrize("constant", [False, True])
def test_products(dtype: str, trans: tuple[bool, bool], constant: bool) -> None:
    """Rows that are no multiple of four, columns beyond a block, batch axes, no depth."""
    for m, k, n in ((7, 9, 300), (1, 5, 3), (4, 0, 2)):
        a, b = _numbers((2, m, k), dtype), _numbers((2, k, n), dtype, 1)
        left = a.swapaxes(1, 2).copy() if trans[0] else a
        right = b.swapaxes(1, 2).copy() if trans[1] else b
        check(Gemm(*trans), [left, right], kernel="GemmPlain", constants=(1,) if constant else ())


@pytest.mark.parametrize("dtype", ["f32", "f64", "i32"])
@pytest.mark.parametrize("constant", [False, True])
def test_convolutions(dtype: str, constant: bool) -> None:
    """Any layout, groups, pads, dilations, one and two axes."""
    x = _numbers((2, 12, 9, 8), dtype)
    constants = (1,) if constant else ()
    for groups in (1, 3):
        w = _numbers((6, 12 // groups, 3, 2), dtype, 1)
        op = Conv((2, 1), (1, 2, 0, 1), (1, 2), groups)
        check(op, [x, w], kernel="ConvPlain", constants=constants)
        check(op, [x.transpose(0, 1, 3, 2), w], orders=[(0, 2, 3, 1)], kernel="ConvPlain", constants=constants)
        row = Conv((2,), (1, 0), (1,), groups)
        check(row, [x[:, :, 0], w[:, :, :, 0]], kernel="ConvPlain", constants=constants)


def test_epilogue_of_several_results() -> None:
    """Quantized and plain results of integer sums."""
    total, scale, bias = arg(0, i32), arg(1, f32), arg(2, f32)
    value = call("add", call("mul", cast(total, f32), scale), bias)
    body = Body((i32, f32, f32), (value, cast(call("round", call("abs", value)), u8)))
    a, b = _numbers((6, 10), "i32"), _numbers((10, 20), "i32", 1)
    extras = [np.array(1e-3, np.float32), _numbers((20,), "f32", 2)]
    check(Gemm(epilogue=body), [a, b, *extras])
    x, w = _numbers((1, 10, 5, 4), "i32"), _numbers((20, 10, 1, 1), "i32", 1)
    check(Conv((1, 1), (0, 0, 0, 0), (1, 1), 1, body), [x, w, extras[0], extras[1].reshape(20, 1, 1)], constants=(1,))
