"""The NumPy interpreter: what a graph means.  Folding, tests and the checking mode run it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minirt.errors import GraphError, MinirtError
from minirt.ir.graph import Graph, Input
from minirt.ir.op import Node, Value
from minirt.ir.scalar_numpy import numpy_type
from minirt.types.dim import Expr
from minirt.types.tensor import Tensor, Type


def evaluate(graph: Graph, feeds: Mapping[str, Any], wide: bool = False) -> list[Any]:
    """The graph's outputs for named inputs; ``wide`` computes every float in float64.

    Raises GraphError for a missing input and MinirtError, naming the node, where a result has not the inferred type.
    """
    known: dict[Value, Any] = {}
    for value in graph.inputs:
        assert isinstance(value.op, Input)
        if value.op.label not in feeds:
            raise GraphError(f"input {value.op.label!r} is missing", graph.name)
        known[value] = _held(feeds[value.op.label], value.type, wide)
    last = _last_use(graph)
    for position, node in enumerate(graph.nodes):
        if node.outputs and node.outputs[0] in known:
            continue
        known.update(zip(node.outputs, run_node(node, [known[v] for v in node.inputs], wide), strict=True))
        for value in last.get(position, ()):
            known.pop(value, None)
    return [known[v] for v in graph.outputs]


def _last_use(graph: Graph) -> dict[int, list[Value]]:
    at = {v: i for i, n in enumerate(graph.nodes) for v in n.inputs}
    for value in graph.outputs:
        at.pop(value, None)
    out: dict[int, list[Value]] = {}
    for value, position in at.items():
        out.setdefault(position, []).append(value)
    return out


def run_node(node: Node, arrays: Sequence[Any], wide: bool = False) -> list[Any]:
    """The node's results as arrays of the types it declares."""
    with np.errstate(all="ignore"):
        results = node.op.run(arrays, [v.type for v in node.inputs], wide)
    if len(results) < len(node.outputs):
        raise MinirtError(f"reference of {node.op.name} gives {len(results)} of {len(node.outputs)} results", node.label)
    held = [_held(r, v.type, wide) for r, v in zip(results, node.outputs, strict=False)]
    for array, value in zip(held, node.outputs, strict=True):
        _check(node, array, value.type)
    return held


def _held(array: Any, type: Type, wide: bool) -> Any:
    if not isinstance(type, Tensor):
        return array
    return np.asarray(array).astype(numpy_type(type.dtype, wide), copy=False)


def _check(node: Node, array: Any, type: Type) -> None:
    if not isinstance(type, Tensor):
        return
    fits = len(type.shape) == array.ndim and all(
        isinstance(d, Expr) or d == n for d, n in zip(type.shape, array.shape, strict=True)
    )
    if not fits:
        raise MinirtError(f"{node.op.name} gave shape {array.shape} where {type} was inferred", node.label)
