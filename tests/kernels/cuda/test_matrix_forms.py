"""How products and convolutions are brought to one form, and how weights are packed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from minirt.kernels.cuda.conv_problem import conv_form
from minirt.kernels.cuda.gemm_kernels import by_k, packed_b
from minirt.kernels.cuda.matrix_problem import Form, gemm_form
from minirt.kernels.cuda.weights import (
    column_order,
    pack_columns,
    pack_conv_transpose_weights,
    pack_conv_weights,
    pack_depthwise_weights,
    pack_rows,
    pack_transposed,
)
from minirt.kernels.families import candidates
from minirt.kernels.kernel import PACKS, Target
from minirt.plan.launch import TensorMap
from minirt.types.dtype import DType, bf16, f16, f32
from tests.kernels.cuda.execution import AMPERE, HOPPER
from tests.kernels.cuda.matrix_cases import MatrixCase, convolution, product


def form_of(case: MatrixCase) -> Form:
    form = gemm_form(case.problem(HOPPER))
    assert isinstance(form, Form)
    return form


def test_a_linear_layer_is_one_product() -> None:
    form = form_of(product("linear", f16, (2, 50, 160), (160, 136), extras=[(136,), (2, 50, 136)]))
    assert (form.sizes["m"], form.sizes["n"], form.sizes["k"]) == (100, 136, 160)
    assert (form.sizes["nb0"], form.sizes["nb1"]) == (1, 1)
    assert not form.split_m
    assert form.extras[0].rows == (0, 0, 0, 0, 0)


def test_heads_stay_a_batch() -> None:
    form = form_of(product("heads", f16, (2, 3, 72, 64), (2, 3, 64, 80), a_order=(0, 2, 1, 3)))
    assert (form.sizes["nb0"], form.sizes["nb1"], form.sizes["m"]) == (2, 3, 72)
    assert by_k(form, "a") is True
    assert by_k(form, "b") is False


@pytest.mark.parametrize("trans", [False, True])
def test_weights_of_one_k_are_packed_as_they_are_read(trans: bool) -> None:
    shape = (5, 1) if trans else (1, 5)
    case = product("one-k", f32, (3, 1), shape, trans=(False, trans), constants=(1,))
    strides, pack = packed_b(case.problem(HOPPER), form_of(case))
    weights = np.arange(5, dtype=np.float32).reshape(shape)
    packed = PACKS[pack.function](weights, dict(pack.spec)).reshape(-1)
    assert packed[np.arange(5) * int(strides["n"])].tolist() == [0, 1, 2, 3, 4]  # type: ignore[arg-type]


def test_rows_of_unlike_strides_are_split() -> None:
    form = form_of(product("rows", f16, (2, 3, 20, 32), (32, 48), extras=[(2, 1, 20, 48), (3, 1, 1)]))
    assert form.sizes["m"] == 120
    assert form.rows == (2, 3, 20)
    assert form.extras[0].m == (960, 0, 48)
    assert form.extras[1].m == (0, 1, 0)


def test_pixels_of_a_broadcast_are_split() -> None:
    case = convolution("broadcast", f16, (2, 32, 9, 9), (48, 32, 3, 3), extras=[(2, 48, 1, 1)])
    form = conv_form(case.problem(HOPPER))
    assert form.rows == (2, 7, 7)
    plain = convolution("plain", f16, (2, 32, 9, 9), (48, 32, 3, 3), extras=[(48, 1, 1)], layout=(0, 2, 3, 1))
    assert not conv_form(plain.problem(HOPPER)).split_m


def test_weights_are_packed_by_tap() -> None:
    weights = np.arange(6 * 4 * 3 * 2, dtype=np.float32).reshape(6, 4, 3, 2)
    packed = pack_conv_weights(weights, {}).reshape(6, 3, 2, 4)
    turned = pack_conv_transpose_weights(weights, {"groups": 2}).reshape(8, 3, 2, 3)
    for o, i, r, s in np.ndindex(6, 4, 3, 2):
        assert packed[o, r, s, i] == weights[o, i, r, s]
        assert turned[o // 3 * 4 + i, r, s, o % 3] == weights[o, i, r, s]
    depthwise = weights.reshape(24, 1, 3, 2)
    np.testing.assert_array_equal(pack_depthwise_weights(depthwise, {})[3], depthwise[:, 0, 1, 1])
    rows = pack_transposed(weights[0, 0], {"row": 8})
    np.testing.assert_array_equal(rows, np.pad(weights[0, 0].T, ((0, 0), (0, 5))))


@pytest.mark.parametrize("shape", [(1, 1), (128, 128), (300, 129), (3, 130, 257)])
@pytest.mark.parametrize("row", [0, 7])
def test_weights_of_many_blocks_are_transposed(shape: tuple[int, ...], row: int) -> None:
    weights = np.random.default_rng(0).standard_normal(shape).astype(np.float16)
    packed = pack_transposed(weights, {"row": shape[-2] + row})
    wanted = np.pad(np.swapaxes(weights, -1, -2), [(0, 0)] * (len(shape) - 1) + [(0, row)])
    np.testing.assert_array_equal(packed, wanted)


@pytest.mark.parametrize("dtype", [f16, bf16, f32], ids=str)
@pytest.mark.parametrize(("k", "n"), [(40, 77), (24, 200), (3, 32), (1, 80)])
def test_columns_are_packed_so_that_a_lanes_sums_are_neighbours(k: int, n: int, dtype: DType) -> None:
    weights = np.random.default_rng(0).standard_normal((k, n)).astype(dtype.numpy)
    order = column_order(n + -n % 32)
    lanes = order.reshape(-1, 4, 4, 2).swapaxes(1, 2).reshape(-1, 8)  # columns 2t, 2t + 1 of each eight of 32
    np.testing.assert_array_equal(lanes, np.arange(len(order)).reshape(-1, 8))
    wanted = np.pad(weights, ((0, 0), (0, -n % 32)))[:, order]
    np.testing.assert_array_equal(pack_columns(weights, {}), wanted)
    rows = pack_transposed(weights, {"row": k + 5, "ordered": 1})
    np.testing.assert_array_equal(rows, np.pad(wanted.T, ((0, 0), (0, 5))))
    np.testing.assert_array_equal(pack_rows(np.ascontiguousarray(weights.T), {"row": k + 5, "ordered": 1}), rows)


@pytest.mark.parametrize("trans", [False, True])
@pytest.mark.parametrize("shape", [(40, 77), (24, 200), (1, 80), (136, 64)])
def test_constants_of_wgmma_products_are_packed_as_their_maps_say(shape: tuple[int, int], trans: bool) -> None:
    k, n = shape
    lies = shape[::-1] if trans else shape
    case = product("b", f16, (64, k), lies, trans=(False, trans), constants=(1,))
    problem = case.problem(HOPPER)
    kernel = next(c for c in candidates(HOPPER, problem.op) if c.name == "GemmWgmma")
    if kernel.rejects(problem):
        pytest.skip("rows of a are no multiples of 16 bytes")
    weights = case.arrays[1].T if trans else case.arrays[1]
    for tactic in [*kernel.tactics(problem), *kernel.further(problem)]:
        launches = kernel.launch(problem, tactic)
        step = launches.steps[0]
        spec, (pack,) = step.unit.spec, launches.packs
        (b,) = (x for x in step.args if isinstance(x, TensorMap) and x.address.of == "pack")
        packed = PACKS[pack.function](case.arrays[1], dict(pack.spec))
        inner, outer = (int(d) for d in b.dims[:2])  # type: ignore[arg-type]
        assert packed.shape[1] * 2 == b.strides[0] and packed.shape[0] == outer
        held = packed[:, :inner].T if spec["b_by_k"] else packed[:outer]
        padded = np.pad(weights, ((0, 0), (0, -n % 32)))
        np.testing.assert_array_equal(held, padded[:, column_order(n + -n % 32)] if spec["ordered"] else weights)


@pytest.mark.parametrize(
    ("case", "kernel", "words"),
    [
        (product("odd", f16, (64, 35), (35, 64)), "GemmWgmma", "16 bytes"),
        (product("exact", f32, (64, 32), (32, 64), tf32=False), "GemmWgmma", "TF32"),
        (product("tall", f16, (64, 32), (32, 64)), "GemmVector", "more than 8"),
        (convolution("grouped", f16, (1, 64, 9, 9), (64, 16, 3, 3), groups=4), "ConvWgmma", "groups"),
        (convolution("few", f16, (1, 8, 9, 9), (64, 8, 3, 3)), "ConvWgmma", "empty"),
        (convolution("exact", f32, (1, 1, 1, 999), (36, 1, 1, 256), tf32=False), "ConvMma", "one by one"),
        (convolution("wide", f16, (1, 64, 9, 9), (64, 64, 3, 3)), "ConvPatch", "channels"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_refusal_is_a_sentence(case: MatrixCase, kernel: str, words: str) -> None:
    found = next(k for k in candidates(HOPPER, case.op) if k.name == kernel)
    assert words in found.rejects(case.problem(HOPPER))


@pytest.mark.parametrize("target", [AMPERE, HOPPER], ids=["sm_80", "sm_90a"])
@pytest.mark.parametrize(
    ("case", "names"),
    [
        (product("plain", f32, (200, 160), (160, 136)), ["GemmFma", "GemmMma"]),
        (product("few", f32, (3, 160), (160, 136)), ["GemmVector", "GemmFma", "GemmMma"]),
        (convolution("wide", f32, (1, 64, 9, 9), (64, 64, 3, 3), layout=(0, 2, 3, 1)), ["ConvFma", "ConvMma"]),
        (convolution("stem", f32, (1, 3, 9, 9), (64, 3, 3, 3), planar=True, layout=(0, 2, 3, 1)), ["ConvFma"]),
        (convolution("odd", f32, (1, 5, 9, 9), (64, 5, 3, 3), layout=(0, 2, 3, 1)), ["ConvFma"]),
    ],
    ids=lambda value: value.name if isinstance(value, MatrixCase) else "",
)
def test_floats_that_tf32_may_not_round_have_one_rule(case: MatrixCase, names: list[str], target: Target) -> None:
    """Fused multiply-adds come first; three products for one are a rival only of what is copied by whole 16 bytes."""
    problem = replace(case, tf32=False).problem(target)
    usual = [k for k in candidates(target, case.op) if not k.rejects(problem) and k.timed(problem) <= 3]
    assert [k.name for k in usual if not k.name.endswith("Planar")] == names


def test_wgmma_is_for_hopper_alone() -> None:
    case = product("plain", f16, (64, 64), (64, 64))
    found = next(k for k in candidates(AMPERE, case.op) if k.name == "GemmWgmma")
    assert "sm_90a" in found.rejects(case.problem(AMPERE))
