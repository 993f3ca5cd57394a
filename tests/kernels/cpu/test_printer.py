"""The CPU's printer of scalar expressions against the NumPy one."""

from __future__ import annotations

import numpy as np
import pytest

from minirt.ir.scalar import Body, Scalar, arg, call, cast, const, index
from minirt.ir.scalar_numpy import run_body
from minirt.kernels.cpu.elementary import FUNCTIONS
from minirt.ops.pointwise import Map
from minirt.types.dtype import Array, DType, bf16, bool_, dtype_of, f16, f32, f64, i8, i32, i64, u8
from tests.kernels.cpu.harness import check, run

_INTEGER_FUNCTIONS = "add sub mul div mod fmod min max bitand bitor bitxor shl shr".split()
_ACCURACY = {"tanh": 4e-7, "erf": 1e-6}


def _special(rng: np.random.Generator, scale: float, count: int = 3000) -> Array:
    values = rng.standard_normal(count) * scale
    edges = [
        0.0,
        -0.0,
        1.0,
        -1.0,
        np.inf,
        -np.inf,
        np.nan,
        1e-40,
        -1e-40,
        1e-7,
        -1e-7,
        88.0,
        89.0,
        -87.0,
        -104.0,
        3e38,
        0.5,
    ]
    return np.concatenate([values, edges]).astype(np.float32)


@pytest.mark.parametrize("fn", sorted(FUNCTIONS))
def test_functions_of_float32(fn: str) -> None:
    """Each within a few units of the last place of float64's result, everywhere and at the edges."""
    rng = np.random.default_rng(3)
    body = Body((f32,), (call(fn, arg(0, f32)),))
    for scale in (1e-3, 1.0, 30.0):
        x = _special(rng, scale)
        (got,) = run(Map(body), [x])
        with np.errstate(all="ignore"):
            wanted = run_body(body, [x.astype(np.float64)], True)[0].astype(np.float32)
        np.testing.assert_array_equal(np.isnan(got), np.isnan(wanted))
        skip = np.isnan(wanted) | ((np.abs(x) > 2**30) if fn in ("sin", "cos") else False)
        np.testing.assert_allclose(got[~skip], wanted[~skip], rtol=_ACCURACY.get(fn, 3e-7), atol=1e-44)


@pytest.mark.parametrize("kind", ["f32", "f64"])
def test_pow(kind: str) -> None:
    """C's special cases, negative bases, whole and other exponents."""
    rng = np.random.default_rng(4)
    edges = np.array([0.0, -0.0, 1, -1, 2, -2, 0.5, -0.5, 3, -3, np.inf, -np.inf, np.nan, 1e-40, 100.5, 2.5])
    bases, exponents = np.append(edges, rng.standard_normal(50)), np.append(edges, rng.uniform(-9, 9, 50))
    x, y = (v.reshape(-1) for v in np.meshgrid(bases, exponents))
    dtype = dtype_of(kind)
    body = Body((dtype, dtype), (call("pow", arg(0, dtype), arg(1, dtype)),))
    x, y = x.astype(dtype.numpy), y.astype(dtype.numpy)
    (got,) = run(Map(body), [x, y])
    with np.errstate(all="ignore"):
        wanted = np.power(x.astype(np.float64), y.astype(np.float64)).astype(dtype.numpy)
    np.testing.assert_allclose(got, wanted, rtol=3e-7, atol=1e-44)


