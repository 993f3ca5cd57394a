"""The scalar vocabulary's calls, for the type checker: scalar functions are parsed, never run.

Besides these, a scalar function uses Python's operators and ``abs``, ``min``, ``max`` and ``round``.
"""

from __future__ import annotations

_PARSED = "scalar functions are parsed, not called"


def sign(x: float) -> float:
    """-1, 0 or 1."""
    raise TypeError(_PARSED)


def floor(x: float) -> float:
    """Floor(x)."""
    raise TypeError(_PARSED)


def ceil(x: float) -> float:
    """Ceil(x)."""
    raise TypeError(_PARSED)


def trunc(x: float) -> float:
    """Toward zero."""
    raise TypeError(_PARSED)


def sqrt(x: float) -> float:
    """Sqrt(x)."""
    raise TypeError(_PARSED)


def rsqrt(x: float) -> float:
    """1 / sqrt(x)."""
    raise TypeError(_PARSED)


def recip(x: float) -> float:
    """1 / x."""
    raise TypeError(_PARSED)


def exp(x: float) -> float:
    """Exp(x)."""
    raise TypeError(_PARSED)


def log(x: float) -> float:
    """Log(x)."""
    raise TypeError(_PARSED)


def sin(x: float) -> float:
    """Sin(x)."""
    raise TypeError(_PARSED)


def cos(x: float) -> float:
    """Cos(x)."""
    raise TypeError(_PARSED)


def tan(x: float) -> float:
    """Tan(x)."""
    raise TypeError(_PARSED)


def asin(x: float) -> float:
    """Asin(x)."""
    raise TypeError(_PARSED)


def acos(x: float) -> float:
    """Acos(x)."""
    raise TypeError(_PARSED)


def atan(x: float) -> float:
    """Atan(x)."""
    raise TypeError(_PARSED)


def sinh(x: float) -> float:
    """Sinh(x)."""
    raise TypeError(_PARSED)


def cosh(x: float) -> float:
    """Cosh(x)."""
    raise TypeError(_PARSED)


def tanh(x: float) -> float:
    """Tanh(x)."""
    raise TypeError(_PARSED)


def asinh(x: float) -> float:
    """Asinh(x)."""
    raise TypeError(_PARSED)


def acosh(x: float) -> float:
    """Acosh(x)."""
    raise TypeError(_PARSED)


def atanh(x: float) -> float:
    """Atanh(x)."""
    raise TypeError(_PARSED)


def erf(x: float) -> float:
    """The error function."""
    raise TypeError(_PARSED)


def log1p(x: float) -> float:
    """Log1p(x)."""
    raise TypeError(_PARSED)


def expm1(x: float) -> float:
    """Expm1(x)."""
    raise TypeError(_PARSED)


def fmod(x: float, y: float) -> float:
    """Remainder with the sign of x."""
    raise TypeError(_PARSED)


def atan2(x: float, y: float) -> float:
    """Angle of (y, x)."""
    raise TypeError(_PARSED)


def pow(x: float, y: float) -> float:  # noqa: A001
    """x to the power y."""
    raise TypeError(_PARSED)


def isnan(x: float) -> bool:
    """True where x is nan."""
    raise TypeError(_PARSED)


def isinf(x: float) -> bool:
    """True where x is inf."""
    raise TypeError(_PARSED)


def isposinf(x: float) -> bool:
    """True where x is posinf."""
    raise TypeError(_PARSED)


def isneginf(x: float) -> bool:
    """True where x is neginf."""
    raise TypeError(_PARSED)
