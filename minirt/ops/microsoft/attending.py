"""What onnxruntime's attention ops share: heads, masks, and the softmax between two products, spelled out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from minirt.errors import MinirtError
from minirt.ir.op import Value, apply
from minirt.ops.arithmetic import Add, Div, Max, Mul, Sub
from minirt.ops.arithmetic_functions import Exp, Tanh
from minirt.ops.attention import heads, seen_keys
from minirt.ops.cast import casted
from minirt.ops.gemm import Gemm
from minirt.ops.importer import OnnxNode, number
from minirt.ops.indexing import ScatterElements
from minirt.ops.logic import And, GreaterOrEqual, Less, where
from minirt.ops.movement import Iota, Pad, expanded, reshaped, sliced, transposed
from minirt.ops.reduce import reduced
from minirt.ops.softmax import Softmax
from minirt.types.dim import Dim, divide
from minirt.types.dtype import DType, i64

FILTER = -10000.0
LOWEST = -3.4028234663852886e38
_NARROWEST = -65504.0


def split_heads(x: Value, count: int) -> Value:
    """[B, S, count * H] as [B, count, S, H]."""
    batch, length, width = x.shape
    return transposed(reshaped(x, (batch, length, count, divide(width, count))), (0, 2, 1, 3))


def joined_heads(x: Value) -> Value:
    """[B, N, S, H] as [B, S, N * H]."""
    batch, count, length, size = x.shape
    return reshaped(transposed(x, (0, 2, 1, 3)), (batch, length, count * size))


def parts_of(x: Value, sizes: Sequence[Dim]) -> list[Value]:
    """Slices of these sizes of the last axis, one after the other."""
    out, start = [], 0
    for size in sizes:
        out.append(sliced(x, x.rank - 1, start, size))
        start = start + size  # type: ignore[assignment]
    return out


def hidden_by(condition: Value, filler: float, dtype: DType) -> Value:
    """What is added to scores: 0 where the condition holds, the filler elsewhere."""
    low = max(filler, _NARROWEST) if dtype.name == "f16" else filler
    return where(condition, number(0.0, dtype), number(low, dtype))


def mask_of(node: OnnxNode, mask: Value, batch: Dim, total: Dim, dtype: DType) -> Value:
    """onnxruntime's masks as numbers that broadcast to scores [B, N, S, T].

    Raw ones are [B, T] or [B, S, T] of 0 and 1; others say where keys end, [B], or end and start, [2 * B].
    """
    filler = float(node.attributes.get("mask_filter_value", FILTER))
    if mask.rank in (2, 3):
        shape = (mask.shape[0], 1, 1, mask.shape[1]) if mask.rank == 2 else (mask.shape[0], 1, *mask.shape[1:])
        return hidden_by(apply(Less(), number(0, mask.dtype), reshaped(mask, shape)), filler, dtype)
    if mask.rank != 1 or mask.shape[0] not in (batch, batch * 2):
        raise MinirtError(f"a mask {mask.type} is not supported for a batch of {batch}")
    keys = apply(Iota((1, 1, 1, total), 3, i64))
    ends = reshaped(casted(sliced(mask, 0, 0, batch), i64), (batch, 1, 1, 1))
    seen = apply(Less(), keys, ends)
    if mask.shape[0] != batch:
        starts = reshaped(casted(sliced(mask, 0, batch, batch), i64), (batch, 1, 1, 1))
        seen = apply(And(), seen, apply(GreaterOrEqual(), keys, starts))
    return hidden_by(seen, filler, dtype)


def causal_mask(queries: Dim, keys: Dim, dtype: DType) -> Value:
    """Numbers [S, T] that hide from each query, the last of which meets the last key, what comes after it."""
    return hidden_by(seen_keys(queries, keys, keys - queries), LOWEST, dtype)


@dataclass(frozen=True)
class Scoring:
    """How scores become weights: ``added`` are masks and biases, ``seen`` says which keys count at all."""

    scale: float
    added: tuple[Value, ...] = ()
    seen: Value | None = None
    softcap: float = 0.0
    sink: Value | None = None
    """A score, broadcast to [B, N, S, 1], that takes its share of the weights and has no value."""


def scale_of(node: OnnxNode, size: Dim) -> float:
    """The node's scale; 1 / sqrt(head size) where it has none, or 0."""
    given = float(node.attributes.get("scale", 0.0))
    if given:
        return given
    if not isinstance(size, int):
        raise MinirtError(f"the size of a head, {size}, must be known")
    return 1.0 / math.sqrt(size)


def attended(q: Value, k: Value, v: Value, how: Scoring) -> tuple[Value, Value, Value]:
    """[B, N, S, E], the scores and the weights, for q [B, N, S, H], k [B, G, T, H], v [B, G, T, E]; G divides N."""
    share = heads(q.shape, k.shape)
    scores = apply(Gemm(trans_b=True), q, spread_heads(k, share))
    scores = apply(Mul(), scores, number(how.scale, q.dtype))
    if how.softcap > 0:
        scores = apply(Tanh(), apply(Mul(), scores, number(1.0 / how.softcap, q.dtype)))
        scores = apply(Mul(), scores, number(how.softcap, q.dtype))
    for each in how.added:
        scores = apply(Add(), scores, casted(each, q.dtype))
    if how.seen is not None:
        scores = where(how.seen, scores, number(float("-inf"), q.dtype))
    weights = apply(Softmax(3), scores) if how.sink is None else _shared(scores, how.sink)
    return apply(Gemm(), weights, spread_heads(v, share)), scores, weights


def _shared(scores: Value, sink: Value) -> Value:
    """Softmax with one more score, whose weight is left out."""
    most = apply(Max(), reduced("max", scores, [3]), sink)
    raised = apply(Exp(), apply(Sub(), scores, most))
    total = apply(Add(), reduced("sum", raised, [3]), apply(Exp(), apply(Sub(), sink, most)))
    return apply(Div(), raised, total)


def spread_heads(x: Value, share: Dim) -> Value:
    """A head for each head of the queries."""
    if share == 1:
        return x
    batch, few, length, size = x.shape
    wide = expanded(reshaped(x, (batch, few, 1, length, size)), (batch, few, share, length, size))
    return reshaped(wide, (batch, few * share, length, size))


def put_after(past: Value, x: Value, places: Value) -> Value:
    """The cache [B, G, T, H] with x [B, G, S, H] at the places of its steps, i64 that broadcast to [B, S]."""
    lead = (1,) * (2 - places.rank) + places.shape
    spread = reshaped(places, (lead[0], 1, lead[1], 1))
    return apply(ScatterElements(2), past, expanded(spread, x.shape), x)


def lengthened(x: Value, axis: int, size: Dim) -> Value:
    """x with zeros after it, up to ``size`` along an axis."""
    more = size - x.shape[axis]
    ends: tuple[Dim, ...] = tuple(more if i == axis else 0 for i in range(x.rank))
    return x if more == 0 else apply(Pad((0,) * x.rank, ends), x, number(0, x.dtype))
