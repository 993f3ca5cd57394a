"""What a build made, as facts and as a table."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from minirt.build.load import Package
from minirt.plan.plan import HostStep, IfStep, KernelStep, LoopStep, Plan


def summary(package: Package, built: Mapping[str, float]) -> dict[str, Any]:
    """Layers before and after fusion, kernels, memory and times of an engine's first plan."""
    target = package.about["plans"][0].rpartition("/")[0]
    plan = package.stored_plan(f"{target}/0")
    kernels = Counter(_kernel(s) for s in _steps(plan))
    weights = package.weights_size
    return {
        "layers": int(built["layers"]),
        "steps": sum(kernels.values()),
        "kernels": dict(kernels.most_common()),
        "arena MB": plan.arena / 1e6,
        "weights MB": weights / 1e6,
        **{k: v for k, v in built.items() if k != "layers"},
    }


def _steps(plan: Plan) -> Iterator[Any]:
    for step in plan.steps:
        if isinstance(step, IfStep):
            yield from _steps(step.then)
            yield from _steps(step.otherwise)
        elif isinstance(step, LoopStep):
            yield from _steps(step.body)
        else:
            yield step


def _kernel(step: Any) -> str:
    if isinstance(step, KernelStep):
        return step.choices[0].kernel
    return "reference (NumPy)" if isinstance(step, HostStep) else type(step).__name__


def as_json(facts: Mapping[str, Any]) -> str:
    """The facts as one JSON object; an error that is not a number is null."""
    errors = {name: error if math.isfinite(error) else None for name, error in facts["errors"].items()}
    return json.dumps({**facts, "errors": errors}, allow_nan=False)


def as_text(model: Path, facts: Mapping[str, Any]) -> str:
    """The facts as a table for people."""
    kernels = ", ".join(f"{n} x {k}" if n > 1 else k for k, n in facts["kernels"].items())
    times = f"{facts['latency ms']:.3f} ms"
    if facts["onnxruntime ms"] is not None:
        times += f" (onnxruntime on the CPU {facts['onnxruntime ms']:.3f} ms)"
    rows = [
        ("model", str(model)),
        ("target", facts["target"]),
        ("inputs", ", ".join(f"{n} {'x'.join(map(str, s)) or 'scalar'}" for n, s in facts["inputs"].items())),
        ("layers", f"{facts['layers']} before fusion, {facts['steps']} kernels after"),
        ("kernels", kernels),
        ("memory", f"{facts['arena MB']:.2f} MB of activations, {facts['weights MB']:.2f} MB of weights"),
        ("engine", f"{facts['engine MB']:.2f} MB, {facts['engine file']}"),
        ("build", f"parse {facts['parse seconds']:.2f} s, build {facts['build seconds']:.2f} s"),
        ("load", f"{facts['load seconds']:.2f} s"),
        ("latency", times),
    ]
    rows += [(f"error {name}", f"{error:.2e} of scale") for name, error in facts["errors"].items()]
    if facts["errors"]:
        verdict = "agrees" if facts["agrees"] else "DISAGREES"
        rows.append(("verdict", f"{verdict} with onnxruntime (bound {facts['tolerance']:g})"))
    else:
        rows.append(("verdict", f"not compared: {facts['not compared'] or 'onnxruntime gives no output'}"))
    width = max(len(k) for k, _ in rows)
    return "\n".join(f"{k:<{width}}  {v}" for k, v in rows)
