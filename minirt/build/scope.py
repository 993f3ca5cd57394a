"""Scopes: which value each tensor cell has, in a network or in a body of a loop or conditional."""

from __future__ import annotations

import re
from collections.abc import Callable

from minirt.build import layer_precision
from minirt.build.implicit_batch import batch_dim, shifted
from minirt.build.io_formats import format_of
from minirt.build.layers.emit import TRANSLATIONS, Layer, Results, Translate, cast
from minirt.build.network import KEY, LayerCell, TensorCell
from minirt.errors import ApiError, GraphError, MinirtError, UnsupportedNodeError
from minirt.ir.graph import Input
from minirt.ir.op import Value, apply, origin
from minirt.types.dim import Dim, symbol
from minirt.types.tensor import Tensor

Needs = Callable[[LayerCell], list[TensorCell]]
Make = Callable[[LayerCell, "Scope"], None]
STRUCTURES: dict[str, tuple[Needs, Make]] = {}
"""Kinds of layers that are not functions of their operands: what they need, and how a scope gets their values."""


class Scope:
    """Values of tensor cells; what is not known is made from what it needs, however deep that goes."""

    def __init__(self, known: dict[TensorCell, Value]) -> None:
        self.known = known

    def value(self, tensor: TensorCell) -> Value:
        """Return a tensor's value; raises MinirtError, naming the layer, where it cannot be made."""
        known = self.known
        stack, waiting = [tensor], set[TensorCell]()
        while stack:
            top = stack[-1]
            if top in known:
                stack.pop()
                continue
            missing = [t for t in needs_of(top) if t not in known]
            if not missing:
                self._make(top)
                waiting.discard(top)
                stack.pop()
            elif top in waiting:
                raise GraphError("its output is needed to compute its input", top.name, "break the cycle")
            else:
                waiting.add(top)
                stack.extend(reversed(missing))
        return known[tensor]

    def _make(self, tensor: TensorCell) -> None:
        layer = tensor.layer
        if layer is None:
            self.known[tensor] = input_value(tensor)
        elif layer.kind in STRUCTURES and "node" not in layer.fields:
            with origin((layer.name,)):
                STRUCTURES[layer.kind][1](layer, self)
        else:
            operands = [None if t is None else self.known[t] for t in layer.operands]
            with origin((layer.name,)):
                made = translate(layer, layer_precision.given(layer, operands))
                self.put(layer, layer_precision.returned(layer, operands, made))

    def put(self, layer: LayerCell, made: list[Value]) -> None:
        """Set the values of a layer's outputs, in the types that they were asked for."""
        if len(made) < len(layer.outputs):
            raise GraphError(f"it makes {len(made)} of {len(layer.outputs)} outputs", layer.name)
        for i, (out, value) in enumerate(zip(layer.outputs, made, strict=False)):
            wanted = layer.output_types.get(i)
            self.known[out] = value if wanted is None else cast(value, wanted)


def needs_of(tensor: TensorCell) -> list[TensorCell]:
    """Return the tensors that a tensor is computed from."""
    layer = tensor.layer
    if layer is None:
        return []
    if layer.kind in STRUCTURES and "node" not in layer.fields:
        return STRUCTURES[layer.kind][0](layer)
    return [t for t in layer.operands if t is not None]


def translate(layer: LayerCell, operands: list[Value | None]) -> list[Value]:
    """Return the results of a layer on its operands; errors name the layer."""
    meaning = TRANSLATIONS.get("ONNX" if "node" in layer.fields else layer.kind)
    if meaning is None:
        raise UnsupportedNodeError(layer.name, layer.kind, "layers of this kind cannot be built yet")
    try:
        made = _meant(meaning, layer, operands)
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


def _meant(meaning: Translate, layer: LayerCell, operands: list[Value | None]) -> Results:
    """Return what a layer means; where it must know numbers of small weights, those cannot be refitted."""
    parameters = layer.network.parameters
    if parameters is None:
        return meaning(_as_frozen(layer, operands))
    try:
        return meaning(_as_frozen(layer, operands))
    except MinirtError:
        with parameters.fixing():
            return meaning(_as_frozen(layer, [parameters.known(v) for v in operands]))


def _as_frozen(layer: LayerCell, operands: list[Value | None]) -> Layer:
    made = Layer(layer, operands)
    if layer.network.implicit_batch and "node" not in layer.fields:
        made.fields = dict(shifted(layer.kind, layer.fields, operands))
    return made


def input_value(tensor: TensorCell) -> Value:
    """Return an input's value: dims of -1 are symbols, named as the tensor's dims are, else by tensor and axis."""
    assert tensor.dtype is not None
    batch = (batch_dim(),) if tensor.network.implicit_batch else ()
    dims = batch + tuple(dim_of(tensor, axis, size) for axis, size in enumerate(tensor.shape))
    with origin((tensor.name,)):
        found = format_of(tensor, dims)
        outer = tensor.outer_dtype(tensor.dtype)
        if tensor.extras.get(KEY):
            return cast(apply(Input(tensor.name, Tensor(outer, dims), _values(tensor))), tensor.dtype)
        made = apply(Input(tensor.name, Tensor(outer, found.inside(dims) if found else dims)))
        return cast(found.read(made) if found else made, tensor.dtype)


def _values(tensor: TensorCell) -> tuple[Dim, ...]:
    """Return the dims that an input holds, named by tensor and place."""
    name = re.sub(r"\W", "_", tensor.name, flags=re.ASCII)
    count = tensor.shape[0] if tensor.shape else 1
    return tuple(symbol(f"value_{i}_of_{name}") for i in range(count))


def dim_of(tensor: TensorCell, axis: int, size: int) -> Dim:
    """Return a dim of an input as the core has it."""
    if size >= 0:
        return size
    name = tensor.dims.get(axis) or f"{tensor.name}_{axis}"
    found = re.sub(r"\W", "_", name, flags=re.ASCII)
    return symbol(found if found.isidentifier() else f"dim_{found}")
