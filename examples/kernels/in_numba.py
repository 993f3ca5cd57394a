"""Python through Numba."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np

from examples.kernels.memory import THREADS, Flat, blocks

if not hasattr(np, "row_stack"):
    np.row_stack = np.vstack  # NumPy 2.5 has dropped the name, which numba-cuda 0.30 looks up

cuda: Any = importlib.import_module("numba.cuda")


@cuda.jit  # type: ignore[untyped-decorator]
def shrink(x: Any, y: Any, limit: Any) -> None:
    """Move every number toward zero by a limit."""
    i = cuda.grid(1)
    if i < x.size:
        y[i] = x[i] - min(max(x[i], -limit), limit)


def run(x: int, y: int, count: int, limit: float, stream: int) -> None:
    """Launch on the stream."""
    a, b = cuda.as_cuda_array(Flat(x, count)), cuda.as_cuda_array(Flat(y, count))
    queue = cuda.external_stream(stream) if stream else cuda.default_stream()
    shrink[blocks(count), THREADS, queue](a, b, np.float32(limit))