@pytest.mark.parametrize("kind", ["i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64"])
@pytest.mark.parametrize("fn", _INTEGER_FUNCTIONS)
def test_integers_keep_their_width(kind: str, fn: str) -> None:
    """Wrap-around, division by zero and by -1, long shifts."""
    dtype = dtype_of(kind)
    rng = np.random.default_rng(5)
    info = np.iinfo(dtype.numpy)
    edges = np.array([0, 1, 2, 3, 7, info.max, info.min, info.max - 1], dtype.numpy)
    edges = np.append(edges, edges - dtype.numpy.type(1))
    values = np.append(edges, rng.integers(info.min, info.max, 40, dtype=dtype.numpy, endpoint=True))
    x, y = (v.reshape(-1).copy() for v in np.meshgrid(values, values))
    if fn in ("shl", "shr"):
        y = (y % 70).astype(dtype.numpy)
    body = Body((dtype, dtype), (call(fn, arg(0, dtype), arg(1, dtype)),))
    if fn == "div" and dtype.kind == "i":
        x, y = x[x != info.min], y[x != info.min]  # NumPy's abs wraps there
        x, y = x[y != info.min], y[y != info.min]
    check(Map(body), [x, y])


@pytest.mark.parametrize("source", ["f16", "bf16", "f8e4m3", "f8e4m3fnuz", "f8e5m2", "f8e5m2fnuz", "f8e8m0"])
def test_narrow_floats_widen_exactly(source: str) -> None:
    """Every bit pattern."""
    dtype = dtype_of(source)
    bits = np.arange(1 << dtype.bits, dtype=np.uint16 if dtype.bits == 16 else np.uint8)
    x = bits.view(dtype.numpy)
    (got,) = run(Map(Body((dtype,), (cast(arg(0, dtype), f32),))), [x])
    np.testing.assert_array_equal(got, x.astype(np.float32))


@pytest.mark.parametrize("target", ["f16", "bf16", "f8e4m3", "f8e4m3fnuz", "f8e5m2", "f8e5m2fnuz"])
def test_narrow_floats_round_half_to_even(target: str) -> None:
    """Against ml_dtypes: random numbers, ties, subnormals, overflow (which 8-bit types clip)."""
    dtype = dtype_of(target)
    every = np.arange(1 << dtype.bits, dtype=np.uint16 if dtype.bits == 16 else np.uint8).view(dtype.numpy)
    with np.errstate(all="ignore"):
        exact = np.sort(every.astype(np.float32)[np.isfinite(every.astype(np.float32))])
        ties = ((exact[1:].astype(np.float64) + exact[:-1]) / 2).astype(np.float32)
        near = np.concatenate(
            [exact, ties, np.nextafter(ties, np.float32(np.inf)), np.nextafter(ties, np.float32(-np.inf))]
        )
        rng = np.random.default_rng(6)
        wide = (rng.standard_normal(5000) * 10.0 ** rng.uniform(-12, 12, 5000)).astype(np.float32)
        x = np.concatenate([near, wide, _special(rng, 1.0)])
        most = exact[-1] if dtype.bits == 8 else np.inf
        wanted = np.clip(x, -most, most).astype(dtype.numpy).astype(np.float32)
    (got,) = run(Map(Body((f32,), (cast(arg(0, f32), dtype),))), [x])
    np.testing.assert_array_equal(got.astype(np.float32), wanted)
    number = ~np.isnan(wanted)
    np.testing.assert_array_equal(np.signbit(got.astype(np.float32)[number]), np.signbit(wanted[number]))


@pytest.mark.parametrize("source", ["f32", "f64", "f16"])
@pytest.mark.parametrize("target", ["i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64"])
def test_floats_become_integers_toward_zero_and_saturate(source: str, target: str) -> None:
    """Numbers of every size, and those around the ends of the range; NaN is 0."""
    dtype, info = dtype_of(source), np.iinfo(dtype_of(target).numpy)
    rng = np.random.default_rng(7)
    ends = np.array([0, info.min, info.max, info.max + 1, 1, -1], np.float64)
    near = np.concatenate([ends + d for d in (0, 0.5, -0.5, 1, -1)] + [ends * (1 + e) for e in (1e-7, -1e-7)])
    wide = rng.standard_normal(3000) * 2.0 ** rng.uniform(-3, info.bits + 3, 3000)
    with np.errstate(over="ignore"):
        x = np.concatenate([near, wide, [np.nan, np.inf, -np.inf, -0.0]]).astype(dtype.numpy)
    (got,) = run(Map(Body((dtype,), (cast(arg(0, dtype), dtype_of(target)),))), [x])
    numbers = [float(v) for v in x.astype(np.float64)]
    wanted = [0 if v != v else max(info.min, min(info.max, int(max(min(v, 1e30), -1e30)))) for v in numbers]
    np.testing.assert_array_equal(got, np.array(wanted, got.dtype))


