"""Depthwise convolution on a device: its tactics against the reference in float64."""

from __future__ import annotations

import numpy as np
import pytest

from minirt.kernels.cuda.compile import CudaSource, compile_many, default_store
from minirt.kernels.kernel import Target
from minirt.runtime import device as dev
from tests.kernels.cuda.depthwise_cases import cases
from tests.kernels.cuda.execution import check, choices, sources
from tests.kernels.cuda.matrix_cases import MatrixCase, MatrixRunner

pytestmark = pytest.mark.gpu
STEP = 4
"""Of the tactics that are asked for late, which differ in sizes alone, every so many are run."""


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_tactics_compute_what_the_reference_does(case: MatrixCase) -> None:
    device = dev.Device(0)
    target = Target(f"cuda:{device.arch}", device.multiprocessors, device.shared_limit)
    ways = [way for way in choices(case, target, True) if way[0].name.startswith("ConvDepthwise")]
    ways = ways[:12] + ways[12::STEP]
    found: dict[str, CudaSource] = {}
    for kernel, problem, tactic in ways:
        found.update((s.text, s) for s in sources(kernel.launch(problem, tactic), target))
    compile_many(list(found.values()), target.arch, default_store(), workers=1)
    wrong = []
    for kernel, problem, tactic in ways:
        what = f"{kernel.name} {tactic}"
        case.tolerance = case.allows("ConvDepthwise")
        try:
            runner = MatrixRunner(case, kernel, problem, tactic, target)
            got = runner.run()
            check(case, got, what)
            np.testing.assert_array_equal(runner.run()[0], got[0], err_msg=f"{what} does not repeat")
        except Exception as error:  # every tactic is tried before the test fails
            wrong.append(f"{what}: {type(error).__name__} {' '.join(str(error).split())[:160]}")
    assert len(ways) > 3 and not wrong, "\n".join(wrong)
