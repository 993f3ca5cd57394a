"""Enums as the TensorRT bindings have them: not `enum.Enum`, but small classes with pybind11's habits.

A member has `.name` and `.value`, converts by `int()`, hashes to its value and pickles; it equals members of its own
class only, is ordered only where the bindings order it, and is no `int`. A class is neither indexable nor iterable;
`E(99)` is an unnamed member.
"""

from __future__ import annotations

import operator
from typing import Any

from minirt.api.dialect import DEFAULT, DIALECTS, MODULES, Span

_GONE = -1


def _parse(table: str) -> dict[str, dict[int, int]]:
    """Read `NAME=7-value,8:8-value,10:-` items: the value from a dialect on; the first is from 7 on if unmarked."""
    members: dict[str, dict[int, int]] = {}
    for item in table.split():
        name, _, spec = item.partition("=")
        starts = dict(part.rpartition(":")[::2] for part in spec.split(","))
        values: dict[int, int] = {}
        value = _GONE
        for dialect in DIALECTS:
            text = starts.get(str(dialect) if dialect != DIALECTS[0] or str(dialect) in starts else "", "")
            if text:
                value = _GONE if text == "-" else int(text)
            if value != _GONE:
                values[dialect] = value
        members[name] = values
    return members


class EnumType(type):
    """The metaclass of enums: reads the table of members and makes each dialect's class from it."""

    spec: dict[str, dict[int, int]]
    span: Span
    arithmetic: bool

    def __new__(
        mcs,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        members: str = "",
        arithmetic: bool = False,
        since: int = DIALECTS[0],
        until: int = DIALECTS[-1],
        spec: dict[str, dict[int, int]] | None = None,
        dialect: int = DEFAULT,
    ) -> EnumType:
        """Make the default dialect's class from a table of `members`, or another's from a parsed `spec`."""
        namespace.setdefault("__slots__", ())
        table = _parse(members) if spec is None else spec
        span = Span(since, until)
        if dialect not in span:
            dialect = next(d for d in DIALECTS if d in span)
        namespace["__module__"] = MODULES[dialect]
        cls = super().__new__(mcs, name, bases, namespace)
        values = {member: by[dialect] for member, by in table.items() if dialect in by}
        _FACTS[cls] = _Facts(table, span, arithmetic, dict(sorted(values.items(), key=lambda item: item[1])))
        for member, value in values.items():
            type.__setattr__(cls, member, cls(value))
        _MADE[cls, dialect] = cls
        return cls

    def __init__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **_: Any) -> None:
        super().__init__(name, bases, namespace)

    def __getattr__(cls, name: str) -> Any:
        having = _FACTS[cls].table.get(name, {})
        hint = Span(min(having), max(having)).hint() if having else ""
        raise AttributeError(f"type object '{cls.__qualname__}' has no attribute '{name}'{hint}")

    def in_dialect(cls, dialect: int) -> EnumType:
        """Return this enum with the members and integers of another dialect."""
        facts = _FACTS[cls]
        made = _MADE.get((cls, dialect))
        if made is None:
            own = {k: v for k, v in vars(cls).items() if isinstance(v, property)}
            names = {"__doc__": cls.__doc__, "__qualname__": cls.__qualname__} | own
            made = EnumType(
                cls.__name__,
                (Enum,),
                names,
                arithmetic=facts.arithmetic,
                since=facts.span.since,
                until=facts.span.until,
                spec=facts.table,
                dialect=dialect,
            )
            _MADE[cls, dialect] = made
        return made

    def _at_dialect(cls, dialect: int) -> EnumType:
        """Return this enum for a class attribute of another dialect's class."""
        return cls.in_dialect(dialect)

    def takes(cls, value: object) -> bool:
        """Return whether a value is a member of this enum in any dialect."""
        return isinstance(value, Enum) and (
            type(value).__qualname__ == cls.__qualname__ or any(_MADE.get((cls, d)) is type(value) for d in DIALECTS)
        )

    def goes_by(cls, other: EnumType, dialect: int) -> None:
        """Let another enum stand for this one in a dialect, where it had another name."""
        _MADE[cls, dialect] = other

    def name_of(cls, value: Any) -> str:
        """Return what a member that this enum takes is called here."""
        name: str = value.name
        return name if name in _FACTS[cls].table else cls(int(value)).name


