"""Runs every CUDA kernel once with each of its tactics, on small odd shapes, for a checker of memory and races.

``compute-sanitizer --tool memcheck python -m tests.kernels.cuda.sanitize [--part I/N] [--only REGEX] [--seconds S]``
(``make sanitize`` runs memcheck and racecheck).  Numbers are checked by the tests; here only what the tool sees counts.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Iterator

from minirt.build.targets import cuda_target
from minirt.kernels.kernel import Kernel, Problem, Target
from minirt.plan.launch import Spec
from tests.gpu.tactics import compiled_ahead
from tests.kernels.cuda import (
    attention_cases,
    depthwise_cases,
    image_cases,
    map_cases,
    matrix_cases,
    movement_cases,
    recurrent_cases,
    row_cases,
    test_float8,
)
from tests.kernels.cuda.execution import Case, choices
from tests.kernels.cuda.matrix_cases import MatrixRunner
from tests.kernels.cuda.slim_cases import slim_cases, stem_cases

Run = tuple[Case, Kernel, Problem, Spec]
MEMORY = (map_cases, row_cases, movement_cases, image_cases, recurrent_cases)
MODULES = (*MEMORY, matrix_cases, attention_cases, depthwise_cases, test_float8)


def runs(target: Target) -> Iterator[Run]:
    """Each kernel with each tactic, for the first case that it takes; without tactics, for twelve cases."""
    lists = [module.cases() for module in MODULES] + [slim_cases(), stem_cases()]
    seen: dict[str, int] = {}
    for case in (case for found in lists for case in found):
        for kernel, problem, tactic in choices(case, target, further=True):
            key = f"{kernel.name} {json.dumps(tactic, sort_keys=True, default=str)}"
            seen[key] = seen.get(key, 0) + 1
            if seen[key] <= (1 if tactic else 12):
                yield case, kernel, problem, tactic


def main() -> int:
    """Run what the command line asks for; says how many, and which could not run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--part", default="1/1", help="the I-th of N equal parts")
    parser.add_argument("--only", default="", help="regular expression of kernels' names")
    parser.add_argument("--seconds", type=float, default=1e9, help="stop after so long")
    options = parser.parse_args()
    part, count = map(int, options.part.split("/"))
    start, target = time.monotonic(), cuda_target()
    found = [run for run in runs(target) if re.search(options.only, run[1].name)][part - 1 :: count]
    compiled_ahead([run[1:] for run in found], target)
    print(f"{len(found)} runs compiled after {time.monotonic() - start:.0f} s", flush=True)
    done, failed = 0, 0
    for case, kernel, problem, tactic in found:
        if time.monotonic() - start > options.seconds:
            break
        try:
            MatrixRunner(case, kernel, problem, tactic, target).run()
        except Exception as error:  # the checker reports faults; the rest goes on
            failed += 1
            print(f"{case.name} {kernel.name} {tactic}: {type(error).__name__} {str(error)[:200]}", flush=True)
        done += 1
    print(f"{done} of {len(found)} ran, {failed} failed, {time.monotonic() - start:.0f} s", flush=True)
    return 1 if failed or done < len(found) else 0


if __name__ == "__main__":
    sys.exit(main())
