"""Elementary functions of float32 as straight-line code that LLVM vectorises; float64 calls the C library.

Accuracy, measured against float64 by the tests: exp and log 2 ulp, erf and tanh 1e-6 relative, sin and cos 2 ulp for
|x| <= 2^30 (bounded beyond), pow, log1p and expm1 2 ulp (through float64).  NaN, infinities, subnormals and overflow
are those of IEEE 754.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from minirt.kernels.cpu.lanes import F32, F64, I32, I64, Num, polynomial

_LOG2E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 0.693359375, -2.12194440e-4
_MAGIC = 12582912.0  # 1.5 * 2^23: adding it rounds to an integer, which the low bits then hold
_MAGIC64 = 6755399441055744.0


def _power_of_two(k: Num) -> Num:
    return ((k + 127) << 23).bits(F32)


def exp(x: Num) -> Num:
    """e^x: x = n ln 2 + r, a polynomial in r, scaled in two steps so that subnormals and overflow are right."""
    if x.kind == F64:
        return x.libm("exp")
    x = x.at_most(89.0).at_least(-104.0)
    shifted = x * _LOG2E + _MAGIC
    n = shifted - _MAGIC
    r = x - n * _LN2_HIGH - n * _LN2_LOW
    p = polynomial(r, (1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 0.5))
    p = p * (r * r) + r + 1.0
    k = shifted.bits(I32) - 0x4B400000
    half = k >> 1
    return p * _power_of_two(half) * _power_of_two(k - half)


def log(x: Num) -> Num:
    """ln x (Cephes): x = m 2^e with m in [sqrt 1/2, sqrt 2), a polynomial in m - 1."""
    if x.kind == F64:
        return x.libm("log")
    tiny = x.is_("<", 1.17549435e-38)
    bits = tiny.select(x * 8388608.0, x).bits(I32)
    e = ((bits >> 23) - 126).as_float(F32) - tiny.select(x.like(23.0), 0.0)
    m = ((bits & 0x7FFFFF) | 0x3F000000).bits(F32)
    low = m.is_("<", 0.707106781186547524)
    e = e - low.select(x.like(1.0), 0.0)
    m = low.select(m + m, m) - 1.0
    z = m * m
    terms: tuple[float, ...] = (7.0376836292e-2, -1.1514610310e-1, 1.1676998740e-1, -1.2420140846e-1, 1.4249322787e-1)
    terms += (-1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1)
    y = polynomial(m, terms) * m * z + e * _LN2_LOW - z * 0.5
    out = m + y + e * _LN2_HIGH
    out = x.is_("==", math.inf).select(x, out)
    out = x.is_("==", 0.0).select(x.like(-math.inf), out)
    return (x.is_("<", 0.0) | x.is_nan()).select(x.like(math.nan), out)


def tanh(x: Num) -> Num:
    """A rational function of odd and even powers, on the clamped argument."""
    if x.kind == F64:
        return x.libm("tanh")
    limit = 7.90531110763549805
    c = x.at_most(limit).at_least(-limit)
    z = c * c
    top: tuple[float, ...] = (-2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-08)
    top += (1.48572235717979e-05, 6.37261928875436e-04, 4.89352455891786e-03)
    bottom = (1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03)
    out = c * polynomial(z, top) / polynomial(z, bottom)
    return x.call("fabs").is_("<", 4e-4).select(x, out)


def erf(x: Num) -> Num:
    """The error function: a polynomial near 0, 1 - exp(polynomial) beyond."""
    if x.kind == F64:
        return x.libm("erf")
    t, s = x.call("fabs"), x * x
    near = polynomial(s, (-5.96761703e-4, 4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1, 1.28379166e-1))
    near = near * x + x
    u = t.at_most(4.0)  # erf is 1 in float32 from there on
    far = polynomial(
        u,
        (-1.72853470e-5, 3.83197126e-4, -3.88396438e-3, 2.42546219e-2, -1.06777877e-1, -6.34846687e-1, -1.28717512e-1),
    )
    far = (1.0 - exp(far * u - u)).call("copysign", x)
    return t.is_(">", 0.927734375).select(far, near)


def _circular(x: Num, quarter: int) -> Num:
    """sin(x + quarter * pi/2), the argument reduced in float64."""
    wide = x.as_float(F64)
    shifted = wide * 0.6366197723675814 + _MAGIC64
    n = shifted - _MAGIC64
    r = (wide - n * 1.5707963267948966 - n * 6.123233995736766e-17).at_most(0.8).at_least(-0.8).as_float(F32)
    q = shifted.bits(I64).narrow(I32) + quarter
    z = r * r
    sine = polynomial(z, (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)) * z * r + r
    cosine = (
        polynomial(z, (2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2)) * (z * z) - z * 0.5 + 1.0
    )
    out = (q & 1).is_("!=", 0).select(cosine, sine)
    return (q & 2).is_("!=", 0).select(-out, out)


def sin(x: Num) -> Num:
    """The sine; beyond 2^30 only its bounds are kept."""
    return x.libm("sin") if x.kind == F64 else _circular(x, 0)


def cos(x: Num) -> Num:
    """The cosine; beyond 2^30 only its bounds are kept."""
    return x.libm("cos") if x.kind == F64 else _circular(x, 1)


def _log64(x: Num) -> Num:
    """ln of a positive normal float64, to about 1e-13 relative."""
    bits = x.bits(I64)
    m = ((bits & 0xFFFFFFFFFFFFF) | 0x3FE0000000000000).bits(F64)
    low = m.is_("<", 0.7071067811865476)
    e = ((bits >> 52) - low.select(bits.like(1023), 1022)).as_float(F64)
    m = low.select(m + m, m)
    s = (m - 1.0) / (m + 1.0)
    z = s * s
    series = polynomial(z, [2.0 / k for k in (17, 15, 13, 11, 9, 7, 5, 3, 1)])
    return series * s + e * math.log(2.0)


def _exp64(x: Num) -> Num:
    """e^x of a float64 in about +-200, to about 1e-13 relative."""
    x = x.at_most(200.0).at_least(-200.0)
    shifted = x * _LOG2E + _MAGIC64
    n = shifted - _MAGIC64
    r = x - n * 0.6931471803691238 - n * 1.9082149292705877e-10
    p = polynomial(r, [1.0 / math.factorial(k) for k in range(11, -1, -1)])
    k = shifted.bits(I64) - 0x4338000000000000
    return p * ((k + 1023) << 52).bits(F64)


def log1p(x: Num) -> Num:
    """ln(1 + x)."""
    if x.kind == F64:
        return x.libm("log1p")
    wide = x.as_float(F64) + 1.0
    out = _log64(wide).as_float(F32)
    small = (x * (1.0 / 3.0) - 0.5) * (x * x) + x
    out = x.call("fabs").is_("<", 1e-3).select(small, out)
    out = x.is_("==", math.inf).select(x, out)
    out = x.is_("==", -1.0).select(x.like(-math.inf), out)
    return (x.is_("<", -1.0) | x.is_nan()).select(x.like(math.nan), out)


def expm1(x: Num) -> Num:
    """e^x - 1."""
    if x.kind == F64:
        return x.libm("expm1")
    out = (_exp64(x.as_float(F64)) - 1.0).as_float(F32)
    small = (x * (1.0 / 6.0) + 0.5) * (x * x) + x
    return x.call("fabs").is_("<", 1e-3).select(small, out)


def power(x: Num, y: Num) -> Num:
    """x^y by exp(y ln |x|) in float64, with the special cases of C's pow."""
    if x.kind == F64:
        return x.libm("pow", y)
    t = _log64(x.call("fabs").as_float(F64)) * y.as_float(F64)
    out = _exp64(t).as_float(F32)
    even = (y * 0.5).call("floor") * 2.0
    whole = y.call("floor")
    odd = whole.is_("==", y) & even.is_("!=", y)
    negative = x.bits(I32).is_("<", 0)
    size, grows = x.call("fabs"), y.is_(">", 0.0)
    out = size.is_("==", 0.0).select(grows.select(x.like(0.0), math.inf), out)
    out = size.is_("==", math.inf).select(grows.select(x.like(math.inf), 0.0), out)
    endless = y.call("fabs").is_("==", math.inf)
    outward = size.is_(">", 1.0) ^ y.is_("<", 0.0)
    out = endless.select(outward.select(x.like(math.inf), 0.0), out)
    out = (negative & odd).select(-out, out)
    fraction = whole.is_("!=", y) & x.is_("<", 0.0) & size.is_("!=", math.inf)
    out = (fraction | x.is_nan() | y.is_nan()).select(x.like(math.nan), out)
    minus_one = x.is_("==", -1.0) & endless
    return (x.is_("==", 1.0) | y.is_("==", 0.0) | minus_one).select(x.like(1.0), out)


def _library(name: str) -> Callable[[Num], Num]:
    return lambda x: x.libm(name)


FUNCTIONS: dict[str, Callable[[Num], Num]] = {
    "exp": exp, "log": log, "tanh": tanh, "erf": erf, "sin": sin, "cos": cos, "log1p": log1p, "expm1": expm1,
    "sqrt": lambda x: x.call("sqrt"), "rsqrt": lambda x: 1.0 / x.call("sqrt"), "recip": lambda x: 1.0 / x,
    "floor": lambda x: x.call("floor"), "ceil": lambda x: x.call("ceil"), "trunc": lambda x: x.call("trunc"),
    "round": lambda x: x.call("nearbyint"),
} | {name: _library(name) for name in "tan asin acos atan sinh cosh asinh acosh atanh".split()}  # fmt: skip
"""Functions of one float, by their names in the scalar vocabulary."""
