"""NumPy, on the CPU target: addresses are of the host."""

from __future__ import annotations

import numpy as np

from examples.device import view


def run(x: int, y: int, count: int, limit: float, stream: int) -> None:
    """Compute; there is no stream to launch on."""
    a, b = view(x, (count,), np.float32), view(y, (count,), np.float32)
    np.subtract(a, np.clip(a, -limit, limit), out=b)
