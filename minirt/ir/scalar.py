"""Scalar expressions: what one element of a pointwise region computes.

A tree over a closed vocabulary, typed at birth.  Arithmetic happens in a compute type (f32 for every narrower float,
else the operand's own type); ``cast`` alone changes a type, and rounds.  NaN propagates through ``min`` and ``max`` as
in NumPy, ``div`` of integers truncates toward zero, ``round`` goes half to even.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from minirt.errors import MinirtError
from minirt.types.dtype import DType, bool_, dtype_of, i64

UNARY = frozenset(
    "neg abs sign floor ceil round trunc sqrt rsqrt recip exp log sin cos tan asin acos atan sinh cosh tanh "
    "asinh acosh atanh erf bitnot log1p expm1".split()
)
BINARY = frozenset("add sub mul div mod fmod pow min max bitand bitor bitxor shl shr atan2".split())
COMPARE = frozenset("lt le gt ge eq ne".split())
LOGIC = frozenset("and or xor not isnan isinf isposinf isneginf".split())
ARITY = {**dict.fromkeys(UNARY, 1), **dict.fromkeys(BINARY | COMPARE, 2), **dict.fromkeys(LOGIC, 1)} | {
    "and": 2,
    "or": 2,
    "xor": 2,
    "select": 3,
    "cast": 1,
    "arg": 0,
    "const": 0,
    "index": 0,
}
Number = int | float | bool


class Scalar:
    """One node: ``fn`` of ``args``, of type ``dtype``; ``value`` is an argument's number, a constant, or an axis.

    ``index`` yields the coordinate of the element along an output axis counted from the end (-1 is the last).
    Nodes are interned: equal trees are the same object.
    """

    __slots__ = ("__weakref__", "args", "dtype", "fn", "value")

    def __init__(self, fn: str, args: tuple[Scalar, ...], dtype: DType, value: Number | None) -> None:
        self.fn, self.args, self.dtype, self.value = fn, args, dtype, value

    def __repr__(self) -> str:
        return text_of(self)

    def __reduce__(self) -> str | tuple[object, ...]:
        raise TypeError("scalar expressions are not pickled; use their text")


_lock = threading.Lock()
_seen: weakref.WeakValueDictionary[object, Scalar] = weakref.WeakValueDictionary()


def make(fn: str, args: tuple[Scalar, ...], dtype: DType, value: Number | None = None) -> Scalar:
    """The node; raises MinirtError outside the vocabulary."""
    if ARITY.get(fn) != len(args):
        raise MinirtError(f"{fn!r} of {len(args)} values is not a scalar expression")
    key = (fn, tuple(map(id, args)), dtype.name, repr(value))
    with _lock:
        found = _seen.get(key)
        if found is None:
            found = _seen[key] = Scalar(fn, args, dtype, value)
        return found


def arg(number: int, dtype: DType) -> Scalar:
    """The element of operand ``number``."""
    return make("arg", (), dtype, number)


def const(value: Number, dtype: DType) -> Scalar:
    """A constant, held as the type holds it."""
    kept: Number = dtype.numpy.type(value).item() if dtype.kind in "fiub" and dtype.bits >= 8 else value
    if dtype.is_float:
        kept = float(kept)
    return make("const", (), dtype, kept)


def index(axis: int) -> Scalar:
    """The coordinate along the output axis ``axis`` (negative: from the end), i64."""
    return make("index", (), i64, axis)


def cast(x: Scalar, dtype: DType) -> Scalar:
    """x rounded to ``dtype``; to bool: x != 0."""
    if x.dtype is dtype:
        return x
    if x.fn == "const" and x.value is not None:
        return const(bool(x.value) if dtype is bool_ else x.value, dtype) if _castable(x, dtype) else _cast(x, dtype)
    if x.fn == "cast" and x.args[0].dtype is dtype and _widens(dtype, x.dtype):
        return x.args[0]
    return _cast(x, dtype)


def _cast(x: Scalar, dtype: DType) -> Scalar:
    return make("cast", (x,), dtype)


def _castable(x: Scalar, dtype: DType) -> bool:
    value = x.value
    if not isinstance(value, float) or not dtype.is_integer:
        return dtype.bits >= 8
    return value == value and abs(value) < 2 ** (dtype.bits - 1) and value.is_integer()


def _widens(narrow: DType, wide: DType) -> bool:
    return narrow.kind == wide.kind == "f" and narrow.bits < wide.bits and wide.bits >= 32


def wide(x: Scalar) -> Scalar:
    """x in the type that arithmetic on it uses."""
    return cast(x, x.dtype.compute)


def call(fn: str, *args: Scalar) -> Scalar:
    """``fn`` of values: widened first; comparisons give bool."""
    if fn == "select":
        return make("select", (args[0], *map(wide, args[1:])), args[1].dtype.compute)
    values = tuple(map(wide, args))
    types = {v.dtype for v in values}
    if len(types) > 1:
        raise MinirtError(f"scalar {fn} mixes {', '.join(sorted(t.name for t in types))}")
    dtype = bool_ if fn in COMPARE or fn in LOGIC else values[0].dtype
    return make(fn, values, dtype)


@dataclass(frozen=True)
class Body:
    """What a region computes: one expression per result, over operands of the given types."""

    args: tuple[DType, ...]
    results: tuple[Scalar, ...]

    @property
    def dtypes(self) -> tuple[DType, ...]:
        """Types of the results."""
        return tuple(r.dtype for r in self.results)

    def __repr__(self) -> str:
        return f"({', '.join(map(str, self.args))}) -> {'; '.join(map(text_of, self.results))}"


def postorder(roots: Iterable[Scalar]) -> list[Scalar]:
    """Every node below the roots once, operands first."""
    order: list[Scalar] = []
    done: set[Scalar] = set()
    stack: list[tuple[Scalar, bool]] = [(r, False) for r in reversed(list(roots))]
    while stack:
        node, ready = stack.pop()
        if node in done:
            continue
        if ready:
            done.add(node)
            order.append(node)
        else:
            stack.append((node, True))
            stack.extend((a, False) for a in reversed(node.args))
    return order


def rebuild(roots: tuple[Scalar, ...], leaf: Callable[[Scalar], Scalar]) -> tuple[Scalar, ...]:
    """The trees with each leaf (``arg``, ``const``, ``index``) replaced by ``leaf(node)``."""
    made: dict[Scalar, Scalar] = {}
    for node in postorder(roots):
        if not node.args:
            made[node] = leaf(node)
        else:
            args = tuple(made[a] for a in node.args)
            if node.fn == "cast":
                made[node] = cast(args[0], node.dtype)
            else:
                made[node] = node if args == node.args else make(node.fn, args, node.dtype, node.value)
    return tuple(made[r] for r in roots)


def uses_index(roots: Iterable[Scalar]) -> bool:
    """True where some node reads an output coordinate."""
    return any(n.fn == "index" for n in postorder(roots))


def text_of(x: Scalar) -> str:
    """One line of text that ``parse`` reads back; shared nodes are printed each time, so for small trees."""
    if x.fn == "arg":
        return f"${x.value}:{x.dtype}"
    if x.fn == "const":
        return f"{x.value!r}:{x.dtype}"
    if x.fn == "index":
        return f"index({x.value})"
    inside = ", ".join(map(text_of, x.args))
    return f"{x.fn}:{x.dtype}({inside})" if x.fn == "cast" else f"{x.fn}({inside})"


def encode(body: Body) -> list[object]:
    """The body as JSON: types of the operands, nodes in order, results by position."""
    order = postorder(body.results)
    place = {n: i for i, n in enumerate(order)}
    nodes: list[object] = [[n.fn, n.dtype.name, [place[a] for a in n.args], _plain(n.value)] for n in order]
    return [[d.name for d in body.args], nodes, [place[r] for r in body.results]]


def _plain(value: Number | None) -> object:
    return repr(value) if isinstance(value, float) and (value != value or abs(value) == float("inf")) else value


def decode(data: Any) -> Body:
    """The body that ``encode`` wrote; raises MinirtError for anything else."""
    try:
        args, nodes, results = data
        made: list[Scalar] = []
        for fn, dtype, operands, value in nodes:
            if any(not 0 <= i < len(made) for i in operands):
                raise MinirtError("a scalar expression refers forward")
            number = float(value) if isinstance(value, str) else value
            made.append(make(fn, tuple(made[i] for i in operands), dtype_of(dtype), number))
        return Body(tuple(dtype_of(d) for d in args), tuple(made[i] for i in results))
    except (TypeError, ValueError, IndexError, KeyError, AttributeError) as error:
        raise MinirtError(f"not a scalar expression: {error}") from error
