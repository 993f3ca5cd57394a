"""Softmax, norms, reductions, attention with few queries on a device: every way to share rows, against float64."""

from __future__ import annotations

import numpy as np
import pytest

from minirt.build.targets import cuda_target
from tests.kernels.cuda import attention_cases, row_cases
from tests.kernels.cuda.execution import Case, Runner, check, choices
from tests.kernels.cuda.matrix_cases import MatrixCase

pytestmark = pytest.mark.gpu
CASES = [*row_cases.statistics(), *row_cases.reductions()]
FEW = [
    case
    for case in attention_cases.cases()
    if case.name != "s1025 d64"  # many queries of few heads are left to wgmma
    and case.name.startswith(("decode", "s1", "s2", "s7", "d20", "d96", "d128", "odd", "few", "one", "brain", "shared"))
    or case.name in ("padding guard", "padding nan", "bool rows", "add row f32", "causal 197 64", "causal before, nan")
]


@pytest.mark.parametrize("case", FEW, ids=lambda case: case.name)
def test_attention_with_few_queries(case: MatrixCase) -> None:
    compare(case, "AttentionFew")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_way_computes_what_the_reference_does(case: Case) -> None:
    compare(case)


def compare(case: Case, only: str = "") -> None:
    """Runs every tactic twice and compares with the reference; with ``only``, those of one kernel."""
    target = cuda_target()
    wrong, done = [], 0
    for kernel, problem, tactic in choices(case, target, further=True):
        if only and kernel.name != only:
            continue
        done += 1
        runner = Runner(case, kernel, problem, tactic, target)
        try:
            got = runner.run()
            check(case, got, f"{kernel.name} {tactic}")
            np.testing.assert_array_equal(runner.run()[0], got[0], err_msg=f"{kernel.name} {tactic} does not repeat")
        except AssertionError as error:
            wrong.append(" ".join(str(error).split())[:200])
    assert done and not wrong, "\n".join(wrong)
