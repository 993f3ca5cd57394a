"""CUDA C++ through CuPy."""

from __future__ import annotations

import cupy
import numpy as np

from examples.kernels.memory import TEXT, THREADS, blocks

shrink = cupy.RawKernel(TEXT, "shrink")


def run(x: int, y: int, count: int, limit: float, stream: int) -> None:
    """Launch on the stream."""
    with cupy.cuda.ExternalStream(stream):
        shrink((blocks(count),), (THREADS,), (x, y, np.int32(count), np.float32(limit)))
