"""A little language for irregular kernels, with two printers: Numba text for the CPU, CUDA C++ for GPUs.

A routine is Python statements that compute what belongs to element ``e`` of its range: assignments, ``if``, ``while``,
``for`` over ``range``, arithmetic, comparisons, and ``name[place]`` to read or write operands.  There are whole numbers
("i": 64 bits on the CPU, 32 or 64 on a GPU), real numbers ("r": f32 or f64), truth ("b") and elements that are only
moved ("w").  A variable has one type, the widest that is assigned to it; whole numbers that meet real ones become real.
``//``, ``%`` and ``>>`` take no negative numbers, a range's end is not changed within its loop.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field

_ORDER = "biwr"
REAL_CALLS = ("floor", "ceil", "round", "sqrt", "exp", "log", "sin", "cos", "abs")
"""Functions of one real number that keep their meaning of scalar expressions."""
_SYMBOLS: dict[type[ast.AST], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.BitAnd: "&",
    ast.BitOr: "|", ast.BitXor: "^", ast.LShift: "<<", ast.RShift: ">>", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">",
    ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=", ast.And: "and", ast.Or: "or",
}  # fmt: skip


@dataclass
class Routine:
    """A parsed routine: statements, and the type of every name.

    ``operands`` gives the type that each operand's elements have in registers.
    """

    body: list[ast.stmt]
    operands: Mapping[str, str]
    types: dict[str, str] = field(default_factory=dict)
    given: frozenset[str] = frozenset()

    @property
    def variables(self) -> dict[str, str]:
        """The variables that statements assign to, with their types."""
        return {name: kind for name, kind in self.types.items() if name not in self.given}


def parse(text: str, operands: Mapping[str, str], numbers: Mapping[str, str]) -> Routine:
    """The routine of a text; ``numbers`` are the types of the names that it is given."""
    routine = Routine(ast.parse(text).body, operands, dict(numbers), frozenset(numbers))
    for _ in range(4):  # a type may depend on one that is assigned further down
        for statement in ast.walk(ast.Module(routine.body, [])):
            if isinstance(statement, ast.Assign | ast.AugAssign | ast.For):
                _note(routine, statement)
    return routine


def _note(routine: Routine, statement: ast.Assign | ast.AugAssign | ast.For) -> None:
    if isinstance(statement, ast.For):
        target: ast.expr = statement.target
        kind = "i"
    else:
        target = statement.targets[0] if isinstance(statement, ast.Assign) else statement.target
        kind = type_of(routine, statement.value)
    if isinstance(target, ast.Name):
        known = routine.types.get(target.id, kind)
        routine.types[target.id] = widest(known, kind)


def widest(*kinds: str) -> str:
    """The type that holds all these."""
    return max(kinds, key=_ORDER.index)


def type_of(routine: Routine, node: ast.expr) -> str:
    """The type of an expression."""
    if isinstance(node, ast.Constant):
        return "b" if isinstance(node.value, bool) else "i" if isinstance(node.value, int) else "r"
    if isinstance(node, ast.Name):
        return routine.types.get(node.id, "b")
    if isinstance(node, ast.Subscript):
        return routine.operands[named(node.value)]
    if isinstance(node, ast.Compare | ast.BoolOp) or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)):
        return "b"
    if isinstance(node, ast.UnaryOp):
        return type_of(routine, node.operand)
    if isinstance(node, ast.IfExp):
        return widest(type_of(routine, node.body), type_of(routine, node.orelse))
    if isinstance(node, ast.BinOp):
        if isinstance(node.op, ast.Div):
            return "r"
        return widest("i", type_of(routine, node.left), type_of(routine, node.right))
    assert isinstance(node, ast.Call), ast.dump(node)
    name = named(node.func)
    if name in ("min", "max"):
        return widest(*(type_of(routine, a) for a in node.args))
    return "r" if name in (*REAL_CALLS, "real") else "i"


def named(node: ast.expr) -> str:
    """The name that an expression is."""
    assert isinstance(node, ast.Name), ast.dump(node)
    return node.id


class Printer:
    """What both printers share: expressions by kind, real numbers where types meet; a subclass spells them."""

    def __init__(self, routine: Routine) -> None:
        self.routine = routine

    def as_type(self, node: ast.expr, kind: str) -> str:
        """An expression converted to a type."""
        raise NotImplementedError

    def call(self, name: str, args: list[ast.expr]) -> str:
        """A function of the language."""
        raise NotImplementedError

    def element(self, operand: str, place: str) -> str:
        """A read."""
        raise NotImplementedError

    def constant(self, value: bool | float) -> str:
        """A literal."""
        raise NotImplementedError

    def binary(self, symbol: str, left: str, right: str) -> str:
        """An operation on operands of one type."""
        return f"({left} {symbol} {right})"

    def expression(self, node: ast.expr) -> str:
        """An expression as text."""
        kind = type_of(self.routine, node)
        if isinstance(node, ast.Constant):
            assert isinstance(node.value, bool | int | float)
            return self.constant(node.value)
        if isinstance(node, ast.Name):
            return node.id
        if isinstance(node, ast.Subscript):
            return self.element(named(node.value), self.expression(node.slice))
        if isinstance(node, ast.UnaryOp):
            inner = self.expression(node.operand)
            return self.negation(inner) if isinstance(node.op, ast.Not) else f"(-{inner})"
        if isinstance(node, ast.BinOp):
            return self.binary(_SYMBOLS[type(node.op)], self.as_type(node.left, kind), self.as_type(node.right, kind))
        if isinstance(node, ast.Compare):
            return self._comparison(node)
        if isinstance(node, ast.BoolOp):
            return self.joined(_SYMBOLS[type(node.op)], [self.expression(v) for v in node.values])
        if isinstance(node, ast.IfExp):
            return self.choice(
                self.expression(node.test), self.as_type(node.body, kind), self.as_type(node.orelse, kind)
            )
        assert isinstance(node, ast.Call), ast.dump(node)
        return self.call(named(node.func), node.args)

    def _comparison(self, node: ast.Compare) -> str:
        sides = [node.left, *node.comparators]
        parts = []
        for a, op, b in zip(sides[:-1], node.ops, sides[1:], strict=True):
            kind = widest(type_of(self.routine, a), type_of(self.routine, b))
            parts.append(f"({self.as_type(a, kind)} {_SYMBOLS[type(op)]} {self.as_type(b, kind)})")
        return parts[0] if len(parts) == 1 else self.joined("and", parts)

    def joined(self, word: str, parts: list[str]) -> str:
        """Parts joined by ``and`` or ``or``."""
        raise NotImplementedError

    def negation(self, inner: str) -> str:
        """Not."""
        raise NotImplementedError

    def choice(self, test: str, yes: str, no: str) -> str:
        """One of two."""
        raise NotImplementedError


class NumbaPrinter(Printer):
    """Python text for Numba: ``load_<operand>`` and ``store_<operand>`` are regions, ``real`` the type of reals."""

    def as_type(self, node: ast.expr, kind: str) -> str:
        """Reals and whole numbers by name of their type."""
        have, text = type_of(self.routine, node), self.expression(node)
        if have == kind or kind in "bw":
            return text
        return f"real({text})" if kind == "r" else f"int64({text})"

    def call(self, name: str, args: list[ast.expr]) -> str:
        """Real functions are regions called ``fn_<name>``."""
        if name in ("min", "max"):
            kind = widest(*(type_of(self.routine, a) for a in args))
            return f"{name}({', '.join(self.as_type(a, kind) for a in args)})"
        if name == "int":
            return f"int64({self.expression(args[0])})"
        if name == "real":
            return f"real({self.expression(args[0])})"
        if name == "ticks":
            return "fn_ticks()"
        return f"fn_{name}(0, {self.as_type(args[0], 'r')})"

    def element(self, operand: str, place: str) -> str:
        """A region's call."""
        return f"load_{operand}({place}, {operand})"

    def constant(self, value: bool | float) -> str:
        """Reals in their own type."""
        return (
            repr(value)
            if isinstance(value, bool)
            else f"int64({value})"
            if isinstance(value, int)
            else f"real({value!r})"
        )

    def joined(self, word: str, parts: list[str]) -> str:
        """As in Python."""
        return f"({f' {word} '.join(parts)})"

    def negation(self, inner: str) -> str:
        """As in Python."""
        return f"(not {inner})"

    def choice(self, test: str, yes: str, no: str) -> str:
        """As in Python."""
        return f"({yes} if {test} else {no})"

    def lines(self, body: list[ast.stmt]) -> list[str]:
        """Statements, indented as they nest."""
        out: list[str] = []
        for s in body:
            out += self._statement(s)
        return out

    def _statement(self, s: ast.stmt) -> list[str]:
        if isinstance(s, ast.Assign | ast.AugAssign):
            return [_assigned(self, s, "", self._store)]
        if isinstance(s, ast.If):
            out = [f"if {self.expression(s.test)}:", *_indented(self.lines(s.body))]
            return out + (["else:", *_indented(self.lines(s.orelse))] if s.orelse else [])
        if isinstance(s, ast.While):
            return [f"while {self.expression(s.test)}:", *_indented(self.lines(s.body))]
        if isinstance(s, ast.For):
            args = ", ".join(self.as_type(a, "i") for a in _range(s))
            return [f"for {named(s.target)} in range({args}):", *_indented(self.lines(s.body))]
        return [ast.unparse(s)]

    def _store(self, operand: str, place: str, value: str) -> str:
        return f"store_{operand}({place}, {value}, {operand})"


