"""freeze: cells become a typed graph."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from minirt.build.layers import movement, pointwise, reduction, windows
from minirt.build.layers.emit import TRANSLATIONS, Layer, cast
from minirt.build.network import LayerCell, NetworkCells, TensorCell
from minirt.errors import ApiError, GraphError, MinirtError, UnsupportedNodeError
from minirt.ir.graph import Graph, Input
from minirt.ir.op import Value, apply, origin
from minirt.types.dim import Dim, symbol
from minirt.types.tensor import Tensor

MEANINGS = (movement, pointwise, reduction, windows)
"""The modules whose import registers what layers mean."""


def freeze(network: NetworkCells) -> Graph:
    """Return the network as a graph; raises MinirtError, naming the layer, where it is incomplete or ill-typed."""
    if not network.outputs:
        raise GraphError("no tensor is marked as an output", network.name, "call network.mark_output")
    names = [t.name for t in (*network.inputs, *network.outputs)]
    twice = next((n for n in names if names.count(n) > 1), "")
    if twice and not _passed_through(network, twice):
        raise GraphError(f"two inputs or outputs are called '{twice}'", network.name, "rename one")
    outputs = [_output(t, value_of(t)) for t in network.outputs]
    inputs = [value_of(t) for t in network.inputs]
    return Graph(network.name, inputs, outputs, [t.name for t in network.outputs])


def _passed_through(network: NetworkCells, name: str) -> bool:
    """Return whether a name is that of one tensor that is both an input and an output."""
    held = [t for t in (*network.inputs, *network.outputs) if t.name == name]
    return all(t is held[0] for t in held)


def _output(tensor: TensorCell, value: Value) -> Value:
    """Return an output's value as the type that it is given out in."""
    return cast(value, tensor.io_dtype) if tensor.io_dtype is not None and tensor.layer is not None else value


def value_of(tensor: TensorCell) -> Value:
    """Return a tensor's value, making it and what it comes from; remembered until a cell changes."""
    known: dict[TensorCell, Value] = tensor.network.typed
    if tensor in known:
        return known[tensor]
    stack = [tensor]
    waiting: set[TensorCell] = set()
    while stack:
        top = stack[-1]
        if top in known:
            stack.pop()
            continue
        missing = [t for t in _needs(top) if t not in known]
        if not missing:
            _make(top, known)
            waiting.discard(top)
            stack.pop()
        elif top in waiting:
            raise GraphError("its output is needed to compute its input", top.name, "break the cycle")
        else:
            waiting.add(top)
            stack.extend(reversed(missing))
    return known[tensor]


def _needs(tensor: TensorCell) -> list[TensorCell]:
    """Return the tensors that a tensor is computed from."""
    return [] if tensor.layer is None else [t for t in tensor.layer.operands if t is not None]


def _make(tensor: TensorCell, known: dict[TensorCell, Value]) -> None:
    """Make the values of the layer that a tensor comes from, or of an input."""
    if tensor.layer is None:
        known[tensor] = _input(tensor)
        return
    layer = tensor.layer
    operands = [None if t is None else known[t] for t in layer.operands]
    with origin((layer.name,)):
        made = translate(layer, operands)
    if len(made) < len(layer.outputs):
        raise GraphError(f"it makes {len(made)} of {len(layer.outputs)} outputs", layer.name)
    for i, (out, value) in enumerate(zip(layer.outputs, made, strict=False)):
        wanted = layer.output_types.get(i)
        known[out] = value if wanted is None else cast(value, wanted)


def translate(layer: LayerCell, operands: list[Value | None]) -> list[Value]:
    """Return the results of a layer on its operands; errors name the layer."""
    meaning = TRANSLATIONS.get("ONNX" if "node" in layer.fields else layer.kind)
    if meaning is None:
        raise UnsupportedNodeError(layer.name, layer.kind, "layers of this kind cannot be built yet")
    try:
        made = meaning(Layer(layer, operands))
    except UnsupportedNodeError as error:
        raise UnsupportedNodeError(layer.name, error.op or layer.kind, error.reason) from error
    except ApiError:
        raise
    except MinirtError as error:
        if layer.name in str(error):
            raise
        error.where = f"layer '{layer.name}'"
        raise
    return [made] if isinstance(made, Value) else list(made)


def _input(tensor: TensorCell) -> Value:
    """Return an input's value: dims of -1 are symbols, named as the tensor's dims are, else by tensor and axis."""
    assert tensor.dtype is not None
    dims = _batched(tensor) + tuple(_dim(tensor, axis, size) for axis, size in enumerate(tensor.shape))
    outside = tensor.io_dtype or tensor.dtype
    with origin((tensor.name,)):
        made = apply(Input(tensor.name, Tensor(outside, dims)))
        return cast(made, tensor.dtype)


def _batched(tensor: TensorCell) -> tuple[Dim, ...]:
    return (symbol("batch"),) if tensor.network.implicit_batch else ()


def _dim(tensor: TensorCell, axis: int, size: int) -> Dim:
    if size >= 0:
        return size
    name = tensor.dims.get(axis) or f"{tensor.name}_{axis}"
    return symbol(re.sub(r"\W", "_", name))


def dim_names(tensors: Iterable[TensorCell]) -> Mapping[str, list[tuple[TensorCell, int]]]:
    """Return, for each symbol of the inputs, which axes of which inputs it is."""
    found: dict[str, list[tuple[TensorCell, int]]] = {}
    for tensor in tensors:
        for axis, size in enumerate(tensor.shape):
            if size < 0:
                found.setdefault(str(_dim(tensor, axis, size)), []).append((tensor, axis))
    return found


def rank_of(tensor: TensorCell | None) -> int:
    """Return the number of axes of a tensor of a layer that needs it for a default; raises ApiError for none."""
    if tensor is None:
        raise ApiError("the layer's first input is not set")
    return len(tensor.shape) if tensor.layer is None else value_of(tensor).rank
