"""Cells: what a network definition is made of while a script still changes it.

A cell is a layer's kind, its fields and its operand cells, perhaps incomplete; nothing is typed until `freeze`, or
until a tensor's type is asked for, which remembers the values it made until a cell that they come from changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from minirt.types.dtype import Array, DType

KEY = "host values"
"""The extra of an input's cell whose numbers are sizes, read by the host."""


@dataclass(eq=False)
class Numbers:
    """Weights of a layer: a flat array of an element type, and the name that refitting knows it by."""

    array: Array | None = None
    dtype: DType | None = None
    name: str = ""

    @property
    def count(self) -> int:
        """How many numbers there are."""
        return 0 if self.array is None else int(self.array.size)


@dataclass(eq=False)
class TensorCell:
    """A tensor of a network: an input with a declared type, or an output of a layer."""

    network: NetworkCells
    name: str
    layer: LayerCell | None = None
    index: int = 0
    dtype: DType | None = None
    shape: tuple[int, ...] = ()
    dims: dict[int, str] = field(default_factory=dict)
    io_dtype: DType | None = None
    extras: dict[str, Any] = field(default_factory=dict)

    @property
    def is_input(self) -> bool:
        """Return whether it is an input of the network."""
        return any(t is self for t in self.network.inputs)

    @property
    def is_output(self) -> bool:
        """Return whether it is marked as an output of the network."""
        return any(t is self for t in self.network.outputs)

    def outer_dtype(self, dtype: DType) -> DType:
        """Return the type that an input or output of a type is given in: as asked for, else one that scripts have."""
        known: dict[DType, DType] = self.network.extras.get("outer", {})
        return self.io_dtype or known.get(dtype, dtype)

    def rename(self, name: str) -> None:
        """Give it another name."""
        self.network.forget(self.layer)
        self.name = name

    def retype(self, **changes: Any) -> None:
        """Change the declared type of an input, or the type of an output."""
        for key, value in changes.items():
            setattr(self, key, value)
        self.network.changed()


@dataclass(eq=False)
class LayerCell:
    """A layer: its kind (a LayerType member's name), fields, operands (None where absent), and outputs."""

    network: NetworkCells
    kind: str
    name: str
    operands: list[TensorCell | None]
    fields: dict[str, Any]
    outputs: list[TensorCell] = field(default_factory=list)
    output_types: dict[int, DType] = field(default_factory=dict)
    metadata: str = ""
    extras: dict[str, Any] = field(default_factory=dict)

    @property
    def sink(self) -> Any:
        """Where the network reports."""
        return self.network.sink

    def put(self, name: str, value: Any) -> None:
        """Set a field."""
        self.network.forget(self)
        self.fields[name] = value

    def connect(self, index: int, tensor: TensorCell | None) -> None:
        """Set an operand, with absent ones before it where there are none yet."""
        self.network.forget(self)
        while len(self.operands) <= index:
            self.operands.append(None)
        self.operands[index] = tensor

    def operand(self, index: int) -> TensorCell | None:
        """Return an operand, None where it is absent."""
        return self.operands[index] if index < len(self.operands) else None


@dataclass(eq=False)
class NetworkCells:
    """A network: inputs, layers in the order of adding, marked outputs, and where it reports."""

    sink: Any = None
    name: str = "Unnamed Network 0"
    flags: frozenset[str] = frozenset()
    implicit_batch: bool = False
    inputs: list[TensorCell] = field(default_factory=list)
    layers: list[LayerCell] = field(default_factory=list)
    outputs: list[TensorCell] = field(default_factory=list)
    shape_outputs: list[TensorCell] = field(default_factory=list)
    typed: dict[TensorCell, Any] = field(default_factory=dict)
    extras: dict[str, Any] = field(default_factory=dict)
    debug: dict[TensorCell, None] = field(default_factory=dict)
    parameters: Any = None

    def forget(self, layer: LayerCell | None) -> None:
        """Drop remembered values if a layer that is about to change has some."""
        if layer is not None and any(t in self.typed for t in layer.outputs):
            self.typed.clear()

    def changed(self) -> None:
        """Drop all remembered values."""
        self.typed.clear()

    def add_input(self, name: str, dtype: DType, shape: tuple[int, ...]) -> TensorCell:
        """Add an input."""
        made = TensorCell(self, name, None, 0, dtype, shape)
        self.inputs.append(made)
        return made

    def add(
        self, kind: str, title: str, operands: Iterable[TensorCell | None], fields: dict[str, Any], outputs: int = 1
    ) -> LayerCell:
        """Add a layer with a default name that ends in its `title`, and so named outputs."""
        name = f"(Unnamed Layer* {len(self.layers)}) [{title}]"
        layer = LayerCell(self, kind, name, list(operands), fields)
        for i in range(outputs):
            suffix = "_output" if outputs == 1 else f"_output_{i + 1}"
            layer.outputs.append(TensorCell(self, name + suffix, layer, i))
        self.layers.append(layer)
        return layer

    def remove(self, tensor: TensorCell) -> None:
        """Take a tensor out of the inputs and outputs."""
        self.inputs[:] = [t for t in self.inputs if t is not tensor]
        self.unmark(tensor)

    def mark(self, tensor: TensorCell) -> None:
        """Make a tensor an output of the network; twice is once."""
        if not tensor.is_output:
            self.outputs.append(tensor)

    def unmark(self, tensor: TensorCell) -> None:
        """Make a tensor no output any more."""
        self.outputs[:] = [t for t in self.outputs if t is not tensor]
