"""Dims replaced everywhere: in fields of ops, in types, in whole graphs."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from minirt.errors import TypeInferenceError
from minirt.ir.graph import Graph, Raise, rebuild, substitute_type
from minirt.ir.op import Node, Op, Value, apply_all, reapply
from minirt.types.dim import Dim, Expr
from minirt.types.evaluate import substitute
from minirt.types.tensor import Optional, Sequence, Tensor


def substitute_field(value: Any, sizes: Mapping[str, Dim]) -> Any:
    """A field's value with dims replaced, in nested tuples, types and graphs too."""
    if isinstance(value, Expr | Fraction):
        return substitute(value, sizes)
    if isinstance(value, tuple):
        return tuple(substitute_field(v, sizes) for v in value)
    if isinstance(value, Tensor | Sequence | Optional):
        return substitute_type(value, sizes)
    if isinstance(value, Graph):
        return _body(value, sizes)
    return value


def _body(graph: Graph, sizes: Mapping[str, Dim]) -> Graph:
    """The body for these sizes; one that does not fit them raises where it is reached (a branch never taken)."""
    try:
        return specialize(graph, sizes)
    except TypeInferenceError as error:
        inputs = [apply_all(substitute_op(v.op, sizes))[0] for v in graph.inputs]
        outputs = [apply_all(Raise(str(error), substitute_type(v.type, sizes)))[0] for v in graph.outputs]
        return Graph(graph.name, inputs, outputs, graph.names)


def substitute_op(op: Op, sizes: Mapping[str, Dim]) -> Op:
    """The op with dims in its fields replaced."""
    changed = {
        k: substitute_field(v, sizes)
        for k, v in op.fields().items()
        if isinstance(v, Expr | tuple | Graph | Tensor | Sequence | Optional)
    }
    changed = {k: v for k, v in changed.items() if v is not getattr(op, k)}
    return op.replace(**changed) if changed else op


def specialize(graph: Graph, sizes: Mapping[str, Dim]) -> Graph:
    """The graph with dims replaced everywhere; types are inferred anew."""
    if not sizes:
        return graph

    def visit(node: Node, operands: tuple[Value, ...]) -> tuple[Value, ...]:
        return reapply(node, substitute_op(node.op, sizes), operands)

    return rebuild(graph, visit)
