"""Host steps: a node's NumPy reference over a plan's buffers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from minirt.ir.encode import decode_op
from minirt.ir.op import Op
from minirt.ir.substitute import substitute_op
from minirt.ir.text import parse_graph
from minirt.types.dtype import Array
from minirt.types.tensor import Tensor


@lru_cache(maxsize=4096)
def op_of_text(text: str) -> Op:
    """The op that a host step holds as text, remembered."""
    return read_op(text)


def read_op(text: str) -> Op:
    """The op that a step holds as text."""
    return decode_op(json.loads(text), lambda t: parse_graph(t, {}), {})


def compute(text: str, arrays: Sequence[Array], types: Sequence[Tensor], sizes: Mapping[str, int]) -> list[Any]:
    """The op's results, for these sizes of dims."""
    op = substitute_op(op_of_text(text), sizes)
    with np.errstate(all="ignore"):
        return list(op.run(arrays, types, False))


def strided(data: Array, dtype: Any, shape: Sequence[int], strides: Sequence[int]) -> Array:
    """Bytes as a strided array; strides in elements."""
    item = np.dtype(dtype).itemsize
    if 0 in shape:
        return np.empty(tuple(shape), dtype)
    return np.ndarray(tuple(shape), dtype, data, 0, tuple(s * item for s in strides))


def span(shape: Sequence[int], strides: Sequence[int], item: int) -> int:
    """Bytes from a strided tensor's first element to the end of its last; strides are not negative."""
    if 0 in shape:
        return 0
    return (1 + sum((n - 1) * s for n, s in zip(shape, strides, strict=True))) * item


def dense_strides(shape: Sequence[int], order: Sequence[int]) -> tuple[int, ...]:
    """Strides in elements of a tensor that lies densely, its axes in this order."""
    out, step = [1] * len(shape), 1
    for axis in reversed(order):
        out[axis] = step
        step *= shape[axis]
    return tuple(out)
