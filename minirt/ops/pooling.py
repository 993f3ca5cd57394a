"""Pooling over sliding windows, and over whole images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minirt.errors import MinirtError
from minirt.ir.op import Op, Value, apply
from minirt.ops.arithmetic import Abs, Pow
from minirt.ops.importer import OnnxNode, Result, importer, number
from minirt.ops.reduce import Reduce
from minirt.ops.window import padded, padding, spatial, window_count, windows
from minirt.types.dim import Dim
from minirt.types.dtype import NUMBERS, Array, i64
from minirt.types.tensor import Tensor, Type


def _lowest(dtype: np.dtype[Any]) -> float:
    return float("-inf") if dtype.kind not in "iu" else int(np.iinfo(dtype).min)


class Pool(Op):
    """Maximum, average or p-norm of each window of x [N, C, spatial...]; pads are begins, then ends.

    ``ceil_mode`` also counts a last partial window; an average divides by the window's elements inside x, or, with
    ``include_pad``, inside the padded x.  Padding is not taken into a maximum.
    """

    dtypes = NUMBERS

    kind: str
    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    pads: tuple[Dim, ...]
    dilations: tuple[int, ...]
    ceil_mode: bool = False
    include_pad: bool = False
    p: int = 2

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """[N, C, windows...]."""
        (x,) = inputs
        return (Tensor(x.dtype, pooled_shape(self, x.shape)),)

    def reference(self, *arrays: Any) -> Any:
        """One window position at a time over all windows."""
        x = np.asarray(arrays[0])
        if self.kind == "max":
            return _fold_taps(window_view(self, x, _lowest(x.dtype)), np.maximum)
        wide = x.astype(np.float64 if x.dtype == np.float64 else np.float32)
        if self.kind == "lp":
            sums = _fold_taps(window_view(self, np.abs(wide) ** self.p, 0.0), np.add)
            return (sums ** (1.0 / self.p)).astype(x.dtype)
        ones = np.ones((1, 1, *x.shape[2:]), dtype=wide.dtype)
        counts = window_view(self, ones, 0.0, border=1.0 if self.include_pad else 0.0)
        total = _fold_taps(window_view(self, wide, 0.0), np.add)
        return (total / _fold_taps(counts, np.add)).astype(x.dtype)


class PoolIndices(Op):
    """Where each maximum of ``Pool("max")`` lies: its index in the flattened x; column-major with ``column_major``."""

    dtypes = NUMBERS

    kernel: tuple[int, ...]
    strides: tuple[int, ...]
    pads: tuple[Dim, ...]
    dilations: tuple[int, ...]
    ceil_mode: bool = False
    column_major: bool = False

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """[N, C, windows...] of i64."""
        (x,) = inputs
        return (Tensor(i64, pooled_shape(self, x.shape)),)

    def reference(self, *arrays: Any) -> Any:
        """The first maximum of each window."""
        x = np.asarray(arrays[0])
        rank = x.ndim - 2
        sizes = x.shape[2:]
        steps = [int(np.prod(sizes[:i] if self.column_major else sizes[i + 1 :])) for i in range(rank)]
        place = sum(np.arange(n).reshape([-1] + [1] * (rank - 1 - i)) * steps[i] for i, n in enumerate(sizes))
        planes = np.arange(x.shape[0] * x.shape[1]).reshape(x.shape[0], x.shape[1], *[1] * rank) * int(np.prod(sizes))
        whole = np.broadcast_to(planes + np.asarray(place), x.shape)
        values = window_view(self, x, _lowest(x.dtype))
        inside = window_view(self, np.broadcast_to(whole, x.shape), -1)
        values, inside = (v.reshape(*v.shape[: 2 + rank], -1) for v in (values, inside))
        masked = np.where(inside < 0, _lowest(x.dtype), values)
        best = np.argmax(masked, axis=-1)[..., None]
        return np.take_along_axis(inside, best, axis=-1)[..., 0].astype(np.int64)


def pooled_shape(pool: Pool | PoolIndices, shape: tuple[Dim, ...]) -> tuple[Dim, ...]:
    """The shape of the pool's result."""
    rank = len(pool.kernel)
    if len(shape) != rank + 2:
        raise MinirtError(f"a window over {rank} axes does not fit an operand of rank {len(shape)}")
    ends = zip(pool.pads[:rank], pool.pads[rank:], strict=True)
    sizes = zip(shape[2:], pool.kernel, pool.strides, ends, pool.dilations, strict=True)
    return (*shape[:2], *(window_count(*s, up=pool.ceil_mode) for s in sizes))


