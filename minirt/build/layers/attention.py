"""Layers of language models: attention, rotary embedding, key-value caches, mixtures of experts, collectives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minirt.build.layers.emit import Layer, cast, emit, ints, scalar, to_i64, translates, unsupported
from minirt.build.network import LayerCell, NetworkCells
from minirt.ir.graph import constant
from minirt.ir.op import Value
from minirt.types.dim import Expr
from minirt.types.dtype import bool_, f32

_LEAST = -3.0e38


@dataclass(eq=False)
class AttentionCell:
    """An attention: its boundary layers, and what only it knows."""

    network: NetworkCells
    entry: LayerCell
    exit: LayerCell
    extras: dict[str, Any] = field(default_factory=dict)

    @property
    def sink(self) -> Any:
        """Where the network reports."""
        return self.network.sink


@translates("ATTENTION_INPUT")
def attention_input(layer: Layer) -> list[Value]:
    """Query, key and value, as they are."""
    return [layer.operand(i) for i in range(3)]


@translates("ATTENTION_OUTPUT")
def attention(layer: Layer) -> Value:
    """normalize(query @ key^T + mask) @ value; heads of the query share those of key and value in groups."""
    q, k, v = (layer.operand(i) for i in range(3))
    k, v = _spread(layer, k, q), _spread(layer, v, q)
    scores = emit("MatMul", q, emit("Transpose", k, perm=[0, 1, 3, 2]))
    kind = layer.get("causal_kind", "NONE")
    if kind != "NONE":
        scores = _causal(scores, kind)
    mask = layer.optional(3)
    if mask is not None:
        held = emit("Where", mask, scores, scalar(_LEAST, scores)) if mask.dtype is bool_ else None
        scores = emit("Add", scores, mask) if held is None else held
    weights = emit("Softmax", scores, axis=3) if layer["norm_op"] == "SOFTMAX" else scores
    return emit("MatMul", weights, v)


def _spread(layer: Layer, value: Value, query: Value) -> Value:
    """Return keys or values with a head for each head of the query."""
    heads, groups = query.shape[1], value.shape[1]
    if heads == groups:
        return value
    if isinstance(heads, Expr) or isinstance(groups, Expr) or heads % groups:
        raise unsupported(layer, f"{heads} query heads are not a multiple of {groups} key heads")
    wide = emit("Unsqueeze", value, ints([2]))
    wide = emit("Tile", wide, ints([1, 1, int(heads // groups), 1, 1]))
    tail = emit("Slice", emit("Shape", value), ints([2]), ints([4]))
    head = emit("Slice", emit("Shape", value), ints([0]), ints([1]))
    return emit("Reshape", wide, emit("Concat", head, ints([int(heads)]), tail, axis=0))


def _count(value: Value, axis: int) -> Value:
    return emit("Gather", emit("Shape", value), constant(np.asarray(axis, np.int64)), axis=0)


def _ramp(size: Value) -> Value:
    return emit("Range", scalar(0, size), size, scalar(1, size))


def _causal(scores: Value, kind: str) -> Value:
    """Hide keys after each query, counted from the first ones or, for LOWER_RIGHT, from the last ones."""
    queries, keys = _count(scores, 2), _count(scores, 3)
    row = _ramp(queries)
    if kind == "LOWER_RIGHT":
        row = emit("Add", row, emit("Sub", keys, queries))
    seen = emit("LessOrEqual", _ramp(keys), emit("Unsqueeze", row, ints([1])))
    return emit("Where", seen, scores, scalar(_LEAST, scores))


@translates("ROTARY_EMBEDDING")
def rotary_embedding(layer: Layer) -> Value:
    """Rotate pairs of the first numbers of each head by angles whose cosines and sines are given by position."""
    x, cos, sin = (layer.operand(i) for i in range(3))
    places = layer.optional(3)
    if places is not None:
        cos, sin = (emit("Gather", table, places, axis=0) for table in (cos, sin))
    cos, sin = (emit("Unsqueeze", table, ints([1])) for table in (cos, sin))
    size, whole = int(layer["rotary_embedding_dim"]), x.shape[3]
    if isinstance(whole, Expr):
        raise unsupported(layer, "the size of heads is not known")
    whole = int(whole)
    size = size or whole
    turned, rest = _part(x, 0, size), None if size == whole else _part(x, size, whole)
    step = 2 if layer["interleaved"] else 1
    half = size // 2
    first = _part(turned, 0, size, 2) if step == 2 else _part(turned, 0, half)
    second = _part(turned, 1, size, 2) if step == 2 else _part(turned, half, size)
    real = emit("Sub", emit("Mul", first, cos), emit("Mul", second, sin))
    imaginary = emit("Add", emit("Mul", first, sin), emit("Mul", second, cos))
    if step == 2:
        pair = [emit("Unsqueeze", v, ints([4])) for v in (real, imaginary)]
        shape = emit("Shape", turned)
        made = emit("Reshape", emit("Concat", *pair, axis=4), shape)
    else:
        made = emit("Concat", real, imaginary, axis=3)
    return made if rest is None else emit("Concat", made, rest, axis=3)


def _part(x: Value, start: int, end: int, step: int = 1) -> Value:
    return emit("Slice", x, ints([start]), ints([end]), ints([3]), ints([step]))


@translates("KV_CACHE_UPDATE")
def kv_cache_update(layer: Layer) -> Value:
    """The cache [batch, heads, length, size] with new rows written from an index of each batch on."""
    cache, update, where = (layer.operand(i) for i in range(3))
    return emit("TensorScatter", cache, update, to_i64(where), axis=-2, mode="linear")


@translates("DIST_COLLECTIVE")
def dist_collective(layer: Layer) -> Value:
    """The operand: with one rank every collective is the identity."""
    return emit("Identity", layer.operand())


@translates("DYNAMIC_QUANTIZE")
def dynamic_quantize(layer: Layer) -> list[Value]:
    """Blocks along an axis divided by a scale of their own, so that the greatest fits the type; and the scales."""
    x, axis, size = layer.operand(), int(layer["axis"]), int(layer["block_size"])
    to, scale_type = layer["to_type"], layer["scale_type"]
    whole = x.shape[axis]
    if isinstance(whole, Expr) or whole % size:
        raise unsupported(layer, f"axis {axis} of {x.type} is not made of blocks of {size}")
    sizes = [d if isinstance(d, int) else 0 for d in x.shape]
    blocks = [*sizes[:axis], whole // size, size, *sizes[axis + 1 :]]
    wide = emit("Reshape", cast(x, f32), ints(blocks))
    most = emit("ReduceMax", emit("Abs", wide), ints([axis + 1]), keepdims=1)
    limit = _GREATEST.get(to.name)
    if limit is None:
        raise unsupported(layer, f"quantization to {to}")
    by = emit("Div", most, scalar(limit, most))
    double = layer.optional(1)
    if double is not None:
        by = emit("Div", by, cast(double, f32))
    scales = cast(by, scale_type)
    factor = cast(scales, f32)
    if double is not None:
        factor = emit("Mul", factor, cast(double, f32))
    tiny = emit("Equal", factor, scalar(0.0, factor))
    quotient = emit("Div", wide, emit("Where", tiny, scalar(1.0, factor), factor))
    data = cast(emit("Reshape", quotient, emit("Shape", x)), to)
    return [data, emit("Squeeze", scales, ints([axis + 1]))]


_GREATEST = {"f4": 6.0, "f8e4m3": 448.0}


@translates("MOE")
def mixture_of_experts(layer: Layer) -> Value:
    """The sum over the chosen experts of score * (activation(x @ gate) * (x @ up)) @ down.

    Operands: tokens [batch, length, size], chosen experts and their scores [batch, length, k]; gate and up
    [experts, size, inner], down [experts, inner, size]; then their biases [experts, inner or size].
    """
    x, chosen, scores, gate, up, down = (layer.operand(i) for i in range(6))
    biases = [layer.optional(i) for i in range(6, 9)]
    first = _expert(x, gate, biases[0], "bth,ehi->beti")
    second = _expert(x, up, biases[1], "bth,ehi->beti")
    first, second = _swiglu(layer, first, second)
    out = _expert(emit("Mul", first, second), down, biases[2], "beti,eih->beth")
    experts = emit("Gather", emit("Shape", gate), constant(np.asarray(0, np.int64)), axis=0)
    one_hot = emit("Equal", emit("Unsqueeze", to_i64(chosen), ints([3])), _ramp(experts))
    share = emit("Mul", cast(one_hot, x.dtype), emit("Unsqueeze", scores, ints([3])))
    return emit("Einsum", out, emit("ReduceSum", share, ints([2]), keepdims=0), equation="beth,bte->bth")


def _expert(x: Value, weights: Value, bias: Value | None, equation: str) -> Value:
    made = emit("Einsum", x, weights, equation=equation)
    return made if bias is None else emit("Add", made, emit("Unsqueeze", bias, ints([1])))


def _swiglu(layer: Layer, gate: Value, up: Value) -> tuple[Value, Value]:
    """Return the activated gate and what it multiplies, clamped and shifted where parameters say so."""
    limit, alpha, beta = (
        float(layer.get(f"swiglu_{n}", d)) for n, d in (("limit", 0.0), ("alpha", 1.0), ("beta", 0.0))
    )
    if limit > 0:
        gate = emit("Min", gate, scalar(limit, gate))
        up = emit("Clip", up, scalar(-limit, up), scalar(limit, up))
    if beta:
        up = emit("Add", up, scalar(beta, up))
    if layer["activation_type"] == "NONE":
        return gate, up
    return emit("Mul", gate, emit("Sigmoid", emit("Mul", gate, scalar(alpha, gate)))), up
