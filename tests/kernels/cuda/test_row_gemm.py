"""The kernel of products of a few rows that normalize them, or join two products: no spills, right numbers."""

from __future__ import annotations

import pytest

from minirt.kernels.cuda.compile import Compiled, compile_many, default_store
from minirt.kernels.kernel import Target
from minirt.runtime import device as dev
from tests.kernels.cuda.execution import ARCHES, COMPILED, TARGETS, check, choices, sources
from tests.kernels.cuda.matrix_cases import MatrixCase, MatrixRunner
from tests.kernels.cuda.row_gemm_cases import cases

CASES = cases()
HERE = pytest.mark.skipif(not dev.available(), reason="needs a CUDA device")


@pytest.mark.compile
@pytest.mark.timeout(600)
@pytest.mark.parametrize("target", COMPILED)
def test_all_compile_without_spilling(target: Target) -> None:
    pytest.importorskip("cuda.bindings.nvrtc")
    found, named = {}, {}
    for case in CASES:
        for kernel, problem, tactic in choices(case, target):
            for source in sources(kernel.launch(problem, tactic), target):
                found[source.text], named[source.text] = source, f"{case.name} {tactic}"
    codes = compile_many(list(found.values()), target.arch, default_store())
    for text, code in zip(found, codes, strict=True):
        assert isinstance(code, Compiled), f"{named[text]}: {code}"
        assert code.spills == 0, f"{named[text]}: {code.resources}"


@pytest.mark.parametrize("target", TARGETS, ids=ARCHES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_kernel_takes_it(case: MatrixCase, target: Target) -> None:
    assert {kernel.name for kernel, _, _ in choices(case, target)} == {"RowGemmVector"}


@pytest.mark.gpu
@HERE
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_it_computes_what_the_reference_does(case: MatrixCase) -> None:
    device = dev.Device(0)
    target = Target(f"cuda:{device.arch}", device.multiprocessors, device.shared_limit)
    case.tf32 = False
    for kernel, problem, tactic in choices(case, target):
        case.tolerance = case.allows(kernel.name)
        got = MatrixRunner(case, kernel, problem, tactic, target).run()
        check(case, got, f"{kernel.name} {tactic}")
