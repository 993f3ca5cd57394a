"""What is proved of a graph's dims: dims that must be equal become one, sizes that ranges decide become numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from minirt.ir.graph import Graph, Input
from minirt.ir.op import Fact
from minirt.ir.substitute import specialize
from minirt.types.dim import Atom, Dim, Expr, Ranges, add, bounds, mul
from minirt.types.evaluate import substitute
from minirt.types.tensor import Tensor


def facts_of(graph: Graph) -> list[tuple[Fact, str]]:
    """Every fact that the graph's nodes need, with the user's name of the node."""
    return [(fact, node.label) for node in graph.nodes for fact in node.facts]


def unify(graph: Graph) -> Graph:
    """The graph with input dims that must be (or are assumed) equal made one symbol; repeated until stable."""
    for _ in range(8):
        sizes: dict[str, Dim] = {}
        inputs = {
            str(d): d
            for v in graph.inputs
            if isinstance(v.op, Input) and isinstance(v.type, Tensor)
            for d in v.type.shape
            if isinstance(d, Expr)
        }
        for fact, _ in facts_of(graph):
            a, b = substitute(fact.a, sizes), substitute(fact.b, sizes)
            if a is b or str(a) not in inputs:
                a, b = b, a
            if a is b or str(a) not in inputs or str(a) not in graph.dims:
                continue
            if isinstance(b, Expr) and str(b) not in inputs:
                continue
            if not isinstance(b, Expr) and fact.assumed:
                continue  # a dim that meets a number may also be 1
            keep, drop = (
                (a, b) if isinstance(b, Expr) and list(inputs).index(str(a)) < list(inputs).index(str(b)) else (b, a)
            )
            sizes = {k: substitute(v, {str(drop): keep}) for k, v in sizes.items()} | {str(drop): keep}
        if not sizes:
            return graph
        graph = specialize(graph, sizes)
    return graph


def decide(graph: Graph, ranges: Ranges) -> Graph:
    """The graph with each maximum that a number wins for all dims in their ranges replaced by the number.

    So the length min(1, n) of x[-1:] is 1 where n is never 0, and x[-1:] broadcasts against x.
    """
    found: dict[str, Dim] = {}
    for atom in dict.fromkeys(_atoms(graph)):
        if atom.fn != "max" or atom.key in found:
            continue
        for number, other in (atom.args, atom.args[::-1]):
            if not isinstance(number, Expr) and bounds(add(number, mul(other, -1)), ranges)[0] >= 0:
                found[atom.key] = number
    return specialize(graph, found) if found else graph


def _atoms(value: Any) -> Iterator[Atom]:
    """The calls and symbols in the dims of a graph's types and fields, or of any other part of it."""
    if isinstance(value, Expr):
        for mono, _ in value.terms:
            for atom, _ in mono:
                yield atom
                yield from _atoms(atom.args)
    elif isinstance(value, tuple):
        for part in value:
            yield from _atoms(part)
    elif isinstance(value, Tensor):
        yield from _atoms(value.shape)
    elif isinstance(value, Graph):
        for node in value.nodes:
            yield from _atoms(tuple(node.op.fields().values()))
            yield from _atoms(tuple(v.type for v in node.outputs))
