"""`minirt profile MODEL.onnx`: what each kernel takes, moves and computes, and how far that is from the least."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

import minirt as trt
from minirt.build.load import Loaded, Package
from minirt.build.targets import default_target
from minirt.errors import MinirtError
from minirt.runtime.executor import Executor
from minirt.runtime.measure import Ceilings, StepTime, step_times
from minirt.tools.ceilings import ceilings_of
from minirt.tools.inputs import feeds_for, parse_shapes
from minirt.tools.run import build, declare_build, logger, not_negative
from minirt.types.dtype import Array


def declare(verbs: Any) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser("profile", help="say where a model's time goes, kernel by kernel", description=__doc__)
    declare_build(parser)
    top = "only the N slowest, slowest first"
    parser.add_argument("--top", type=not_negative(int), default=0, metavar="N", help=top)
    parser.set_defaults(verb_function=profile)


def profile(options: argparse.Namespace) -> int:
    """The verb: 0 where the model runs."""
    if options.target:
        os.environ["MINIRT_TARGET"] = options.target
    data, _ = build(options)
    engine = trt.Runtime(logger()).deserialize_cuda_engine(data)
    if engine is None:
        raise MinirtError("the engine that was just built is refused; the log above says why", str(options.model))
    feeds = feeds_for(engine, parse_shapes(options.shapes), options.seed)
    target = default_target()
    times, limits = measured(Loaded(Package(data), target).executor(), feeds), ceilings_of(target)
    if options.json:
        print(json.dumps({"target": target.name, "steps": [as_facts(t, limits) for t in times]}, allow_nan=False))
    else:
        print(as_table(times, limits, options.top))
    return 0


def measured(executor: Executor, feeds: dict[str, Array]) -> list[StepTime]:
    """The steps of an executor, run on inputs."""
    backend, addresses, held = executor.backend, {}, []
    for name, value in feeds.items():
        array = np.ascontiguousarray(value).reshape(-1).view(np.uint8)
        memory = backend.allocate(max(1, array.nbytes))
        if array.nbytes:
            backend.write(memory.address, array, 0)
        held.append(memory)
        addresses[name] = memory.address
    executor.bind(executor.sizes({name: value.shape for name, value in feeds.items()}))
    executor.run(addresses, {}, 0)
    return step_times(executor)


def as_facts(time: StepTime, limits: Ceilings) -> dict[str, Any]:
    """A step as JSON."""
    return {
        "label": time.label, "kernel": time.kernel, "entries": list(time.entries), "us": time.microseconds,
        "floor us": limits.floor(time), "bytes": time.bytes, "flops": time.flops, "dtype": time.dtype,
    }  # fmt: skip


def as_table(times: Sequence[StepTime], limits: Ceilings, top: int = 0) -> str:
    """The steps as a table for people, in order, or the ``top`` slowest; the last line is the sum."""
    total = sum(t.microseconds for t in times)
    floor = sum(limits.floor(t) for t in times)
    shown = sorted(times, key=lambda t: -t.microseconds)[:top] if top else times
    rows = ["      us  share   floor  x floor    GB/s  TFLOP/s  launches  kernel: layers"]
    for t in shown:
        least = limits.floor(t)
        rows.append(
            f"{t.microseconds:8.1f}  {100 * t.microseconds / total if total else 0:4.1f}% {least:7.1f}  "
            f"{t.microseconds / least if least else 0:7.1f} {t.bandwidth:7.0f}  {t.rate:7.1f}  "
            f"{len(t.entries):8}  {t.kernel}: {t.label}"
        )
    rows.append(f"{total:8.1f}   all  {floor:7.1f}  {total / floor if floor else 0:7.1f}  {len(times)} steps")
    return "\n".join(rows)
