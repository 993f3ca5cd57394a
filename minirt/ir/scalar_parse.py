"""Python source of a scalar function, read once, typed for each use.

The functions are written with plain operators, conditional expressions, local names, and the vocabulary's calls
(``exp``, ``tanh``, ...): ``def scalar(x, alpha): return x if x > 0.0 else alpha * x``.
"""

from __future__ import annotations

import ast
import inspect
import math
import textwrap
from collections.abc import Callable, Mapping

from minirt.errors import MinirtError
from minirt.ir.scalar import BINARY, LOGIC, UNARY, Body, Number, Scalar, arg, call, cast, const, make
from minirt.types.dtype import DType, bool_, i64

_BINARY: dict[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "sub",
    ast.Mult: "mul",
    ast.Div: "div",
    ast.Mod: "mod",
    ast.Pow: "pow",
    ast.BitAnd: "bitand",
    ast.BitOr: "bitor",
    ast.BitXor: "bitxor",
    ast.LShift: "shl",
    ast.RShift: "shr",
}
_COMPARE: dict[type[ast.cmpop], str] = {
    ast.Lt: "lt",
    ast.LtE: "le",
    ast.Gt: "gt",
    ast.GtE: "ge",
    ast.Eq: "eq",
    ast.NotEq: "ne",
}
_CALLS = (UNARY | BINARY | LOGIC) - {"neg", "not", "and", "or"}
_NAMES: dict[str, Number] = {"pi": math.pi, "inf": math.inf, "nan": math.nan}
Value = Scalar | Number


class ScalarFunction:
    """A parsed scalar function: its parameter names and its statements."""

    def __init__(self, function: Callable[..., object]) -> None:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
        assert isinstance(tree, ast.FunctionDef)
        self.name = function.__qualname__
        self.names = [a.arg for a in tree.args.args]
        self.body = [s for s in tree.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))]

    def typed(self, dtypes: tuple[DType, ...], fields: Mapping[str, Number], result: DType) -> Body:
        """The expression for operands of these types, with the other parameters taken from ``fields``."""
        scope: dict[str, Value] = {n: arg(i, d) for i, (n, d) in enumerate(zip(self.names, dtypes, strict=False))}
        scope |= {n: fields[n] for n in self.names[len(dtypes) :]}
        for statement in self.body:
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                scope[statement.targets[0].id] = self._value(statement.value, scope)
            elif isinstance(statement, ast.Return) and statement.value is not None:
                value = self._value(statement.value, scope)
                return Body(dtypes, (cast(_typed(value, result.compute), result),))
            else:
                raise MinirtError(f"{self.name}: statement {ast.unparse(statement)!r} is not scalar")
        raise MinirtError(f"{self.name} returns nothing")

    def _value(self, node: ast.expr, scope: Mapping[str, Value]) -> Value:
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float | bool):
            return node.value
        if isinstance(node, ast.Name) and (node.id in scope or node.id in _NAMES):
            return scope[node.id] if node.id in scope else _NAMES[node.id]
        if isinstance(node, ast.IfExp):
            return self._select(node, scope)
        fn, operands = self._call(node)
        return _apply(fn, [self._value(o, scope) for o in operands])

    def _select(self, node: ast.IfExp, scope: Mapping[str, Value]) -> Value:
        condition = self._value(node.test, scope)
        if not isinstance(condition, Scalar):
            return self._value(node.body if condition else node.orelse, scope)
        a, b = _unify([self._value(node.body, scope), self._value(node.orelse, scope)])
        return call("select", condition, a, b)

    def _call(self, node: ast.expr) -> tuple[str, list[ast.expr]]:
        if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
            return _BINARY[type(node.op)], [node.left, node.right]
        if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARE:
            return _COMPARE[type(node.ops[0])], [node.left, node.comparators[0]]
        if isinstance(node, ast.BoolOp) and len(node.values) == 2:
            return ("and" if isinstance(node.op, ast.And) else "or"), node.values
        if isinstance(node, ast.UnaryOp):
            kinds = {ast.USub: "neg", ast.Not: "not", ast.Invert: "bitnot"}
            if type(node.op) in kinds:
                return kinds[type(node.op)], [node.operand]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _CALLS:
            return node.func.id, node.args
        raise MinirtError(f"{self.name}: {ast.unparse(node)!r} is not in the scalar vocabulary")


_FOLD: dict[str, Callable[..., Number]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "neg": lambda a: -a,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "sqrt": math.sqrt,
    "exp": math.exp,
    "log": math.log,
    "not": lambda a: not a,
    "and": lambda a, b: a and b,
    "or": lambda a, b: a or b,
}


def _apply(fn: str, values: list[Value]) -> Value:
    numbers = [v for v in values if not isinstance(v, Scalar)]
    if len(numbers) == len(values):
        if fn not in _FOLD:
            raise MinirtError(f"scalar {fn} of constants alone")
        return _FOLD[fn](*numbers)
    return call(fn, *_unify(values))


def _typed(value: Value, dtype: DType) -> Scalar:
    return value if isinstance(value, Scalar) else const(value, dtype)


def _unify(values: list[Value]) -> list[Scalar]:
    """Numbers take the compute type of the typed operands; index arithmetic (i64) meets other integers as i64."""
    typed = [v for v in values if isinstance(v, Scalar)]
    if not typed:
        raise MinirtError("a conditional over constants alone has no type")
    dtype = typed[0].dtype.compute
    if any(t.dtype is not dtype for t in typed) and all(t.dtype.is_integer for t in typed):
        return [
            make("cast", (v,), i64) if isinstance(v, Scalar) and v.dtype is not i64 else _typed(v, i64) for v in values
        ]
    if dtype is bool_ and any(not isinstance(v, bool | Scalar) for v in values):
        raise MinirtError("a bool meets a number in a scalar expression")
    return [_typed(v, dtype) for v in values]
