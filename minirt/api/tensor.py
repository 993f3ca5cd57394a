"""ITensor: a tensor of a network definition."""

from __future__ import annotations

from typing import Any

from minirt.api.boundary import boundary
from minirt.api.declare import attr, method
from minirt.api.dialect import Api, dialect_of
from minirt.api.dims import Dims, dims_of
from minirt.api.enum import member
from minirt.api.enums import DataType, TensorFormat, TensorLocation
from minirt.api.fields import unset_dims
from minirt.api.weights import api_dtype, core_dtype
from minirt.build.freeze import value_of
from minirt.build.implicit_batch import is_batched
from minirt.build.network import TensorCell
from minirt.errors import MinirtError
from minirt.types.dim import Expr
from minirt.types.dtype import f32
from minirt.types.tensor import Tensor


@boundary(None)
def _type_of(tensor: ITensor) -> Any:
    """Return the tensor's type in the core; None, logged, where the network is inconsistent."""
    return value_of(tensor._state).type


def _shape(tensor: ITensor) -> Any:
    cell = tensor._state
    if cell.layer is None:
        return dims_of(cell.shape, tensor)
    found = _type_of(tensor)
    if not isinstance(found, Tensor):
        if dialect_of(tensor) >= 11:
            raise RuntimeError("Could not get tensor shape.")
        return unset_dims(tensor)
    shape = found.shape
    if cell.network.implicit_batch and is_batched(value_of(cell)):
        shape = shape[1:]
    return dims_of([-1 if isinstance(d, Expr) else int(d) for d in shape], tensor)


def _put_shape(tensor: ITensor, shape: Dims) -> None:
    cell = tensor._state
    if cell.layer is not None:
        raise MinirtError("only the shape of a network's input can be set", f"tensor '{cell.name}'")
    cell.retype(shape=tuple(shape))


def _dtype(tensor: ITensor) -> Any:
    cell = tensor._state
    found = cell.io_dtype
    if found is None and cell.layer is None:
        found = cell.dtype
    if found is None:
        made = _type_of(tensor)
        found = made.dtype if isinstance(made, Tensor) else f32
    return api_dtype(cell.outer_dtype(found), tensor)


def _put_dtype(tensor: ITensor, dtype: DataType) -> None:
    cell, made = tensor._state, core_dtype(dtype)
    inside = cell.layer is None and cell.dtype is not None and not (made.is_float and cell.dtype.is_float)
    cell.retype(**({"dtype": made, "io_dtype": None} if inside else {"io_dtype": made}))


def _extra(name: str, default: Any, kind: Any, doc: str, **spans: Any) -> Any:
    """Declare an attribute that is kept with the tensor and changes no numbers."""

    def put(self: Any, value: Any) -> None:
        self._state.extras[name] = value

    return attr(lambda self: self._state.extras.get(name, default), put, kind, doc, **spans)


def _formats(tensor: ITensor) -> int:
    allowed = tensor._state.extras.get("formats", TensorFormat.__members__)
    return sum(1 << int(TensorFormat.__members__[name]) for name in allowed)


def _put_formats(tensor: ITensor, bits: int) -> None:
    allowed = [name for name, member in TensorFormat.__members__.items() if bits >> int(member) & 1]
    if not allowed:
        raise MinirtError(f"formats {bits:#b} allow none", f"tensor '{tensor._state.name}'")
    tensor._state.extras["formats"] = allowed
    tensor._state.network.changed()


def _location(tensor: ITensor) -> Any:
    return member(TensorLocation, tensor._state.extras.get("location", "DEVICE"), dialect_of(tensor))


def _put_location(tensor: ITensor, value: TensorLocation) -> None:
    tensor._state.extras["location"] = value.name


_STRONG = "strongly typed networks"
_EXPLICIT = "explicit batch dims"
_QUANTIZE = "quantize and dequantize layers"


class ITensor(Api):
    """A tensor of a network: an input, or an output of a layer. Its type is worked out when it is asked for."""

    _state: TensorCell
    name = attr(lambda self: self._state.name, lambda self, value: self._state.rename(value), str, "The name.")
    shape = attr(_shape, _put_shape, Dims, "The shape, -1 for dims known only at run time; set on inputs only.")
    dtype = attr(_dtype, _put_dtype, DataType, "The element type.", set_until=10, instead=_STRONG, on="set")
    location = attr(_location, _put_location, TensorLocation, "Whether it is read in host or device memory.")
    allowed_formats = attr(_formats, _put_formats, int, "Layouts that an input or output may have, a bit for each.")
    broadcast_across_batch = _extra(
        "broadcast_across_batch", False, bool, "Without effect.", instead=_EXPLICIT, warns=(10, 11)
    )
    dynamic_range = attr(
        lambda self: self._state.extras.get("range"),
        lambda self, value: self._state.extras.__setitem__("range", tuple(value)),
        list[float],
        "The range that int8 values stand for where BuilderFlag.INT8 is set, None where unset.",
        until=10,
        instead=_QUANTIZE,
    )
    is_network_input = attr(lambda self: self._state.is_input, doc="Whether it is an input of the network.")
    is_network_output = attr(lambda self: self._state.is_output, doc="Whether it is an output of the network.")
    is_shape_tensor = attr(lambda self: _is_shape(self._state), doc="Whether it was marked as an output for shapes.")
    is_execution_tensor = attr(lambda self: True, doc="Whether it is computed on the target.")

    @method(since=8)
    def set_dimension_name(self, index: int, name: str) -> None:
        """Name a dim of an input; dims of one name are equal."""
        dims = {k: v for k, v in self._state.dims.items() if k != index}
        self._state.retype(dims=dims | ({index: name} if name else {}))

    @method(since=8)
    def get_dimension_name(self, index: int) -> str | None:
        """Return the name of a dim, None where it has none."""
        return self._state.dims.get(index)

    @method(until=10, instead=_QUANTIZE)
    def set_dynamic_range(self, min: float, max: float) -> bool:
        """Set the range that int8 values stand for where BuilderFlag.INT8 is set: symmetric, the greater magnitude."""
        self._state.extras["range"] = (min, max)
        return True

    @method(until=7)
    def get_dynamic_range(self) -> float:
        """Return the greatest magnitude of the range of int8 values."""
        return float(max(map(abs, self._state.extras.get("range", (0.0, 0.0)))))

    @method(until=10, instead=_QUANTIZE)
    def reset_dynamic_range(self) -> None:
        """Forget the range of int8 values."""
        self._state.extras.pop("range", None)


def _is_shape(cell: TensorCell) -> bool:
    return any(t is cell for t in cell.network.shape_outputs)
