"""Pooling on the CPU of any type and number of axes, and where maxima lie."""

from __future__ import annotations

import numpy as np
import pytest

from minirt.ops.pooling import Pool, PoolIndices
from minirt.types.dtype import Array, dtype_of
from tests.kernels.cpu.harness import check


def _numbers(shape: tuple[int, ...], dtype: str = "f32") -> Array:
    kind = dtype_of(dtype)
    values = np.random.default_rng(0).standard_normal(shape) * (1 if kind.is_float else 30)
    return (np.abs(values) if kind.kind == "u" else values).astype(kind.numpy)


@pytest.mark.parametrize("dtype", ["f32", "f64", "f16", "u8", "i32"])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_kinds(dtype: str, axes: int) -> None:
    """Maximum, average and norm, with pads, strides, dilations and partial windows."""
    x = _numbers((2, 3, 9, 7, 5)[: axes + 2], dtype)
    kernel, strides, dilations = (3, 2, 2)[:axes], (2, 1, 3)[:axes], (1, 2, 1)[:axes]
    pads = (1, 0, 1)[:axes] + (1, 1, 0)[:axes]
    for kind in ("max", "average", "lp") if dtype_of(dtype).is_float else ("max", "average"):
        for up, include in ((False, False), (True, True)):
            op = Pool(kind, kernel, strides, pads, dilations, up, include)
            check(op, [x], 1e-3 if dtype == "f16" else 1e-6, kernel="PoolPlain")


@pytest.mark.parametrize("columns", [False, True])
@pytest.mark.parametrize("dtype", ["f32", "u8"])
def test_indices(columns: bool, dtype: str) -> None:
    """The first of equals, in both orders of a flattened plane, from any layout."""
    x = np.round(_numbers((2, 3, 6, 5), dtype) * 2).astype(dtype_of(dtype).numpy)
    op = PoolIndices((3, 2), (1, 2), (1, 1, 1, 0), (1, 1), False, columns)
    check(op, [x])
    check(op, [x.transpose(0, 1, 3, 2)], orders=[(0, 2, 3, 1)])
    check(PoolIndices((2, 2, 2), (1, 1, 1), (0,) * 6, (1, 1, 1), False, columns), [_numbers((1, 2, 3, 4, 3), dtype)])
