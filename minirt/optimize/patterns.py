"""Known compositions, found again: normalisation and softmax written out in simpler ops, scales next to weights."""

from __future__ import annotations

from minirt.ir.graph import Constant, array_of, is_constant
from minirt.ir.match import C, P, Pattern
from minirt.ir.op import Value, apply, op_of
from minirt.ir.scalar import Body, arg, call, cast
from minirt.ir.weights import Weights, is_fixed
from minirt.ops.arithmetic import Add, Div, Mul, Pow, Sub
from minirt.ops.arithmetic_functions import Exp, Sqrt
from minirt.ops.cast import Cast
from minirt.ops.convolution import Conv
from minirt.ops.movement import Reshape
from minirt.ops.normalization import Normalization
from minirt.ops.reduce import Reduce
from minirt.ops.softmax import Softmax
from minirt.optimize.fold import computed
from minirt.optimize.rewrite import rule


def _fixed(bind: str) -> Pattern:
    """A constant or weights, bound to ``bind``: numbers to compute with, not to read."""
    return P((Constant, Weights), bind=bind)


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


@rule(P(Mul, P(Conv, "x", _fixed("w"), bind="conv", once=True, open=True), _fixed("scale"), either=True))
def convolution_takes_scale(x: Value, w: Value, conv: Value, scale: Value) -> Value | None:
    """conv(x, w) * s = conv(x, w * s), s one number or one a channel; a constant bias is scaled too."""
    op = op_of(conv, Conv)
    count = _channels(scale, conv)
    if not count or not conv.dtype.is_float:
        return None
    bias = conv.node.inputs[2:]
    if op.epilogue is not None and not (_adds_bias(op.epilogue) and len(bias) == 1 and is_fixed(bias[0])):
        return None
    scaled = [_times(b, scale, (count, *([1] * (conv.rank - 2)))) for b in bias]
    return apply(op, x, _times(w, scale, (count, *([1] * (w.rank - 1)))), *scaled)


@rule(
    P(
        Mul, P(Add, P(Conv, bind="conv", once=True), _fixed("shift"), once=True, either=True), _fixed("scale"),
        either=True,
    )
)  # fmt: skip
def scale_goes_before_shift(conv: Value, shift: Value, scale: Value) -> Value | None:
    """(conv + b) * s = conv * s + b * s."""
    if not conv.dtype.is_float:
        return None
    (product,) = computed(Mul(), shift, scale)
    made = apply(Add(), apply(Mul(), conv, scale), product)
    return made if made.shape == conv.shape else None


@rule(P(Add, P(Add, "x", _fixed("a"), once=True, either=True), _fixed("b"), either=True))
def shifts_join(x: Value, a: Value, b: Value) -> Value | None:
    """(x + a) + b = x + (a + b)."""
    if not x.dtype.is_float:
        return None
    (total,) = computed(Add(), a, b)
    small = total.tensor.size == max(a.tensor.size, b.tensor.size, key=lambda n: n if isinstance(n, int) else 0)
    return apply(Add(), x, total) if small else None


def _channels(scale: Value, conv: Value) -> int:
    """How many numbers the scale has, 1 or one for each channel; 0 where it varies along another axis."""
    channels = conv.shape[1]
    full = (*([1] * (conv.rank - scale.rank)), *scale.shape)
    if len(full) != conv.rank or not isinstance(channels, int):
        return 0
    count = full[1]
    others = (*full[:1], *full[2:])
    return int(count) if count in (1, channels) and all(d == 1 for d in others) else 0  # type: ignore[arg-type]


def _times(held: Value, scale: Value, shape: tuple[int, ...]) -> Value:
    """Fixed numbers times the scale in a shape that broadcasts to them."""
    (factor,) = computed(Reshape(shape), scale)
    if factor.dtype is not held.dtype:
        (factor,) = computed(Cast(held.dtype), factor)
    return computed(Mul(), held, factor)[0]


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
