"""How constant operands of matrix kernels are packed: NumPy functions run once at load."""

from __future__ import annotations

from typing import Any

import numpy as np

from minirt.kernels.kernel import pack
from minirt.types.dtype import Array

_BLOCK = 128


@pack
def pack_conv_weights(weights: Array, spec: dict[str, Any]) -> Array:
    """[O, I / groups, R, S] (any number of tap axes) as [O, R, S, I / groups], rows padded with zeros to ``row``.

    ``ordered``: a multiple of 32 of them, by ``column_order``.
    """
    rows = np.moveaxis(weights, 1, -1).reshape(weights.shape[0], -1)
    rows = np.pad(rows, ((0, 0), (0, int(spec.get("row", rows.shape[1])) - rows.shape[1])))
    if spec.get("ordered"):
        rows = np.pad(rows, ((0, -len(rows) % 32), (0, 0)))
        rows = rows[column_order(len(rows))]
    return np.ascontiguousarray(rows)


def column_order(count: int) -> Array:
    """Which column lies at each place (of a multiple of 32).

    A tensor core gives lane t of a quad columns 2t, 2t + 1 of each block of eight: of four blocks in this order these
    are columns 8t to 8t + 7.
    """
    at = np.arange(count)
    return at // 32 * 32 + at % 8 // 2 * 8 + at % 32 // 8 * 2 + at % 2


@pack
def pack_stem_weights(weights: Array, spec: dict[str, Any]) -> Array:
    """[O, I, R, S], I <= 4 (or [O, I, S]), as [O, R, S * 4] with zeros for further channels, rows padded to ``row``."""
    taps = weights.reshape(*weights.shape[:2], -1, weights.shape[-1]).transpose(0, 2, 3, 1)
    rows = np.pad(taps, ((0, 0), (0, 0), (0, 0), (0, 4 - taps.shape[3]))).reshape(*taps.shape[:2], -1)
    return pack_rows(rows, spec)


@pack
def pack_conv_transpose_weights(weights: Array, spec: dict[str, Any]) -> Array:
    """[I, O / groups, R, S] as [O, R, S, I / groups]; ``groups`` in the spec."""
    groups = int(spec["groups"])
    per, out = weights.shape[0] // groups, weights.shape[1]
    grouped = weights.reshape(groups, per, out, -1)
    return np.ascontiguousarray(grouped.transpose(0, 2, 3, 1).reshape(groups * out, -1))


@pack
def pack_depthwise_weights(weights: Array, spec: dict[str, Any]) -> Array:
    """[C, 1, R, S] as [R * S, C]; ``wide`` in the spec: as float32."""
    taps = weights.reshape(weights.shape[0], -1).T
    return np.ascontiguousarray(taps.astype(np.float32) if spec.get("wide") else taps)


@pack
def pack_rows(weights: Array, spec: dict[str, Any]) -> Array:
    """Rows padded with zeros to ``row`` elements; ``ordered``: of a matrix, as ``pack_transposed`` orders them."""
    width = [(0, 0)] * (weights.ndim - 1) + [(0, int(spec["row"]) - weights.shape[-1])]
    return _ordered_rows(np.ascontiguousarray(np.pad(weights, width)), spec)


@pack
def pack_columns(weights: Array, spec: dict[str, Any]) -> Array:
    """A matrix, its columns padded with zeros to a multiple of 32 and put in ``column_order``."""
    k, n = weights.shape
    padded = np.ascontiguousarray(np.pad(weights, ((0, 0), (0, -n % 32))))
    pairs = padded.view(f"u{2 * padded.itemsize}").reshape(k, -1, 4, 4)
    return np.ascontiguousarray(pairs.swapaxes(2, 3)).reshape(k, -1).view(weights.dtype)


def _ordered_rows(rows: Array, spec: dict[str, Any]) -> Array:
    if not spec.get("ordered"):
        return rows
    rows = np.pad(rows, ((0, -len(rows) % 32), (0, 0)))
    return np.ascontiguousarray(rows[column_order(len(rows))])


@pack
def pack_transposed(weights: Array, spec: dict[str, Any]) -> Array:
    """The last two axes swapped, rows padded with zeros to ``row`` elements.

    ``ordered``: of a matrix, a multiple of 32 rows, by ``column_order``.
    """
    k, n = weights.shape[-2:]
    row = int(spec["row"])
    out = (np.zeros if row > k else np.empty)((*weights.shape[:-2], n, row), weights.dtype)
    for i in range(0, k, _BLOCK):  # by blocks that a cache holds, read and written row by row: rows of 2^n bytes
        for j in range(0, n, _BLOCK):  # would fall onto a few lines of it (0.3 GB/s, not 2.5)
            block = np.swapaxes(weights[..., i : i + _BLOCK, j : j + _BLOCK].copy(), -1, -2)
            out[..., j : j + _BLOCK, i : i + block.shape[-1]] = np.ascontiguousarray(block)
    return _ordered_rows(out, spec)
