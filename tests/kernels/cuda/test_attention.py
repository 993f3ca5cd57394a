"""The attention kernels for four architectures: every tactic compiles without spills; some kernel takes each case."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from minirt.kernels.cuda.compile import Compiled, CudaSource, compile_many, default_store
from minirt.kernels.kernel import Target
from minirt.plan.launch import Real
from tests.kernels.cuda.attention_cases import attention, cases, halves, singles
from tests.kernels.cuda.execution import AMPERE, ARCHES, COMPILED, HOPPER, TARGETS, choices, sources
from tests.kernels.cuda.matrix_cases import MatrixCase


@pytest.mark.compile
@pytest.mark.timeout(900)
@pytest.mark.parametrize("target", COMPILED)
@pytest.mark.parametrize("made", [halves, singles])
def test_all_compile_without_spilling(made: Callable[[], list[MatrixCase]], target: Target) -> None:
    pytest.importorskip("cuda.bindings.nvrtc")
    found: dict[str, tuple[CudaSource, str]] = {}
    for case in made():
        for kernel, problem, tactic in choices(case, target):
            launches = kernel.launch(problem, tactic)
            assert all(step.shared <= target.shared_memory for step in launches.steps)
            for source in sources(launches, target):
                found[source.text] = source, f"{case.name} {kernel.name} {tactic}"
    codes = compile_many([source for source, _ in found.values()], target.arch, default_store())
    for (_, name), code in zip(found.values(), codes, strict=True):
        assert isinstance(code, Compiled), f"{name}: {code}"
        assert code.spills == 0 and not code.advisories, f"{name}: {code.resources} {code.advisories}"


@pytest.mark.parametrize("target", TARGETS, ids=ARCHES)
@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_some_kernel_takes_it_as_it_lies(case: MatrixCase, target: Target) -> None:
    assert list(choices(case, target))


def test_hopper_takes_wgmma_but_for_few_queries() -> None:
    for case, wanted in (
        (attention("many", 8, 24, 64, 64), "AttentionWgmma"),
        (attention("few", 1, 2, 4, 64, t=99), "AttentionFew"),
        (attention("few of many", 40, 8, 4, 64, t=99), "AttentionMma"),
    ):
        assert next(choices(case, HOPPER))[0].name == wanted


def test_what_no_kernel_takes() -> None:
    for case in (
        replace(attention("f32", 1, 2, 64, 64, dtype=np.float32), tf32=False),
        attention("d264", 1, 2, 64, 264),
    ):
        assert not list(choices(case, HOPPER))


@pytest.mark.parametrize("target", [AMPERE, HOPPER], ids=["sm_80", "sm_90a"])
def test_launches_are_plain_numbers(target: Target) -> None:
    for case in cases():
        for kernel, problem, tactic in choices(case, target):
            for step in kernel.launch(problem, tactic).steps:
                json.dumps(step.unit.spec, allow_nan=False)
                assert all(np.isfinite(a.value) for a in step.args if isinstance(a, Real)), case.name
