"""A C library that is Python functions: what `ctypes.CDLL` gives for libcudart and libcuda, on host memory."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

Call = Callable[..., tuple[Any, ...]]
Stores = Mapping[str, tuple[Any, Call, tuple[Any, ...]]]
"""C functions that store one result at their first argument: its type, the Python function, the other arguments."""
Plain = Mapping[str, tuple[Call, tuple[Any, ...]]]
"""C functions that return a code alone: the Python function, and the arguments."""
Others = Mapping[str, tuple[Any, Callable[..., int]]]
"""C functions of another form: their ctypes type, and the function."""

_INVALID = 1
_CALLBACKS: dict[str, dict[str, Any]] = {}


def _storing(kind: Any, call: Call) -> Callable[..., int]:
    """Make a C function whose first argument takes the result of a Python one."""

    def function(result: int | None, *arguments: Any) -> int:
        if not result:
            return _INVALID
        code, *values = call(*arguments)
        if int(code) == 0:
            kind.from_address(result).value = values[0]
        return int(code)

    return function


def _plain(call: Call) -> Callable[..., int]:
    """Make a C function of a Python one that returns only a code."""
    return lambda *arguments: int(call(*(argument or 0 for argument in arguments))[0])


class CLibrary(ctypes.CDLL):
    """Functions found by their names; another name is an AttributeError."""

    title: ClassVar[str]
    stores: ClassVar[Stores]
    plain: ClassVar[Plain]
    others: ClassVar[Others]
    texts: ClassVar[tuple[str, ...]] = ()
    """Functions that return text."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._handle = 0

    @classmethod
    def functions(cls) -> dict[str, Any]:
        """Return the C functions, made once: a script may keep them for as long as it runs."""
        made = _CALLBACKS.setdefault(cls.title, {})
        if not made:
            for name, (kind, call, types) in cls.stores.items():
                made[name] = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, *types)(_storing(kind, call))
            for name, (call, types) in cls.plain.items():
                made[name] = ctypes.CFUNCTYPE(ctypes.c_int, *types)(_plain(call))
            made |= {name: kind(call) for name, (kind, call) in cls.others.items()}
        return made

    def __getattr__(self, name: str) -> Any:
        known = self.functions().get(name)
        if known is None:
            raise AttributeError(f"minirt's stand-in of {self.title}, for machines without a GPU, has no '{name}'")
        kind = ctypes.CFUNCTYPE(known.restype, *known.argtypes)  # one of each library's own: scripts set its types
        made = kind(ctypes.cast(known, ctypes.c_void_p).value or 0)
        if name in self.texts:
            made.restype = ctypes.c_char_p
        setattr(self, name, made)
        return made

    def __getitem__(self, name: int | str) -> Any:
        return getattr(self, str(name))
