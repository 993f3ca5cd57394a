"""What plugins are described by: fields, tensor descriptions, and dims as expressions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import numpy as np

from minirt.api.declare import attr, plain
from minirt.api.dialect import Api, dialect_of
from minirt.api.dims import Dims
from minirt.api.enum import member
from minirt.api.enums import DataType, DimensionOperation, FieldType, PluginFieldType, TensorFormat
from minirt.ops.user_call import size_symbol
from minirt.types.dim import Dim, ceil, divide, equal, floor, less, maximum, minimum


class _Record:
    """Fields by name: the state of the small classes below."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


class FallbackString(Api):
    """A string, where the bindings take either kind of Python's strings."""

    _state: str

    def __init__(self, text: str | bytes, /) -> None:
        self._state = text.decode() if isinstance(text, bytes) else text

    @classmethod
    def _implicit(cls, value: Any) -> FallbackString:
        return cls(value)

    def __str__(self) -> str:
        return self._state


def _field_type(value: Any, kind: Any, dialect: int) -> Any:
    return kind if kind is not None else member(PluginFieldType, "UNKNOWN", dialect)


def _put_data(field: Any, data: Any) -> None:
    field._state.data = data
    field._state.size = 0 if data is None else len(np.atleast_1d(data)) if not isinstance(data, str) else len(data)


_ELEMENTS = {
    f"{kind}{8 * size}": f"{kind[0].lower()}{size}"
    for kind, sizes in {"FLOAT": (2, 4, 8), "INT": (1, 2, 4, 8)}.items()
    for size in sizes
}


def _get_data(field: Any) -> Any:
    """Return a field's value: bytes as an array of its elements, characters being 8-bit integers."""
    data, kind = field._state.data, field._state.type.name
    if not isinstance(data, bytes | bytearray | memoryview) or kind not in (*_ELEMENTS, "CHAR"):
        return data
    return np.frombuffer(data, _ELEMENTS.get(kind, "i1"))


class PluginField(Api):
    """One named value of a plugin: a buffer with an element type."""

    name = attr(
        lambda self: self._state.name, lambda self, value: setattr(self._state, "name", str(value)), doc="Name."
    )
    data = attr(_get_data, _put_data, doc="The value: an array; bytes where the type is unknown.")
    type = plain("type", PluginFieldType, "The type of the elements.")
    size = plain("size", int, "How many elements there are.")

    def __init__(self, name: Any = "", data: Any = None, type: PluginFieldType | None = None) -> None:
        made = _field_type(data, type, dialect_of(self))
        self._state = _Record(name=str(name), data=None, type=made, size=0)
        _put_data(self, data)


class PluginFieldCollection(Api):
    """A list of plugin fields."""

    _state: list[PluginField]
    __hash__: ClassVar[None] = None  # type: ignore[assignment]

    def __init__(self, fields: Iterable[PluginField] = (), /) -> None:
        self._state = [_checked_field(f) for f in fields]

    def append(self, x: PluginField) -> None:
        """Add a field at the end."""
        self._state.append(_checked_field(x))

    def extend(self, L: Iterable[PluginField]) -> None:  # noqa: N803 - TensorRT's name
        """Add fields at the end."""
        self._state.extend(_checked_field(f) for f in L)

    def insert(self, i: int, x: PluginField) -> None:
        """Put a field at a place."""
        self._state.insert(i, _checked_field(x))

    def pop(self, i: int = -1) -> PluginField:
        """Take a field out and return it."""
        return self._state.pop(i)

    def clear(self) -> None:
        """Take all fields out."""
        self._state.clear()

    def __len__(self) -> int:
        return len(self._state)

    def __bool__(self) -> bool:
        return bool(self._state)

    def __iter__(self) -> Any:
        return iter(self._state)

    def __getitem__(self, s: Any) -> Any:
        return type(self)(self._state[s]) if isinstance(s, slice) else self._state[s]

    def __setitem__(self, place: Any, value: Any) -> None:
        self._state[place] = list(value) if isinstance(place, slice) else _checked_field(value)

    def __delitem__(self, place: Any) -> None:
        del self._state[place]


def _checked_field(value: Any) -> PluginField:
    if not isinstance(value, PluginField):
        raise TypeError(f"a PluginField is needed, not {value!r}")
    return value


class PluginFieldCollection_(Api):  # noqa: N801 - TensorRT's name
    """What a creator is given: a collection of plugin fields, read only."""

    _state: list[PluginField]

    def __init__(self, fields: Any, /) -> None:
        self._state = [_checked_field(f) for f in fields]

    @classmethod
    def _implicit(cls, value: Any) -> Any:
        return value if isinstance(value, PluginFieldCollection) else cls(value)

    def __len__(self) -> int:
        return len(self._state)

    def __getitem__(self, place: int) -> PluginField:
        return self._state[place]


class PluginTensorDesc(Api, since=10):
    """The shape, element type and layout of a tensor of a plugin."""

    dims = plain("dims", Dims, "The shape.")
    type = plain("type", DataType, "The element type.")
    format = plain("format", TensorFormat, "The memory layout.")
    scale = plain("scale", float, "The int8 scale.")

    def __init__(self) -> None:
        dialect = dialect_of(self)
        kinds = member(DataType, "FLOAT", dialect), member(TensorFormat, "LINEAR", dialect)
        self._state = _Record(dims=Dims(), type=kinds[0], format=kinds[1], scale=1.0)


