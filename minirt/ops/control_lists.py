"""Lists that a loop does nothing with but append to: what it appends is stacked, as other slices that it gives."""

from __future__ import annotations

from collections.abc import Sequence

from minirt.ir.graph import Graph, postorder
from minirt.ir.op import Value, apply
from minirt.ops.sequence import VARIES, SequenceEmpty, SequenceInsert, SequenceOfSlices
from minirt.ops.sequence_onnx import items_of, slices_of
from minirt.ops.shape import concatenated


def grown_lists(body: Graph, carried: Sequence[Value]) -> list[int]:
    """Places of carried lists of like tensors that each round puts one more at the end of, and does not read."""
    nodes = postorder(v.node for v in body.outputs)
    found = []
    for i, start in enumerate(carried):
        inside, after = body.inputs[2 + i], body.outputs[1 + i]
        if items_of(start) is None or not isinstance(after.op, SequenceInsert) or len(after.node.inputs) != 2:
            continue
        sequence, item = after.node.inputs
        reads = sum(n.inputs.count(inside) + n.inputs.count(after) for n in nodes) + body.outputs.count(after)
        alike = VARIES not in item.shape and all(v.shape == item.shape for v in items_of(start) or ())
        if sequence is inside and reads == 2 and inside not in body.outputs and alike:
            found.append(i)
    return found


def stacking(body: Graph, grown: Sequence[int]) -> Graph:
    """The body without the lists, with what it appends to them as its last results."""
    if not grown:
        return body
    inputs = [v for i, v in enumerate(body.inputs) if i - 2 not in grown]
    named = enumerate(zip(body.outputs, body.names, strict=True))
    results = [(v, name) for i, (v, name) in named if i - 1 not in grown]
    results += [(body.outputs[1 + i].node.inputs[1], f"{body.names[1 + i]}_item") for i in grown]
    return Graph(body.name, inputs, [v for v, _ in results], [name for _, name in results])


def lengthened(start: Value, stack: Value) -> Value:
    """The list that a loop was given, and then the slices that it made."""
    head = None if isinstance(start.op, SequenceEmpty) else slices_of(start)
    return apply(SequenceOfSlices(), stack if head is None else concatenated([head, stack], 0))
