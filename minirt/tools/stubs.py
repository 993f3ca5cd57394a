"""Stubs of the API for type checkers and editors, made from the declarations: a file for each dialect.

`python -m minirt.tools.stubs` writes them next to the modules; with a dialect's number it prints that one's.
"""

from __future__ import annotations

import collections.abc
import functools
import inspect
import sys
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, SupportsIndex

from minirt.api.dialect import DIALECTS, MODULES, VERSIONS, ApiType, members_of
from minirt.api.dims import Dims, Permutation
from minirt.api.enum import Enum, EnumType, arithmetic_of
from minirt.api.namespace import declarations, namespace, public_names
from minirt.api.plugin_data import FallbackString
from minirt.api.weights import Weights

_HEAD = '''"""Stubs of minirt as TensorRT {version}; written by `python -m minirt.tools.stubs`."""

import collections.abc
from builtins import bool as _bool
from typing import Any, ClassVar, Self, SupportsIndex, overload

import numpy as np

class _ApiType(type): ...
class _EnumType(type): ...

class _Indexed:
    """What Python iterates over by index, which type checkers do not know of."""
    def __iter__(self) -> collections.abc.Iterator[Any]: ...

class _Enum(metaclass=_EnumType):
    __members__: ClassVar[dict[str, Any]]
    def __init__(self, value: int) -> None: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> int: ...
    def __int__(self) -> int: ...
    def __index__(self) -> int: ...
    def __hash__(self) -> int: ...
    def __eq__(self, other: object) -> _bool: ...

'''
_ORDER = [f"    def __{sign}__(self, other: Self) -> _bool: ..." for sign in ("lt", "le", "gt", "ge")]
_BUILTINS = (SupportsIndex, int, float, str, bytes, object, type, complex, bytearray, memoryview)
_SPECIAL = ("__init__", "__len__", "__getitem__", "__setitem__", "__delitem__", "__iter__", "__next__", "__call__")
_KEPT = (*_SPECIAL, "__enter__", "__exit__", "__contains__", "__str__", "__eq__", "__bool__")


