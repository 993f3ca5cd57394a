"""onnxruntime as the oracle of a whole model."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime

from tests.models.inputs import Array


def session(model: Path | bytes, optimized: bool = True, threads: int = 2) -> onnxruntime.InferenceSession:
    """Return a CPU session on a model file or its bytes."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    if not optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    source = str(model) if isinstance(model, Path) else model
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def outputs(model: Path | bytes, feeds: Mapping[str, Array], optimized: bool = True) -> dict[str, Array]:
    """Return onnxruntime's outputs by name."""
    runner = session(model, optimized)
    names = [output.name for output in runner.get_outputs()]
    return dict(zip(names, runner.run(names, dict(feeds)), strict=True))


def error_of_scale(got: Array, wanted: Array) -> float:
    """Return max |got - wanted| / max |wanted|; infinite when dtypes, shapes or the places of NaNs differ.

    Whole numbers and truth values must be equal: their error is 0 or infinite.
    """
    if got.shape != wanted.shape or got.dtype != wanted.dtype:
        return float("inf")
    if wanted.dtype.kind not in "fc":
        return 0.0 if np.array_equal(got, wanted) else float("inf")
    left, right = got.astype(np.float64), wanted.astype(np.float64)
    odd = ~(np.isfinite(left) & np.isfinite(right))
    if not np.array_equal(left[odd], right[odd], equal_nan=True):
        return float("inf")
    if right[~odd].size == 0:
        return 0.0
    scale = float(np.abs(right[~odd]).max())
    error = float(np.abs(left[~odd] - right[~odd]).max())
    return error / scale if scale else (0.0 if error == 0.0 else float("inf"))
