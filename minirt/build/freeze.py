"""freeze: cells become a typed graph."""

from __future__ import annotations

from collections import Counter

from minirt.build.assertions import asserted
from minirt.build.io_formats import format_of
from minirt.build.layers import attention, control, movement, pointwise, recurrent, reduction, windows
from minirt.build.layers.emit import cast
from minirt.build.network import NetworkCells, TensorCell
from minirt.build.scope import Scope
from minirt.errors import ApiError, GraphError
from minirt.ir.graph import Graph, Input
from minirt.ir.op import Value
from minirt.ops import families
from minirt.types.dtype import string
from minirt.types.tensor import Tensor

DEBUG = "debug::"
"""What names of outputs begin with that only a debug listener sees."""
MEANINGS = (attention, control, families, movement, pointwise, recurrent, reduction, windows)
"""The modules whose import registers what layers mean, and the ops that they are made of."""


def freeze(network: NetworkCells) -> Graph:
    """Return the network as a graph; raises MinirtError, naming the layer, where it is incomplete or ill-typed."""
    if not network.outputs:
        raise GraphError("no tensor is marked as an output", network.name, "call network.mark_output")
    tensors = dict.fromkeys((*network.inputs, *network.outputs))
    twice = next((name for name, count in Counter(t.name for t in tensors).items() if count > 1), "")
    if twice:
        raise GraphError(f"two inputs or outputs are called '{twice}'", network.name, "rename one")
    through = next((t.name for t in network.outputs if t in network.inputs), None)
    if through is not None:
        raise GraphError(f"'{through}' is an input and an output", network.name, "put an identity layer between")
    made = asserted(network, [value_of(t) for t in network.outputs])
    outputs = [_output(t, value) for t, value in zip(network.outputs, made, strict=True)]
    inputs = [_input(value_of(t)) for t in network.inputs]
    names = [t.name for t in network.outputs]
    watched = [value_of(t) for t in network.debug]
    graph = Graph(network.name, inputs, outputs + watched, names + [DEBUG + t.name for t in network.debug])
    _check_own(graph)
    return graph


def _check_own(graph: Graph) -> None:
    """Raise GraphError for a tensor that is an input of another network, or one that was removed."""
    own = {id(v.node) for v in graph.inputs}
    for node in graph.nodes:
        if isinstance(node.op, Input) and id(node) not in own:
            what = f"tensor '{node.op.label}', from which its outputs are made, is no input of it"
            raise GraphError(what, graph.name, "add layers to the network that their inputs belong to")


def _input(value: Value) -> Value:
    """Return an input as it comes from outside, before it has the type and the layout that the network takes."""
    while not isinstance(value.op, Input):
        value = value.node.inputs[0]
    return value


def _output(tensor: TensorCell, value: Value) -> Value:
    """Return an output's value in the type and the layout that it is given out in; raises GraphError for text."""
    if isinstance(value.type, Tensor) and value.dtype is string:
        raise GraphError(f"the output '{tensor.name}' is text, which no target holds")
    if tensor.layer is not None and isinstance(value.type, Tensor):
        value = cast(value, tensor.outer_dtype(value.type.dtype))
    found = format_of(tensor, value.shape)
    return value if found is None else found.write(value)


def value_of(tensor: TensorCell) -> Value:
    """Return a tensor's value, making it and what it comes from; remembered until a cell changes."""
    return Scope(tensor.network.typed).value(tensor)


def rank_of(tensor: TensorCell | None) -> int:
    """Return the number of axes of a tensor of a layer that needs it for a default; raises ApiError for none."""
    if tensor is None:
        raise ApiError("the layer's first input is not set")
    return len(tensor.shape) if tensor.layer is None else value_of(tensor).rank