def window_view(pool: Pool | PoolIndices, x: Array, fill: float, border: float | None = None) -> Array:
    """[N, C, out..., kernel...]: the windows of x, padded with ``border``, then ``fill`` up to the last."""
    rank = len(pool.kernel)
    counts = [int(c) for c in pooled_shape(pool, x.shape)[2:]]  # type: ignore[arg-type]
    wide = padded(x, [int(p) for p in pool.pads], fill if border is None else border)  # type: ignore[arg-type]
    steps = zip(counts, pool.strides, pool.kernel, pool.dilations, wide.shape[2:], strict=True)
    more = [max(0, (c - 1) * s + (k - 1) * d + 1 - have) for c, s, k, d, have in steps]
    view = windows(padded(wide, (0,) * 2 * rank, fill, more), pool.kernel, pool.strides, pool.dilations)
    return view[(slice(None), slice(None), *(slice(0, c) for c in counts))]


def _fold_taps(view: Array, combine: Any) -> Array:
    rank = (view.ndim - 2) // 2
    total: Any = None
    for tap in np.ndindex(view.shape[2 + rank :]):
        picked = view[(Ellipsis, *tap)]
        total = np.array(picked) if total is None else combine(total, picked, out=total)
    result: Array = total
    return result


def _fields(node: OnnxNode, x: Value) -> dict[str, Any]:
    kernel = node.static_ints("kernel_shape") or ()
    rank = len(kernel)
    if x.rank != rank + 2:
        raise MinirtError(f"kernel_shape {kernel} does not fit an input of rank {x.rank}")
    strides, dilations = spatial(node, "strides", rank), spatial(node, "dilations", rank)
    return {
        "kernel": kernel,
        "strides": strides,
        "pads": padding(node, x.shape[2:], kernel, strides, dilations),
        "dilations": dilations,
        "ceil_mode": bool(node.attributes.get("ceil_mode", 0)),
    }


@importer("MaxPool")
def _max_pool(node: OnnxNode) -> Result:
    x = node.input(0)
    fields = _fields(node, x)
    best = apply(Pool("max", **fields), x)
    if node.outputs < 2:
        return best
    return best, apply(PoolIndices(**fields, column_major=bool(node.attributes.get("storage_order", 0))), x)


@importer("AveragePool")
def _average_pool(node: OnnxNode) -> Result:
    x = node.input(0)
    return apply(Pool("average", **_fields(node, x), include_pad=bool(node.attributes.get("count_include_pad", 0))), x)


@importer("LpPool")
def _lp_pool(node: OnnxNode) -> Result:
    x = node.input(0)
    return apply(Pool("lp", **_fields(node, x), p=int(node.attributes.get("p", 2))), x)


def _over_space(x: Value, kind: str) -> Value:
    return apply(Reduce(kind, tuple(range(2, x.rank)), True), x)


@importer("GlobalAveragePool")
def _global_average_pool(node: OnnxNode) -> Result:
    return _over_space(node.input(0), "mean")


@importer("GlobalMaxPool")
def _global_max_pool(node: OnnxNode) -> Result:
    return _over_space(node.input(0), "max")


@importer("GlobalLpPool")
def _global_lp_pool(node: OnnxNode) -> Result:
    x, p = node.input(0), float(node.attributes.get("p", 2))
    powers = apply(Pow(), apply(Abs(), x), number(p, x.dtype))
    return apply(Pow(), _over_space(powers, "sum"), number(1.0 / p, x.dtype))