class CudaPrinter(Printer):
    """CUDA C++: ``I`` is the type of whole numbers, ``R`` of real ones, ``E_<operand>`` of an operand's elements."""

    def as_type(self, node: ast.expr, kind: str) -> str:
        """A C cast where types differ."""
        have, text = type_of(self.routine, node), self.expression(node)
        return text if have == kind or kind in "bw" else f"({'R' if kind == 'r' else 'I'})({text})"

    def call(self, name: str, args: list[ast.expr]) -> str:
        """Functions named for both sizes of reals in the text's head."""
        if name in ("min", "max"):
            kind = widest(*(type_of(self.routine, a) for a in args))
            text = self.as_type(args[0], kind)
            for a in args[1:]:
                text = f"{name}_of({text}, {self.as_type(a, kind)})"
            return text
        if name in ("int", "real"):
            return f"({'I' if name == 'int' else 'R'})({self.expression(args[0])})"
        if name == "ticks":
            return "(I)ticks()"
        return f"{name}_of({self.as_type(args[0], 'r')})"

    def element(self, operand: str, place: str) -> str:
        """A load, widened."""
        kind = self.routine.operands[operand]
        if kind == "w":
            return f"{operand}[{place}]"
        return f"({'R' if kind == 'r' else 'I'})widen({operand}[{place}])"

    def constant(self, value: bool | float) -> str:
        """Reals in their own type."""
        if isinstance(value, bool):
            return "true" if value else "false"
        return f"(I){value}" if isinstance(value, int) else f"(R){value!r}"

    def binary(self, symbol: str, left: str, right: str) -> str:
        """Whole numbers are never negative where they are divided."""
        return f"({left} {'/' if symbol == '//' else symbol} {right})"

    def joined(self, word: str, parts: list[str]) -> str:
        """C's operators."""
        return f"({(' && ' if word == 'and' else ' || ').join(parts)})"

    def negation(self, inner: str) -> str:
        """C's operator."""
        return f"(!{inner})"

    def choice(self, test: str, yes: str, no: str) -> str:
        """C's operator."""
        return f"({test} ? {yes} : {no})"

    def lines(self, body: list[ast.stmt]) -> list[str]:
        """Statements in braces."""
        out: list[str] = []
        for s in body:
            out += self._statement(s)
        return out

    def _statement(self, s: ast.stmt) -> list[str]:
        if isinstance(s, ast.Assign | ast.AugAssign):
            return [_assigned(self, s, ";", self._store)]
        if isinstance(s, ast.If):
            out = [f"if ({self.expression(s.test)}) {{", *_indented(self.lines(s.body)), "}"]
            return out + (["else {", *_indented(self.lines(s.orelse)), "}"] if s.orelse else [])
        if isinstance(s, ast.While):
            return [f"while ({self.expression(s.test)}) {{", *_indented(self.lines(s.body)), "}"]
        if isinstance(s, ast.For):
            name, ends = named(s.target), [self.as_type(a, "i") for a in _range(s)]
            start, stop, step = ("(I)0", ends[0], "1") if len(ends) == 1 else (*ends, "1")[:3]
            head = f"for ({name} = {start}; {name} < {stop}; {name} += {step}) {{"
            return [head, *_indented(self.lines(s.body)), "}"]
        return [f"{ast.unparse(s)};"]

    def _store(self, operand: str, place: str, value: str) -> str:
        return f"{operand}[{place}] = put_{operand}({value});"


def _range(loop: ast.For) -> list[ast.expr]:
    assert isinstance(loop.iter, ast.Call) and named(loop.iter.func) == "range"
    return loop.iter.args


def _assigned(printer: NumbaPrinter | CudaPrinter, s: ast.Assign | ast.AugAssign, end: str, store: object) -> str:
    """An assignment to a variable of its type, or to an operand's element."""
    target = s.targets[0] if isinstance(s, ast.Assign) else s.target
    value: ast.expr = s.value
    if isinstance(s, ast.AugAssign):
        assert isinstance(target, ast.Name)
        value = ast.BinOp(ast.Name(target.id), s.op, s.value)
    if isinstance(target, ast.Name):
        return f"{target.id} = {printer.as_type(value, printer.routine.types[target.id])}{end}"
    assert isinstance(target, ast.Subscript) and callable(store)
    operand = named(target.value)
    text: str = store(
        operand, printer.expression(target.slice), printer.as_type(value, printer.routine.operands[operand])
    )
    return text


def _indented(lines: list[str]) -> list[str]:
    return [f"    {line}" for line in lines]