class Stub:
    """Prints one dialect's stub."""

    def __init__(self, dialect: int) -> None:
        self.dialect = dialect
        self.names: dict[Any, str] = {
            cls: name for name, (cls, span) in declarations().items() if dialect in span and name[0] != "_"
        }
        for cls, name in list(self.names.items()):
            if not isinstance(cls, EnumType):
                for attribute, value in self._members(cls).items():
                    if isinstance(value, EnumType | ApiType) and value not in self.names:
                        self.names[value] = f"{name}.{attribute}"

    def text(self) -> str:
        """Return the whole stub."""
        lines = [f"__version__: str\n__all__ = {public_names(self.dialect)!r}\n"]
        written = namespace(self.dialect)
        for cls, name in self.names.items():
            if "." not in name:
                lines += [*self._class(name, cls), ""]
        for name, value in written.items():
            if isinstance(value, Enum):
                lines.append(f"{name}: {self._type(type(value), known=name)}")
            elif inspect.isfunction(value):
                lines += self._function(name, value, "", False)
            elif isinstance(value, EnumType | ApiType) and name not in self.names.values():
                lines.append(f"{name} = {value.__name__}")
        return _HEAD.format(version=VERSIONS[self.dialect]) + "\n".join(lines) + "\n"

    def _class(self, name: str, cls: Any, indent: str = "") -> Iterator[str]:
        yield f"{indent}class {name}({', '.join(self._heading(cls))}):"
        inner = indent + "    "
        yield f"{inner}{_doc(cls)}"
        if isinstance(cls, EnumType):
            for member in cls.in_dialect(self.dialect).__members__:
                yield f"{inner}{member}: ClassVar[{self.names[cls]}]"
            for prop in (k for k, v in vars(cls).items() if isinstance(v, property)):
                yield f"{inner}@property\n{inner}def {prop}(self) -> Any: ..."
            if arithmetic_of(cls):
                yield from (indent + line for line in _ORDER)
            return
        members = self._members(cls)
        for attribute, value in members.items():
            yield from self._member(attribute, value, inner, name)

    def _heading(self, cls: Any) -> list[str]:
        """Return what stands in the parentheses of a class: bases, and the metaclass where no base has it."""
        if isinstance(cls, EnumType):
            return ["_Enum"]
        if not isinstance(cls, ApiType):  # a subclass of an array
            return ["bytearray"]
        bases = list(dict.fromkeys(self._bases(cls)))
        if (members := self._members(cls)) and "__getitem__" in members and "__iter__" not in members:
            bases.append("_Indexed")
        return [*bases, "metaclass=_ApiType"]

    def _bases(self, cls: Any) -> Iterator[str]:
        """Yield the nearest bases that are names of the module."""
        for base in cls.__bases__:
            if base in self.names:
                yield self.names[base]
            else:
                yield from self._bases(base)

    def _members(self, cls: Any) -> dict[str, Any]:
        """Return the members of a class and of those of its bases that are not names of the module."""
        found: dict[str, Any] = {}
        for base in reversed(cls.__bases__):
            if base not in self.names:
                found |= self._members(base)
        plain = not isinstance(cls, ApiType) and cls.__module__.startswith("minirt")
        mine = dict(vars(cls)) if plain else members_of(cls, self.dialect)
        return found | {k: v for k, v in mine.items() if k[0] != "_" or k in _KEPT}

    def _member(self, name: str, value: Any, indent: str, owner: str) -> Iterator[str]:
        if isinstance(value, property):
            yield from self._property(name, value, indent)
        elif isinstance(value, EnumType | ApiType):
            known = self.names.get(value, "")
            if known == f"{owner}.{name}":
                yield from self._class(name, value, indent)
            else:
                yield f"{indent}{name} = {known}" if known else f"{indent}{name}: ClassVar[Any]"
        elif isinstance(value, classmethod | staticmethod):
            yield f"{indent}@{type(value).__name__}"
            yield from self._function(name, value.__func__, indent, isinstance(value, classmethod))
        elif inspect.isfunction(value):
            yield from self._function(name, value, indent, True)
        else:
            yield f"{indent}{name}: ClassVar[{self._type(type(value))}]"

    def _property(self, name: str, value: property, indent: str) -> Iterator[str]:
        kind = getattr(value, "kind", Any)
        if kind is Any and value.fget is not None:
            kind = _hints(value.fget).get("return", Any)
        yield f"{indent}@property"
        yield f"{indent}def {name}(self) -> {self._type(kind)}:"
        yield f"{indent}    {_doc(value)}"
        if value.fset is not None:
            yield f"{indent}@{name}.setter"
            taken = getattr(value, "kind", Any)
            yield f"{indent}def {name}(self, value: {self._type(taken, taken=True)}) -> None: ..."

    def _function(self, name: str, function: Any, indent: str, bound: bool) -> Iterator[str]:
        """Yield a function; two overloads where an argument that must be given follows optional ones."""
        parameters = list(inspect.signature(function).parameters.values())
        given = [p.default is not p.empty for p in parameters]
        plain = [p.kind is p.POSITIONAL_OR_KEYWORD for p in parameters]
        last = max((i for i, p in enumerate(plain) if p and not given[i]), default=-1)
        early = given.index(True) if True in given else len(given)
        if early > last:
            yield from self._signature(name, function, parameters, indent, bound)
            return
        needed = [p.replace(default=p.empty) if i < last else p for i, p in enumerate(parameters)]
        named = [
            p.replace(kind=p.KEYWORD_ONLY) if i > early and plain[i] and not given[i] else p
            for i, p in enumerate(parameters)
        ]
        named.sort(key=lambda p: p.kind)
        for form in (needed, named):
            yield f"{indent}@overload"
            yield from self._signature(name, function, form, indent, bound)

    def _signature(
        self, name: str, function: Any, parameters: list[inspect.Parameter], indent: str, bound: bool
    ) -> Iterator[str]:
        """Yield one signature; a function that converts its arguments takes more types than it is annotated with."""
        taken = getattr(function, "checked", False)
        free = bound and not taken and name[0] != "_"  # scripts override these, with annotations of their own
        hints = _hints(function)
        parts: list[str] = []
        previous = None
        for i, parameter in enumerate(parameters):
            if parameter.kind is parameter.POSITIONAL_ONLY:
                previous = parameter
            elif previous is not None:
                parts.append("/")
                previous = None
            if parameter.kind is parameter.KEYWORD_ONLY and "*" not in "".join(parts):
                parts.append("*")
            if bound and i == 0:
                parts.append(parameter.name)
                continue
            star = "*" if parameter.kind is parameter.VAR_POSITIONAL else ""
            star = "**" if parameter.kind is parameter.VAR_KEYWORD else star
            text = f"{star}{parameter.name}: {self._type(Any if free else hints.get(parameter.name, Any), taken)}"
            if parameter.default is not parameter.empty:
                text += f" = {_default(parameter.default)}"
            parts.append(text)
        parts += ["/"] if previous is not None else []
        back = self._type(Any if free else hints.get("return", Any))
        back = {"__init__": "None", "__enter__": "Self"}.get(name, back)
        yield f"{indent}def {name}({', '.join(parts)}) -> {back}:"
        yield f"{indent}    {_doc(function)}"

    def _type(self, kind: Any, taken: bool = False, known: str = "") -> str:
        """Print a type; `taken` is what an argument that is converted may be given."""
        if kind is None or kind is type(None):
            return "None"
        if kind is bool:
            return "_bool"
        if kind in _BUILTINS:
            return str(kind.__name__)
        if isinstance(kind, EnumType | ApiType):
            return self._own(kind, taken)
        origin, arguments = typing.get_origin(kind), typing.get_args(kind)
        if origin in (types.UnionType, typing.Union):
            # A None that is returned says that something failed; scripts go on without asking, so it is Any.
            shown = [a if taken or a is not type(None) else Any for a in arguments]
            return " | ".join(dict.fromkeys(self._type(a, taken) for a in shown))
        if origin in (list, collections.abc.Sequence) and arguments and taken:
            return f"collections.abc.Iterable[{self._type(arguments[0], True)}]"
        if origin in (list, dict, tuple, set, type) and arguments:
            return f"{origin.__name__}[{self._several(arguments)}]"
        if getattr(origin, "__module__", "") == "collections.abc" and origin is not collections.abc.Callable:
            return f"collections.abc.{origin.__name__}[{self._several(arguments)}]"
        if origin is collections.abc.Callable:
            return "collections.abc.Callable[..., Any]"
        return "Any"

    def _several(self, arguments: tuple[Any, ...]) -> str:
        return ", ".join("..." if a is Ellipsis else self._type(a) for a in arguments)

    def _own(self, kind: Any, taken: bool) -> str:
        """Print a class of the API: a declared one, or a dialect's."""
        name = self.names.get(kind) or next(
            (n for c, n in self.names.items() if c.__qualname__ == kind.__qualname__), ""
        )
        if not name or (kind is Weights and not taken):
            return "Any"
        if taken and issubclass(kind, Dims | Permutation):
            return f"{name} | collections.abc.Iterable[SupportsIndex]"
        if taken and kind is Weights:
            return f"{name} | np.ndarray[Any, Any]"
        if taken and hasattr(kind, "_implicit"):
            return f"{name} | {'str' if kind is FallbackString else 'Any'}"
        return name


@functools.cache
def _hints(function: Any) -> dict[str, Any]:
    try:
        return typing.get_type_hints(inspect.unwrap(function))
    except NameError:  # a name that the module imports for type checkers only
        return {}


def _default(value: Any) -> str:
    return repr(value) if value is None or isinstance(value, bool | int | str | bytes) else "..."


def _doc(value: Any) -> str:
    doc = inspect.getdoc(value) or ""
    first = "" if doc == object.__init__.__doc__ else doc.partition("\n")[0].replace("\\", "\\\\")
    return f'"""{first}"""' if first and first[-1] != '"' else f'"""{first} """' if first else "..."


def path_of(dialect: int) -> Path:
    """Return where a dialect's stub is: next to its module."""
    root = Path(__file__).parents[1]
    name = MODULES[dialect].partition(".")[2] or "__init__"
    return root / f"{name}.pyi"


def main(arguments: list[str]) -> int:
    """Print one dialect's stub, or write all; returns the exit status."""
    if arguments:
        print(Stub(int(arguments[0])).text(), end="")
        return 0
    for dialect in DIALECTS:
        path_of(dialect).write_text(Stub(dialect).text())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
