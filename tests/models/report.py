"""Prints the table of docs/support.md: each model's largest error at each shape, and its time beside onnxruntime's.

usage: python -m tests.models.report [NAME...]     NAMEs of trained, light or exported models; all by default
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import onnxruntime

import minirt as trt
from tests.exports.zoo import EXPORTS, export_path
from tests.models import light, zoo
from tests.models.harness import ParseError, errors
from tests.models.inputs import Feeds

TIMED_RUNS, TIMED_SECONDS = 30, 3.0
Case = tuple[Path, list[Feeds], bool]


def _cases() -> Iterator[tuple[str, Case]]:
    """Give name, file, feeds and whether onnxruntime may optimise, for each model within reach."""
    wanted = sys.argv[1:]
    for key, model in zoo.MODELS.items():
        if not wanted or key in wanted:
            feeds = [model.feeds(variant) for variant in model.variants]
            yield key, (zoo.fetch(key), feeds, model.optimized_oracle)
    for name in light.LIGHT:
        if not wanted or name in wanted:
            yield name, (light.light_path(name), [light.feeds(name)], True)
    for name, export in EXPORTS.items():
        if export_path(name).exists() and (not wanted or name in wanted):
            yield name, (export_path(name), [export.feeds(variant) for variant in export.variants], True)


def _best_ms(run: Callable[[], Any]) -> float:
    """Return the shortest of some runs: what else the machine does only ever adds to a time."""
    run()
    times: list[float] = []
    end = time.perf_counter() + TIMED_SECONDS
    while len(times) < TIMED_RUNS and (len(times) < 3 or time.perf_counter() < end):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times) * 1e3


def _times(engine_file: Path, model: Path, feeds: Feeds) -> tuple[float, float]:
    """Return minirt's and onnxruntime's ms at the first shape, one after the other, each with a thread a core."""
    engine = trt.Runtime(trt.Logger(trt.Logger.ERROR)).deserialize_cuda_engine(engine_file.read_bytes())
    assert engine is not None, "the engine was refused; the log says why"
    context = engine.create_execution_context()
    ours = _best_ms(lambda: context.run(feeds))
    settings = onnxruntime.SessionOptions()
    settings.log_severity_level = 3
    settings.intra_op_num_threads = len(os.sched_getaffinity(0))
    session = onnxruntime.InferenceSession(str(model), settings, providers=["CPUExecutionProvider"])
    return ours, _best_ms(lambda: session.run(None, dict(feeds)))


def _line(model: Path, feeds: list[Feeds], optimized: bool) -> str:
    with tempfile.TemporaryDirectory() as folder:
        found = errors(model, feeds, Path(folder), optimized)
        ours, theirs = _times(Path(folder) / "model.engine", model, feeds[0])
    worst = (max(error for name, error in found.items() if name.endswith(f" {i}")) for i in range(len(feeds)))
    return " · ".join(f"{error:.1e}" for error in worst) + f" | {ours:.2f} | {theirs:.2f}"


def main() -> None:
    """Print one row a model, as each is done."""
    target = os.environ.get("MINIRT_TARGET") or "default target"
    print(f"| model | max error of scale, a shape each | minirt ms ({target}) | onnxruntime ms (CPU) |")
    print("|---|---|---|---|")
    for name, case in _cases():
        try:
            text = _line(*case)
        except ParseError as error:
            text = f"refused: {', '.join(sorted({op for _, op in error.nodes}))} | |"
        except Exception as error:  # one model's failure is a row of the table, not the end of it
            text = f"{type(error).__name__}: {' '.join(str(error).split())[-300:]} | |"
        print(f"| {name} | {text} |", flush=True)


if __name__ == "__main__":
    main()
