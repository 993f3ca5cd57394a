"""`minirt run MODEL.onnx`: build, save, load, infer, compare with onnxruntime, and say what happened."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import minirt as trt
from minirt.build.load import Package
from minirt.build.targets import default_target
from minirt.errors import MinirtError
from minirt.tools.compare import compare, reference
from minirt.tools.inputs import check_names, feeds_for, parse_shapes
from minirt.tools.progress import ProgressBar
from minirt.tools.report import as_json, as_text, summary

TIMED_RUNS = 30


def declare(verbs: Any) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser("run", help="build a model, run it, compare it with onnxruntime", description=__doc__)
    declare_build(parser)
    parser.add_argument("--save-engine", type=Path, metavar="FILE", help="keep the engine")
    bound = "bound on max |error| / max |reference| (1e-4; 2e-2 with --fp16 or --tf32)"
    parser.add_argument("--tolerance", type=not_negative(float), help=bound)
    seconds = "time for a build to choose kernels"
    parser.add_argument("--budget", type=not_negative(int), default=0, metavar="SECONDS", help=seconds)
    parser.set_defaults(verb_function=run)


def declare_build(parser: argparse.ArgumentParser) -> None:
    """Add what every verb takes that builds a model and feeds it."""
    parser.add_argument("model", type=Path, help="an ONNX file")
    parser.add_argument("--shapes", action="append", default=[], metavar="NAME:1x3x224x224", help="shape of an input")
    parser.add_argument("--fp16", action="store_true", help="permit half precision")
    parser.add_argument("--tf32", action="store_true", help="permit TF32 in float32 products (GPU)")
    parser.add_argument("--target", default="", help="cpu or cuda:sm_90a; default: the GPU if there is one")
    level = "0 to 5: how many kernels of a layer are timed (GPU)"
    parser.add_argument("--level", type=int, default=3, choices=range(6), metavar="LEVEL", help=level)
    parser.add_argument("--seed", type=not_negative(int), default=0, help="seed of the random inputs")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of a table")


def not_negative(kind: type[int] | type[float]) -> Callable[[str], int | float]:
    """Reads a number of a command line that is 0 or more."""

    def number(text: str) -> int | float:
        value = kind(text)
        if not value >= 0:
            raise argparse.ArgumentTypeError(f"{text} is not 0 or more")
        return value

    number.__name__ = "number"  # which argparse shows where the text is none
    return number


def run(options: argparse.Namespace) -> int:
    """The verb: 0 where every output agrees, else 1."""
    if options.target:
        os.environ["MINIRT_TARGET"] = options.target
    if options.budget:
        os.environ["MINIRT_BUDGET"] = str(options.budget)
    data, built = build(options)
    with tempfile.TemporaryDirectory() as folder:
        file = options.save_engine or Path(folder) / f"{options.model.stem}.engine"
        write(file, data)
        start = time.perf_counter()
        engine = trt.Runtime(logger()).deserialize_cuda_engine(file.read_bytes())
    if engine is None:
        raise MinirtError("the engine that was just built is refused; the log above says why", str(options.model))
    context = engine.create_execution_context()
    built["load seconds"] = time.perf_counter() - start
    feeds = feeds_for(engine, parse_shapes(options.shapes), options.seed)
    results = context.run(feeds)
    if results is None:
        raise MinirtError("the engine does not run; the log above says why", str(options.model))
    ours = median_ms(lambda: context.run(feeds))
    theirs = reference(options.model, feeds, TIMED_RUNS)
    tolerance = (2e-2 if options.fp16 or options.tf32 else 1e-4) if options.tolerance is None else options.tolerance
    errors = compare(results, theirs.results)
    facts = summary(Package(data), built) | {
        "target": default_target().name,
        "inputs": {name: list(feed.shape) for name, feed in feeds.items()},
        "engine file": str(options.save_engine or "not kept (use --save-engine FILE)"),
        "engine MB": len(data) / 1e6,
        "latency ms": ours,
        "onnxruntime ms": theirs.ms,
        "not compared": theirs.missing,
        "errors": errors,
        "tolerance": tolerance,
        "agrees": bool(errors) and all(e <= tolerance for e in errors.values()),
    }
    print(as_json(facts) if options.json else as_text(options.model, facts))
    return 0 if facts["agrees"] or theirs.missing else 1


def logger() -> Any:
    """Warnings and errors alone."""
    return trt.Logger(trt.Logger.WARNING)


def build(options: argparse.Namespace) -> tuple[bytes, dict[str, float]]:
    """The engine's bytes, and how long it took."""
    builder = trt.Builder(logger())
    network = builder.create_network()
    parser = trt.OnnxParser(network, trt.Logger(trt.Logger.INTERNAL_ERROR))  # its errors are told below
    start = time.perf_counter()
    if not parser.parse_from_file(str(options.model)):
        lines = [str(parser.get_error(i)) for i in range(parser.num_errors)]
        raise MinirtError("\n  ".join(["the model cannot be imported:", *lines]), str(options.model))
    parsed = time.perf_counter()
    config = builder.create_builder_config()
    config.builder_optimization_level = options.level
    if options.fp16:
        config.set_flag(trt.BuilderFlag.FP16)
    if not options.tf32:
        config.clear_flag(trt.BuilderFlag.TF32)
    bar: Any = ProgressBar(sys.stderr)  # of the declared class, which the stub of this module's `trt` has again
    config.progress_monitor = bar
    profile, shapes = builder.create_optimization_profile(), parse_shapes(options.shapes)
    inputs = [network.get_input(i) for i in range(network.num_inputs)]
    check_names(shapes, [tensor.name for tensor in inputs])
    for tensor in inputs:
        shape = shapes.get(tensor.name, tuple(1 if d < 0 else d for d in tensor.shape))
        if tensor.name in shapes or -1 in tuple(tensor.shape):
            profile.set_shape(tensor.name, shape, shape, shape)
    config.add_optimization_profile(profile)
    data = builder.build_serialized_network(network, config)
    if data is None:
        raise MinirtError("the build failed; the log above says why", str(options.model))
    seconds = {"parse seconds": parsed - start, "build seconds": time.perf_counter() - parsed}
    return bytes(data), seconds | {"layers": network.num_layers}


def write(file: Path, data: bytes) -> None:
    """Write a file whole or not at all; raises MinirtError, naming it, where it cannot be written."""
    part = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        part.replace(file)
    except OSError as error:
        raise MinirtError(f"the engine cannot be written: {error.strerror or error}", str(file)) from error
    finally:
        with suppress(OSError):
            part.unlink()


def median_ms(call: Any, runs: int = TIMED_RUNS) -> float:
    """The median time of a call in ms, after one warm-up; at most about two seconds in all."""
    call()
    times: list[float] = []
    end = time.perf_counter() + 2
    while len(times) < runs and (len(times) < 3 or time.perf_counter() < end):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return sorted(times)[len(times) // 2] * 1e3
