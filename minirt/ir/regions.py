"""Joining pointwise regions: one body inlined into another, operands shared."""

from __future__ import annotations

from collections.abc import Sequence

from minirt.ir.op import Value
from minirt.ir.scalar import Body, Scalar, arg, postorder, rebuild

HEAVY = frozenset(
    "pow exp log sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh erf log1p expm1 atan2 mod fmod div".split()
)


def weight_of(body: Body) -> int:
    """How many scalar operations an element costs; transcendental ones count eight."""
    inner = [n for n in postorder(body.results) if n.args]
    return sum(8 if n.fn in HEAVY else 1 for n in inner)


def inline(
    outer: Body, values: Sequence[Value], position: int, inner: Body, inner_values: Sequence[Value]
) -> tuple[Body, tuple[Value, ...]]:
    """``outer`` with operand ``position`` computed by ``inner`` (one result), and the operands of the whole."""
    operands: dict[Value, int] = {}
    for i, value in enumerate(values):
        if i != position:
            operands.setdefault(value, len(operands))
    for value in inner_values:
        operands.setdefault(value, len(operands))
    (result,) = rebuild(inner.results, lambda n: _renumber(n, [operands[v] for v in inner_values]))

    def leaf(node: Scalar) -> Scalar:
        if node.fn == "arg" and node.value == position:
            return result
        return _renumber(node, [operands.get(v, -1) for v in values])

    whole = Body(tuple(v.dtype for v in operands), rebuild(outer.results, leaf))
    return whole, tuple(operands)


def shared(body: Body, values: Sequence[Value]) -> tuple[Body, tuple[Value, ...]]:
    """The body with operands that are one value read once."""
    operands: dict[Value, int] = {}
    for value in values:
        operands.setdefault(value, len(operands))
    places = [operands[v] for v in values]
    return Body(tuple(v.dtype for v in operands), rebuild(body.results, lambda n: _renumber(n, places))), tuple(
        operands
    )


def with_constant(body: Body, values: Sequence[Value], position: int, number: Scalar) -> tuple[Body, tuple[Value, ...]]:
    """The body with operand ``position`` replaced by a leaf: a number or a coordinate."""
    rest = [v for i, v in enumerate(values) if i != position]
    places = [i - (i > position) for i in range(len(values))]

    def leaf(node: Scalar) -> Scalar:
        return number if node.fn == "arg" and node.value == position else _renumber(node, places)

    return Body(tuple(v.dtype for v in rest), rebuild(body.results, leaf)), tuple(rest)


def to_front(body: Body, position: int) -> Body:
    """The body with operand ``position`` made the first."""
    order = [position, *(i for i in range(len(body.args)) if i != position)]
    places = [order.index(i) for i in range(len(order))]
    return Body(tuple(body.args[i] for i in order), rebuild(body.results, lambda n: _renumber(n, places)))


def _renumber(node: Scalar, places: Sequence[int]) -> Scalar:
    if node.fn != "arg":
        return node
    assert isinstance(node.value, int)
    return arg(places[node.value], node.dtype)
