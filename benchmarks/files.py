"""An ONNX file as a case: random inputs, and onnxruntime on the CPU as oracle and peer."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.contender import Absent, Contender

TYPES = {"tensor(float)": np.float32, "tensor(int64)": np.int64, "tensor(bool)": np.bool_, "tensor(int32)": np.int32}
FREE_DIMS = (2, 32)
"""Sizes of a free first axis, and of others."""
Feeds = dict[str, NDArray[np.generic]]


def file_case(path: Path) -> tuple[Path, Feeds, NDArray[np.float32], Contender]:
    """The path, inputs (free dims as in FREE_DIMS, integers 0 or 1), the first output, and onnxruntime as a peer.

    Raises Absent without onnxruntime.
    """
    try:
        onnxruntime = importlib.import_module("onnxruntime")
    except ImportError:
        raise Absent("onnxruntime is not installed") from None
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(1)
    feeds: Feeds = {}
    for given in session.get_inputs():
        shape = tuple(d if isinstance(d, int) else FREE_DIMS[i > 0] for i, d in enumerate(given.shape))
        dtype = TYPES[given.type]
        feeds[given.name] = (rng.normal(size=shape) if dtype == np.float32 else rng.integers(0, 2, shape)).astype(dtype)

    def first() -> NDArray[np.float32]:
        return np.asarray(session.run(None, feeds)[0], np.float32)

    return path, feeds, first(), Contender("onnxruntime", lambda: session.run(None, feeds), first)
