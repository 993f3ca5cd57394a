"""Dialects: every API member is declared once, with the TensorRT majors that have it, and classes are made from that.

The class statement is the default dialect's class. Members that the default dialect lacks are taken out of it and kept
aside; `in_dialect` makes another dialect's class as a subclass that puts back what that dialect has and blanks what it
lacks. So an object of one dialect is an instance of the default dialect's class too, and is accepted everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

DIALECTS = (7, 8, 10, 11)
"""The TensorRT majors whose API minirt speaks: 7.2, 8.6, 10.16 and 11.4."""
DEFAULT = 10
VERSIONS = {7: "7.2.3.4", 8: "8.6.1", 10: "10.16.1.11", 11: "11.4.0.0"}
MODULES = {7: "minirt.v7", 8: "minirt.v8", 10: "minirt", 11: "minirt.v11"}

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Span:
    """The dialects that have a member: from `since` to `until`, both included, and those in `also`."""

    since: int = DIALECTS[0]
    until: int = DIALECTS[-1]
    also: tuple[int, ...] = ()

    def __contains__(self, dialect: int) -> bool:
        return self.since <= dialect <= self.until or dialect in self.also

    def hint(self) -> str:
        """Say how to get a member that the dialect at hand lacks, as the end of an AttributeError's text."""
        having = [d for d in DIALECTS if d in self]
        if not having:
            return ""
        nearest = max((d for d in having if d < DEFAULT), default=having[0])
        versions = " and ".join(str(d) for d in having)
        return f"; TensorRT {versions} has it: use `import {MODULES[nearest]} as trt` or MINIRT_DIALECT={nearest}"


EVERYWHERE = Span()


class Attribute(property):
    """A property that knows which dialects have it, and which let it be set."""

    span: Span = EVERYWHERE
    writable: Span = EVERYWHERE
    kind: Any = Any

    def __init__(self, fget: Any = None, fset: Any = None, fdel: Any = None, doc: str | None = None) -> None:
        super().__init__(fget, fset, fdel, doc)
        self.__doc__ = doc  # a subclass's own docstring would hide the property's

    def __set_name__(self, owner: type, name: str) -> None:
        for function in (self.fget, self.fset):
            if hasattr(function, "api_name"):
                function.api_name = name  # type: ignore[union-attr]

    def within(self, dialect: int) -> Attribute:
        """Return the property as one dialect has it: without a setter where that dialect has none."""
        if self.fset is None or dialect in self.writable:
            return self
        made = Attribute(self.fget, None, self.fdel, self.__doc__)
        made.span, made.kind = self.span, self.kind
        return made


class Absent:
    """Stands for a member that a dialect lacks: reading it raises an AttributeError that says who has it."""

    def __init__(self, name: str, span: Span) -> None:
        self.name = name
        self.span = span

    def __get__(self, instance: object, owner: type) -> Any:
        own = getattr(instance, "__dict__", {})
        if instance is not None and self.name in own:
            return own[self.name]
        raise AttributeError(f"'{owner.__qualname__}' has no attribute '{self.name}'{self.span.hint()}")

    def __set__(self, instance: object, value: object) -> None:
        if not hasattr(instance, "__dict__"):
            self.__get__(None, type(instance))
        instance.__dict__[self.name] = value


def span_of(member: object) -> Span:
    """Return the dialects that have a member: its `span` attribute, or all of them."""
    found = getattr(member, "span", EVERYWHERE)
    return found if isinstance(found, Span) else EVERYWHERE


def spanned(since: int = DIALECTS[0], until: int = DIALECTS[-1], also: Iterable[int] = ()) -> Callable[[F], F]:
    """Declare which dialects have a method."""

    def mark(function: F) -> F:
        function.span = Span(since, until, tuple(also))  # type: ignore[attr-defined]
        return function

    return mark


class ApiType(type):
    """The metaclass of the API's classes: dialects, no `__dict__` on the API's own, constructors that must run."""

    span: Span
    dialect: int

    def __new__(
        mcs,
        name: str,
        bases: tuple[type, ...],
        namespace: dict[str, Any],
        since: int = DIALECTS[0],
        until: int = DIALECTS[-1],
        made_for: int = 0,
    ) -> ApiType:
        """Make a declared class, a dialect's class (`made_for`), or a user's subclass of one."""
        elsewhere: dict[str, Any] = {}
        here = dict(namespace)
        if declared := namespace.get("__module__", "").startswith("minirt.api"):
            namespace.setdefault("__slots__", ())
            elsewhere = {k: v for k, v in namespace.items() if DEFAULT not in span_of(v)}
            for k, v in elsewhere.items():
                if k[:2] == "__":  # Python would look for a special method's descriptor and call it
                    del namespace[k]
                else:
                    namespace[k] = Absent(k, span_of(v))
            namespace |= {k: v.within(DEFAULT) for k, v in namespace.items() if isinstance(v, Attribute)}
            namespace["__module__"] = MODULES[DEFAULT]
        cls = super().__new__(mcs, name, bases, namespace)
        if declared:
            _DECLARED[cls] = _Declaration(Span(since, until), elsewhere, here)
        if declared or made_for:
            _DIALECT_OF[cls] = made_for or DEFAULT
        return cls

    def __init__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **_: int) -> None:
        super().__init__(name, bases, namespace)

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        """Construct an object; raise TypeError if a subclass left out the `__init__` of its base."""
        made = super().__call__(*args, **kwargs)
        if isinstance(made, Api) and not hasattr(made, "_state"):
            base = next(c for c in cls.__mro__ if c in _DIALECT_OF)
            raise TypeError(f"{base.__module__}.{base.__qualname__}.__init__() must be called when overriding __init__")
        return made

    def __dir__(cls) -> list[str]:
        hidden = hidden_names(cls)
        return [name for name in super().__dir__() if name not in hidden]

    def in_dialect(cls, dialect: int) -> Any:
        """Return this declared class as another dialect has it, made on first use."""
        made = _MADE.get((cls, dialect))
        if made is None:
            made = _MADE[cls, dialect] = _make(cls, dialect)
        return made


