"""IHostMemory: bytes that minirt made, given out by the buffer protocol."""

from __future__ import annotations

import warnings
from typing import Any

from minirt.api.dialect import DEFAULT, MODULES
from minirt.api.enum import member
from minirt.api.enums import DataType
from minirt.api.logger import WITH_WARNING

_SHOWN = ("__enter__", "__exit__", "__class__", "__doc__", "dtype", "nbytes")


class IHostMemory(bytearray):
    """Serialized data: `bytes(m)`, `memoryview(m)`, `file.write(m)` and `numpy.frombuffer(m, numpy.uint8)` read it.

    It has no length and no items of its own. (A bytearray underneath: before Python 3.12 only built-in types offer
    the buffer protocol.)
    """

    __slots__ = ("_dialect",)
    _dialect: int

    def __init__(self, *_: object) -> None:
        raise TypeError(f"{type(self).__module__}.{type(self).__qualname__}: No constructor defined!")

    @property
    def nbytes(self) -> int:
        """The size in bytes."""
        return bytearray.__len__(self)

    @property
    def dtype(self) -> Any:
        """The type of the elements: INT8."""
        return member(DataType, "INT8", self._dialect)

    def __enter__(self) -> IHostMemory:
        if self._dialect >= 8:
            warnings.warn(WITH_WARNING, DeprecationWarning, stacklevel=2)
        return self

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        return None

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        return self is other

    def __ne__(self, other: object) -> bool:
        return self is not other

    def __hash__(self) -> int:  # type: ignore[override]
        return id(self)

    def __len__(self) -> int:
        raise TypeError("object of type 'IHostMemory' has no len(); use .nbytes")

    def __iter__(self) -> Any:
        raise TypeError("'IHostMemory' object is not iterable; use memoryview(m)")

    def __getitem__(self, index: object) -> Any:
        raise TypeError("'IHostMemory' object is not subscriptable; use memoryview(m)")

    def __repr__(self) -> str:
        return f"<{type(self).__module__}.{type(self).__qualname__} of {self.nbytes} bytes>"

    __str__ = __repr__

    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError(f"cannot pickle '{type(self).__module__}.{type(self).__qualname__}' object; pickle bytes(m)")

    def __dir__(self) -> list[str]:
        return list(_SHOWN)


IHostMemory.__module__ = MODULES[DEFAULT]


def host_memory(data: bytes | bytearray | memoryview = b"", dialect: int = DEFAULT) -> IHostMemory:
    """Return an IHostMemory that holds a copy of data."""
    made: IHostMemory = bytearray.__new__(IHostMemory)
    bytearray.__init__(made, data)
    made._dialect = dialect
    return made
