"""Lists of nodes, and of parts of a model, as `supports_model` gives them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from minirt.api.dialect import Api


class _Listed(Api):
    """A list of the bindings: what it holds compares with a list, but it is none."""

    _state: list[Any]
    __hash__: ClassVar[None] = None  # type: ignore[assignment]

    def __init__(self, items: Iterable[Any] = (), /) -> None:
        self._state = list(items)

    def append(self, x: Any) -> None:
        """Add an item at the end."""
        self._state.append(x)

    def extend(self, L: Iterable[Any]) -> None:  # noqa: N803 - TensorRT's name
        """Add items at the end."""
        self._state.extend(L)

    def insert(self, i: int, x: Any) -> None:
        """Put an item at a place."""
        self._state.insert(i, x)

    def pop(self, i: int = -1) -> Any:
        """Take an item out and return it."""
        return self._state.pop(i)

    def remove(self, x: Any) -> None:
        """Take the first item that equals x out."""
        self._state.remove(x)

    def count(self, x: Any) -> int:
        """Return how many items equal x."""
        return self._state.count(x)

    def clear(self) -> None:
        """Take all items out."""
        self._state.clear()

    def __len__(self) -> int:
        return len(self._state)

    def __bool__(self) -> bool:
        return bool(self._state)

    def __iter__(self) -> Any:
        return iter(self._state)

    def __contains__(self, x: Any) -> bool:
        return x in self._state

    def __getitem__(self, s: Any) -> Any:
        return type(self)(self._state[s]) if isinstance(s, slice) else self._state[s]

    def __setitem__(self, place: Any, value: Any) -> None:
        self._state[place] = list(value) if isinstance(place, slice) else value

    def __delitem__(self, place: Any) -> None:
        del self._state[place]

    def __eq__(self, other: object) -> bool:
        return self._state == (other._state if isinstance(other, _Listed) else other)

    def __repr__(self) -> str:
        return f"{type(self).__name__}{self._state}"


class NodeIndices(_Listed):
    """Places of nodes in a model."""


class SubGraphCollection(_Listed, until=10):
    """Parts of a model: the places of nodes, and whether they can be imported."""
