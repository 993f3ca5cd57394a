"""Runs every CUDA kernel once with each of its tactics, on small odd shapes, for a checker of memory and races.

``python -m tests.kernels.cuda.sanitize --tool racecheck [--jobs N] [--seconds S]`` compiles everything, then starts N
processes under ``compute-sanitizer``, each with a part of the runs, and says what they found (``make sanitize`` does so
for memcheck and racecheck).  Racecheck sees hazards in shared memory alone: it is given the kernels that have some.
Runs that show something new of a kernel come first: a value in its tactic, a type, two values together; then the rest.
Numbers are checked by the tests; here only what the tool sees counts.

``compute-sanitizer python -m tests.kernels.cuda.sanitize [--part I/N] [--only REGEX]`` is what each process is.
"""

from __future__ import annotations

import argparse
import collections
import glob
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from minirt.build.targets import cuda_target
from minirt.kernels.kernel import Kernel, Problem, Target
from minirt.plan.launch import Spec
from minirt.types.dtype import f16
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
    row_gemm_cases,
    test_float8,
)
from tests.kernels.cuda.execution import Case, choices, sources
from tests.kernels.cuda.matrix_cases import MatrixRunner, convolution, product
from tests.kernels.cuda.slim_cases import slim_cases, stem_cases

Run = tuple[Case, Kernel, Problem, Spec]
MEMORY = (map_cases, row_cases, movement_cases, image_cases, recurrent_cases)
MODULES = (*MEMORY, matrix_cases, row_gemm_cases, attention_cases, depthwise_cases, test_float8)
FEW_PROCESSORS = 8
"""With so few multiprocessors a block takes several tiles of a small case: buffers are used again across tiles."""
QUIET = "COMPUTE-SANITIZER|Target application returned|(ERROR|RACECHECK) SUMMARY: 0 "
"""What the tool says of nothing wrong, or of what the parts say themselves."""
ALONE = 12
"""Cases taken of a kernel that has no tactics."""


def _rings() -> list[Case]:
    """Sums long enough that every stage of a ring of buffers is used again."""
    return [
        product("ring", f16, (136, 1088), (1088, 200), extras=[(200,)], constants=(1,)),
        convolution("ring", f16, (1, 128, 9, 9), (136, 128, 3, 3), pad=1, extras=[(136, 1, 1)]),
    ]


def runs(targets: Sequence[Target]) -> Iterator[Run]:
    """Each kernel with each tactic and with each type, for the first target and case for which it is proposed."""
    lists = [_rings(), *(module.cases() for module in MODULES), slim_cases(), stem_cases()]
    seen: collections.Counter[str] = collections.Counter()
    for target, case in itertools.product(targets, itertools.chain.from_iterable(lists)):
        for kernel, problem, tactic in choices(case, target, further=True):
            keys = [_text(kernel.name, tactic), _text(kernel.name, _types(problem))]
            seen.update(keys)
            if seen[keys[0]] <= (1 if tactic else ALONE) or seen[keys[1]] == 1:
                yield case, kernel, problem, tactic


def _text(name: str, what: object) -> str:
    return f"{name} {json.dumps(what, sort_keys=True, default=str)}"


def _types(problem: Problem) -> list[str]:
    return [str(o.type.dtype) for o in problem.inputs]


def shares(run: Run) -> bool:
    """True where its kernels have shared memory."""
    _, kernel, problem, tactic = run
    launches = kernel.launch(problem, tactic)
    return any(s.shared for s in launches.steps) or any(
        "__shared__" in s.text for s in sources(launches, problem.target)
    )


def traits(run: Run) -> tuple[set[str], set[str]]:
    """What a run shows of its kernel: single things, and two values of its tactic together."""
    case, kernel, problem, tactic = run
    values = [_text(kernel.name, item) for item in tactic.items()] or [_text(kernel.name, case.name)]
    return {*values, _text(kernel.name, _types(problem))}, {
        " ".join(pair) for pair in itertools.combinations(values, 2)
    }


def in_order(found: Sequence[Run]) -> tuple[list[Run], int]:
    """Those first that show a single new thing, which are so many, then those with a new pair, then the others."""
    ranks: list[list[Run]] = [[], [], []]
    single: set[str] = set()
    double: set[str] = set()
    for run in found:
        new, pairs = traits(run)
        ranks[0 if new - single else 1 if pairs - double else 2].append(run)
        single |= new
        double |= pairs
    return [run for rank in ranks for run in rank], len(ranks[0])


def chosen(only: str, shared: bool) -> tuple[list[Run], int]:
    """What the command line asks for, in order, and how many of it show a single new thing."""
    target = cuda_target()
    few = replace(target, multiprocessors=FEW_PROCESSORS)
    found = runs([few, target] if shared else [target, few])
    return in_order([run for run in found if re.search(only, run[1].name) and (not shared or shares(run))])


