"""Numbers, substitution and text for dimension expressions."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache
from itertools import accumulate

from minirt.errors import ShapeError
from minirt.types.dim import (
    Atom,
    Dim,
    Expr,
    add,
    divide,
    equal,
    floor,
    maximum,
    mul,
    negative,
    select,
    symbol,
)

_CALLS: dict[str, Callable[..., Dim]] = {
    "floor": floor,
    "max": maximum,
    "negative": negative,
    "zero": lambda a: equal(a, 0),
    "select": select,
    "recip": lambda a: divide(1, a),
}


class Evaluator:
    """Evaluates expressions under one assignment of dims (or of calls, by their text), remembering what it has seen."""

    def __init__(self, sizes: Mapping[str, Dim]) -> None:
        self.sizes = sizes
        self._seen: dict[Expr | Atom, Dim] = {}

    def __call__(self, value: Dim) -> Dim:
        """The value with the known dims filled in; raises ShapeError on division by zero."""
        if type(value) is int or not isinstance(value, Expr):
            return value
        found = self._seen.get(value)
        if found is None:
            found = self._seen[value] = self._sum(value)
        return found

    def integer(self, value: Dim) -> int:
        """The value as an int; raises ShapeError where it is not whole or a dim is not known."""
        if type(value) is int:
            return value
        found = self(value)
        if type(found) is int:
            return found
        if isinstance(found, Expr):
            raise ShapeError(f"{value} is not known: no size for {found}")
        if isinstance(found, Fraction):
            raise ShapeError(f"{value} = {found} is not a whole number for {dict(self.sizes)}")
        return found

    def _sum(self, value: Expr) -> Dim:
        total: Dim = 0
        for mono, coefficient in value.terms:
            part: Dim = coefficient
            for atom, power in mono:
                one = self._atom(atom)
                for _ in range(abs(power)):
                    part = mul(part, one) if power > 0 else divide(part, one)
            total = add(total, part)
        return total

    def _atom(self, atom: Atom) -> Dim:
        size = self.sizes.get(atom.key)  # of a symbol this is its name; of a call, its text
        if size is not None:
            return size
        if not atom.args:
            return symbol(atom.fn)
        found = self._seen.get(atom)
        if found is None:
            if atom.fn == "select":  # only the taken branch, which may be the only one that is defined
                condition = self(atom.args[0])
                found = (
                    self(atom.args[1 if condition else 2])
                    if not isinstance(condition, Expr)
                    else select(condition, self(atom.args[1]), self(atom.args[2]))
                )
            else:
                found = _CALLS[atom.fn](*(self(a) for a in atom.args))
            self._seen[atom] = found
        return found


def substitute(value: Dim, sizes: Mapping[str, Dim]) -> Dim:
    """The value with dims replaced."""
    return Evaluator(sizes)(value)


def parts(value: Dim) -> tuple[Dim, Dim] | None:
    """What the value is over what, neither of them a fraction; None for a sum."""
    if not isinstance(value, Expr):
        return Fraction(value).numerator, Fraction(value).denominator
    if len(value.terms) > 1:
        return None
    ((mono, coefficient),) = value.terms
    below: Dim = Fraction(coefficient).denominator
    for atom, power in mono:
        for _ in range(-power):
            below = mul(below, parse_dim(atom.key))
    return mul(value, below), below


_TOKEN = re.compile(r"\s*(?:(\d+)|([A-Za-z_]\w*)|(.))")


_DEEPEST = 60


class _Parser:
    """Recursive descent over ``sum of products`` text, as printed by Expr."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.found = list(_TOKEN.finditer(text))
        self.tokens = [m.groups() for m in self.found]
        self.at = 0

    def fail(self) -> ShapeError:
        return ShapeError(f"{self.text!r} is not a dimension expression")

    def take(self, mark: str) -> bool:
        if self.at < len(self.tokens) and self.tokens[self.at][2] == mark:
            self.at += 1
            return True
        return False

    def number(self) -> int:
        sign = -1 if self.take("-") else 1
        if self.at >= len(self.tokens) or not self.tokens[self.at][0]:
            raise self.fail()
        self.at += 1
        return sign * int(self.tokens[self.at - 1][0])

    def sum(self) -> Dim:
        total = self.term()
        while self.take("+"):
            total = add(total, self.term())
        return total

    def term(self) -> Dim:
        total = self.factor()
        while self.take("*"):
            total = mul(total, self.factor())
        return total

    def factor(self) -> Dim:
        if self.at < len(self.tokens) and self.tokens[self.at][1]:
            name = self.tokens[self.at][1]
            self.at += 1
            value = _called(name, self.inside()) if self.take("(") else symbol(name)
            power = self.number() if self.take("^") else 1
            if abs(power) > 64:
                raise self.fail()
            total: Dim = 1
            for _ in range(abs(power)):
                total = mul(total, value) if power > 0 else divide(total, value)
            return total
        top = self.number()
        return divide(top, self.number()) if self.take("/") else top

    def inside(self) -> str:
        """The text up to the bracket that closes the one just taken; what follows that is next."""
        start, depth = self.found[self.at - 1].end(), 1
        for place in range(self.at, len(self.tokens)):
            mark = self.tokens[place][2]
            depth += (mark == "(") - (mark == ")")
            if not depth:
                self.at = place + 1
                return self.text[start : self.found[place].start()]
        raise self.fail()


@lru_cache(maxsize=1 << 14)
def _called(name: str, inside: str) -> Dim:
    """A function of what its brackets hold: large expressions hold the same ones over and over."""
    parser = _Parser(inside)
    args = [parser.sum()]
    while parser.take(","):
        args.append(parser.sum())
    count = {"max": 2, "select": 3}.get(name, 1)
    if parser.at != len(parser.tokens) or name not in _CALLS or len(args) != count:
        raise parser.fail()
    return _CALLS[name](*args)


def parse_dim(text: str) -> Dim:
    """The expression that prints as ``text``; raises ShapeError for anything else."""
    parser = _Parser(text)
    depths = accumulate((mark == "(") - (mark == ")") for _, _, mark in parser.tokens)
    if max(depths, default=0) > _DEEPEST:
        raise parser.fail()
    value = parser.sum()
    if parser.at != len(parser.tokens):
        raise parser.fail()
    return value
