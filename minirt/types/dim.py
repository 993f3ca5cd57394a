"""Dimension expressions: exact arithmetic over named dims, in a canonical form.

An expression is a sum of monomials with rational coefficients over atoms; an atom is a symbol (a dim's name, an integer
>= 0) or a call of a closed set of functions.  Equal expressions are the same object, so ``is`` and ``==`` agree, and
``(B*S*768) / (12*B*S)`` is 64 by construction.  Constants are plain ``int`` (``Fraction`` where not whole).
"""

from __future__ import annotations

import math
import threading
import weakref
from collections.abc import Mapping
from fractions import Fraction

from minirt.errors import ShapeError

Rational = int | Fraction
Interval = tuple[float, float]
Bound = int | Fraction | float
Span = tuple[Bound, Bound]
Ranges = Mapping[str, tuple[int, int]]
INF = float("inf")
_UNBOUNDED: Span = (-INF, INF)


class Atom:
    """A symbol (no arguments) or a call ``fn(args)``; interned."""

    __slots__ = ("__weakref__", "args", "fn", "key", "maker", "span", "symbols")

    def __init__(self, fn: str, args: tuple[Dim, ...], key: str) -> None:
        self.fn, self.args, self.key = fn, args, key
        self.symbols = frozenset[str]().union(*map(symbols, args)) if args else frozenset((fn,))
        self.span: Span | None = None  # bounds for dims of any size, once they were asked for
        self.maker: object = None  # the node whose results a dim that only the data tells is a size of

    def __repr__(self) -> str:
        return self.key


Mono = tuple[tuple[Atom, int], ...]
Terms = tuple[tuple[Mono, Rational], ...]


class Expr:
    """A sum of monomials; made by the functions of this module and by Python's operators."""

    __slots__ = ("__weakref__", "integral", "symbols", "terms", "text")

    def __init__(self, terms: Terms, text: str) -> None:
        self.terms, self.text = terms, text
        self.symbols = frozenset[str]().union(*(atom.symbols for mono, _ in terms for atom, _ in mono))
        self.integral = all(_integral(m, c) for m, c in terms)

    def __repr__(self) -> str:
        return self.text

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("dimension expressions are not pickled; use their text")

    def __add__(self, other: Dim) -> Dim:
        return add(self, other)

    __radd__ = __add__

    def __sub__(self, other: Dim) -> Dim:
        return add(self, mul(other, -1))

    def __rsub__(self, other: Dim) -> Dim:
        return add(other, mul(self, -1))

    def __mul__(self, other: Dim) -> Dim:
        return mul(self, other)

    __rmul__ = __mul__

    def __neg__(self) -> Dim:
        return mul(self, -1)

    def __truediv__(self, other: Dim) -> Dim:
        return divide(self, other)

    def __rtruediv__(self, other: Dim) -> Dim:
        return divide(other, self)

    def __floordiv__(self, other: Dim) -> Dim:
        return floor(divide(self, other))

    def __rfloordiv__(self, other: Dim) -> Dim:
        return floor(divide(other, self))

    def __mod__(self, other: Dim) -> Dim:
        return self - other * floor(divide(self, other))

    def __bool__(self) -> bool:
        raise ShapeError(f"the truth of the symbolic expression {self} was asked for")


Dim = int | Fraction | Expr

_lock = threading.Lock()
_atoms: weakref.WeakValueDictionary[str, Atom] = weakref.WeakValueDictionary()
_exprs: weakref.WeakValueDictionary[str, Expr] = weakref.WeakValueDictionary()

INTEGER_CALLS = frozenset({"floor", "negative", "zero"})


def _integral(mono: Mono, coefficient: Rational) -> bool:
    return isinstance(coefficient, int) and all(power > 0 and _atom_integral(atom) for atom, power in mono)


def _atom_integral(atom: Atom) -> bool:
    if not atom.args or atom.fn in INTEGER_CALLS:
        return True
    return atom.fn in ("max", "select") and all(map(is_integral, atom.args[atom.fn == "select" :]))


def is_integral(value: Dim) -> bool:
    """True where the value is provably whole for every size."""
    return isinstance(value, int) or (isinstance(value, Expr) and value.integral)


def _atom(fn: str, args: tuple[Dim, ...]) -> Atom:
    key = f"{fn}({', '.join(str(a) for a in args)})" if args else fn
    with _lock:
        found = _atoms.get(key)
        if found is None:
            found = _atoms[key] = Atom(fn, args, key)
        return found


def _mono_text(mono: Mono, coefficient: Rational) -> str:
    parts = [a.key if p == 1 else f"{a.key}^{p}" for a, p in mono]
    if coefficient != 1 or not parts:
        parts.insert(0, str(coefficient))
    return "*".join(parts)


def _whole(value: Rational) -> Rational:
    return value.numerator if isinstance(value, Fraction) and value.denominator == 1 else value


