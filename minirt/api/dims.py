"""Dims and their kin: shapes that read like tuples but are no sequences of Python, and Permutation."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar, SupportsIndex

from minirt.api.declare import attr
from minirt.api.dialect import Api, dialect_of, in_dialect, spanned
from minirt.api.enum import member
from minirt.api.enums import DimensionType

_LIMIT = 8


def _ints(values: Any, dialect: int) -> list[int]:
    """Return values as ints that fit the dialect's dims: 32 bits until 8.6, 64 from 10."""
    if isinstance(values, str | bytes) or not hasattr(values, "__iter__"):
        raise TypeError(f"a sequence of ints is needed, not {values!r}")
    made = [operator.index(v) for v in values]
    bits = 31 if dialect < 10 else 63
    if any(not -(1 << bits) <= v < 1 << bits for v in made):
        raise TypeError(f"a dim of {made} needs more than {bits + 1} bits")
    return made


class Dims(Api):
    """A shape of at most eight dims; equal to, indexed and printed like a tuple; -1 is a dim not known yet."""

    _state: Any
    MAX_DIMS: ClassVar[int] = _LIMIT
    __hash__: ClassVar[None] = None  # type: ignore[assignment]

    def __init__(self, shape: Iterable[SupportsIndex] = ()) -> None:
        values = _ints(shape, dialect_of(self))
        if len(values) > _LIMIT:
            raise ValueError(f"a shape has at most {_LIMIT} dims, not {len(values)}")
        self._state = values

    @classmethod
    def _implicit(cls, value: Any) -> Dims:
        """Convert a sequence of ints where Dims are asked for."""
        return cls(value)

    def __len__(self) -> int:
        if self._state is None:
            raise ValueError("__len__() should return >= 0: these dims are not set")
        return len(self._state)

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return tuple(self._state[index])
        return self._state[self._place(index)]

    def __setitem__(self, index: int | slice, value: Any) -> None:
        if isinstance(index, slice):
            values = _ints(value, dialect_of(self))
            if len(values) != len(self._state[index]):
                raise ValueError("the slice and the dims assigned to it differ in length")
            self._state[index] = values
        else:
            self._state[self._place(index)] = operator.index(value)

    def __iter__(self) -> Iterator[int]:
        return iter(self._state[: len(self)])

    def _place(self, index: int) -> int:
        place = operator.index(index)
        place += len(self._state) if place < 0 else 0
        if not 0 <= place < len(self._state):
            raise IndexError("Out of bounds")
        return place

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, tuple | list):
            raise TypeError(f"Dims compare with a tuple or a list, not with {type(other).__name__}")
        return self._state is not None and tuple(self._state) == tuple(other)

    def __repr__(self) -> str:
        return "()" if self._state is None else str(tuple(self._state))

    def __reduce__(self) -> Any:
        raise TypeError(f"cannot pickle '{type(self).__module__}.{type(self).__qualname__}' object")

    @spanned(until=7)
    def get_type(self, index: int, /) -> Any:
        """Return what a dim stands for."""
        place = self._place(index)
        return member(DimensionType, "CHANNEL" if place == len(self._state) - 3 else "SPATIAL", dialect_of(self))


class _FixedDims(Dims):
    """Dims of one fixed length; takes the dims as arguments or as one sequence; none are zeros."""

    _length: ClassVar[int] = 0

    def __init__(self, *dims: Any, shape: Any = None) -> None:
        given = shape if shape is not None else dims[0] if len(dims) == 1 else dims or (0,) * self._length
        values = _ints(given, dialect_of(self))
        if len(dims) > 1 and len(dims) != self._length:
            raise TypeError(f"{type(self).__name__} takes {self._length} dims, not {len(dims)}")
        if len(values) != self._length:
            raise ValueError(f"{type(self).__name__} takes {self._length} dims, not {len(values)}")
        self._state = values


class Dims2(_FixedDims):
    """Two dims."""

    _length = 2


class Dims3(_FixedDims):
    """Three dims."""

    _length = 3


class Dims4(_FixedDims):
    """Four dims."""

    _length = 4


def _dim(place: int, doc: str) -> Any:
    def put(self: Any, value: int) -> None:
        self._state[place] = value

    return attr(lambda self: self._state[place], put, int, doc)


def _names(given: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
    """Return dims given in order or by name, in order."""
    return (*given, *named.values())


class DimsHW(Dims2):
    """A height and a width."""

    h = _dim(0, "Height.")
    w = _dim(1, "Width.")

    def __init__(self, *dims: Any, shape: Any = None, **named: Any) -> None:
        _FixedDims.__init__(self, *_names(dims, named), shape=shape)


class DimsCHW(Dims3, until=7):
    """Channels, a height and a width."""

    c = _dim(0, "Channels.")
    h = _dim(1, "Height.")
    w = _dim(2, "Width.")

    def __init__(self, *dims: Any, shape: Any = None, **named: Any) -> None:
        _FixedDims.__init__(self, *_names(dims, named), shape=shape)


class DimsNCHW(Dims4, until=7):
    """A batch, channels, a height and a width."""

    n = _dim(0, "Batch.")
    c = _dim(1, "Channels.")
    h = _dim(2, "Height.")
    w = _dim(3, "Width.")

    def __init__(self, *dims: Any, shape: Any = None, **named: Any) -> None:
        _FixedDims.__init__(self, *_names(dims, named), shape=shape)


def dims_of(shape: Iterable[int], owner: object) -> Dims:
    """Return Dims of a shape in the dialect of the object that answers with them."""
    return in_dialect(Dims, dialect_of(owner))(shape)


class Permutation(Api):
    """An order of axes: eight entries always; those not given are zero."""

    _state: list[int]

    def __init__(self, order: Iterable[int] = ()) -> None:
        values = _ints(order, dialect_of(self))
        if len(values) > _LIMIT:
            raise ValueError(f"a permutation has at most {_LIMIT} axes, not {len(values)}")
        self._state = values + [0] * (_LIMIT - len(values))

    @classmethod
    def _implicit(cls, value: Any) -> Permutation:
        """Convert a sequence of ints where a Permutation is asked for."""
        return cls(value)

    def __len__(self) -> int:
        return _LIMIT

    def __getitem__(self, index: int) -> int:
        return self._state[self._place(index)]

    def __setitem__(self, index: int, value: int) -> None:
        self._state[self._place(index)] = operator.index(value)

    def __iter__(self) -> Iterator[int]:
        return iter(self._state)

    def _place(self, index: int) -> int:
        place = operator.index(index)
        place += _LIMIT if place < 0 else 0
        if not 0 <= place < _LIMIT:
            raise IndexError("Out of bounds")
        return place

    def __repr__(self) -> str:
        return str(tuple(self._state))
