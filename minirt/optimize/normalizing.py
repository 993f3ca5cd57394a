"""Normalizations as exporters write them: root mean square in small ops, groups as instances, casts before."""

from __future__ import annotations

from minirt.ir.graph import array_of, is_constant
from minirt.ir.match import C, P
from minirt.ir.op import Value, apply, op_of
from minirt.ir.scalar import Body, arg
from minirt.ops.arithmetic import Add, Div, Mul, Pow
from minirt.ops.arithmetic_functions import Reciprocal, Sqrt
from minirt.ops.cast import Cast
from minirt.ops.movement import Reshape
from minirt.ops.normalization import Normalization
from minirt.ops.reduce import Reduce
from minirt.optimize.rewrite import rule
from minirt.types.dim import Expr, divide, product

_SPREAD = P(Sqrt, P(Add, P(Reduce, P((Pow, Mul), "x", "by", bind="square"), bind="mean"), C("epsilon"), either=True))


@rule(P(Mul, "x", P(Reciprocal, _SPREAD), either=True))
def times_reciprocal_root_mean_square_is_normalisation(
    x: Value, by: Value, square: Value, mean: Value, epsilon: Value
) -> Value | None:
    """x * (1 / sqrt(mean(x**2) + epsilon)) = normalisation(x) without a mean."""
    return _root_mean_square(x, by, square, mean, epsilon)


@rule(P(Div, "x", _SPREAD))
def over_root_mean_square_is_normalisation(
    x: Value, by: Value, square: Value, mean: Value, epsilon: Value
) -> Value | None:
    """x / sqrt(mean(x**2) + epsilon) = normalisation(x) without a mean."""
    return _root_mean_square(x, by, square, mean, epsilon)


def _root_mean_square(x: Value, by: Value, square: Value, mean: Value, epsilon: Value) -> Value | None:
    op = op_of(mean, Reduce)
    squared = by is x if isinstance(square.op, Mul) else _is_two(by)
    if not squared or op.kind != "mean" or not op.keepdims or op.prologue or op.epilogue or epsilon.tensor.size != 1:
        return None
    return apply(Normalization(op.axes, "rms", float(array_of(epsilon).reshape(()).item())), x)


def _is_two(value: Value) -> bool:
    return is_constant(value) and value.tensor.size == 1 and float(array_of(value).reshape(()).item()) == 2.0


@rule(P(Normalization, P(Cast, "x", bind="wide"), bind="root"))
def normalisation_widens_by_itself(x: Value, wide: Value, root: Value) -> Value | None:
    """normalisation(f32(x)) = normalisation(x) with a result of float32, for x of a narrower float."""
    op = op_of(root, Normalization)
    if op.epilogue is not None or not x.dtype.is_float or x.dtype.bits >= 32 or wide.dtype is not x.dtype.compute:
        return None
    return apply(op.replace(epilogue=Body((wide.dtype,), (arg(0, wide.dtype),))), x)


@rule(P(Reshape, P(Normalization, P(Reshape, "x", bind="groups"), bind="normal", once=True), bind="root"))
def groups_are_split_channels(x: Value, groups: Value, normal: Value, root: Value) -> Value | None:
    """Normalisation of [N, G, -1] made of [N, C, ...] = that of [N, G, C / G, ...], whose memory need not move."""
    op = op_of(normal, Normalization)
    if root.shape != x.shape or x.rank < 3 or groups.rank != 3 or op.axes != (2,) or op.epilogue is not None:
        return None
    batch, count, rest = groups.shape
    if batch is not x.shape[0] and batch != x.shape[0] or isinstance(count, Expr) or isinstance(x.shape[1], Expr):
        return None
    each = divide(x.shape[1], count)
    if not isinstance(each, int) or product((each, *x.shape[2:])) != rest:
        return None
    split = apply(Reshape((batch, count, each, *x.shape[2:])), x)
    return apply(Reshape(x.shape), apply(op.replace(axes=tuple(range(2, split.rank))), split))


@rule(P(Mul, "x", C("one"), bind="root", either=True))
def times_one_goes(x: Value, one: Value, root: Value) -> Value | None:
    """x * 1 = x, for constants of ones too."""
    return x if root.type == x.type and x.dtype.is_float and _all(one, 1.0) else None


@rule(P(Add, "x", C("zero"), bind="root", either=True))
def plus_zero_goes(x: Value, zero: Value, root: Value) -> Value | None:
    """x + 0 = x, for constants of zeros too."""
    return x if root.type == x.type and x.dtype.is_float and _all(zero, 0.0) else None


def _all(value: Value, number: float) -> bool:
    held = array_of(value)
    return held.size > 0 and held.flat[0] == number and bool((held == number).all())


NORMALIZING = (
    times_reciprocal_root_mean_square_is_normalisation,
    over_root_mean_square_is_normalisation,
    normalisation_widens_by_itself,
    groups_are_split_channels,
    times_one_goes,
    plus_zero_goes,
)