class DynamicPluginTensorDesc(Api, since=10):
    """A tensor of a plugin while its shape is a range."""

    desc = plain("desc", PluginTensorDesc, "What it is.")
    min = plain("min", Dims, "The least shape.")
    opt = plain("opt", Dims, "The usual shape.")
    max = plain("max", Dims, "The greatest shape.")

    def __init__(self) -> None:
        self._state = _Record(desc=PluginTensorDesc(), min=Dims(), opt=Dims(), max=Dims())


class IDimensionExpr(Api, since=10):
    """A dim of a plugin as an expression."""

    def __init__(self) -> None:
        self._state: Any = None

    def is_constant(self) -> bool:
        """Return whether the dim is known."""
        return isinstance(self._state, int)

    def get_constant_value(self) -> int:
        """Return the dim if it is known, a meaningless number otherwise."""
        return self._state if isinstance(self._state, int) else -(1 << 31)

    def is_size_tensor(self) -> bool:
        """Return whether the dim is read from the plugin's data while it runs."""
        return str(self._state).startswith("user_size_")


def expression(value: Dim) -> IDimensionExpr:
    """Return a dim of the core as a dim of a plugin."""
    made = IDimensionExpr()
    made._state = value
    return made


_OPERATIONS: dict[str, Callable[[Any, Any], Dim]] = {
    "SUM": lambda a, b: a + b,
    "PROD": lambda a, b: a * b,
    "MAX": maximum,
    "MIN": minimum,
    "SUB": lambda a, b: a - b,
    "EQUAL": equal,
    "LESS": less,
    "FLOOR_DIV": lambda a, b: floor(divide(a, b)),
    "CEIL_DIV": lambda a, b: ceil(divide(a, b)),
}


class IExprBuilder(Api, since=10):
    """Makes expressions of the dims of a plugin."""

    def __init__(self) -> None:
        self._state: dict[int, Dim] = {}

    def constant(self, value: int, /) -> IDimensionExpr:
        """Return a known dim."""
        return expression(int(value))

    def operation(
        self, op: DimensionOperation, first: IDimensionExpr, second: IDimensionExpr, /
    ) -> IDimensionExpr | None:
        """Return an operation of two dims; known operands give a known dim."""
        return expression(_OPERATIONS[op.name](first._state, second._state))

    def declare_size_tensor(
        self, output_index: int, opt: IDimensionExpr, upper: IDimensionExpr, /
    ) -> IDimensionExpr | None:
        """Return a dim that the plugin writes into an output while it runs, of at most `upper`."""
        self._state[int(output_index)] = upper._state
        return expression(size_symbol(int(output_index)))


class DimsExprs(Api, since=10):
    """A shape of a plugin as expressions."""

    _state: list[IDimensionExpr]

    def __init__(self, dims: Any = (), /) -> None:
        self._state = [expression(0) for _ in range(dims)] if isinstance(dims, int) else list(dims)

    def __len__(self) -> int:
        return len(self._state)

    def __getitem__(self, place: int) -> IDimensionExpr:
        return self._state[place]

    def __setitem__(self, place: int, value: IDimensionExpr) -> None:
        self._state[place] = value


class FieldMap(Api, until=8):
    """One named value of a plugin of a UFF model."""

    name = plain("name", str, "The name.")
    data = plain("data", Any, "The value.")
    type = plain("type", FieldType, "The type of the elements.")
    length = plain("length", int, "How many elements there are.")

    def __init__(self, name: str, data: Any, type: FieldType, length: int = 1) -> None:
        self._state = _Record(name=name, data=data, type=type, length=length)


class FieldCollection(Api, until=8):
    """The values of a plugin of a UFF model."""

    num_fields = plain("num_fields", int, "How many fields there are.")
    fields = plain("fields", Any, "The fields.")


class ISymExpr(Api, since=10):
    """An extra argument or launch size of an ahead-of-time plugin kernel, as an expression."""

    type = attr(None, lambda self, value: setattr(self._state, "type", value), doc="The kind of argument.")
    dtype = attr(None, lambda self, value: setattr(self._state, "dtype", value), doc="The type of argument.")
    expr = attr(None, lambda self, value: setattr(self._state, "expr", value), doc="The expression.")

    def __init__(self) -> None:
        self._state = _Record(type=None, dtype=None, expr=None)


class ISymExprs(Api, since=10):
    """The extra arguments of an ahead-of-time plugin kernel."""

    _state: list[Any]

    def _resize(self, count: int) -> None:
        self._state[:] = (self._state + [None] * count)[:count]

    nbSymExprs = attr(lambda self: len(self._state), lambda self, n: self._resize(n), int, "How many there are.")  # noqa: N815

    def __len__(self) -> int:
        return len(self._state)

    def __getitem__(self, place: int) -> Any:
        return self._state[place]

    def __setitem__(self, place: int, value: ISymExpr) -> None:
        self._state[place] = value


class KernelLaunchParams(Api, since=10):
    """Launch sizes of an ahead-of-time plugin kernel, as expressions."""

    grid_x = plain("grid_x", Any, "Blocks along x.")
    grid_y = plain("grid_y", Any, "Blocks along y.")
    grid_z = plain("grid_z", Any, "Blocks along z.")
    block_x = plain("block_x", Any, "Threads along x.")
    block_y = plain("block_y", Any, "Threads along y.")
    block_z = plain("block_z", Any, "Threads along z.")
    shared_mem = plain("shared_mem", Any, "Bytes of shared memory.")
