"""Known compositions, found again: normalisation and softmax written out in simpler ops, scales next to weights."""

from __future__ import annotations

import numpy as np

from minirt.ir.graph import array_of, constant, is_constant
from minirt.ir.match import C, P
from minirt.ir.op import Value, apply, op_of
from minirt.ir.scalar import Body, arg, call, cast
from minirt.ops.arithmetic import Add, Div, Mul, Pow, Sub
from minirt.ops.arithmetic_functions import Exp, Sqrt
from minirt.ops.convolution import Conv
from minirt.ops.normalization import Normalization
from minirt.ops.reduce import Reduce
from minirt.ops.softmax import Softmax
from minirt.optimize.rewrite import rule
from minirt.types.dtype import Array


@rule(
    P(Div, P(Exp, P(Sub, "x", P(Reduce, "x", bind="top"), once=True), bind="e"), P(Reduce, "e", bind="sum", once=True))
)
def exponentials_over_their_sum_are_softmax(x: Value, top: Value, e: Value, sum: Value) -> Value | None:
    """exp(x - max(x)) / sum(exp(x - max(x))) = softmax(x)."""
    high, total = op_of(top, Reduce), op_of(sum, Reduce)
    plain = high.kind == "max" and total.kind == "sum" and high.axes == total.axes and len(high.axes) == 1
    if not plain or not high.keepdims or not total.keepdims or high.prologue or total.prologue:
        return None
    return apply(Softmax(high.axes[0], False), x)


@rule(
    P(
        Div,
        P(Sub, "x", P(Reduce, "x", bind="mean"), bind="centred"),
        P(Sqrt, P(Add, P(Reduce, P((Pow, Mul), "centred", "by", bind="square"), bind="variance"), C("epsilon"))),
    )
)
def centred_over_deviation_is_normalisation(
    x: Value, mean: Value, centred: Value, by: Value, square: Value, variance: Value, epsilon: Value
) -> Value | None:
    """(x - mean(x)) / sqrt(mean((x - mean(x))**2) + epsilon) = normalisation(x)."""
    first, second = op_of(mean, Reduce), op_of(variance, Reduce)
    squared = by is centred if isinstance(square.op, Mul) else _is_number(by, 2.0)
    means = first.kind == second.kind == "mean" and first.axes == second.axes and first.keepdims and second.keepdims
    if not squared or not means or epsilon.tensor.size != 1 or first.prologue or second.prologue:
        return None
    return apply(Normalization(first.axes, "layer", float(array_of(epsilon).reshape(()).item())), x)


def _is_number(value: Value, number: float) -> bool:
    return is_constant(value) and value.tensor.size == 1 and float(array_of(value).reshape(()).item()) == number


@rule(P(Mul, P(Conv, "x", C("w"), bind="conv", once=True, open=True), C("scale"), either=True))
def convolution_takes_scale(x: Value, w: Value, conv: Value, scale: Value) -> Value | None:
    """conv(x, w) * s = conv(x, w * s), s one number or one a channel; a constant bias is scaled too."""
    op = op_of(conv, Conv)
    per_channel = _per_channel(array_of(scale), conv)
    if per_channel is None or not conv.dtype.is_float:
        return None
    bias = conv.node.inputs[2:]
    if op.epilogue is not None and not (_adds_bias(op.epilogue) and len(bias) == 1 and is_constant(bias[0])):
        return None
    held = array_of(w)
    weights = constant(held * per_channel.reshape(-1, *([1] * (held.ndim - 1))).astype(held.dtype), w.dtype)
    scaled = [constant(array_of(b) * _like(per_channel, array_of(b)), b.dtype) for b in bias]
    return apply(op, x, weights, *scaled)


@rule(P(Mul, P(Add, P(Conv, bind="conv", once=True), C("shift"), once=True, either=True), C("scale"), either=True))
def scale_goes_before_shift(conv: Value, shift: Value, scale: Value) -> Value | None:
    """(conv + b) * s = conv * s + b * s."""
    product = constant(array_of(shift) * array_of(scale), shift.dtype)
    made = apply(Add(), apply(Mul(), conv, scale), product)
    return made if made.shape == conv.shape and conv.dtype.is_float else None


@rule(P(Add, P(Add, "x", C("a"), once=True, either=True), C("b"), either=True))
def shifts_join(x: Value, a: Value, b: Value) -> Value | None:
    """(x + a) + b = x + (a + b)."""
    total = constant(array_of(a) + array_of(b), a.dtype)
    small = total.tensor.size == max(a.tensor.size, b.tensor.size, key=lambda n: n if isinstance(n, int) else 0)
    return apply(Add(), x, total) if small and x.dtype.is_float else None


def _per_channel(scale: Array, conv: Value) -> Array | None:
    """The scale as [channels]; None where it varies along another axis."""
    channels = conv.shape[1]
    full = scale.reshape([1] * (conv.rank - scale.ndim) + list(scale.shape)) if scale.ndim <= conv.rank else scale
    if (
        full.ndim != conv.rank
        or not isinstance(channels, int)
        or full.size not in (1, channels)
        or full.shape[1] != full.size
    ):
        return None
    return np.broadcast_to(full.reshape(-1), (channels,))


def _like(per_channel: Array, bias: Array) -> Array:
    return per_channel.reshape(
        [-1] + [1] * (bias.ndim - 1 if bias.shape[0] != 1 or bias.ndim == 1 else bias.ndim - 2)
    ).astype(bias.dtype)


def _adds_bias(body: Body) -> bool:
    """True for ``acc + bias`` alone."""
    if len(body.args) != 2:
        return False
    plain = Body(
        body.args, (cast(call("add", arg(0, body.args[0]), cast(arg(1, body.args[1]), body.args[0])), body.dtypes[0]),)
    )
    return body == plain


PATTERNS = (
    exponentials_over_their_sum_are_softmax,
    centred_over_deviation_is_normalisation,
    convolution_takes_scale,
    scale_goes_before_shift,
    shifts_join,
)
