"""What is proved of a graph's dims: pinned dims become numbers, dims that must be equal become one."""

from __future__ import annotations

from minirt.ir.graph import Graph, Input
from minirt.ir.op import Fact
from minirt.ir.substitute import specialize
from minirt.types.dim import Dim, Expr
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