def run_all(found: Sequence[Run], until: float) -> int:
    """Run them; says which is begun, how many were, and which could not run."""
    start, done, failed = time.monotonic(), 0, 0
    for case, kernel, problem, tactic in found:
        if time.monotonic() > until:
            break
        name = f"{case.name} {kernel.name} {tactic}"
        print(f"begins {name}", flush=True)  # the last line of one that hangs
        try:
            MatrixRunner(case, kernel, problem, tactic, problem.target).run()
        except Exception as error:  # the checker reports faults; the rest goes on
            failed += 1
            print(f"FAILED {name}: {type(error).__name__} {str(error)[:200]}", flush=True)
        done += 1
    print(f"{done} of {len(found)} ran, {failed} failed, {time.monotonic() - start:.0f} s", flush=True)
    return 1 if failed or done < len(found) else 0


def checker() -> str:
    """The path of compute-sanitizer; raises SystemExit where there is none."""
    found = shutil.which("compute-sanitizer") or next(iter(glob.glob("/usr/local/cuda*/bin/compute-sanitizer")), None)
    if found is None:
        raise SystemExit("compute-sanitizer is not here: it comes with the CUDA toolkit")
    return found


def check(options: argparse.Namespace, folder: Path) -> int:
    """Compile, run all parts under the tool, and say what they did and what the tool found."""
    start, program = time.monotonic(), checker()
    tool = [program, "--tool", options.tool, "--print-limit", "20"]
    if options.tool == "memcheck":  # failing calls of the driver that bindings make on purpose are no errors
        tool += ["--report-api-errors", "no"]
    shared = options.tool == "racecheck"
    found, singles = chosen(options.only, shared)
    compiled_ahead([run[1:] for run in found], cuda_target(), until=start + options.seconds / 2)
    print(f"{len(found)} runs, compiled after {time.monotonic() - start:.0f} s", flush=True)
    left = options.seconds - (time.monotonic() - start)
    parts = []
    for i in range(1, options.jobs + 1):
        rest = ["--part", f"{i}/{options.jobs}", "--only", options.only, "--seconds", f"{left - 5:.0f}"]
        rest += ["--shared"] if shared else []
        command = [*tool, "--log-file", str(folder / f"{i}.log"), sys.executable, "-u", "-m", __spec__.name, *rest]
        with (folder / f"{i}.out").open("w") as out:
            parts.append(subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, start_new_session=True))
    end = time.monotonic() + left + 5
    for part in parts:
        try:
            part.wait(max(1.0, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(part.pid, signal.SIGKILL)  # the tool, and what it started
            part.wait()
    return tell(folder, options.jobs, len(found), singles)


def tell(folder: Path, jobs: int, total: int, singles: int) -> int:
    """Print a summary of the parts' lines and of the tool's: 0 where everything ran and nothing was found."""
    done = failed = first = 0
    found: collections.Counter[str] = collections.Counter()
    for i in range(1, jobs + 1):
        lines = (folder / f"{i}.out").read_text(errors="replace").splitlines() or ["nothing"]
        wrong = [line for line in lines if line.startswith("FAILED")]
        begun = sum(line.startswith("begins") for line in lines)
        if not re.match(r"\d+ of \d+ ran", lines[-1]):
            wrong.append(f"part {i} ended in: {lines[-1]}")
            begun = max(0, begun - 1)
        done, failed, first = done + begun, failed + len(wrong), first + min(begun, len(range(i - 1, singles, jobs)))
        print("\n".join(line[:300] for line in wrong), end="\n" if wrong else "")
        log = folder / f"{i}.log"
        found.update(_reported(log.read_text(errors="replace")) if log.exists() else ["no log"])
    shown = f"{first} of the {singles} that show a new value of a tactic or a type"
    print(f"{done} of {total} ran, {shown}; {failed} failed, {sum(found.values())} reports", flush=True)
    for line, count in found.most_common(20):
        print(f"  {count} x {line}")
    return 0 if done == total and not failed and not found else 1


def _reported(log: str) -> list[str]:
    """The first lines of the tool's reports, without what differs from one to the next."""
    lines = re.findall(r"^=+ (\S.*)$", log, re.MULTILINE)  # further lines of a report are indented
    return [re.sub(r"\+?0x[0-9a-f]+|\(.*?\)", "", line)[:160] for line in lines if not re.match(QUIET, line)]


def main() -> int:
    """Check under a tool, or be what is checked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tool", choices=("memcheck", "racecheck", "initcheck", "synccheck"))
    parser.add_argument("--jobs", type=int, default=max(1, len(os.sched_getaffinity(0)) - 2), help="processes at once")
    parser.add_argument("--logs", type=Path, help="folder that keeps what the parts say")
    parser.add_argument("--part", default="1/1", help="the I-th of N equal parts")
    parser.add_argument("--only", default="", help="regular expression of kernels' names")
    parser.add_argument("--shared", action="store_true", help="kernels that have shared memory")
    parser.add_argument("--seconds", type=float, default=1e5, help="stop after so long")
    options = parser.parse_args()
    if options.tool:
        with tempfile.TemporaryDirectory() as temporary:
            folder: Path = options.logs or Path(temporary)
            folder.mkdir(parents=True, exist_ok=True)
            return check(options, folder)
    part, count = map(int, options.part.split("/"))
    until = time.monotonic() + options.seconds
    return run_all(chosen(options.only, options.shared)[0][part - 1 :: count], until)


if __name__ == "__main__":
    sys.exit(main())
