"""Random shapes, operands and attributes for property-based tests."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

Array = np.ndarray[Any, Any]

quick = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def shapes(low: int = 0, high: int = 4, side: int = 5, smallest: int = 1) -> st.SearchStrategy[tuple[int, ...]]:
    """Shapes of rank ``low`` to ``high`` with dims of ``smallest`` to ``side``."""
    return st.lists(st.integers(smallest, side), min_size=low, max_size=high).map(tuple)


@st.composite
def broadcasting(draw: st.DrawFn, count: int = 2, rank: int = 4) -> list[tuple[int, ...]]:
    """Shapes that broadcast against each other: some dims 1, some leading axes left out."""
    full = draw(shapes(0, rank))
    out = []
    for _ in range(count):
        kept = tuple(1 if draw(st.integers(0, 3)) == 0 else d for d in full)
        out.append(kept[draw(st.integers(0, len(full))) :] if draw(st.booleans()) else kept)
    return out


def array(shape: tuple[int, ...], dtype: Any = np.float32, seed: int = 0, low: float = -3, high: float = 3) -> Array:
    """Numbers of a type in a range."""
    rng = np.random.default_rng(seed)
    kind = np.dtype(dtype)
    if kind == np.bool_:
        return rng.integers(0, 2, shape).astype(np.bool_)
    if kind.kind in "iu":
        least = max(int(low), 0) if kind.kind == "u" else int(low)
        return np.asarray(rng.integers(least, int(high), shape, endpoint=True)).astype(kind)
    return np.asarray(rng.uniform(low, high, shape)).astype(kind)


FLOATS = [np.float32, np.float64, np.float16]
INTEGERS = [np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64]
BFLOAT = ml_dtypes.bfloat16


def attributes_of(**attributes: Any) -> dict[str, Any]:
    """The attributes that are not None."""
    return {k: v for k, v in attributes.items() if v is not None}
