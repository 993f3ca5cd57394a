"""Fourier transforms of lengths that only dims tell: products with waves that are computed where they are needed."""

from __future__ import annotations

from math import pi

from minirt.ir.op import Value, apply
from minirt.ops.arithmetic import Add, Div, Mod, Mul, Sub
from minirt.ops.arithmetic_functions import Cos, Sin
from minirt.ops.cast import casted
from minirt.ops.gemm import matmul
from minirt.ops.importer import number
from minirt.ops.logic import Less, where
from minirt.ops.movement import Iota, dims_value, reshaped, sliced
from minirt.ops.shape import concatenated
from minirt.types.dim import Dim, divide, floor
from minirt.types.dtype import i64


def waved(x: Value, size: Dim, length: Dim, inverse: bool, onesided: bool) -> Value:
    """The transform of x [..., size, 1 or 2] along its last axis but one, [..., bins, 2]; [..., length, 1] where real.

    A signal longer or shorter than ``length`` is cut or filled with zeros.
    """
    half = floor(divide(length, 2)) + 1
    real = inverse and onesided
    bins = half if onesided and not inverse else length
    cos, sin = _waves(size, length, half if real else length, bins, x)
    flat = [reshaped(sliced(x, x.rank - 1, i, 1), x.shape[:-1]) for i in range(int(x.shape[-1]))]  # type: ignore[arg-type]
    if flat[0].rank == 1:
        flat = [reshaped(v, (1, size)) for v in flat]
    if real:
        cos, sin = (apply(Mul(), v, _twice(size, length, x)) for v in (cos, sin))
    if inverse:
        share = casted(dims_value([length], i64, ()), x.dtype)
        cos, sin = (apply(Div(), v, share) for v in (cos, sin))
    turn = number(1 if inverse else -1, x.dtype)
    parts = [matmul(flat[0], cos)] + ([] if real else [apply(Mul(), matmul(flat[0], sin), turn)])
    if len(flat) == 2:
        crossed = apply(Mul(), matmul(flat[1], sin), turn)
        parts[0] = apply(Sub(), parts[0], crossed)
        if not real:
            parts[1] = apply(Add(), parts[1], matmul(flat[1], cos))
    shape = (*x.shape[:-2], bins, 1)
    made = [reshaped(v, shape) for v in parts]
    return made[0] if real else concatenated(made, len(shape) - 1)


def _waves(size: Dim, length: Dim, read: Dim, bins: Dim, x: Value) -> tuple[Value, Value]:
    """Cosine and sine of 2 pi j k / length, [size, bins]; elements j from ``read`` on add nothing.

    j k is brought into [0, length) in integers, so that the angle is as exact as the type.
    """
    rows, columns = apply(Iota((size, 1), 0, i64)), apply(Iota((1, bins), 1, i64))
    whole = dims_value([length], i64, ())
    turns = apply(Mod(), apply(Mul(), rows, columns), whole)
    angle = apply(Div(), apply(Mul(), casted(turns, x.dtype), number(2 * pi, x.dtype)), casted(whole, x.dtype))
    waves = [apply(kind, angle) for kind in (Cos(), Sin())]
    if read is not size:
        inside = apply(Less(), rows, dims_value([read], i64, ()))
        waves = [where(inside, v, number(0, x.dtype)) for v in waves]
    return waves[0], waves[1]


def _twice(size: Dim, length: Dim, x: Value) -> Value:
    """How often each bin of a onesided transform stands in the whole one, [size, 1]: once at both ends, else twice."""
    rows = apply(Iota((size, 1), 0, i64))
    least = where(apply(Less(), rows, number(1, i64)), number(1, x.dtype), number(2, x.dtype))
    last = apply(Less(), apply(Mul(), rows, number(2, i64)), dims_value([length], i64, ()))
    return where(last, least, number(1, x.dtype))
