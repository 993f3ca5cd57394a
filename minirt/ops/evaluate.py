"""The NumPy interpreter: what a graph means.  Folding, tests and the checking mode run it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minirt.errors import GraphError, MinirtError
from minirt.ir.graph import Graph, Input
from minirt.ir.op import Node, Value
from minirt.ir.scalar_numpy import numpy_type
from minirt.ir.substitute import substitute_op
from minirt.types.dim import Dim, Expr
from minirt.types.evaluate import Evaluator
from minirt.types.tensor import Tensor, Type


def evaluate(graph: Graph, feeds: Mapping[str, Any], wide: bool = False) -> list[Any]:
    """The graph's outputs for named inputs, whose sizes bind the graph's dims; ``wide`` computes floats in float64.

    Raises GraphError for a missing input and MinirtError, naming the node, where a result has not the inferred type.
    """
    known: dict[Value, Any] = {}
    sizes: dict[str, Dim] = {}
    for value in graph.inputs:
        assert isinstance(value.op, Input)
        if value.op.label not in feeds:
            raise GraphError(f"input {value.op.label!r} is missing", graph.name)
        known[value] = _held(feeds[value.op.label], value.type, wide)
        _bind(value.type, known[value], sizes)
        for dim, number in zip(value.op.values, np.ravel(known[value]), strict=False):
            if isinstance(dim, Expr) and dim.text.isidentifier():
                sizes.setdefault(dim.text, int(number))
    last = _last_use(graph)
    for position, node in enumerate(graph.nodes):
        if node.outputs and node.outputs[0] in known:
            continue
        results = run_node(node, [known[v] for v in node.inputs], wide, sizes)
        known.update(zip(node.outputs, results, strict=True))
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


def run_node(
    node: Node, arrays: Sequence[Any], wide: bool = False, sizes: dict[str, Dim] | None = None
) -> list[Any]:
    """The node's results as arrays of the types it declares.

    ``sizes`` fills in the dims of its fields; dims that only the data tells are added to it.
    """
    op = substitute_op(node.op, sizes) if sizes else node.op
    with np.errstate(all="ignore"):
        results = op.run(arrays, [v.type for v in node.inputs], wide)
    if len(results) < len(node.outputs):
        what = f"reference of {node.op.name} gives {len(results)} of {len(node.outputs)} results"
        raise MinirtError(what, node.label)
    held = [_held(r, v.type, wide) for r, v in zip(results, node.outputs, strict=False)]
    for array, value in zip(held, node.outputs, strict=True):
        if sizes is not None:
            _bind(value.type, array, sizes)
        _check(node, array, value.type, sizes or {})
    return held


def _bind(type: Type, array: Any, sizes: dict[str, Dim]) -> None:
    """Adds the dims that name an axis of the array."""
    if isinstance(type, Tensor) and len(type.shape) == np.ndim(array):
        for d, n in zip(type.shape, np.shape(array), strict=True):
            if isinstance(d, Expr) and d.text.isidentifier():
                sizes.setdefault(d.text, int(n))


def _held(array: Any, type: Type, wide: bool) -> Any:
    if not isinstance(type, Tensor):
        return array
    return np.asarray(array).astype(numpy_type(type.dtype, wide), copy=False)


def _check(node: Node, array: Any, type: Type, sizes: Mapping[str, Dim]) -> None:
    if not isinstance(type, Tensor):
        return
    fill = Evaluator(sizes)
    fits = len(type.shape) == array.ndim
    for d, n in zip(type.shape, array.shape, strict=False):
        size = fill(d)
        fits = fits and (isinstance(size, Expr) or size == n)
    if not fits:
        raise MinirtError(f"{node.op.name} gave shape {array.shape} where {type} was inferred", node.label)
