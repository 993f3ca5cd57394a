"""Softmax, normalization and reductions on a device: every way to share rows, at odd sizes, against float64."""

from __future__ import annotations

import numpy as np
import pytest

from minirt.kernels.kernel import Target
from minirt.runtime import device as dev
from tests.kernels.cuda import row_cases
from tests.kernels.cuda.execution import Case, Runner, check, choices

pytestmark = pytest.mark.gpu
CASES = [*row_cases.statistics(), *row_cases.reductions()]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_way_computes_what_the_reference_does(case: Case) -> None:
    device = dev.Device(0)
    target = Target(f"cuda:{device.arch}", device.multiprocessors, device.shared_limit)
    wrong, done = [], 0
    for kernel, problem, tactic in choices(case, target, further=True):
        done += 1
        runner = Runner(case, kernel, problem, tactic, target)
        try:
            got = runner.run()
            check(case, got, f"{kernel.name} {tactic}")
            np.testing.assert_array_equal(runner.run()[0], got[0], err_msg=f"{kernel.name} {tactic} does not repeat")
        except AssertionError as error:
            wrong.append(" ".join(str(error).split())[:200])
    assert done and not wrong, "\n".join(wrong)
