"""Normalizations that onnxruntime's optimizer writes: with a residual, or with embeddings, taken in."""

from __future__ import annotations

from minirt.ir.op import Value, apply
from minirt.ops.arithmetic import Add, Mul
from minirt.ops.cast import casted
from minirt.ops.importer import OnnxNode, Result, axis_of, importer, number
from minirt.ops.indexing import Gather
from minirt.ops.microsoft.quantized import real
from minirt.ops.microsoft.registry import microsoft
from minirt.ops.movement import expanded, sliced
from minirt.ops.normalization import Normalization
from minirt.ops.normalization_onnx import statistics
from minirt.ops.reduce import reduced
from minirt.types.dtype import from_onnx, i32


def _normal(x: Value, kind: str, epsilon: float, scale: Value, bias: Value | None) -> Value:
    """Over the last axis, scaled and shifted."""
    out = apply(Mul(), apply(Normalization((x.rank - 1,), kind, epsilon), x), scale)
    return out if bias is None else apply(Add(), out, bias)


@microsoft("SkipLayerNormalization")
def _skip(node: OnnxNode) -> Result:
    """Scaled result, mean and 1 / deviation, and the sum."""
    return _with_residual(node, "layer", node.optional(3), node.optional(4))


@microsoft("SkipSimplifiedLayerNormalization")
def _skip_rms(node: OnnxNode) -> Result:
    return _with_residual(node, "rms", None, node.optional(3))


def _with_residual(node: OnnxNode, kind: str, shift: Value | None, bias: Value | None) -> list[Value]:
    x = apply(Add(), node.input(0), node.input(1))
    x = x if bias is None else apply(Add(), x, bias)
    epsilon = float(node.attributes.get("epsilon", 1e-12))
    out = _normal(x, kind, epsilon, node.input(2), shift)
    return [out, *statistics(x, [x.rank - 1], epsilon), x][: node.outputs] if node.outputs > 1 else [out]


@importer("SimplifiedLayerNormalization")
def _rms(node: OnnxNode) -> Result:
    """RMSNormalization by its older name; written in the default domain."""
    x = node.input(0)
    axes = tuple(range(axis_of(int(node.attributes.get("axis", -1)), x.rank), x.rank))
    wide = casted(x, from_onnx(int(node.attributes.get("stash_type", 1)))) if x.dtype.bits < 32 else x
    normal = apply(Normalization(axes, "rms", float(node.attributes.get("epsilon", 1e-5))), wide)
    return apply(Mul(), casted(normal, node.input(1).dtype), node.input(1))


@microsoft("EmbedLayerNormalization")
def _embed(node: OnnxNode) -> Result:
    """Word, position and segment embeddings, summed and normalized; the mask's sums are the second result."""
    ids, segments = node.input(0), node.optional(1)
    words, places, kinds = node.input(2), node.input(3), node.optional(4)
    scale, shift, mask, position = node.input(5), node.input(6), node.optional(7), node.optional(8)
    found = sliced(places, 0, 0, ids.shape[1]) if position is None else apply(Gather(0), places, position)
    x = apply(Add(), apply(Gather(0), words, ids), found)
    if segments is not None and kinds is not None:
        x = apply(Add(), x, apply(Gather(0), kinds, segments))
    return _embedded(node, x, scale, shift, mask)


def _embedded(node: OnnxNode, x: Value, scale: Value, shift: Value, mask: Value | None) -> Result:
    out = _normal(x, "layer", float(node.attributes.get("epsilon", 1e-12)), scale, shift)
    if mask is None:
        count = expanded(number(0, i32), x.shape[:1])
    else:
        count = reduced("sum", casted(mask, i32), [1], keepdims=False)
    return [out, count, x][: node.outputs]


@microsoft("QEmbedLayerNormalization")
def _quantized_embed(node: OnnxNode) -> Result:
    """Tables and vectors of 8 bits; rows are gathered before they are dequantized."""

    def wide(x: Value, at: int) -> Value:
        return real(x, node.input(8 + at), node.optional(13 + at))

    ids, segments, kinds = node.input(0), node.optional(1), node.optional(4)
    x = apply(Add(), wide(apply(Gather(0), node.input(2), ids), 0), wide(sliced(node.input(3), 0, 0, ids.shape[1]), 1))
    if segments is not None and kinds is not None:
        x = apply(Add(), x, wide(apply(Gather(0), kinds, segments), 2))
    return _embedded(node, x, wide(node.input(5), 3), wide(node.input(6), 4), node.optional(7))
