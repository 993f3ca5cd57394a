"""Dimension expressions against exact arithmetic in Python."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minirt.errors import ShapeError
from minirt.types import dim
from minirt.types.dim import Dim, Expr, bounds, symbol
from minirt.types.evaluate import Evaluator, parse_dim, substitute

N, S = symbol("N"), symbol("S")

BINARY: dict[str, tuple[Callable[..., Dim], Callable[..., Any]]] = {
    "add": (dim.add, lambda a, b: a + b),
    "mul": (dim.mul, lambda a, b: a * b),
    "max": (dim.maximum, max),
    "min": (dim.minimum, min),
    "less": (dim.less, lambda a, b: int(a < b)),
    "equal": (dim.equal, lambda a, b: int(a == b)),
    "floordiv": (lambda a, b: dim.floor(dim.divide(a, b)), lambda a, b: Fraction(a, b).__floor__()),
    "div": (dim.divide, lambda a, b: Fraction(a) / b),
}
UNARY: dict[str, tuple[Callable[[Dim], Dim], Callable[[Any], Any]]] = {
    "floor": (dim.floor, lambda a: Fraction(a).__floor__()),
    "ceil": (dim.ceil, lambda a: Fraction(a).__ceil__()),
    "trunc": (dim.trunc, lambda a: Fraction(a).__trunc__()),
    "negative": (dim.negative, lambda a: int(a < 0)),
}
Pair = tuple[Dim, Callable[[int, int], Any]]


@st.composite
def expressions(draw: st.DrawFn, depth: int = 4) -> Pair:
    """An expression, and the same in Python of (N, S)."""
    kind = draw(st.sampled_from(["leaf", *UNARY, *BINARY, "select"])) if depth else "leaf"
    if kind == "leaf":
        number = draw(st.integers(-4, 9))
        leaves: list[Pair] = [(N, lambda n, s: n), (S, lambda n, s: s), (number, lambda n, s: number)]
        leaf: Pair = draw(st.sampled_from(leaves))
        return leaf
    a, fa = draw(expressions(depth - 1))
    if kind in UNARY:
        make, wanted = UNARY[kind]
        return make(a), lambda n, s: wanted(fa(n, s))
    if kind in ("floordiv", "div"):
        divisor, fb = draw(st.sampled_from([(N, lambda n, s: n), (S, lambda n, s: s), (3, lambda n, s: 3)]))
        make, wanted = BINARY[kind]
        return make(a, divisor), lambda n, s: Fraction(fa(n, s)) / fb(n, s) if kind == "div" else fa(n, s) // fb(n, s)
    b, fb = draw(expressions(depth - 1))
    if kind == "select":
        return dim.select(dim.less(a, b), a, b), lambda n, s: min(fa(n, s), fb(n, s))
    make, wanted = BINARY[kind]
    return make(a, b), lambda n, s: wanted(fa(n, s), fb(n, s))


@settings(max_examples=300, deadline=None, derandomize=True)
@given(expressions(), st.integers(1, 9), st.integers(1, 9))
def test_values(pair: Pair, n: int, s: int) -> None:
    """Every expression is what Python computes; its bounds hold it; its text gives it back."""
    expression, python = pair
    wanted = Fraction(python(n, s))
    assert substitute(expression, {"N": n, "S": s}) == wanted
    low, high = bounds(expression)
    assert low <= wanted <= high
    low, high = bounds(expression, {"N": (1, 9), "S": (1, 9)})
    assert low <= wanted <= high
    assert parse_dim(str(expression)) is expression or parse_dim(str(expression)) == expression
    half = substitute(expression, {"N": n})
    assert substitute(half, {"S": s}) == wanted
    if dim.is_integral(expression):
        assert wanted.denominator == 1


def test_equal_expressions_are_one_object() -> None:
    """Canonical form."""
    assert N + S is S + N
    assert (N + 1) * (N - 1) is N * N - 1
    assert N * S * 768 / (12 * N * S) == 64
    assert (N * S + S) / S is N + 1
    assert (2 * N + 2 * S) / (N + S) == 2
    assert N - N == 0
    assert (N * 2) // 2 is N
    assert dim.floor(N / 2 + 3) is dim.floor(N / 2) + 3


def test_known_signs_simplify() -> None:
    """Dims are not negative."""
    assert dim.maximum(N, -1) is N
    assert dim.minimum(N * S, -3) == -3
    assert dim.less(N, 0) == 0
    assert dim.equal(N + 1, 0) == 0
    assert dim.select(dim.less(N, 0), 5, S) is S
    assert dim.floor(N / 1) is N


def test_symbols_and_integers() -> None:
    """What an expression depends on, and whether it is whole."""
    assert dim.symbols(dim.floor(N / 2) + dim.maximum(S, 3)) == {"N", "S"}
    assert dim.is_integral(dim.floor(N / 2)) and not dim.is_integral(N / 2)
    assert isinstance(N / 2, Expr)


def test_errors() -> None:
    """Zero divisors, unknown sizes, fractions, truth, bad names and bad text."""
    with pytest.raises(ShapeError, match="divided by zero"):
        dim.divide(N, 0)
    with pytest.raises(ShapeError, match="divided by zero"):
        substitute(N / S, {"N": 1, "S": 0})
    with pytest.raises(ShapeError, match="no size"):
        Evaluator({}).integer(N)
    with pytest.raises(ShapeError, match="not a whole number"):
        Evaluator({"N": 3}).integer(N / 2)
    with pytest.raises(ShapeError, match="truth"):
        bool(N)
    with pytest.raises(ShapeError, match="cannot name a dim"):
        symbol("a b")
    for text in ("N +", "foo(N)", "max(N)", "N ^ 999", "(" * 100, "1//2", ""):
        with pytest.raises(ShapeError):
            parse_dim(text)


def test_only_the_taken_branch_is_evaluated() -> None:
    """The other one may divide by zero."""
    guarded = dim.select(dim.equal(S, 0), N, dim.floor(N / S))
    assert substitute(guarded, {"N": 5, "S": 0}) == 5
    assert substitute(guarded, {"N": 5, "S": 2}) == 2


def test_an_expression_that_holds_itself_over_and_over_is_read_once() -> None:
    """Its text is four times as long with every level, so that what is read again would take hours."""
    value: Dim = symbol("a") + 1
    for _ in range(6):
        value = dim.maximum(value - 3 * N, S - value) + dim.maximum(value - 5 * S, N - value)
    assert len(str(value)) > 1 << 14
    assert parse_dim(str(value)) is value
    assert dim.symbols(value) == {"a", "N", "S"}
    assert bounds(value, {"a": (3, 3), "N": (0, 5), "S": (0, 5)})[0] > -1e9
