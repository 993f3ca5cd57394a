"""Inputs whose numbers are sizes: the host reads them, and the graph knows them as dims."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from minirt.build.drafts import Place
from minirt.build.freeze import value_of
from minirt.build.network import KEY, NetworkCells, TensorCell
from minirt.build.options import Profile
from minirt.errors import GraphError, MinirtError, UnsupportedNodeError
from minirt.ir.graph import Graph, Input
from minirt.ir.op import Node, Value
from minirt.ops.movement import Dims, dims_value
from minirt.plan.plan import Binding, View

_MOST = 64


@contextmanager
def read_by_host(network: NetworkCells, profiles: Sequence[Profile]) -> Iterator[None]:
    """While inside, inputs whose numbers a profile bounds are read by the host; raises GraphError where one cannot."""
    names = {name for profile in profiles for name in profile.values}
    bounded = [t for t in network.inputs if t.name in names]
    for tensor in bounded:
        _check(tensor, profiles)
    marked = [t for t in bounded if KEY not in t.extras]
    if not marked:
        yield
        return
    network.changed()
    try:
        for tensor in marked:
            tensor.extras[KEY] = True
        yield
    finally:
        for tensor in marked:
            tensor.extras.pop(KEY, None)
        network.changed()


def _check(tensor: TensorCell, profiles: Sequence[Profile]) -> None:
    where = f"input '{tensor.name}'"
    count = tensor.shape[0] if tensor.shape else 1
    if not _can_hold_sizes(tensor):
        what = f"only a scalar or a vector of at most {_MOST} integers, of a fixed length, can hold sizes"
        raise GraphError(what, where, "leave it out of IOptimizationProfile.set_shape_input")
    for profile in profiles:
        given = profile.values.get(tensor.name, ())
        if len(given) != 3 or any(len(numbers) != count for numbers in given):
            what = f"a profile has not {count} least, best and greatest numbers for it"
            raise GraphError(what, where, "call IOptimizationProfile.set_shape_input")


def with_sizes_from_inputs(tensor: TensorCell) -> Value:
    """Return a tensor's value; where its layer must know numbers that come from inputs, the host reads those inputs.

    Raises MinirtError, naming the layer, where that does not help.
    """
    try:
        return value_of(tensor)
    except UnsupportedNodeError as error:
        found = [t for t in _behind(tensor) if KEY not in t.extras and _can_hold_sizes(t)]
        if not found:
            raise
        for cell in found:
            cell.extras[KEY] = True
        tensor.network.changed()
        try:
            return value_of(tensor)
        except MinirtError:
            for cell in found:
                del cell.extras[KEY]
            tensor.network.changed()
            raise error from None


def _behind(tensor: TensorCell) -> list[TensorCell]:
    """Return the network's inputs that a tensor is computed from."""
    seen: dict[TensorCell, None] = {}
    stack = [tensor]
    while stack:
        top = stack.pop()
        if top not in seen:
            seen[top] = None
            stack += [t for t in (top.layer.operands if top.layer is not None else ()) if t is not None]
    return [t for t in seen if t.layer is None and t.is_input]


def _can_hold_sizes(tensor: TensorCell) -> bool:
    count = tensor.shape[0] if tensor.shape else 1
    integers = tensor.dtype is not None and tensor.dtype.is_integer
    return integers and len(tensor.shape) <= 1 and 0 <= count <= _MOST


class Builder(Protocol):
    """What stand-ins need of a lowering."""

    graph: Graph
    places: dict[Value, Place]

    def _node(self, node: Node) -> None: ...

    def _place(self, value: Value) -> Place: ...

    def _view(self, place: Place) -> View: ...


def bound_inputs(lowering: Builder) -> tuple[Binding, ...]:
    """The inputs where they lie; kernels get numbers that the host reads as arguments, not from their input."""
    bindings = [
        Binding(v.op.label, lowering._view(lowering.places[v]))
        for v in lowering.graph.inputs
        if isinstance(v.op, Input)
    ]
    for value in lowering.graph.inputs:
        op: Any = value.op
        used = lowering.graph.uses.get(value) or value in lowering.graph.outputs
        if not isinstance(op, Input) or not op.values or not used:
            continue
        shape = tuple(int(n) for n in value.shape)  # type: ignore[arg-type]
        stand = dims_value(op.values, value.dtype, shape)
        if isinstance(stand.op, Dims):
            lowering._node(stand.node)
        lowering.places[value] = lowering._place(stand)
    return tuple(bindings)
