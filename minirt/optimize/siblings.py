"""Products of one operand with several constants become one product, of which each takes its part."""

from __future__ import annotations

from collections.abc import Hashable

from minirt.ir.graph import Graph, rebuild
from minirt.ir.op import Node, Value, apply, names_of, origin, reapply
from minirt.ir.weights import is_fixed
from minirt.ops.gemm import Gemm
from minirt.ops.movement import Concat, Reshape, Slice
from minirt.optimize.fold import computed
from minirt.types.dim import Dim


def join_siblings(graph: Graph) -> Graph:
    """x @ a, x @ b = (x @ [a b]) split: x is read once, and one launch does for all (queries, keys and values).

    The epilogues must be the same expression, over constants that vary with the column alone.
    """
    families: dict[Hashable, list[Node]] = {}
    for node in graph.nodes:
        key = _family(node)
        if key is not None:
            families.setdefault(key, []).append(node)
    joined = {node: family for family in families.values() if len(family) > 1 for node in family}
    if not joined:
        return graph
    made: dict[int, Value] = {}

    def visit(node: Node, operands: tuple[Value, ...]) -> tuple[Value, ...]:
        family = joined.get(node)
        if family is None:
            return reapply(node, node.op, operands)
        whole = made.get(id(family))
        if whole is None:
            with origin(names_of(*(n.outputs[0] for n in family))):
                whole = made[id(family)] = _together(family, operands[0])
        with origin(node.origin):
            return (_part(whole, family, node),)

    return rebuild(graph, visit)


def _family(node: Node) -> Hashable | None:
    """What products that may be joined have in common; None for nodes that are no such product."""
    op = node.op
    if not isinstance(op, Gemm) or len(node.outputs) > 1:
        return None
    x, b, *extras = node.inputs
    if is_fixed(x) or not is_fixed(b) or b.rank != 2 or x.rank < 2:
        return None
    columns = _columns(node)
    if not isinstance(columns, int) or not all(is_fixed(e) and _by_column(e, columns) for e in extras):
        return None
    single = tuple(e if e.tensor.size == 1 else None for e in extras)
    return (op, x, b.dtype, single, tuple(e.dtype for e in extras))


def _columns(node: Node) -> Dim:
    return node.outputs[0].shape[-1]


def _by_column(extra: Value, columns: int) -> bool:
    return extra.tensor.size == 1 or (extra.tensor.size == columns and extra.shape[-1] == columns)


def _together(family: list[Node], x: Value) -> Value:
    op = family[0].op
    assert isinstance(op, Gemm)
    operands = []
    for place, first in enumerate(family[0].inputs[1:], 1):
        parts = [n.inputs[place] for n in family]
        if place > 1 and first.tensor.size == 1:
            operands.append(first)
        elif place > 1:
            rows = [computed(Reshape((e.tensor.size,)), e)[0] for e in parts]
            operands.append(computed(Concat(0), *rows)[0])
        else:
            operands.append(computed(Concat(0 if op.trans_b else 1), *parts)[0])
    return apply(op, x, *operands)


def _part(whole: Value, family: list[Node], node: Node) -> Value:
    start: Dim = 0
    for other in family[: family.index(node)]:
        start = start + _columns(other)
    leading = (0,) * (whole.rank - 1)
    return apply(Slice((*leading, start), node.outputs[0].shape, (1,) * whole.rank), whole)
