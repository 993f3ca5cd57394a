"""onnxruntime as a second opinion, where it is installed."""

from __future__ import annotations

import importlib
import math
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from minirt.types.dtype import Array


@dataclass(frozen=True)
class Opinion:
    """onnxruntime's outputs on its CPU provider and its median time in ms, or why there are none."""

    results: dict[str, Array] = field(default_factory=dict)
    ms: float | None = None
    missing: str = ""


def reference(model: Path, feeds: Mapping[str, Array], runs: int) -> Opinion:
    """What onnxruntime gives for the inputs; without results where it is not installed or does not run the model."""
    try:
        ort = importlib.import_module("onnxruntime")
    except ImportError:
        return Opinion(missing="onnxruntime is not installed")
    settings = ort.SessionOptions()
    settings.log_severity_level = 3
    settings.intra_op_num_threads = len(os.sched_getaffinity(0))
    try:
        session = ort.InferenceSession(str(model), settings, providers=["CPUExecutionProvider"])
        names = [o.name for o in session.get_outputs()]
        results = session.run(names, dict(feeds))
    except Exception as error:  # its errors have no common base
        return Opinion(missing=f"onnxruntime does not run the model: {' '.join(str(error).split())}")
    times: list[float] = []
    end = time.perf_counter() + 2
    while len(times) < runs and (len(times) < 3 or time.perf_counter() < end):
        start = time.perf_counter()
        session.run(names, dict(feeds))
        times.append(time.perf_counter() - start)
    return Opinion(dict(zip(names, results, strict=True)), sorted(times)[len(times) // 2] * 1e3)


def compare(ours: Mapping[str, Array], theirs: Mapping[str, Array]) -> dict[str, float]:
    """For each of their outputs max |ours - theirs| / max |theirs|.

    Infinite where ours lacks the output, shapes differ or NaN lies elsewhere.
    """
    return {name: _error(np.asarray(ours[name]), want) if name in ours else math.inf for name, want in theirs.items()}


def _error(got: Array, want: Array) -> float:
    if got.shape != want.shape:
        return float("inf")
    if want.dtype.kind not in "fc":
        return 0.0 if np.array_equal(got, want) else float("inf")
    a, b = got.astype(np.float64), want.astype(np.float64)
    odd = ~(np.isfinite(a) & np.isfinite(b))
    if not np.array_equal(a[odd], b[odd], equal_nan=True):
        return float("inf")
    scale = float(np.abs(b[~odd]).max(initial=0))
    error = float(np.abs(a[~odd] - b[~odd]).max(initial=0))
    return error / scale if scale else error
