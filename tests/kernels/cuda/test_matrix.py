"""Every CUDA kernel of products and convolutions with every tactic: no spills for either architecture, right numbers."""

from __future__ import annotations

import numpy as np
import pytest

from minirt.kernels.kernel import Target
from minirt.runtime import device as dev
from tests.kernels.cuda.execution import AMPERE, HOPPER, check, choices, compiled
from tests.kernels.cuda.matrix_cases import MatrixCase, MatrixRunner, cases

CASES = cases()
SPARE = 1 << 14
HERE = pytest.mark.skipif(not dev.available(), reason="needs a CUDA device")


@pytest.mark.compile
@pytest.mark.parametrize("target", [AMPERE, HOPPER], ids=["sm_80", "sm_90a"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_compiles_without_spilling(case: MatrixCase, target: Target) -> None:
    pytest.importorskip("cuda.bindings.nvrtc")
    found = list(choices(case, target))
    assert found, "no kernel takes the case"
    for kernel, problem, tactic in found:
        for code in compiled(kernel.launch(problem, tactic), target):
            assert code.spills == 0, f"{kernel.name} {tactic}: {code.resources}"
            assert not code.advisories, f"{kernel.name} {tactic}: {code.advisories}"


@pytest.mark.gpu
@HERE
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_computes_what_the_reference_does(case: MatrixCase) -> None:
    device = dev.Device(0)
    target = Target(f"cuda:{device.arch}", device.multiprocessors, device.shared_limit)
    for kernel, problem, tactic in choices(case, target):
        case.tolerance = case.allows(kernel.name)
        runner = MatrixRunner(case, kernel, problem, tactic, target)
        got = runner.run()
        check(case, got, f"{kernel.name} {tactic}")
        np.testing.assert_array_equal(runner.run()[0], got[0], err_msg=f"{kernel.name} {tactic} does not repeat")
