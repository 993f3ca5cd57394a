"""Sliding windows over spatial axes: sizes, paddings, and the columns that a convolution multiplies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minirt.errors import MinirtError
from minirt.ops.importer import OnnxNode
from minirt.types.dim import Dim, Expr, ceil, divide, floor, maximum, negative
from minirt.types.dtype import Array


def extent(kernel: Dim, dilation: int) -> Dim:
    """Elements that a dilated kernel spans."""
    return (kernel - 1) * dilation + 1


def window_count(size: Dim, kernel: Dim, stride: int, pads: tuple[Dim, Dim], dilation: int, up: bool = False) -> Dim:
    """How many windows fit along an axis; ``up`` also counts a last partial one that starts before the end padding."""
    if not isinstance(kernel, Expr) and kernel < 1:
        raise MinirtError(f"a window of {kernel} holds nothing")
    free = size + pads[0] + pads[1] - extent(kernel, dilation)
    if not isinstance(free, Expr) and free < 0:
        raise MinirtError(
            f"a window of {extent(kernel, dilation)} is larger than {size} padded by {pads[0]} and {pads[1]}"
        )
    if not up:
        return floor(divide(free, stride)) + 1
    count = ceil(divide(free, stride)) + 1
    return count - negative(size + pads[0] - 1 - (count - 1) * stride)


def spatial(node: OnnxNode, name: str, rank: int, default: int = 1) -> tuple[int, ...]:
    """An attribute with one number for each spatial axis."""
    found = node.static_ints(name) or (default,) * rank
    if len(found) != rank:
        raise MinirtError(f"{name} has {len(found)} numbers for {rank} spatial axes")
    if any(x < 1 for x in found):
        raise MinirtError(f"{name} = {found} must be positive")
    return found


def padding(
    node: OnnxNode, sizes: Sequence[Dim], kernel: Sequence[Dim], strides: Sequence[int], dilations: Sequence[int]
) -> tuple[Dim, ...]:
    """Begins, then ends, with ``auto_pad`` worked out; SAME pads so that there are ceil(size / stride) windows."""
    rank = len(sizes)
    mode = str(node.attributes.get("auto_pad", "NOTSET"))
    if mode in ("NOTSET", ""):
        found = node.static_ints("pads") or (0,) * 2 * rank
        if len(found) != 2 * rank:
            raise MinirtError(f"pads has {len(found)} numbers for {rank} spatial axes")
        return found
    if mode == "VALID":
        return (0,) * 2 * rank
    if mode not in ("SAME_UPPER", "SAME_LOWER"):
        raise MinirtError(f"auto_pad is {mode!r}")
    totals = [
        maximum((ceil(divide(n, s)) - 1) * s + extent(k, d) - n, 0)
        for n, k, s, d in zip(sizes, kernel, strides, dilations, strict=True)
    ]
    return split_padding(totals, upper=mode == "SAME_UPPER")


def split_padding(totals: Sequence[Dim], upper: bool) -> tuple[Dim, ...]:
    """Total paddings as begins, then ends; the odd element goes to the end where ``upper``."""
    small = [floor(divide(t, 2)) for t in totals]
    large = [t - s for t, s in zip(totals, small, strict=True)]
    return tuple(small + large) if upper else tuple(large + small)


def padded(x: Array, pads: Sequence[int], fill: float, extra: Sequence[int] = ()) -> Array:
    """x with its spatial axes padded (begins, then ends), ``extra`` more at the ends; negative pads cut."""
    rank = x.ndim - 2
    more = list(extra) or [0] * rank
    begins, ends = list(pads[:rank]), [p + e for p, e in zip(pads[rank:], more, strict=True)]
    cut = tuple(slice(max(0, -b), n - max(0, -e)) for b, e, n in zip(begins, ends, x.shape[2:], strict=True))
    width = [(0, 0), (0, 0), *((max(0, b), max(0, e)) for b, e in zip(begins, ends, strict=True))]
    return (
        np.pad(x[(slice(None), slice(None), *cut)], width, constant_values=fill)
        if any(map(any, width))
        else x[(slice(None), slice(None), *cut)]
    )


def windows(x: Array, kernel: Sequence[int], strides: Sequence[int], dilations: Sequence[int]) -> Array:
    """A view [N, C, out..., kernel...] of the windows of a padded x [N, C, spatial...]."""
    rank = len(kernel)
    spans = [int(extent(k, d)) for k, d in zip(kernel, dilations, strict=True)]  # type: ignore[arg-type]
    view: Any = np.lib.stride_tricks.sliding_window_view(x, spans, axis=tuple(range(2, 2 + rank)))  # type: ignore[call-overload]
    steps = tuple(slice(None, None, s) for s in strides)
    taps = tuple(slice(None, None, d) for d in dilations)
    found: Array = view[(slice(None), slice(None), *steps, *taps)]
    return found
