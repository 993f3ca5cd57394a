"""Runs a case by several kernels and tactics on the device, and says which of them are wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf

import numpy as np

from minirt.kernels.cuda.compile import CudaSource, compile_many, default_store
from minirt.kernels.kernel import Kernel, Problem, Target
from minirt.plan.launch import Spec
from tests.kernels.cuda.execution import check, sources
from tests.kernels.cuda.matrix_cases import MatrixCase, MatrixRunner

Way = tuple[Kernel, Problem, Spec]


def compiled_ahead(ways: Sequence[Way], target: Target, workers: int = 0, until: float = inf) -> None:
    """Compile what the ways launch into the store, each text once, none begun after ``until`` of ``time.monotonic``.

    What fails, or is left, will say so, or be compiled, when it is launched.
    """
    found: dict[str, CudaSource] = {}
    for kernel, problem, tactic in ways:
        found.update((s.text, s) for s in sources(kernel.launch(problem, tactic), target))
    compile_many(list(found.values()), target.arch, default_store(), workers=workers, until=until)


def wrong_of(
    case: MatrixCase, ways: Sequence[Way], target: Target, allows: Callable[[str], float] | None = None
) -> str:
    """Return a line for each way that is not near the reference, or not the same twice; all are tried.

    ``allows`` gives the tolerance of a kernel by its name; without it, the case's own holds.
    """
    wrong, expected = [], case.expected()
    for kernel, problem, tactic in ways:
        what = f"{case.name} {kernel.name} {tactic}"
        if allows is not None:
            case.tolerance = allows(kernel.name)
        try:
            runner = MatrixRunner(case, kernel, problem, tactic, target)
            got = runner.run()
            check(case, got, what, expected)
            np.testing.assert_array_equal(runner.run()[0], got[0], err_msg=f"{what} does not repeat")
        except Exception as error:  # every tactic is tried before the test fails
            wrong.append(f"{what}: {type(error).__name__} {' '.join(str(error).split())[:160]}")
    return "\n".join(wrong)
