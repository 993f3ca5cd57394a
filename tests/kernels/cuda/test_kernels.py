"""Every memory-bound CUDA kernel with every tactic: no spills for any architecture, right numbers."""

from __future__ import annotations

import pytest

from minirt.kernels.kernel import Target
from minirt.runtime import device as dev
from tests.kernels.cuda import image_cases, map_cases, movement_cases, recurrent_cases, row_cases
from tests.kernels.cuda.execution import COMPILED, Case, Runner, check, choices, compiled

FAMILIES = (map_cases, row_cases, movement_cases, image_cases, recurrent_cases)
CASES = [case for family in FAMILIES for case in family.cases()]
HERE = pytest.mark.skipif(not dev.available(), reason="needs a CUDA device")


@pytest.mark.compile
@pytest.mark.parametrize("target", COMPILED)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_compiles_without_spilling(case: Case, target: Target) -> None:
    pytest.importorskip("cuda.bindings.nvrtc")
    found = list(choices(case, target, further=True))
    assert found, "no kernel takes the case"
    for kernel, problem, tactic in found:
        for code in compiled(kernel.launch(problem, tactic), target):
            assert code.spills == 0, f"{kernel.name} {tactic}: {code.resources}"


@pytest.mark.gpu
@HERE
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_computes_what_the_reference_does(case: Case) -> None:
    device = dev.Device(0)
    target = Target(f"cuda:{device.arch}", device.multiprocessors, device.shared_limit)
    for kernel, problem, tactic in choices(case, target):
        check(case, Runner(case, kernel, problem, tactic, target).run(), f"{kernel.name} {tactic}")
