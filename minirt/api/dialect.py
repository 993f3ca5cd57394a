"""Dialects: every API member is declared once, with the TensorRT majors that have it, and classes are made from that.

The class statement is the default dialect's class, without the members that the default dialect lacks; `in_dialect`
makes another dialect's class from the same statement. The classes of a declaration are kin: an object of one dialect
counts as an instance of the default dialect's class too, and is accepted everywhere.
"""

from __future__ import annotations

import functools
import inspect
import types
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

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
        *early, last = (str(d) for d in having)
        versions = f"{', '.join(early)} and {last} have" if early else f"{last} has"
        return f"; TensorRT {versions} it: use `import {MODULES[nearest]} as trt` or MINIRT_DIALECT={nearest}"


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
        here = dict(namespace)
        if declared := namespace.get("__module__", "").startswith("minirt.api"):
            namespace.setdefault("__slots__", ())
            namespace = _members(here, DEFAULT) | {"__slots__": namespace["__slots__"], "__module__": MODULES[DEFAULT]}
        cls = super().__new__(mcs, name, bases, namespace)
        if declared:
            _DECLARED[cls] = _Declaration(Span(since, until), here)
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

    def __subclasscheck__(cls, subclass: type) -> bool:
        """Return whether a class is derived from this one, or from another dialect's class of its declaration."""
        return super().__subclasscheck__(subclass) or (
            cls in _DECLARED and any(_ORIGIN.get(c) is cls for c in getattr(subclass, "__mro__", ()))
        )

    def __instancecheck__(cls, instance: object) -> bool:
        return super().__instancecheck__(instance) or cls.__subclasscheck__(type(instance))

    if not TYPE_CHECKING:  # a checker is to miss what is not there

        def __getattr__(cls, name: str) -> Any:
            """Raise an AttributeError that says which dialect has the name."""
            text = f"type object '{cls.__qualname__}' has no attribute '{name}'{missing_hint(cls, name)}"
            raise AttributeError(text, name=name, obj=cls)

    def in_dialect(cls, dialect: int) -> Any:
        """Return this declared class as another dialect has it, made on first use."""
        made = _MADE.get((cls, dialect))
        if made is None:
            made = _MADE[cls, dialect] = _make(cls, dialect)
        return made


@dataclass(frozen=True)
class _Declaration:
    """What a class statement said: the class's span, and its members in all dialects."""

    span: Span
    here: dict[str, Any]


_DECLARED: dict[type, _Declaration] = {}
_DIALECT_OF: dict[type, int] = {}
_ORIGIN: dict[type, type] = {}
_MADE: dict[tuple[type, int], Any] = {}


def _in_signature(function: Any, dialect: int) -> Any:
    """Return a function whose signature shows members of enums as a dialect has them."""
    signature = inspect.signature(function)
    parameters = [
        p.replace(default=p.default._at_dialect(dialect)) if hasattr(type(p.default), "_at_dialect") else p
        for p in signature.parameters.values()
    ]
    if parameters == list(signature.parameters.values()):
        return function
    made = types.FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    made.__dict__.update(function.__dict__, __signature__=signature.replace(parameters=parameters))
    made.__doc__, made.__qualname__, made.__module__ = function.__doc__, function.__qualname__, function.__module__
    return made


def _members(here: dict[str, Any], dialect: int) -> dict[str, Any]:
    """Return what a class statement declares, as a dialect has it."""
    found: dict[str, Any] = {}
    for name, member in here.items():
        if dialect not in span_of(member):
            continue
        if isinstance(member, Attribute):
            member = member.within(dialect)
        elif hasattr(type(member), "_at_dialect"):
            member = type(member)._at_dialect(member, dialect)
        elif dialect != DEFAULT and inspect.isfunction(member):
            member = _in_signature(member, dialect)
        found[name] = member
    return found


def _make(cls: Any, dialect: int) -> Any:
    """Make a dialect's class, from the declaration and from the bases as that dialect has them."""
    declaration = _DECLARED.get(cls)
    if dialect == DEFAULT or declaration is None or cls is Api:
        return cls
    members = _members(declaration.here, dialect) | {"__module__": MODULES[dialect]}
    members.setdefault("__slots__", ())
    made = ApiType(cls.__name__, tuple(in_dialect(b, dialect) for b in cls.__bases__), members, made_for=dialect)
    _ORIGIN[made] = cls
    return made


def missing_hint(cls: type, name: str) -> str:
    """Return who has a member that a class lacks, as the end of a message; "" where nobody has it."""
    for base in () if name[:2] == "__" else cls.__mro__:
        declaration = _DECLARED.get(_ORIGIN.get(base, base))
        if declaration is not None and name in declaration.here:
            member = declaration.here[name]
            return "" if _DIALECT_OF[base] in span_of(member) else span_of(member).hint()
    return ""


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


def hidden_names(cls: type) -> set[str]:
    """Return the names that `dir` does not show: private ones of the API's own classes."""
    hidden: set[str] = set()
    for base in reversed(cls.__mro__):
        for name in vars(base):
            if base in _DIALECT_OF and name[0] == "_" and name[:2] != "__":
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

    def __setattr__(self, name: str, value: object) -> None:
        try:
            object.__setattr__(self, name, value)
        except AttributeError as error:
            raise AttributeError(f"{error}{missing_hint(type(self), name)}", name=name, obj=self) from None

    if not TYPE_CHECKING:  # a checker is to miss what is not there

        def __getattr__(self, name: str) -> Any:
            """Return what the bindings call `__del__`; raise an AttributeError that says who has another name."""
            if name == "__del__":
                return functools.partial(_let_go, self)
            if hasattr(type(self), name):
                return object.__getattribute__(self, name)  # a property that raised: its own words are better
            text = f"'{type(self).__qualname__}' object has no attribute '{name}'{missing_hint(type(self), name)}"
            raise AttributeError(text, name=name, obj=self)


def _let_go(instance: object) -> None:
    """Do what a call of `__del__` does in the bindings: nothing, with a warning from 8 on."""
    if dialect_of(instance) >= 8:
        warnings.warn("Calling __del__ is deprecated. Use del obj instead.", DeprecationWarning, stacklevel=2)


def wrap(cls: type[T], state: object, dialect: int = DEFAULT) -> T:
    """Make an object of a class that users cannot construct, around its state, as a dialect has it."""
    made = object.__new__(in_dialect(cls, dialect))
    made._state = state  # type: ignore[attr-defined]
    return made