def _make(terms: Mapping[Mono, Rational]) -> Dim:
    kept = {m: _whole(c) for m, c in terms.items() if c != 0}
    if not kept:
        return 0
    if len(kept) == 1 and () in kept:
        return kept[()]
    ordered = tuple(sorted(kept.items(), key=lambda t: (-len(t[0]), _mono_text(t[0], 1))))
    text = " + ".join(_mono_text(m, c) for m, c in ordered)
    with _lock:
        found = _exprs.get(text)
        if found is None:
            found = _exprs[text] = Expr(ordered, text)
        return found


def _terms(value: Dim) -> Terms:
    return value.terms if isinstance(value, Expr) else (((), value),)


def symbol(name: str) -> Expr:
    """The dim called ``name``; names are identifiers (letters, digits, ``_``)."""
    if not name.isidentifier():
        raise ShapeError(f"{name!r} cannot name a dim: use letters, digits and underscores")
    made = _make({((_atom(name, ()), 1),): 1})
    assert isinstance(made, Expr)
    return made


def add(a: Dim, b: Dim) -> Dim:
    """a + b."""
    if not isinstance(a, Expr) and not isinstance(b, Expr):
        return _whole(a + b)
    total: dict[Mono, Rational] = {}
    for mono, coefficient in _terms(a) + _terms(b):
        total[mono] = total.get(mono, 0) + coefficient
    return _make(total)


def _times(a: Mono, b: Mono) -> Mono:
    powers: dict[Atom, int] = dict(a)
    for atom, power in b:
        powers[atom] = powers.get(atom, 0) + power
    return tuple(sorted(((x, p) for x, p in powers.items() if p), key=lambda t: t[0].key))


def mul(a: Dim, b: Dim) -> Dim:
    """a * b."""
    if not isinstance(a, Expr) and not isinstance(b, Expr):
        return _whole(a * b)
    total: dict[Mono, Rational] = {}
    for mono_a, x in _terms(a):
        for mono_b, y in _terms(b):
            mono = _times(mono_a, mono_b)
            total[mono] = total.get(mono, 0) + x * y
    return _make(total)


def divide(a: Dim, b: Dim) -> Dim:
    """a / b, exact; raises ShapeError where b is zero."""
    if isinstance(b, int | Fraction):
        if b == 0:
            raise ShapeError(f"{a} is divided by zero")
        return mul(a, Fraction(1) / b)
    if a is b:
        return 1
    if len(b.terms) == 1:
        mono, coefficient = b.terms[0]
        return mul(a, _make({tuple((x, -p) for x, p in mono): Fraction(1) / coefficient}))
    quotient = _leading_quotient(a, b)
    if quotient is not None:
        return quotient
    return mul(a, _make({((_atom("recip", (b,)), 1),): 1}))


def _leading_quotient(a: Dim, b: Expr) -> Dim | None:
    """The monomial q with a = q * b, if there is one."""
    if not isinstance(a, Expr) or len(a.terms) != len(b.terms):
        return None
    (mono_b, cb) = b.terms[0]
    inverse = tuple((x, -p) for x, p in mono_b)
    for mono_a, ca in a.terms:
        q = _make({_times(mono_a, inverse): Fraction(ca) / cb})
        if mul(q, b) is a:
            return q
    return None


def floor(a: Dim) -> Dim:
    """The greatest integer <= a."""
    if not isinstance(a, Expr):
        return a.__floor__()
    whole: dict[Mono, Rational] = {}
    rest: dict[Mono, Rational] = {}
    for mono, coefficient in a.terms:
        if _integral(mono, coefficient):
            whole[mono] = coefficient
        elif not mono:
            whole[mono], rest[mono] = coefficient.__floor__(), coefficient - coefficient.__floor__()
        else:
            rest[mono] = coefficient
    part = _make(rest)
    if not isinstance(part, Expr):
        return add(_make(whole), part.__floor__())
    lo, hi = _span(part, {}, {})
    if lo > -INF and hi < INF and lo.__floor__() == hi.__floor__():
        return add(_make(whole), lo.__floor__())
    return add(_make(whole), _make({((_atom("floor", (part,)), 1),): 1}))


def ceil(a: Dim) -> Dim:
    """The least integer >= a."""
    return mul(floor(mul(a, -1)), -1)


def trunc(a: Dim) -> Dim:
    """a without its fraction, toward zero (ONNX casts and integer division)."""
    return a if is_integral(a) else select(negative(a), ceil(a), floor(a))


def maximum(a: Dim, b: Dim) -> Dim:
    """The greater of a and b."""
    if not isinstance(a, Expr) and not isinstance(b, Expr):
        return max(a, b)
    lo, hi = bounds(add(a, mul(b, -1)))
    if lo >= 0:
        return a
    if hi <= 0:
        return b
    return _make({((_atom("max", tuple(sorted((a, b), key=str))), 1),): 1})