def test_min_and_max_propagate_nan() -> None:
    """Either operand, constants included."""
    x = np.array([1, np.nan, 3, np.nan, -np.inf, np.inf], np.float32)
    y = np.array([np.nan, 2, -3, np.nan, 5, np.nan], np.float32)
    a, b, zero = arg(0, f32), arg(1, f32), const(0.0, f32)
    results = (call("min", a, b), call("max", a, b), call("max", a, zero), call("min", zero, a))
    check(Map(Body((f32, f32), results)), [x, y])


def _tree(rng: np.random.Generator, leaves: list[Scalar], depth: int) -> Scalar:
    if depth == 0:
        return leaves[int(rng.integers(len(leaves)))]
    a, b = (_tree(rng, leaves, depth - 1) for _ in range(2))
    kind = int(rng.integers(7))
    if kind == 0:
        return call("select", call("lt", _as(a, f32), _as(b, f32)), _as(a, f32), _as(b, f32))
    if kind == 1:
        return _as(call(str(rng.choice(["and", "or", "xor"])), _as(a, bool_), _as(b, bool_)), i32)
    if kind == 2:
        narrow = (i8, u8, i32, i64)[int(rng.integers(4))]
        fn = str(rng.choice(["add", "mul", "sub", "min", "max"]))
        return call(fn, _as(_bounded(a), narrow), _as(_bounded(b), narrow))
    if kind == 3:
        return cast(_as(a, f32), (f16, bf16, f64)[int(rng.integers(3))])
    if kind == 4:
        return call(str(rng.choice(["tanh", "erf", "abs", "floor", "round", "neg", "sign"])), _as(a, f32))
    return call(str(rng.choice(["add", "mul", "sub", "max"])), _as(a, f32), _as(b, f32))


def _bounded(x: Scalar) -> Scalar:
    return call("min", call("max", _as(x, f32), const(0.0, f32)), const(90.0, f32))


def _as(x: Scalar, dtype: DType) -> Scalar:
    return cast(x, dtype)


@pytest.mark.parametrize("seed", range(25))
def test_random_trees(seed: int) -> None:
    """Mixed types and shared nodes, as the NumPy printer computes them."""
    rng = np.random.default_rng(seed)
    leaves = [arg(0, f32), arg(1, f16), arg(2, i32), arg(3, bool_), arg(4, bf16), const(1.5, f32), index(-1)]
    dtypes = (f32, f16, i32, bool_, bf16)
    body = Body(dtypes, tuple(_as(_tree(rng, leaves, 4), f32) for _ in range(2)))
    arrays: list[Array] = [
        (rng.standard_normal((37, 5)) * 4).astype(np.float32), (rng.standard_normal((37, 1)) * 4).astype(np.float16),
        rng.integers(-50, 50, (1, 5)).astype(np.int32), rng.random((37, 5)) > 0.5,
        (rng.standard_normal(5) * 4).astype(bf16.numpy),
    ]  # fmt: skip
    got = run(Map(body), arrays)
    for mine, wanted in zip(got, run_body(body, arrays), strict=True):
        scale = float(np.max(np.abs(wanted[np.isfinite(wanted)]), initial=1.0))
        close = np.isclose(mine, wanted, rtol=2e-5, atol=2e-5 * scale, equal_nan=True)
        assert close.mean() > 0.97, body  # a rounding step may tip floor, round or a narrow type the other way