class _Facts:
    """What an enum class knows: its members' values by dialect, its span, whether it is ordered, its own values."""

    def __init__(self, table: dict[str, dict[int, int]], span: Span, arithmetic: bool, values: dict[str, int]) -> None:
        self.table = table
        self.span = span
        self.arithmetic = arithmetic
        self.values = values
        self.names = {value: name for name, value in reversed(values.items())}


_FACTS: dict[type, _Facts] = {}
_MADE: dict[tuple[type, int], EnumType] = {}


class _Members:
    """`__members__` of a class or of a member: name to member, in the order of their values."""

    def __get__(self, instance: object, owner: type) -> dict[str, Any]:
        return {name: getattr(owner, name) for name in _FACTS[owner].values}


class _Entries:
    """`__entries` of a class: name to member and docstring, as pybind11 keeps them."""

    def __get__(self, instance: object, owner: type) -> dict[str, tuple[Any, None]]:
        return {name: (getattr(owner, name), None) for name in _FACTS[owner].values}


class Enum(metaclass=EnumType):
    """Base of every enum of the API."""

    __slots__ = ("_value",)
    _value: int
    __members__ = _Members()

    def __init__(self, value: int) -> None:
        try:
            self._value = operator.index(value)
        except TypeError:
            raise TypeError(f"{type(self).__name__}(value: int): got {value!r}") from None

    @property
    def name(self) -> str:
        """The member's name, "???" for a value that has none."""
        return _FACTS[type(self)].names.get(self._value, "???")

    @property
    def value(self) -> int:
        """The member's integer in this dialect."""
        return self._value

    def __int__(self) -> int:
        return self._value

    __index__ = __int__

    def __hash__(self) -> int:
        return self._value

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self._value == int(other)  # type: ignore[call-overload, no-any-return]

    def __lt__(self, other: Any) -> bool:
        return self._value < self._peer(other, "<")

    def __le__(self, other: Any) -> bool:
        return self._value <= self._peer(other, "<=")

    def __gt__(self, other: Any) -> bool:
        return self._value > self._peer(other, ">")

    def __ge__(self, other: Any) -> bool:
        return self._value >= self._peer(other, ">=")

    def _peer(self, other: object, sign: str) -> int:
        if not _FACTS[type(self)].arithmetic:
            names = type(self).__name__, type(other).__name__
            raise TypeError(f"'{sign}' not supported between instances of '{names[0]}' and '{names[1]}'")
        if type(self) is not type(other):
            raise TypeError("Expected an enumeration of matching type!")
        return int(other)  # type: ignore[call-overload, no-any-return]

    def __repr__(self) -> str:
        return f"<{type(self).__name__}.{self.name}: {self._value}>"

    def __str__(self) -> str:
        return f"{type(self).__name__}.{self.name}"

    def __reduce__(self) -> tuple[type, tuple[int]]:
        return type(self), (self._value,)

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if name not in ("_value", "_peer", "_at_dialect")]

    def _at_dialect(self, dialect: int) -> Any:
        """Return this member for a class attribute of another dialect's class."""
        return member(type(self), self.name, dialect)


type.__setattr__(Enum, "__entries", _Entries())  # a class statement would mangle the name


def enum_span(cls: type) -> Span:
    """Return the dialects that have an enum."""
    return _FACTS[cls].span


def member(cls: Any, name: str, dialect: int) -> Any:
    """Return the member called `name` as a dialect has it, or the default's where that dialect lacks it."""
    made = cls.in_dialect(dialect)
    if name in _FACTS[made].values:
        return getattr(made, name)
    found = getattr(cls, name)
    return found if made.__qualname__ == cls.__qualname__ else made(int(found))


def arithmetic_of(cls: type) -> bool:
    """Return whether members of an enum are ordered."""
    return _FACTS[cls].arithmetic
