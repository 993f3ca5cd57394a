"""ILayer: what all layers share."""

from __future__ import annotations

from typing import Any

from minirt.api.declare import attr, method
from minirt.api.dialect import Api, dialect_of
from minirt.api.enum import member
from minirt.api.enums import DataType
from minirt.api.fields import shown
from minirt.api.layer_enums import LayerType
from minirt.api.tensor import ITensor
from minirt.api.weights import api_dtype, core_dtype
from minirt.build.network import LayerCell
from minirt.types.dtype import f32


def _rename(layer: ILayer, name: str) -> None:
    cell = layer._state
    cell.network.forget(cell)
    for tensor in cell.outputs:
        if tensor.name.startswith(f"{cell.name}_output"):
            tensor.name = name + tensor.name.removeprefix(cell.name)
    cell.name = name


def _precision(layer: ILayer) -> Any:
    return api_dtype(layer._state.extras.get("precision", f32), layer)


def _put_precision(layer: ILayer, dtype: DataType) -> None:
    layer._state.extras["precision"] = core_dtype(dtype)


def _put_metadata(layer: ILayer, text: str) -> None:
    layer._state.metadata = text


_STRONG = "strongly typed networks"


class ILayer(Api):
    """A layer of a network definition."""

    _state: LayerCell
    name = attr(lambda self: self._state.name, _rename, str, "The name; default names of outputs follow it.")
    metadata = attr(lambda self: self._state.metadata, _put_metadata, str, "Free text for the inspector.", since=8)
    type = attr(lambda self: member(LayerType, self._state.kind, dialect_of(self)), doc="The kind of layer.")
    num_inputs = attr(lambda self: len(self._state.operands), doc="How many inputs it has.")
    num_outputs = attr(lambda self: len(self._state.outputs), doc="How many outputs it has.")
    num_ranks = attr(
        lambda self: self._state.extras.get("num_ranks", 1),
        lambda self, value: self._state.extras.__setitem__("num_ranks", value),
        int,
        "How many ranks run it.",
        since=10,
    )
    precision = attr(_precision, _put_precision, DataType, "The type wished for.", until=10, instead=_STRONG, on="set")
    precision_is_set = attr(
        lambda self: "precision" in self._state.extras, doc="Whether the precision was set.", until=10, instead=_STRONG
    )

    @method()
    def get_input(self, index: int) -> ITensor | None:
        """Return an input, None where there is none."""
        cell = self._state.operands[index] if 0 <= index < len(self._state.operands) else None
        return None if cell is None else shown(ITensor, cell, self)  # type: ignore[no-any-return]

    @method()
    def get_output(self, index: int) -> ITensor | None:
        """Return an output, None where there is none."""
        if not 0 <= index < len(self._state.outputs):
            return None
        return shown(ITensor, self._state.outputs[index], self)  # type: ignore[no-any-return]

    @method()
    def set_input(self, index: int, tensor: ITensor) -> None:
        """Set an input."""
        self._state.connect(index, tensor._state)

    @method()
    def get_output_type(self, index: int) -> DataType:
        """Return the element type of an output."""
        tensor = ILayer.get_output(self, index)
        return member(DataType, "FLOAT", dialect_of(self)) if tensor is None else tensor.dtype  # type: ignore[no-any-return]

    @method(until=10, instead=_STRONG)
    def set_output_type(self, index: int, dtype: DataType) -> None:
        """Have an output in another element type."""
        self._state.network.forget(self._state)
        self._state.output_types[index] = core_dtype(dtype)

    @method(until=10, instead=_STRONG)
    def output_type_is_set(self, index: int) -> bool:
        """Return whether the type of an output was set."""
        return index in self._state.output_types

    @method(until=10, instead=_STRONG)
    def reset_output_type(self, index: int) -> None:
        """Let an output have the type that the layer computes."""
        self._state.network.forget(self._state)
        self._state.output_types.pop(index, None)

    @method(until=10, instead=_STRONG)
    def reset_precision(self) -> None:
        """Forget the wished precision."""
        self._state.extras.pop("precision", None)
