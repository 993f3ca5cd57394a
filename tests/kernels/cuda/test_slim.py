"""Kernels of a short k or few channels: their tactics compile without spilling; packing; what they refuse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from minirt.kernels.cuda.compile import Compiled, compile_many, default_store
from minirt.kernels.cuda.weights import column_order, pack_conv_weights, pack_stem_weights
from minirt.kernels.kernel import KERNELS, Target
from minirt.types.dtype import f16, f32
from tests.kernels.cuda.execution import COMPILED, HOPPER, choices, sources
from tests.kernels.cuda.matrix_cases import product
from tests.kernels.cuda.slim_cases import linear, pointwise, slim_cases, stem, stem_cases

NEW = ("GemmSlim", "ConvSlim", "ConvStem")


@pytest.mark.compile
@pytest.mark.timeout(600)
@pytest.mark.parametrize("target", COMPILED)
def test_all_compile_without_spilling(target: Target) -> None:
    pytest.importorskip("cuda.bindings.nvrtc")
    found, named = {}, {}
    for case in [*slim_cases(), *stem_cases()]:
        ways = [way for way in choices(case, target) if way[0].name.startswith(NEW)]
        assert ways, f"{case.name} is taken by none"
        for kernel, problem, tactic in ways:
            launches = kernel.launch(problem, tactic)
            assert all(step.shared * int(tactic["per_sm"]) <= target.shared_memory for step in launches.steps)
            for source in sources(launches, target):
                found[source.text], named[source.text] = source, f"{case.name} {kernel.name} {tactic}"
    codes = compile_many(list(found.values()), target.arch, default_store())
    for text, code in zip(found, codes, strict=True):
        assert isinstance(code, Compiled), f"{named[text]}: {code}"
        assert code.spills == 0, f"{named[text]}: {code.resources}"


def test_rows_of_taps_are_packed_with_four_channels_a_tap() -> None:
    weights = np.arange(2 * 3 * 2 * 3, dtype=np.float16).reshape(2, 3, 2, 3)
    packed = pack_stem_weights(weights, {"row": 16})
    assert packed.shape == (2, 2, 16)
    for s in range(3):
        np.testing.assert_array_equal(packed[:, :, 4 * s : 4 * s + 3], weights[:, :, :, s].transpose(0, 2, 1))
    assert not packed[:, :, 3::4].any() and not packed[:, :, 12:].any()


def test_what_others_do_better_is_refused_in_a_sentence() -> None:
    few = linear("few", f16, 200, 64, 64)
    assert "rows are few" in KERNELS["GemmSlim"].rejects(few.problem(HOPPER))
    deep = linear("deep", f16, 4096, 512, 64)
    assert "K = 512" in KERNELS["GemmSlim"].rejects(deep.problem(HOPPER))
    precise = product("precise", f32, (4096, 64), (64, 64))
    assert "f32" in KERNELS["GemmSlim"].rejects(precise.problem(HOPPER))
    symbols = replace(linear("symbols", f16, 4096, 64, 40), names={40: "N"})
    assert "not known" in KERNELS["GemmSlim"].rejects(symbols.problem(HOPPER))
    single = stem("single", f16, (2, 1, 40, 40), (32, 1, 3, 3), 1, 1)
    assert "channels" in KERNELS["ConvStem"].rejects(single.problem(HOPPER))
    assert "more than one tap" in KERNELS["ConvSlim"].rejects(stem_cases()[0].problem(HOPPER))
    assert KERNELS["ConvSlim"].rejects(pointwise("fits", f16, 2, 16, 64, 96).problem(HOPPER)) == ""


def test_columns_are_ordered_so_that_a_lane_has_eight_neighbours() -> None:
    order = column_order(64)
    assert sorted(order) == list(range(64))
    for group in (0, 32):
        for lane in range(4):
            held = [order[group + 8 * block + 2 * lane + e] for block in range(4) for e in (0, 1)]
            assert held == list(range(group + 8 * lane, group + 8 * lane + 8))


def test_ordered_weights_are_padded_rows_of_the_plain_ones() -> None:
    weights = np.random.default_rng(0).normal(size=(40, 6, 3, 2)).astype(np.float32)
    plain, ordered = pack_conv_weights(weights, {}), pack_conv_weights(weights, {"ordered": 1})
    assert ordered.shape == (64, 36)
    back = np.empty_like(ordered)
    back[column_order(64)] = ordered
    np.testing.assert_array_equal(back[:40], plain)
    assert not back[40:].any()
