"""Squeeze and excite: channels scaled before a 1x1 convolution scale its weights instead, image by image."""

from __future__ import annotations

from minirt.ir.graph import is_constant
from minirt.ir.match import P
from minirt.ir.op import Value, apply, op_of
from minirt.ir.scalar import uses_index
from minirt.ops.arithmetic import Mul
from minirt.ops.convolution import Conv
from minirt.ops.gemm import Gemm
from minirt.ops.movement import Reshape, Transpose
from minirt.optimize.rewrite import rule
from minirt.types.dim import Dim, product


@rule(P(Conv, P(Mul, "x", "scale", once=True, either=True), "w", bind="root", open=True))
def scaled_channels_scale_the_weights(x: Value, scale: Value, w: Value, root: Value) -> Value | None:
    """conv(x * s, w) = x @ (w * s) for each image, where s is one number a channel.

    Only where there are more pixels than results: the scaled weights of an image are fewer than its numbers, which are
    then read once and never written scaled.
    """
    op = op_of(root, Conv)
    if x.rank < 3 or not is_constant(w) or not _pointwise(op, w) or len(root.node.outputs) > 1:
        return None
    if op.epilogue is not None and uses_index(op.epilogue.results):
        return None
    batch, channels, *space = x.shape
    if scale.shape != (batch, channels, *(1,) * len(space)) or x.shape != (batch, *w.shape[1:2], *space):
        return None
    pixels, results = product(space), w.shape[0]
    if not isinstance(pixels, int) or not isinstance(results, int) or pixels <= results or x.dtype is not w.dtype:
        return None
    extras = [as_rows(e, root.shape) for e in root.node.inputs[2:]]
    if any(e is None for e in extras):
        return None
    rows = apply(Reshape((batch, pixels, channels)), channels_last(x))
    weights = apply(Reshape((1, results, channels)), w)
    scaled = apply(Mul(), weights, apply(Reshape((batch, 1, channels)), scale))
    made = apply(Gemm(trans_b=True, epilogue=op.epilogue), rows, scaled, *(e for e in extras if e is not None))
    spread = apply(Reshape((batch, *space, results)), made)
    return apply(Transpose((0, spread.rank - 1, *range(1, spread.rank - 1))), spread)


@rule(P(Conv, "x", "w", bind="root", open=True))
def single_pixels_are_rows(x: Value, w: Value, root: Value) -> Value | None:
    """conv(x, w) = x @ w, where x is one pixel of each image: what squeezes and excites is a product of a few rows."""
    op = op_of(root, Conv)
    if not is_constant(w) or not _pointwise(op, w) or len(root.node.outputs) > 1 or x.shape[2:] != root.shape[2:]:
        return None
    if any(d != 1 for d in x.shape[2:]) or (op.epilogue is not None and uses_index(op.epilogue.results)):
        return None
    extras = [as_rows(e, root.shape) for e in root.node.inputs[2:]]
    if any(e is None for e in extras):
        return None
    flat = [apply(Reshape(e.shape[:1] + e.shape[2:]), e) for e in extras if e is not None]
    weights = apply(Reshape(w.shape[:2]), w)
    made = apply(Gemm(trans_b=True, epilogue=op.epilogue), apply(Reshape(x.shape[:2]), x), weights, *flat)
    return apply(Reshape(root.shape), made)


def _pointwise(op: Conv, w: Value) -> bool:
    """True for a convolution that mixes the channels of each pixel alone."""
    plain = op.groups == 1 and all(s == 1 for s in op.strides) and all(isinstance(p, int) and p == 0 for p in op.pads)
    return plain and all(isinstance(k, int) and k == 1 for k in w.shape[2:])


def channels_last(x: Value) -> Value:
    """[N, C, space...] as [N, space..., C]."""
    return apply(Transpose((0, *range(2, x.rank), 1)), x)


def as_rows(extra: Value, shape: tuple[Dim, ...]) -> Value | None:
    """An operand that broadcasts to [N, O, space...] as one that does to [N, pixels, O]; None where it varies oddly."""
    if extra.tensor.size == 1:
        return apply(Reshape((1,)), extra)
    full = (1,) * (len(shape) - extra.rank) + extra.shape
    space, ones = full[2:], (1,) * len(full[2:])
    if space != shape[2:] and space != ones:
        return None
    return apply(Reshape((full[0], product(space), full[1])), channels_last(apply(Reshape(full), extra)))


EXCITE = (scaled_channels_scale_the_weights, single_pixels_are_rows)
