"""Where arrays lie: `xp` is CuPy where minirt runs on a GPU, NumPy where it runs on the CPU."""

from __future__ import annotations

import ctypes
import os
from typing import Any

import numpy as np

try:
    import cupy
except ImportError:
    cupy = None

ON_GPU = os.environ.get("MINIRT_TARGET", "") != "cpu" and cupy is not None and cupy.cuda.is_available()
xp: Any = cupy if ON_GPU else np


def host(array: Any) -> Any:
    """Return an array as a NumPy array."""
    return array.get() if ON_GPU else array


def view(address: int, shape: Any, dtype: Any) -> Any:
    """Return an array over memory that someone else owns, at an address on the device (or the host, on the CPU)."""
    sizes, kind = tuple(shape), np.dtype(dtype)
    count = int(np.prod(sizes)) * kind.itemsize
    if ON_GPU:
        memory = cupy.cuda.UnownedMemory(address, max(count, 1), None)
        return cupy.ndarray(sizes, kind, cupy.cuda.MemoryPointer(memory, 0))
    return np.frombuffer((ctypes.c_uint8 * count).from_address(address), kind).reshape(sizes)
