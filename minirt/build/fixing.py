"""Networks whose ranks depend on sizes: the sizes that every profile fixes are put in before freezing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from minirt.build.freeze import value_of
from minirt.build.network import LayerCell, NetworkCells, TensorCell
from minirt.build.options import Profile
from minirt.errors import GraphError
from minirt.types.dim import Expr
from minirt.types.tensor import Tensor


@contextmanager
def fixed_sizes(network: NetworkCells, profiles: Sequence[Profile]) -> Iterator[None]:
    """While inside, inputs have the sizes that every profile fixes, if some layer's rank depends on sizes.

    A Squeeze without axes drops whatever axes turn out to be 1; every other network keeps its dims.
    """
    layers = [layer for layer in network.layers if _rank_depends_on_sizes(layer)]
    if not layers:
        yield
        return
    before = [tensor.shape for tensor in network.inputs]
    network.changed()
    try:
        for tensor in network.inputs:
            tensor.shape = tuple(_one_size(tensor, axis, profiles) for axis in range(len(tensor.shape)))
        for layer in layers:
            _check(layer)
        yield
    finally:
        for tensor, shape in zip(network.inputs, before, strict=True):
            tensor.shape = shape
        network.changed()


def _check(layer: LayerCell) -> None:
    """Raise GraphError where the layer's operand still has dims of unknown size."""
    operand = layer.operand(0)
    type = None if operand is None else value_of(operand).type
    if isinstance(type, Tensor) and any(isinstance(d, Expr) for d in type.shape):
        what = f"Squeeze without axes gives a rank that depends on sizes, and {type} has unknown ones"
        raise GraphError(what, f"node '{layer.name}'", "fix them by a profile (min = max), or give the node axes")


def _rank_depends_on_sizes(layer: LayerCell) -> bool:
    node = layer.fields.get("node")
    return node is not None and node.op_type == "Squeeze" and len(node.inputs) < 2 and "axes" not in node.attributes


def _one_size(tensor: TensorCell, axis: int, profiles: Sequence[Profile]) -> int:
    """The size of an axis where every profile fixes it, else what the network says."""
    given = [p.shapes.get(tensor.name) for p in profiles]
    sizes = {s[axis] for shapes in given if shapes for s in shapes}
    return sizes.pop() if all(given) and len(sizes) == 1 else tensor.shape[axis]
