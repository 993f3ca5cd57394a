"""Emitting: a layer's meaning is written as applications of ops under their ONNX names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minirt.build.network import LayerCell, Numbers
from minirt.errors import ApiError, MinirtError, UnsupportedNodeError
from minirt.ir.graph import constant
from minirt.ir.op import Value
from minirt.ops.importer import IMPORTERS, OnnxNode, numbers
from minirt.types.dtype import DType, f32, i64

OPSET = 23
Results = Value | Sequence[Value]
Translate = Callable[["Layer"], Results]
TRANSLATIONS: dict[str, Translate] = {}


_ROLES = ("KERNEL", "BIAS", "SHIFT", "SCALE", "CONSTANT")


def translates(*kinds: str) -> Callable[[Translate], Translate]:
    """Register a function as the meaning of layers of these kinds."""

    def register(function: Translate) -> Translate:
        for kind in kinds:
            TRANSLATIONS[kind] = function
        return function

    return register


def emit_all(op_type: str, *inputs: Value | None, outputs: int = 1, domain: str = "", **attributes: Any) -> list[Value]:
    """Apply the op that ONNX calls `op_type`; return all its results."""
    function = IMPORTERS.get((domain, op_type))
    if function is None:
        raise UnsupportedNodeError("", op_type, "no op of this name exists yet")
    made = function(OnnxNode(op_type, "", OPSET, inputs, attributes, outputs, domain))
    return [made] if isinstance(made, Value) else list(made)


def emit(op_type: str, *inputs: Value | None, **attributes: Any) -> Value:
    """Apply the op that ONNX calls `op_type`; return its first result."""
    return emit_all(op_type, *inputs, **attributes)[0]


class Layer:
    """A layer being frozen: its fields, and its operands as values."""

    def __init__(self, cell: LayerCell, operands: Sequence[Value | None]) -> None:
        self.cell = cell
        self.operands = operands
        self.fields = cell.fields

    def __getitem__(self, name: str) -> Any:
        return self.fields[name]

    def get(self, name: str, default: Any = None) -> Any:
        """Return a field, or the default where it is unset."""
        found = self.fields.get(name)
        return default if found is None else found

    def optional(self, index: int) -> Value | None:
        """Return an operand, None where it is absent."""
        return self.operands[index] if index < len(self.operands) else None

    def operand(self, index: int = 0) -> Value:
        """Return an operand; raise ApiError where it is absent."""
        found = self.optional(index)
        if found is None:
            raise ApiError(f"input {index} is not set", self.cell.name)
        return found

    def axes(self, mask: int) -> list[int]:
        """Return the axes of a bit mask."""
        return [axis for axis in range(8) if mask >> axis & 1]

    def axis(self, mask: int) -> int:
        """Return the axis of a bit mask that has one bit; raise ApiError for another."""
        found = self.axes(mask)
        if len(found) != 1:
            raise ApiError(f"axes must name one axis, not {found}", self.cell.name, "set one bit")
        return found[0]

    def weights(self, name: str, dtype: DType, shape: Sequence[int] | None = None) -> Value | None:
        """Return the weights of a field as a constant, None where there are none."""
        held: Numbers | None = self.fields.get(name)
        if held is None or held.array is None or not held.count:
            return None
        array = held.array if shape is None else _shaped(held.array, shape, name, self.cell.name)
        kind = held.dtype or f32
        made = self.parameter(held, array, name.upper()) or constant(array, kind)
        return made if kind is dtype else emit("Cast", made, to=dtype.onnx)

    def parameter(self, held: Numbers, array: Any, role: str) -> Value | None:
        """Return weights as a graph input where the network is frozen for refitting; None where they are constants."""
        parameters = self.cell.network.parameters
        if parameters is None or role not in _ROLES:
            return None
        made: Value | None = parameters.value(held.name, array, held.dtype or f32, self.cell.name, role)
        return made


def _shaped(array: Any, shape: Sequence[int], name: str, where: str) -> Any:
    try:
        return array.reshape(tuple(shape))
    except ValueError:
        raise ApiError(f"{array.size} numbers of '{name}' do not fill {tuple(shape)}", where) from None


def ints(values: Sequence[int]) -> Value:
    """Return an i64 vector constant."""
    return numbers(list(values))


def scalar(value: float, like: Value) -> Value:
    """Return a rank-0 constant of the element type of another value."""
    return constant(np.asarray(value), like.dtype)


def to_i64(value: Value) -> Value:
    """Return a value as i64."""
    return value if value.dtype is i64 else emit("Cast", value, to=i64.onnx)


def cast(value: Value, dtype: DType) -> Value:
    """Return a value as another element type."""
    return value if value.dtype is dtype else emit("Cast", value, to=dtype.onnx)


def transpose(value: Value, order: Sequence[int]) -> Value:
    """Return a value with its axes in another order."""
    kept = list(order)[: value.rank]
    return value if kept == list(range(value.rank)) else emit("Transpose", value, perm=kept)


def unsupported(layer: Layer, reason: str) -> MinirtError:
    """Return the error of a layer that cannot be built."""
    return UnsupportedNodeError(layer.cell.name, layer.cell.kind, reason)
