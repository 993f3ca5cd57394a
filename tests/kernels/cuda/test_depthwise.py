"""Depthwise convolution on CUDA: every tactic compiles without spills, and its sums are the reference's."""

from __future__ import annotations

import pytest

from minirt.kernels.cuda.compile import Compiled, CudaSource, compile_many, default_store
from minirt.kernels.kernel import Target
from tests.kernels.cuda.depthwise_cases import cases
from tests.kernels.cuda.execution import ARCHES, COMPILED, TARGETS, choices, sources
from tests.kernels.cuda.matrix_cases import MatrixCase

CASES = cases()
FURTHER = ("7x7-f16", "5x5-stride-f16", "5x5-f16")
"""Cases of which all tactics compile."""


def own(case: MatrixCase, target: Target, further: bool = True) -> list[tuple[str, CudaSource]]:
    """What the kernels of depthwise convolution compile for a case, with all tactics."""
    found = []
    for kernel, problem, tactic in choices(case, target, further):
        if kernel.name.startswith("ConvDepthwise"):
            launches = kernel.launch(problem, tactic)
            found += [(f"{case.name} {kernel.name} {tactic}", s) for s in sources(launches, target)]
    return found


@pytest.mark.compile
@pytest.mark.timeout(900)
@pytest.mark.parametrize("target", COMPILED)
def test_all_compile_without_spilling(target: Target) -> None:
    named = [pair for case in CASES for pair in own(case, target, case.name in FURTHER)]
    texts = {source.text: (name, source) for name, source in named}
    codes = compile_many([s for _, s in texts.values()], target.arch, default_store())
    for (name, _), code in zip(texts.values(), codes, strict=True):
        assert isinstance(code, Compiled), f"{name}: {code}"
        assert code.spills == 0, f"{name}: {code.resources}"


@pytest.mark.parametrize("target", TARGETS, ids=ARCHES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_several_tactics_are_offered(case: MatrixCase, target: Target) -> None:
    names = [name for name, _ in own(case, target)]
    assert len(names) > 3 and len(set(names)) == len(names)