@dataclass(frozen=True)
class _Declaration:
    """What a class statement said: the class's span, members the default dialect lacks, and those that it has."""

    span: Span
    elsewhere: dict[str, Any]
    here: dict[str, Any]


_DECLARED: dict[type, _Declaration] = {}
_DIALECT_OF: dict[type, int] = {}
_MADE: dict[tuple[type, int], Any] = {}


def _make(cls: Any, dialect: int) -> Any:
    """Make a dialect's class: a subclass of the declared one, and of its bases as that dialect has them."""
    declaration = _DECLARED.get(cls)
    if dialect == DEFAULT or declaration is None or cls is Api:
        return cls
    special = ("__slots__", "__module__", "__qualname__", "__doc__", "__annotations__")
    members: dict[str, Any] = {"__slots__": (), "__module__": MODULES[dialect], "__qualname__": cls.__qualname__}
    members["__doc__"] = cls.__doc__
    for name, member in declaration.here.items():
        if name in special:
            continue
        if dialect not in span_of(member):
            members[name] = Absent(name, span_of(member))
        elif isinstance(member, Attribute):
            members[name] = member.within(dialect)
        elif name in declaration.elsewhere:
            members[name] = member
        elif hasattr(type(member), "_at_dialect"):
            members[name] = type(member)._at_dialect(member, dialect)
    bases = [in_dialect(b, dialect) for b in cls.__bases__ if b in _DECLARED and b is not Api]
    return ApiType(cls.__name__, (cls, *bases), members, made_for=dialect)


def members_of(cls: Any, dialect: int) -> dict[str, Any]:
    """Return the members that a class's own statement declares for a dialect."""
    here = _DECLARED[cls].here if cls in _DECLARED else {}
    found = {name: member for name, member in here.items() if dialect in span_of(member)}
    return {name: m.within(dialect) if isinstance(m, Attribute) else m for name, m in found.items()}


def in_dialect(cls: type[T], dialect: int) -> type[T]:
    """Return a class of the API as a dialect has it; other classes come back as they are."""
    return cls.in_dialect(dialect) if hasattr(type(cls), "in_dialect") else cls  # type: ignore[attr-defined, no-any-return]


def dialect_of(instance: object) -> int:
    """Return the dialect of an object of the API, or of an object of a user's subclass."""
    for cls in type(instance).__mro__:
        if cls in _DIALECT_OF:
            return _DIALECT_OF[cls]
    return DEFAULT


def class_span(cls: type) -> Span:
    """Return the dialects that have a declared class."""
    return _DECLARED[cls].span if cls in _DECLARED else EVERYWHERE


def declared_classes() -> list[type]:
    """Return every class of the API in the order of declaration."""
    return list(_DECLARED)


def hidden_names(cls: type) -> set[str]:
    """Return the names that `dir` does not show: private ones of the API's own classes, and absent members."""
    hidden: set[str] = set()
    for base in reversed(cls.__mro__):
        for name, member in vars(base).items():
            if isinstance(member, Absent) or (base in _DIALECT_OF and name[0] == "_" and name[:2] != "__"):
                hidden.add(name)
            else:
                hidden.discard(name)
    return hidden


class Api(metaclass=ApiType):
    """Base of the API's classes: one hidden state, no other attributes, weakly referable."""

    __slots__ = ("__weakref__", "_state")
    _state: Any
    _hidden: ClassVar[bool] = True

    def __init__(self) -> None:
        raise TypeError(f"{type(self).__module__}.{type(self).__qualname__}: No constructor defined!")

    def __dir__(self) -> list[str]:
        hidden = hidden_names(type(self))
        return [name for name in super().__dir__() if name not in hidden]


def wrap(cls: type[T], state: object, dialect: int = DEFAULT) -> T:
    """Make an object of a class that users cannot construct, around its state, as a dialect has it."""
    made = object.__new__(in_dialect(cls, dialect))
    made._state = state  # type: ignore[attr-defined]
    return made
