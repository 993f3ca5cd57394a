"""32-bit floats without TF32: sums on the device are bit for bit those of fused multiply-adds along ascending k."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from minirt.build.targets import cuda_target
from minirt.kernels.kernel import Problem
from minirt.ops.convolution import Conv
from minirt.ops.gemm import Gemm
from minirt.ops.window import padded, windows
from minirt.plan.launch import Spec
from minirt.runtime import device as dev
from minirt.types.dtype import f32
from tests.kernels.cuda.execution import HOPPER, choices
from tests.kernels.cuda.matrix_cases import MatrixCase, MatrixRunner, convolution, product

Array = np.ndarray[Any, Any]
_FUSED = ("GemmFma", "ConvFma", "ConvFmaPlanar")


def _cases() -> list[MatrixCase]:
    found = [
        product("odd", f32, (3, 133, 77), (77, 61)),
        product("odd-constant", f32, (133, 301), (301, 61), constants=(1,)),
        product("transposed-a", f32, (93, 140), (93, 200), trans=(True, False)),
        product("transposed-b", f32, (150, 96), (171, 96), trans=(False, True)),
        product("transposed-both", f32, (93, 37), (171, 93), trans=(True, True)),
        product("deep", f32, (70, 1001), (1001, 60), constants=(1,)),
        convolution("filters", f32, (2, 1, 1501), (36, 1, 256), stride=8, planar=True, layout=(0, 2, 1)),
        convolution("one-filter", f32, (1, 1, 2801), (1, 1, 256), stride=2, planar=True, layout=(0, 2, 1)),
        convolution("8-channels", f32, (1, 8, 20, 31), (8, 8, 3, 39), pad=19),
        convolution("thin", f32, (2, 3, 19, 21), (70, 3, 7, 5), stride=2, pad=3, planar=True, layout=(0, 2, 3, 1)),
        convolution("wide", f32, (2, 36, 13, 15), (133, 36, 3, 3), pad=1),
        convolution("planar-out", f32, (2, 20, 13, 15), (33, 20, 3, 3), pad=1, dilation=2, layout=()),
        convolution("groups", f32, (2, 24, 11, 13), (40, 12, 3, 3), pad=1, groups=2),
    ]
    return [replace(case, tf32=False) for case in found]


CASES = _cases()


def _columns(case: MatrixCase) -> tuple[Array, Array]:
    """Rows of the product, [batch, m, k], and of the second operand, [batch, n, k]; taps come before channels."""
    a, b = case.arrays
    if isinstance(case.op, Gemm):
        rows = np.swapaxes(a, -1, -2) if case.op.trans_a else a
        return rows.reshape(-1, *rows.shape[-2:]), (b if case.op.trans_b else np.swapaxes(b, -1, -2))[None]
    assert isinstance(case.op, Conv)
    rank, groups = a.ndim - 2, case.op.groups
    pads = [int(p) for p in case.op.pads if isinstance(p, int)]
    view = windows(padded(a, pads, 0), b.shape[2:], case.op.strides, case.op.dilations)
    split = view.reshape(view.shape[0], groups, -1, *view.shape[2:])  # image, group, channel, pixel.., tap..
    order = (1, 0, *range(3, 3 + rank), *range(3 + rank, 3 + 2 * rank), 2)
    k = int(np.prod(b.shape[1:]))
    weights = b.reshape(groups, -1, *b.shape[1:])
    return split.transpose(order).reshape(groups, -1, k), np.moveaxis(weights, 2, -1).reshape(groups, -1, k)


def _fused(a: Array, b: Array) -> Array:
    """Sums along ascending k, each step rounded once; a product of two 24-bit numbers is exact in 64 bits."""
    total = np.zeros((*a.shape[:-1], b.shape[-2]), np.float32)
    for k in range(a.shape[-1]):
        step = a[..., k, None].astype(np.longdouble) * b[..., None, :, k]
        total = (total + step).astype(np.float32)
    return total


def _expected(case: MatrixCase, problem: Problem, tactic: Spec) -> Array:
    """What the tactic promises: the sums of its parts of k, added in order."""
    a, b = _columns(case)
    parts, k = int(tactic["parts"]), a.shape[-1]
    each = math.ceil(math.ceil(k / 16) / parts) * 16
    pieces = [_fused(a[..., at : at + each], b[..., at : at + each]) for at in range(0, k, each)]
    total = pieces[0]
    for piece in pieces[1:]:
        total = total + piece
    shape = [int(d) for d in problem.outputs[0].shape if isinstance(d, int)]
    if isinstance(case.op, Gemm):
        return total.reshape(shape)
    spatial = total.reshape(total.shape[0], shape[0], -1, total.shape[-1])  # group, image, pixel, channel
    return spatial.transpose(1, 0, 3, 2).reshape(shape)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_sums_follow_the_reference_when_added_one_by_one(case: MatrixCase) -> None:
    problem = case.problem(HOPPER)
    error = np.abs(_expected(case, problem, {"parts": 1}) - case.expected()[0]).max()
    assert error < 1e-5 * max(1.0, float(np.abs(case.expected()[0]).max()))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_first_choice_multiplies_32_bit_floats_as_such(case: MatrixCase) -> None:
    kernels = [kernel.name for kernel, _, _ in choices(case, HOPPER)]
    assert kernels[0] in _FUSED, kernels


@pytest.mark.gpu
@pytest.mark.skipif(not dev.available(), reason="needs a CUDA device")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_sums_are_those_of_fused_multiply_adds_along_ascending_k(case: MatrixCase) -> None:
    target = cuda_target()
    seen = 0
    for kernel, problem, tactic in choices(case, target, further=True):
        if kernel.name not in _FUSED:
            continue
        got = MatrixRunner(case, kernel, problem, tactic, target).run()[0]
        np.testing.assert_array_equal(got, _expected(case, problem, tactic), err_msg=f"{kernel.name} {tactic}")
        seen += 1
    assert seen
