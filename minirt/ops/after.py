"""A value that is asked for only after another one is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minirt.ir.graph import Graph
from minirt.ir.op import Op, Value, apply
from minirt.types.tensor import Type


class After(Op):
    """Operand 0, once the other operands are made: sizes that only they tell are known then."""

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """The operand's type."""
        return (inputs[0].type,)

    def reference(self, *arrays: Any) -> Any:
        """The operand."""
        return arrays[0]


def anchored(graph: Graph) -> Graph:
    """The graph with nodes of which nothing but a size is used made operands, so that rewrites keep them."""
    read = {v for n in graph.nodes for v in n.inputs} | set(graph.outputs)
    lost = [n.outputs[0] for n in graph.nodes if not any(v in read for v in n.outputs) and n.outputs]
    if not lost or not graph.outputs:
        return graph
    return graph.with_outputs([apply(After(), graph.outputs[0], *lost), *graph.outputs[1:]])
