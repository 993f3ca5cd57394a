"""Every CUDA kernel of products and convolutions with every tactic: no spills on any architecture, right numbers."""

from __future__ import annotations

import numpy as np
import pytest

from minirt.errors import CompileError
from minirt.kernels.cuda.compile import Compiled, compile_many, default_store
from minirt.kernels.kernel import Target
from minirt.runtime import device as dev
from tests.kernels.cuda.execution import ARCHES, COMPILED, TARGETS, check, choices, sources
from tests.kernels.cuda.matrix_cases import MatrixCase, MatrixRunner, cases

CASES = cases()
FURTHER = ("plain-f16", "heads-f16", "deep-f16", "3x3-f16")
"""Cases of which all tactics compile: every tile, in one epilogue or two."""
HERE = pytest.mark.skipif(not dev.available(), reason="needs a CUDA device")
Built = dict[str, tuple[str, Compiled | CompileError]]


@pytest.fixture(scope="module", params=COMPILED)
def built(request: pytest.FixtureRequest) -> Built:
    """What all cases compile for one architecture, by text, compiled in several processes."""
    pytest.importorskip("cuda.bindings.nvrtc")
    found, named = {}, {}
    for case in CASES:
        for kernel, problem, tactic in choices(case, request.param, case.name in FURTHER):
            for source in sources(kernel.launch(problem, tactic), request.param):
                found[source.text], named[source.text] = source, f"{case.name} {kernel.name} {tactic}"
    codes = compile_many(list(found.values()), request.param.arch, default_store())
    return {text: (named[text], code) for text, code in zip(found, codes, strict=True)}


@pytest.mark.compile
@pytest.mark.timeout(900)
def test_all_compile_without_spilling(built: Built) -> None:
    for name, code in built.values():
        assert isinstance(code, Compiled), f"{name}: {code}"
        assert code.spills == 0, f"{name}: {code.resources}"
        assert not code.advisories, f"{name}: {code.advisories}"


@pytest.mark.parametrize("target", TARGETS, ids=ARCHES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_some_kernel_takes_it(case: MatrixCase, target: Target) -> None:
    assert list(choices(case, target)), "no kernel takes the case"


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
