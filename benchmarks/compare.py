"""minirt beside its peers: one process, the same inputs, times taken by turns, and where minirt's time goes.

usage: python -m benchmarks.compare [CASE...] [--peers eager,compile] [--precision fp16] [--out FOLDER] [--help]

CASE is NET:BATCH, as in benchmarks/cases.py, or an ONNX file (whose peer is onnxruntime). Times are the device's
(under CUDA graphs) where there is one, else the CPU's. A peer that is not installed, or does not compile in its time,
is left out, by name. FOLDER gets results.json, and kernels.png where matplotlib is installed.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import subprocess
import sys
import tempfile
import time
import traceback
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from benchmarks.contender import Absent, Contender, error, interleaved
from benchmarks.files import file_case
from benchmarks.ours import Ours
from benchmarks.results import Row, print_row, print_steps, print_summary, write_json, write_plot
from minirt.build.targets import default_target
from minirt.errors import MinirtError
from minirt.runtime import device as dev
from minirt.runtime.measure import Ceilings
from minirt.tools.ceilings import ceilings_of

PEERS = ("eager", "compile", "max-autotune")


def options_of(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.compare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", nargs="*", help="default: every case of benchmarks/cases.py, the most telling first")
    parser.add_argument("--peers", default="eager,compile", help=f"of {', '.join(PEERS)}; empty: minirt alone")
    parser.add_argument("--precision", default="fp16", choices=("fp16", "bf16", "fp32", "tf32"))
    parser.add_argument("--compile-seconds", type=float, default=120.0, help="time box of torch.compile for each case")
    parser.add_argument("--budget", type=float, default=1e9, help="seconds of the whole run; what is left is skipped")
    parser.add_argument("--rounds", type=int, default=9, help="samples of each contender, taken by turns")
    parser.add_argument("--repeats", type=int, default=20, help="inferences in a sample")
    parser.add_argument("--no-warm", action="store_true", help="do not build a second time")
    parser.add_argument("--steps", type=int, default=0, metavar="N", help="print the N slowest kernels of each case")
    parser.add_argument("--jobs", type=int, default=4, help="exports and compilers at once")
    parser.add_argument("--prepare-seconds", type=float, default=1e9, help="when compilers stop that still run")
    parser.add_argument("--variants", default="", help="variables to set, such as MINIRT_OVERLAP,MINIRT_BRANCHES")
    parser.add_argument("--level", type=int, default=3, help="minirt's builder_optimization_level")
    parser.add_argument("--models", type=Path, help="folder of exported models, kept; default: a temporary one")
    parser.add_argument("--out", type=Path, help="folder of results.json and kernels.png")
    parser.add_argument("--cpu", action="store_true", help="on the CPU, whatever else is there")
    return parser.parse_args(arguments)


class Comparison:
    """One run: cases in order, as long as the budget lasts."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.options, self.folder = options, folder
        self.end = time.monotonic() + options.budget
        self.peers = [p for p in options.peers.split(",") if p]
        self.limits: Ceilings = ceilings_of(default_target())
        self.rows: list[Row] = []
        self.rest: list[str] = []
        """Cases that this process cannot run any more, because a kernel faulted."""

    @property
    def left(self) -> float:
        """Seconds of the budget."""
        return float(self.end - time.monotonic())

    def run(self) -> list[Row]:
        """Every case; prints as it goes. Exports and compilers run before, so that nothing disturbs the times."""
        start = time.monotonic()
        exports, compiled = self._prepare()
        print(f"prepared in {time.monotonic() - start:.0f} s", flush=True)
        for number, text in enumerate(self.options.cases):
            if self.left <= 0:
                print(f"{text:18} skipped: the budget is spent", flush=True)
                continue
            try:
                self._case(text, exports, compiled)
            except Absent as reason:
                print(f"{text:18} skipped: {reason}", flush=True)
            except Exception as failure:  # those of the peers have no common base
                where = traceback.extract_tb(failure.__traceback__)[-1]
                what = " ".join(str(failure).split())[:400]
                print(
                    f"{text:18} FAILED: {type(failure).__name__}: {what} ({where.filename}:{where.lineno})", flush=True
                )
                if _faulted():
                    self.rest = self.options.cases[number + 1 :]
                    break
            gc.collect()
            if self.options.out:
                write_json(self.rows, self.options.out / "results.json")
        return self.rows

    def _prepare(self) -> tuple[dict[str, Future[Path]], dict[tuple[str, str], Future[float]]]:
        """Models exported and caches of compilers filled, several at once, all that the time allows."""
        options = self.options
        nets = [c for c in options.cases if not c.endswith(".onnx")]
        modes = [p for p in self.peers if p in ("compile", "max-autotune")]
        end = time.monotonic() + min(self.left, options.prepare_seconds)
        compiled: dict[tuple[str, str], Future[float]] = {}
        with ThreadPoolExecutor(max(1, options.jobs)) as pool:
            exports = {c: pool.submit(self._export, c) for c in nets}
            for mode, case in ((m, c) for m in modes for c in nets):
                compiled[case, mode] = pool.submit(self._compile, case, mode, end)
        return exports, compiled

    def _compile(self, case: str, mode: str, end: float) -> float:
        seconds = min(self.options.compile_seconds, end - time.monotonic())
        threads = max(1, (os.cpu_count() or 1) // self.options.jobs)
        peers = importlib.import_module("benchmarks.torch_peers")
        return float(peers.compile_apart(case, mode, self.options.precision, seconds, threads))

    def _export(self, text: str) -> Path:
        """The case's model, exported by a process of its own; raises Absent with the end of its log."""
        path: Path = self.folder / importlib.import_module("benchmarks.cases").Case(text).file(self.options.precision)
        if path.exists():
            return path
        command = [sys.executable, "-m", "benchmarks.export", text, str(self.folder)]
        limit = max(1.0, min(self.left, 300.0))
        cores = max(1, (os.cpu_count() or 1) // self.options.jobs)
        try:
            done = subprocess.run(
                [*command, "--precision", self.options.precision],
                capture_output=True,
                text=True,
                timeout=limit,
                env={**os.environ, "OMP_NUM_THREADS": str(cores)},
            )
        except subprocess.TimeoutExpired:
            raise Absent("its export takes too long") from None
        if done.returncode:
            raise Absent(f"not exported: {' | '.join(done.stderr.strip().splitlines()[-2:])}")
        return path

    def _case(
        self, text: str, exports: dict[str, Future[Path]], compiled: dict[tuple[str, str], Future[float]]
    ) -> None:
        options = self.options
        if text in exports:
            path = exports[text].result()
            cases = importlib.import_module("benchmarks.cases")
            torch_peers = importlib.import_module("benchmarks.torch_peers")
            case = cases.Case(text)
            feeds, want = case.feeds(), torch_peers.precise(case, options.precision)
        else:
            path, feeds, want, ort = file_case(Path(text))
        ours = Ours(path, feeds, options.precision, not options.no_warm, options.level)
        contenders: list[Contender] = [ours.contender()]
        contenders += [ours.contender(*names.split("+")) for names in options.variants.split(",") if names]
        own = len(contenders)
        for name in self.peers if text in exports else ():
            try:
                cold = compiled[text, name].result() if (text, name) in compiled else 0.0
                contenders.append(torch_peers.torch_peer(case, name, options.precision, cold))
            except Absent as reason:
                print(f"{text:18} without {reason}", flush=True)
            except Exception as failure:  # PyTorch's have no common base
                print(f"{text:18} without {name}: {' '.join(str(failure).split())[:200]}", flush=True)
        if text not in exports:
            contenders.append(ort)
        timings = interleaved(contenders, options.rounds, options.repeats)
        errors = [error(c.first(), want) for c in contenders]
        host = contenders[0].host_microseconds()
        steps = ours.steps()
        found = tuple(contenders), tuple(timings), tuple(errors)
        row = Row(text, options.precision, *found, host, steps, self.limits, own)
        self.rows.append(row.settled())
        print_row(self.rows[-1])
        if options.steps:
            print_steps(self.rows[-1], options.steps)


def _faulted() -> bool:
    """True where the device answers no more to this process."""
    if not dev.available() or default_target().kind == "cpu":
        return False
    try:
        dev.Device(0).synchronize()
    except MinirtError:
        return True
    return False


def _again(cases: list[str], options: argparse.Namespace, arguments: list[str], folder: Path, left: float) -> int:
    """The cases in a fresh process, with the same options; the exit status."""
    print(f"a fresh process for {' '.join(cases)}", flush=True)
    kept = [a for a in arguments if a not in options.cases]
    more = ["--models", str(folder), "--budget", str(left)] + (
        ["--out", str(options.out / "rest")] if options.out else []
    )
    return subprocess.call([sys.executable, "-m", "benchmarks.compare", *cases, *kept, *more])


def main(arguments: list[str] | None = None) -> int:
    """Compare what the command line names: 0 where every case ran."""
    options = options_of(arguments)
    if options.cpu:
        os.environ["MINIRT_TARGET"] = "cpu"
    if not options.cases:
        options.cases = list(importlib.import_module("benchmarks.cases").CASES)
    with tempfile.TemporaryDirectory() as temporary:
        comparison = Comparison(options, options.models or Path(temporary))
        rows = comparison.run()
        if comparison.rest:
            given = sys.argv[1:] if arguments is None else arguments
            _again(comparison.rest, options, given, comparison.folder, comparison.left)
    print_summary(rows)
    if options.out:
        write_json(rows, options.out / "results.json")
        write_plot(rows, options.out / "kernels.png")
    return 0 if len(rows) == len(options.cases) else 1


if __name__ == "__main__":
    sys.exit(main())
