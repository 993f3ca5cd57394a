"""Depthwise convolution on a device: its tactics against the reference in float64."""

from __future__ import annotations

import pytest

from minirt.build.targets import cuda_target
from tests.gpu.tactics import compiled_ahead, wrong_of
from tests.kernels.cuda.depthwise_cases import cases
from tests.kernels.cuda.execution import choices
from tests.kernels.cuda.matrix_cases import MatrixCase

pytestmark = pytest.mark.gpu
STEP = 4
"""Of the tactics that are asked for late, which differ in sizes alone, every so many are run."""


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_tactics_compute_what_the_reference_does(case: MatrixCase) -> None:
    target = cuda_target()
    ways = [way for way in choices(case, target, True) if way[0].name.startswith("ConvDepthwise")]
    ways = ways[:12] + ways[12::STEP]
    compiled_ahead(ways, target, workers=1)
    wrong = wrong_of(case, ways, target, lambda _: case.allows("ConvDepthwise"))
    assert len(ways) > 3 and not wrong, wrong
