"""Pointwise regions and copies over broadcast, strided, odd and misaligned operands of every element type."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np

from minirt.ir.scalar import Body, arg, call, cast, const, index
from minirt.ops.activation import Sigmoid
from minirt.ops.arithmetic import Add, Mul
from minirt.ops.cast import BitCast, Cast
from minirt.ops.layout import Relayout
from minirt.ops.movement import Expand, Reshape, Slice, Transpose
from minirt.ops.pointwise import Map
from minirt.types.dtype import DType, bf16, bool_, dtype_of, f16, f32, i8, i32, i64, u8
from tests.kernels.cuda.execution import Array, Case


def random(*shape: int, dtype: Any = np.float32, seed: int = 0) -> Array:
    """Numbers of the type: normal for floats, small for integers."""
    rng = np.random.default_rng(abs(hash((shape, str(dtype)))) % 1000 + seed)
    kind = np.dtype(dtype)
    if kind.kind == "b":
        return rng.random(shape) < 0.5
    if kind.kind in "iu":
        return rng.integers(-20 if kind.kind == "i" else 0, 100, shape).astype(kind)
    return rng.standard_normal(shape).astype(np.float32).astype(kind)


def channels_last(array: Array) -> Array:
    """The same numbers, channels innermost in memory."""
    order = (0, *range(2, array.ndim), 1)
    return np.ascontiguousarray(array.transpose(order)).transpose(np.argsort(order))


def fused(dtype: DType) -> Map:
    """gelu(a * b + c), and whether it is positive: two results."""
    a, b, c = (cast(arg(i, dtype), f32) for i in range(3))
    x = call("add", call("mul", a, b), c)
    half = call("mul", x, const(0.5, f32))
    gelu = call("mul", half, call("add", const(1.0, f32), call("erf", call("mul", x, const(0.70710678, f32)))))
    return Map(Body((dtype, dtype, dtype), (cast(gelu, dtype), call("gt", gelu, const(0.0, f32)))))


def triangle() -> Map:
    """x where the row is at least the column, else 0."""
    kept = call("ge", index(-2), index(-1))
    return Map(Body((f32,), (call("select", kept, arg(0, f32), const(0.0, f32)),)))


def odd_functions() -> Map:
    """One result for each function that C++ spells otherwise."""
    x, y = arg(0, f32), arg(1, f32)
    m, n = arg(2, i32), arg(3, i32)
    results = [call(fn, x) for fn in ("round", "sign", "rsqrt", "recip", "log1p", "floor", "isnan", "isinf")]
    results += [call(fn, x, y) for fn in ("mod", "fmod", "min", "max", "pow")]
    results += [call(fn, m, n) for fn in ("div", "mod", "fmod", "shl", "min", "bitand")]
    results += [cast(x, bool_), cast(m, u8)]
    return Map(Body((f32, f32, i32, i32), tuple(results)))


def roundings() -> Map:
    """Casts through narrow types."""
    x, m = arg(0, f32), arg(1, i32)
    results = [cast(x, f16), cast(cast(x, bf16), f32), cast(m, f16), cast(cast(x, f16), i32), cast(m, i8)]
    return Map(Body((f32, i32), tuple(results)))


def specials(count: int) -> Array:
    """Random numbers with NaN, infinities, zeros and halves among them."""
    x = random(count) * 3
    x[:12] = [np.nan, np.inf, -np.inf, 0.0, -0.0, 0.5, 1.5, 2.5, -0.5, -1.5, 1e-30, 3e4]
    return x


def squares() -> list[Case]:
    """Operands that run along another axis than the result, with whole vectors along both."""
    half, last = np.float16, channels_last(random(2, 64, 9, 16, dtype=np.float16))
    return [
        Case("squares-f16", Relayout((1, 0)), [random(136, 200, dtype=half)]),
        Case("squares-f16-batched", Relayout((0, 2, 3, 1)), [random(3, 40, 9, 24, dtype=half)]),
        Case("squares-f16-by-4", Relayout((1, 0)), [random(52, 36, dtype=half)]),
        Case("squares-f32", Transpose((0, 2, 1)), [random(2, 44, 68)]),
        Case("squares-f64", Relayout((1, 0)), [random(30, 34, dtype=np.float64)]),
        Case("squares-u8", Relayout((1, 0)), [random(64, 72, dtype=np.uint8)]),
        Case("squares-add", Add(), [random(2, 64, 9, 16, dtype=half), last]),
        Case("square-row", fused(f16), [random(136, 40, dtype=half).T, random(136, dtype=half), random(1, dtype=half)]),
        Case("squares-pitched", Relayout((1, 0)), [random(64, 80, dtype=half)[:, 8:72]]),
        Case("squares-shifted", Relayout((1, 0)), [random(64, 80, dtype=half)], shift=3),
        Case("squares-symbolic", Relayout((1, 0)), [random(48, 64)], {48: "N"}),
    ]


def cases() -> list[Case]:
    """All cases."""
    out = [
        Case("fused", fused(f32), [random(1000, 64), random(1000, 64, seed=1), random(1000, 64, seed=2)]),
        Case("fused-bias", fused(f16), [random(33, 5, 64, dtype=np.float16), random(64, dtype=np.float16),
                                        random(5, 1, dtype=np.float16)]),
        Case("odd-rows", Add(), [random(7, 13, 11), random(13, 1)]),
        Case("odd-rows-f16", Add(), [random(7, 13, 11, dtype=np.float16), random(13, 1, dtype=np.float16)]),
        Case("one-element", Sigmoid(), [random()]),
        Case("tail", Sigmoid(), [random(1021, dtype=np.float16)]),
        Case("misaligned", Mul(), [random(999), random(999, seed=1)], shift=1),
        Case("symbolic", Add(), [random(6, 20, 12), random(12)], {6: "N", 12: "C"}),
        Case("symbolic-rows", Mul(), [random(6, 20, 13), random(20, 1)], {6: "N", 13: "C"}),
        Case("channels-last", Add(), [channels_last(random(2, 24, 5, 7)), random(24, 1, 1)]),
        Case("mixed-layouts", Add(), [channels_last(random(2, 24, 5, 7)), random(2, 24, 5, 7)]),
        Case("bf16", Sigmoid(), [random(515, 3, dtype=ml_dtypes.bfloat16)]),
        Case("slice", Mul(), [random(40, 64)[3:29:2, 5:50], random(64, 40)[:45, :13].T]),
        Case("slice-shared-rows", Sigmoid(), [random(40, 64)[:, 8:40]]),
        Case("triangle", triangle(), [random(3, 37, 41)]),
        Case("triangle-whole", triangle(), [random(3, 37, 64)]),
        Case("functions", odd_functions(), [specials(997), random(997, seed=3), random(997, dtype=np.int32),
                                            random(997, dtype=np.int32, seed=2)], tolerance=1e-5),
        Case("roundings", roundings(), [random(99), random(99, dtype=np.int32)], tolerance=4e-3),
        Case("cast-in", Cast(f16), [random(8, 3, 32, 32)]),
        Case("cast-i64", Cast(i64), [random(100) * 1e6]),
        Case("cast-i8", Cast(i8), [random(100, dtype=np.float16) * 8]),
        Case("wide", Add(), [random(6, 9), random(9)], {6: "N"}, {"N": (0, 1 << 40)}),
        Case("many-axes", Add(), [random(2, 3, 4, 5, 6)[:, ::2, :, ::2], random(2, 1, 4, 1, 6)]),
        Case("to-channels-last", Relayout((0, 2, 3, 1)), [random(2, 64, 33, 35)]),
        Case("to-channels-last-f16", Relayout((0, 2, 3, 1)), [random(2, 66, 33, 35, dtype=np.float16)]),
        Case("image-to-channels-last", Relayout((0, 2, 3, 1)), [random(2, 3, 33, 35)]),
        Case("from-channels-last", Relayout(()), [channels_last(random(2, 64, 33, 35))]),
        Case("heads", Relayout(()), [random(2, 17, 4, 32).transpose(0, 2, 1, 3)]),
        Case("heads-transposed", Relayout(()), [random(2, 48, 4, 40).transpose(0, 2, 3, 1)]),
        Case("expanded", Relayout(()), [np.broadcast_to(random(4, 1, 6), (4, 5, 6))]),
    ]  # fmt: skip
    out += [
        *squares(),
        Case("reversed", Slice((6, 2), (7, 20), (-1, 2)), [random(7, 50)]),
        Case("reversed-rows", Slice((6, 8), (7, 32), (-1, 1)), [random(7, 64)]),
        Case("transposed", Transpose((2, 0, 1)), [random(30, 40, 50)]),
        Case("expanded-op", Expand((3, 4, 8)), [random(4, 1)]),
        Case("reshaped", Reshape((6, 40)), [random(8, 5, 6).transpose(2, 1, 0)]),
        Case("bits", BitCast(i32), [random(33)]),
    ]
    for name in ("bool", "i8", "u8", "i32", "i64", "f64", "bf16"):
        kind = dtype_of(name).numpy
        out.append(Case(f"copy-{name}", Relayout(()), [random(50, 31, dtype=kind).T]))
    return out