def minimum(a: Dim, b: Dim) -> Dim:
    """The lesser of a and b."""
    return mul(maximum(mul(a, -1), mul(b, -1)), -1)


def negative(a: Dim) -> Dim:
    """1 where a < 0, else 0."""
    if not isinstance(a, Expr):
        return int(a < 0)
    lo, hi = bounds(a)
    if lo >= 0 or hi < 0:
        return int(hi < 0)
    return _make({((_atom("negative", (a,)), 1),): 1})


def less(a: Dim, b: Dim) -> Dim:
    """1 where a < b, else 0."""
    return negative(add(a, mul(b, -1)))


def equal(a: Dim, b: Dim) -> Dim:
    """1 where a = b, else 0."""
    difference = add(a, mul(b, -1))
    if not isinstance(difference, Expr):
        return int(difference == 0)
    lo, hi = bounds(difference)
    if lo > 0 or hi < 0:
        return 0
    return _make({((_atom("zero", (difference,)), 1),): 1})


def select(condition: Dim, a: Dim, b: Dim) -> Dim:
    """a where the condition is 1, b where it is 0."""
    if not isinstance(condition, Expr):
        return a if condition else b
    if a is b or (not isinstance(a, Expr) and not isinstance(b, Expr) and a == b):
        return a
    return _make({((_atom("select", (condition, a, b)), 1),): 1})


def product(values: tuple[Dim, ...] | list[Dim]) -> Dim:
    """The product of the values; 1 for none."""
    total: Dim = 1
    for value in values:
        total = mul(total, value)
    return total


def symbols(value: Dim) -> frozenset[str]:
    """Names of the dims that the value depends on."""
    return value.symbols if isinstance(value, Expr) else frozenset()


def bounds(value: Dim, ranges: Ranges | None = None) -> Interval:
    """A closed interval that holds the value while each dim stays in its range (default 0 to infinity)."""
    low, high = _span(value, ranges or {}, {})
    return (_outward(low, -INF), _outward(high, INF))


def _outward(limit: Bound, toward: float) -> float:
    """The limit as a float that does not cut it."""
    near = float(limit)
    cuts = near > limit if toward < 0 else near < limit
    return math.nextafter(near, toward) if cuts else near


def _multiply(a: Span, b: Span) -> Span:
    corners: list[Bound] = [0 if x == 0 or y == 0 else x * y for x in a for y in b]
    return (min(corners), max(corners))


def _span(value: Dim, ranges: Ranges, seen: dict[Atom, Span]) -> Span:
    """``bounds``, exactly: whole numbers and fractions where they are finite."""
    if not isinstance(value, Expr):
        return (value, value)
    total: Span = (0, 0)
    for mono, coefficient in value.terms:
        part: Span = (coefficient, coefficient)
        for atom, power in mono:
            one = _atom_span(atom, ranges, seen)
            if power < 0:
                one = _reciprocal(one, _atom_integral(atom))
            for _ in range(abs(power)):
                part = _multiply(part, one)
        total = (total[0] + part[0], total[1] + part[1])
    return (-INF if total[0] != total[0] else total[0], INF if total[1] != total[1] else total[1])


def _reciprocal(one: Span, whole: bool) -> Span:
    """Of a divisor that is not 0; what is whole and not negative is then at least 1."""
    low, high = (max(one[0], 1), max(one[1], 1)) if whole and one[0] >= 0 else one
    if low <= 0:
        return _UNBOUNDED
    return (0 if high == INF else Fraction(1) / Fraction(high), Fraction(1) / Fraction(low))


def _atom_span(atom: Atom, ranges: Ranges, seen: dict[Atom, Span]) -> Span:
    """The span of a call is found once: for dims of any size for good, else for the expression that holds it."""
    if not atom.args:
        return ranges.get(atom.fn, (0, INF))
    found = seen.get(atom) if ranges else atom.span
    if found is None:
        found = seen[atom] = _call_span(atom, ranges, seen)
        atom.span = atom.span if ranges else found
    return found


def _call_span(atom: Atom, ranges: Ranges, seen: dict[Atom, Span]) -> Span:
    if atom.fn in ("negative", "zero"):
        return (0, 1)
    if atom.fn == "floor":
        low, high = _span(atom.args[0], ranges, seen)
        return (low if low == -INF else low.__floor__(), high if high == INF else high.__floor__())
    if atom.fn in ("max", "select"):
        first, second = (_span(a, ranges, seen) for a in atom.args[-2:])
        least = max if atom.fn == "max" else min
        return (least(first[0], second[0]), max(first[1], second[1]))
    return _UNBOUNDED


def rational(value: float | int | Fraction) -> Rational:
    """The number, exactly; raises ShapeError for NaN and infinities."""
    try:
        return _whole(Fraction(value))
    except (OverflowError, ValueError) as error:
        raise ShapeError(f"{value} is not a finite number") from error
