"""What assertion layers demand: told at once where it is known, and else at each run that breaks it."""

from __future__ import annotations

from collections.abc import Sequence

from minirt.build.layers.emit import emit
from minirt.build.network import LayerCell, NetworkCells
from minirt.build.scope import Scope
from minirt.errors import GraphError, MinirtError
from minirt.ir.graph import Graph, Input, Raise
from minirt.ir.op import Value, apply, apply_all, origin
from minirt.ops.control import If


def asserted(network: NetworkCells, outputs: Sequence[Value]) -> list[Value]:
    """Return the outputs, refused where an assertion of the network does not hold.

    Raises GraphError where it cannot hold. Those inside of loops and branches are not asked.
    """
    found = list(outputs)
    for layer in network.layers:
        condition = _condition(layer) if layer.kind == "ASSERTION" else None
        if condition is not None:
            with origin((layer.name,)):
                found = _held(layer, condition, found)
    return found


def _condition(layer: LayerCell) -> Value | None:
    tensor = layer.operand(0)
    if tensor is None:
        raise GraphError("its condition is not set", f"layer '{layer.name}'", "call set_input")
    try:
        value = Scope(layer.network.typed).value(tensor)
    except MinirtError:  # a tensor of a body has no value outside of it; others are asked for by what they are for
        return None
    if value.rank == 0:
        return value
    flat = emit("Cast", emit("Reshape", value, emit("Constant", value_ints=[-1])), to=6)
    return emit("Cast", emit("ReduceMin", flat, keepdims=0), to=9)


def _held(layer: LayerCell, condition: Value, outputs: list[Value]) -> list[Value]:
    message = f"the assertion of layer '{layer.name}' fails: {layer.fields['message'] or 'no reason is given'}"
    if condition.ints == (1,):
        return outputs
    if condition.ints == (0,):
        raise GraphError(message, f"layer '{layer.name}'")
    inner = [apply(Input(f"asserted_{i}", v.type)) for i, v in enumerate(outputs)]
    names = [f"out_{i}" for i in range(len(outputs))]
    refused = [apply(Raise(message, v.type)) for v in outputs]
    op = If(Graph(layer.name, inner, inner, names), Graph(layer.name, inner, refused, names))
    return list(apply_all(op, condition, *outputs))
