"""Fields of cells as attributes: what the core holds, and what a script sees of it."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

from minirt.api.declare import attr
from minirt.api.dialect import dialect_of, in_dialect, wrap
from minirt.api.dims import Dims, Permutation, dims_of
from minirt.api.enum import EnumType, member
from minirt.api.enums import DataType
from minirt.api.weights import Weights, api_dtype, core_dtype, weights_of
from minirt.build.network import Numbers
from minirt.build.onnx_fields import make_plain, show_fields
from minirt.types.dtype import f32

Show = Callable[[Any, Any], Any]
Hold = Callable[[Any], Any]


def unset_dims(owner: object) -> Any:
    """Return what dims that nobody has set read as: None in 11, before that Dims without a length."""
    if dialect_of(owner) >= 11:
        return None
    made = dims_of((), owner)
    made._state = None  # type: ignore[assignment]
    return made


def hold_weights(weights: Weights | None) -> Numbers:
    """Return weights as the core holds them."""
    if weights is None:
        return Numbers(None, f32)
    return Numbers(weights._state.array, weights._state.dtype, weights._state.name)


def _show_weights(owner: Any, held: Numbers | None) -> Any:
    return weights_of(None, f32, owner) if held is None else weights_of(held.array, held.dtype or f32, owner)


def _show_dims(owner: Any, held: Any) -> Any:
    return unset_dims(owner) if held is None else dims_of(held, owner)


def _show_order(owner: Any, held: Any) -> Any:
    return in_dialect(Permutation, dialect_of(owner))(range(8) if held is None else held)


def translation(kind: Any) -> tuple[Show, Hold]:
    """Return how a value of a kind is shown to a script, and how it is held in a cell."""
    if kind is DataType:
        return lambda owner, held: api_dtype(held, owner), core_dtype
    if isinstance(kind, EnumType):
        return lambda owner, held: member(kind, held, dialect_of(owner)), kind.name_of
    if isinstance(kind, type) and issubclass(kind, Dims):
        return (_show_dims if kind is Dims else lambda owner, held: in_dialect(kind, dialect_of(owner))(held)), tuple
    if kind is Permutation:
        return _show_order, tuple
    if kind is Weights:
        return _show_weights, hold_weights
    return lambda owner, held: held, lambda value: value


def held(value: Any) -> Any:
    """Return a checked argument as a cell holds it."""
    if isinstance(value, Weights):
        return hold_weights(value)
    if isinstance(value, Dims | Permutation):
        return tuple(value)
    if DataType.takes(value):
        return core_dtype(value)
    return value.name if isinstance(type(value), EnumType) else value


def fields_of(layer: Any) -> dict[str, Any]:
    """Return the fields of a layer; those of a parsed one are read off its node."""
    cell = layer._state
    if "node" in cell.fields:
        show_fields(cell)
    return cell.fields  # type: ignore[no-any-return]


def set_field(layer: Any, name: str, value: Any) -> None:
    """Set a field of a layer; a parsed one becomes a plain one, or refuses."""
    if "node" in layer._state.fields:
        make_plain(layer._state)
    layer._state.put(name, value)


def field(name: str, kind: Any, doc: str, default: Any = None, **spans: Any) -> Any:
    """Declare an attribute of a layer that is a field of its cell; `default` is what an unset one reads as."""
    show, hold = translation(kind)

    def get(self: Any) -> Any:
        return show(self, fields_of(self).get(name, default))

    def put(self: Any, value: Any) -> None:
        set_field(self, name, hold(value))

    return attr(get, put, kind, doc, **spans)


def reading(name: str, kind: Any, doc: str, **spans: Any) -> Any:
    """Declare a read-only attribute of a layer that is a field of its cell."""
    show, _ = translation(kind)
    return attr(lambda self: show(self, fields_of(self).get(name)), None, kind, doc, **spans)


def shown(cls: type[Any], cell: Any, owner: object) -> Any:
    """Return the script's object of a class for a cell: the one that it holds already, or a new one."""
    kind = in_dialect(cls, dialect_of(owner))
    reference = cell.extras.get("shown", {}).get(kind)
    found = None if reference is None else reference()
    if type(found) is not kind:  # scripts assign `__class__`
        found = wrap(kind, cell, dialect_of(owner))
        cell.extras.setdefault("shown", {})[kind] = weakref.ref(found)
    return found
