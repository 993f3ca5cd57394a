"""Attention, MultiHeadAttention and their kin, as products, a softmax and masks."""

from __future__ import annotations

from dataclasses import dataclass, replace

from minirt.errors import MinirtError
from minirt.ir.op import Value, apply
from minirt.ops.arithmetic import Add, Mul
from minirt.ops.cast import casted
from minirt.ops.gemm import matmul
from minirt.ops.importer import OnnxNode, Result
from minirt.ops.logic import LessOrEqual
from minirt.ops.microsoft.attending import (
    Scoring,
    attended,
    causal_mask,
    joined_heads,
    lengthened,
    mask_of,
    parts_of,
    put_after,
    scale_of,
    split_heads,
)
from minirt.ops.microsoft.registry import microsoft
from minirt.ops.movement import Concat, Iota, reshaped, sliced, transposed
from minirt.ops.quantized_products import integer_product, one
from minirt.ops.shape import concatenated, unsqueezed
from minirt.types.dim import divide
from minirt.types.dtype import f32, i64


def _refused(node: OnnxNode, *attributes: str) -> None:
    for name in attributes:
        if node.attributes.get(name, 0):
            raise MinirtError(f"{name} is not supported")


def _scores(node: OnnxNode, q: Value, k: Value, mask: Value | None, bias: Value | None) -> Scoring:
    """The node's scale, with its masks added."""
    added = [] if mask is None else [mask_of(node, mask, q.shape[0], k.shape[2], q.dtype)]
    added += [] if bias is None else [bias]
    if node.attributes.get("unidirectional", 0):
        added.append(causal_mask(q.shape[2], k.shape[2], q.dtype))
    return Scoring(scale_of(node, q.shape[3]), tuple(added))


def _self_attention(
    node: OnnxNode, projected: Value, mask: Value | None, past: Value | None, bias: Value | None
) -> Result:
    """Attention of what the weights made of the input, [B, S, q + k + v]; keys and values follow those of the past."""
    _refused(node, "do_rotary", "past_present_share_buffer")
    count = int(node.attributes["num_heads"])
    sizes = node.static_ints("qkv_hidden_sizes") or (divide(projected.shape[2], 3),) * 3
    q, k, v = (split_heads(x, count) for x in parts_of(projected, sizes))
    if past is not None:
        k, v = (_after(sliced(past, 0, i, 1), x) for i, x in enumerate((k, v)))
    y, _, _ = attended(q, k, v, _scores(node, q, k, mask, bias))
    if node.outputs < 2:
        return joined_heads(y)
    return joined_heads(y), concatenated([unsqueezed(k, [0]), unsqueezed(v, [0])], 0)


def _after(past: Value, x: Value) -> Value:
    """x [B, N, S, H] after the past's, [B, N, P, H] or with a leading 1."""
    return apply(Concat(2), reshaped(past, past.shape[-4:]), x)


@microsoft("Attention")
def _attention(node: OnnxNode) -> Result:
    projected, bias = matmul(node.input(0), node.input(1)), node.optional(2)
    projected = projected if bias is None else apply(Add(), projected, bias)
    return _self_attention(node, projected, node.optional(3), node.optional(4), node.optional(5))


@microsoft("QAttention")
def _quantized_attention(node: OnnxNode) -> Result:
    x, weights, bias, x_scale, scale = (node.input(i) for i in range(5))
    total = integer_product(x, weights, node.optional(6), node.optional(7))
    projected = apply(Mul(), casted(total, f32), apply(Mul(), one(x_scale), one(scale)))
    return _self_attention(node, apply(Add(), projected, bias), node.optional(5), node.optional(8), None)


class _Operands:
    """Queries, keys and values of MultiHeadAttention as heads [B, N, S, H], whichever way they come."""

    def __init__(self, node: OnnxNode, bias: Value | None) -> None:
        query, key, value = node.input(0), node.optional(1), node.optional(2)
        count = int(node.attributes["num_heads"])
        self.cross = key is not None and key.rank == 4  # keys and values of another sequence, as they are
        if query.rank == 5:
            parts = _packed(query, 3)
        elif key is None:
            parts = [split_heads(x, count) for x in parts_of(query, (divide(query.shape[2], 3),) * 3)]
        elif value is None:
            parts = [split_heads(query, count), *_packed(key, 2)]
        else:
            parts = [split_heads(query, count), *(x if x.rank == 4 else split_heads(x, count) for x in (key, value))]
        if bias is not None:
            widths = [x.shape[1] * x.shape[3] for x in parts]
            shares = [reshaped(b, (count, 1, x.shape[3])) for b, x in zip(parts_of(bias, widths), parts, strict=True)]
            kept = 1 if self.cross else 3
            parts = [apply(Add(), x, b) if i < kept else x for i, (x, b) in enumerate(zip(parts, shares, strict=True))]
        self.q, self.k, self.v = parts


def _packed(x: Value, count: int) -> list[Value]:
    """[B, S, N, count, H] as that many of [B, N, S, H]."""
    batch, length, number, _, size = x.shape
    shape = (batch, length, number, size)
    return [transposed(reshaped(sliced(x, 3, i, 1), shape), (0, 2, 1, 3)) for i in range(count)]


@dataclass(frozen=True)
class _Cache:
    """What came before: keys and values, and, where the present shares their buffer, how many of its places count."""

    keys: Value
    values: Value
    filled: Value | None


def _cache(node: OnnxNode, first: int) -> _Cache | None:
    """The inputs from ``first`` on: past keys, past values, the length of both."""
    keys, values, filled = (node.optional(first + i) for i in range(3))
    return None if keys is None or values is None else _Cache(keys, values, filled)


def _multi_head(
    node: OnnxNode, bias: Value | None, mask: Value | None, added: Value | None, cache: _Cache | None
) -> Result:
    given = _Operands(node, bias)
    q, k, v, seen = given.q, given.k, given.v, None
    if cache is not None and cache.filled is not None and not given.cross:
        filled = reshaped(casted(cache.filled, i64), (1, 1))
        places = apply(Add(), filled, apply(Iota((1, q.shape[2]), 1, i64)))
        k, v = put_after(cache.keys, k, places), put_after(cache.values, v, places)
        whole = k.shape[2]
        seen = apply(LessOrEqual(), apply(Iota((1, whole), 1, i64)), reshaped(places, (q.shape[2], 1)))
        mask = None if mask is None or mask.rank == 1 else lengthened(mask, mask.rank - 1, whole)
        added = None if added is None else lengthened(added, 3, whole)
    elif cache is not None and not given.cross:
        k, v = _after(cache.keys, k), _after(cache.values, v)
    y, scores, _ = attended(q, k, v, replace(_scores(node, q, k, mask, added), seen=seen))
    return [joined_heads(y), k, v, scores][: node.outputs]


@microsoft("MultiHeadAttention")
def _multi_head_attention(node: OnnxNode) -> Result:
    if node.optional(9) is not None:
        raise MinirtError("keys and values of several beams are not supported")
    return _multi_head(node, node.optional(3), node.optional(4), node.optional(5), _cache(node, 6))


@microsoft("DecoderMaskedMultiHeadAttention")
def _decoder_masked(node: OnnxNode) -> Result:
    """One query a sequence."""
    if node.optional(9) is not None:
        raise MinirtError("keys and values of several beams are not supported")
    return _multi_head(node, node.optional(10), node.optional(3), node.optional(4), _cache(node, 5))
