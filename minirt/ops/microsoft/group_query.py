"""GroupQueryAttention: several heads of queries share one of keys, which a cache of known length holds."""

from __future__ import annotations

from minirt.errors import MinirtError
from minirt.ir.op import Value, apply
from minirt.ops.arithmetic import Add, Mul, Sub
from minirt.ops.cast import casted
from minirt.ops.importer import OnnxNode, Result, number
from minirt.ops.indexing import Gather
from minirt.ops.logic import And, Equal, Less, LessOrEqual, where
from minirt.ops.microsoft.attending import (
    Scoring,
    attended,
    joined_heads,
    lengthened,
    parts_of,
    put_after,
    scale_of,
    split_heads,
)
from minirt.ops.microsoft.registry import microsoft
from minirt.ops.microsoft.rotary import rotated
from minirt.ops.movement import Iota, dims_value, reshaped, sliced
from minirt.ops.normalization import Normalization
from minirt.types.dim import Dim, divide, maximum
from minirt.types.dtype import i64


def _check(node: OnnxNode) -> None:
    """Raises MinirtError for what is not supported."""
    for name, usual in (("sliding_window_cache", 0), ("k_quant_type", "NONE"), ("v_quant_type", "NONE")):
        if node.attributes.get(name, usual) != usual:
            raise MinirtError(f"{name} is not supported")
    if node.optional(16) is not None:
        raise MinirtError("query_seqlens is not supported")


class _Lengths:
    """How far each sequence of the batch has come: i64 values of rank 0, or [B, 1]."""

    def __init__(self, node: OnnxNode, batch: Dim, length: Dim, cached: Dim) -> None:
        self.ends = apply(Add(), reshaped(casted(node.input(5), i64), (batch, 1)), number(1, i64))
        total = node.input(6)
        queries = dims_value([length], i64, ())
        self.prompt = apply(Equal(), reshaped(casted(total, i64), ()), queries)
        """Whether nothing came before."""
        self.past = where(self.prompt, number(0, i64), apply(Sub(), self.ends, queries))
        self.places = apply(Add(), self.past, apply(Iota((1, length), 1, i64)))
        """[B, S]: where in its sequence each query is."""
        if total.ints is not None:
            known = total.ints[0]
            self.whole: Dim = maximum(cached, known if not isinstance(known, float) else int(known))
        else:
            self.whole = cached + length
        """How many places the present cache has."""


def _appended(past: Value | None, x: Value, lengths: _Lengths) -> Value:
    """The cache [B, G, whole, H] with x [B, G, S, H] put after what each sequence has had."""
    if past is None:
        return x
    return put_after(lengthened(past, 2, lengths.whole), x, lengths.places)


def _normal(node: OnnxNode, x: Value, weight: Value | None, name: str) -> Value:
    """Each head over its root mean square, where there are weights for it."""
    if weight is None:
        return x
    epsilon = float(node.attributes.get(name, node.attributes.get("qk_norm_epsilon", 1e-6)))
    return apply(Mul(), apply(Normalization((3,), "rms", epsilon), x), weight)


def _seen(node: OnnxNode, lengths: _Lengths, keys: Dim) -> Value:
    """bool [B, 1, S, T]: the keys up to each query, and none further back than the window."""
    key = apply(Iota((1, 1, 1, keys), 3, i64))
    batch = lengths.ends.shape[0]
    if not node.attributes.get("causal", 1):
        return apply(Less(), key, reshaped(lengths.ends, (batch, 1, 1, 1)))
    last = reshaped(lengths.places, (batch, 1, lengths.places.shape[1], 1))
    seen = apply(LessOrEqual(), key, last)
    window = int(node.attributes.get("local_window_size", -1))
    if window <= 0:
        return seen
    return apply(And(), seen, apply(Less(), apply(Sub(), last, number(window, i64)), key))


def _positions(node: OnnxNode, lengths: _Lengths) -> Value:
    """Which row of the rotary tables each token has; those given start a prompt by their first one."""
    given = node.optional(9)
    if given is None:
        return lengths.places
    first = reshaped(sliced(sliced(given, 0, 0, 1), 1, 0, 1), (1, 1))
    row = apply(Iota((1, lengths.places.shape[1]), 1, i64))
    return where(lengths.prompt, apply(Add(), first, row), given)


def _sink(node: OnnxNode, q: Value) -> Value | None:
    """A score without a value, one a head; 0 where smooth_softmax alone is set."""
    given = node.optional(11)
    if given is not None:
        return reshaped(given, (1, q.shape[1], 1, 1))
    return number(0, q.dtype) if int(node.attributes.get("smooth_softmax", -1)) == 1 else None


@microsoft("GroupQueryAttention")
def _group_query(node: OnnxNode) -> Result:
    """Keys and values are put into the cache, then queries attend to it."""
    _check(node)
    many, few = int(node.attributes["num_heads"]), int(node.attributes["kv_num_heads"])
    query, key, value = node.input(0), node.optional(1), node.optional(2)
    if key is None or value is None:
        size = divide(query.shape[2], many + 2 * few)
        query, key, value = parts_of(query, (many * size, few * size, few * size))
    q, k, v = split_heads(query, many), split_heads(key, few), split_heads(value, few)
    q, k = _normal(node, q, node.optional(14), "q_norm_epsilon"), _normal(node, k, node.optional(15), "k_norm_epsilon")
    past = node.optional(3), node.optional(4)
    lengths = _Lengths(node, q.shape[0], q.shape[2], 0 if past[0] is None else past[0].shape[2])
    if node.attributes.get("do_rotary", 0):
        tables = [apply(Gather(0), node.input(i), _positions(node, lengths)) for i in (7, 8)]
        q, k = (rotated(x, tables[0], tables[1], bool(node.attributes.get("rotary_interleaved", 0))) for x in (q, k))
    k, v = _appended(past[0], k, lengths), _appended(past[1], v, lengths)
    bias = node.optional(10)
    how = Scoring(
        scale_of(node, q.shape[3]),
        () if bias is None else (bias,),
        _seen(node, lengths, k.shape[2]),
        float(node.attributes.get("softcap", 0.0)),
        _sink(node, q),
    )
    y, scores, weights = attended(q, k, v, how)
    shown = scores if int(node.attributes.get("qk_output", 0)) == 1 else weights
    return [joined_heads(y), k, v, shown][: node.outputs]
