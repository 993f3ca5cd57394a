"""Declaring members: `method` and `attr` carry the dialects, the checking of arguments and the error boundary."""

from __future__ import annotations

import collections.abc
import functools
import inspect
import operator
import types
import typing
import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from minirt.api.boundary import boundary, told
from minirt.api.dialect import DEFAULT, DIALECTS, Api, Attribute, Span, dialect_of, in_dialect
from minirt.api.enum import EnumType
from minirt.errors import MinirtError

F = TypeVar("F", bound=Callable[..., Any])
Convert = Callable[[Any], Any]
REQUIRED: Any = inspect.Parameter.empty
"""The default of an argument that must be given although it follows optional ones."""


def _index(value: Any) -> int:
    return operator.index(value)


def _float(value: Any) -> float:
    if isinstance(value, str | bytes) or not (hasattr(value, "__float__") or hasattr(value, "__index__")):
        raise TypeError("not a number")
    return float(value)


def _bool(value: Any) -> bool:
    if not hasattr(type(value), "__bool__") or isinstance(value, float):
        raise TypeError("not a bool")
    return bool(value)


def _str(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode()
    if not isinstance(value, str):
        raise TypeError("not a string")
    return value


_SCALARS: dict[Any, Convert] = {int: _index, float: _float, bool: _bool, str: _str}


def _enum(kind: EnumType, value: Any) -> Any:
    if not kind.takes(value):
        raise TypeError(f"not a {kind.__qualname__}")
    return value


def _instance(kind: Any, made: Any, value: Any) -> Any:
    if isinstance(value, kind):
        return value
    if hasattr(kind, "_implicit"):
        return made._implicit(value)
    raise TypeError(f"not a {kind.__qualname__}")


def _list(item: Convert, value: Any) -> list[Any]:
    if isinstance(value, str | bytes) or not hasattr(value, "__iter__"):
        raise TypeError("not a sequence")
    return [item(v) for v in value]


def _optional(some: Convert, value: Any) -> Any:
    return None if value is None else some(value)


def converter(annotation: Any, dialect: int = DEFAULT) -> Convert:
    """Return the function that checks and converts a value for a parameter annotated so; it raises TypeError.

    What becomes an object of the API on the way, such as Dims, becomes one of the dialect.
    """
    if annotation in _SCALARS:
        return _SCALARS[annotation]
    if isinstance(annotation, EnumType):
        return functools.partial(_enum, annotation)
    if isinstance(annotation, type) and issubclass(annotation, Api):
        return functools.partial(_instance, annotation, in_dialect(annotation, dialect))
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (types.UnionType, typing.Union) and type(None) in arguments and len(arguments) == 2:
        return functools.partial(_optional, converter(next(a for a in arguments if a is not type(None)), dialect))
    if origin in (list, collections.abc.Sequence):
        return functools.partial(_list, converter(arguments[0], dialect))
    return _as_given


def _as_given(value: Any) -> Any:
    return value


class _Call:
    """How a method takes its arguments: names, converters and defaults, read from its annotations once."""

    def __init__(self, function: Callable[..., Any]) -> None:
        hints = typing.get_type_hints(function)
        parameters = list(inspect.signature(function).parameters.values())[1:]
        self.names = [p.name for p in parameters]
        kinds = [hints.get(p.name, Any) for p in parameters]
        self.converts = {dialect: [converter(kind, dialect) for kind in kinds] for dialect in DIALECTS}
        self.defaults = [p.default for p in parameters]
        self.function = function
        self.as_given = all(convert is _as_given for convert in self.converts[DEFAULT])
        """Whether all of its arguments may be anything."""

    def bind(self, owner: object, args: Sequence[Any], kwargs: dict[str, Any]) -> list[Any]:
        """Return the values in order, converted; raise TypeError in the manner of the bindings."""
        values = [*args, *(kwargs.get(name, default) for name, default in self._rest(len(args)))]
        used = sum(name in kwargs for name in self.names[len(args) :])
        if len(values) > len(self.names) or used != len(kwargs):
            raise self._refusal(owner, args, kwargs, "there is no such argument")
        converts = self.converts[dialect_of(owner)]
        for i, (name, convert) in enumerate(zip(self.names, converts, strict=True)):
            if values[i] is REQUIRED:
                raise self._refusal(owner, args, kwargs, f"'{name}' is missing")
            if i < len(args) or name in kwargs:
                try:
                    values[i] = convert(values[i])
                except (TypeError, ValueError) as error:
                    raise self._refusal(owner, args, kwargs, f"'{name}': {error}") from error
        return values

    def _rest(self, given: int) -> list[tuple[str, Any]]:
        return list(zip(self.names[given:], self.defaults[given:], strict=True))

    def _refusal(self, owner: object, args: Sequence[Any], kwargs: dict[str, Any], reason: str) -> TypeError:
        shown = ", ".join([*map(repr, [owner, *args]), *(f"{k}={v!r}" for k, v in kwargs.items())])
        return TypeError(
            f"{self.function.__name__}(): incompatible function arguments ({reason}). "
            f"The following argument types are supported:\n    1. {inspect.signature(self.function)}\n\n"
            f"Invoked with: {shown}"
        )


def checked(function: F) -> F:
    """Check and convert the arguments of a method by its annotations."""
    plan: list[_Call] = []

    @functools.wraps(function)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not plan:
            plan.append(_Call(function))
        made = plan[0]
        if made.as_given and not kwargs and len(args) == len(made.names):
            return function(self, *args)
        return function(self, *made.bind(self, args, kwargs))

    call.checked = True  # type: ignore[attr-defined]
    return call  # type: ignore[return-value]


def _guarded(function: F, failure: Any) -> F:
    """What `checked` and `boundary` make together, as one call: some methods are called for each inference."""
    plan: list[_Call] = []
    count = -1  # arguments that may be anything, where all may; -1 otherwise

    @functools.wraps(function)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        nonlocal count
        try:
            if len(args) == count and not kwargs:
                return function(self, *args)
            if not plan:
                plan.append(_Call(function))
                count = len(plan[0].names) if plan[0].as_given else -1
            return function(self, *plan[0].bind(self, args, kwargs))
        except (MinirtError, MemoryError) as error:
            return told(self, error, failure)

    call.checked = True  # type: ignore[attr-defined]
    return call  # type: ignore[return-value]


def deprecate(name: str, instead: str) -> None:
    """Warn that a member is deprecated; `instead` is what to use."""
    warnings.warn(f"{name} is deprecated. Use {instead} instead.", DeprecationWarning, stacklevel=3)


def warning(instead: str, *dialects: int) -> Callable[[F], F]:
    """Declare that calling a method warns in some dialects; `instead` is what to use."""
    return lambda function: _warns(function, instead, dialects)


def _warns(function: F, instead: str, dialects: tuple[int, ...]) -> F:
    @functools.wraps(function)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if dialect_of(self) in dialects:
            deprecate(function.__name__, instead)
        return function(self, *args, **kwargs)

    return call  # type: ignore[return-value]


def method(
    *,
    since: int = DIALECTS[0],
    until: int = DIALECTS[-1],
    also: tuple[int, ...] = (),
    fail: Any = None,
    instead: str = "",
    warns: tuple[int, ...] = (DEFAULT,),
) -> Callable[[F], F]:
    """Declare a method: arguments checked by its annotations, errors of the core logged and `fail` returned.

    `since`, `until` and `also` are the dialects that have it; `instead` makes it warn in the dialects of `warns`.
    """

    def declare(function: F) -> F:
        made = _guarded(function, fail)
        if instead:
            made = _warns(made, instead, warns)
        made.span = Span(since, until, also)  # type: ignore[attr-defined]
        return made

    return declare


def _warning(function: Callable[..., Any], instead: str, dialects: tuple[int, ...]) -> Callable[..., Any]:
    """Return an accessor of an attribute that warns in some dialects."""

    def call(self: Any, *args: Any) -> Any:
        if dialect_of(self) in dialects:
            deprecate(call.api_name, instead)  # type: ignore[attr-defined]
        return function(self, *args)

    call.api_name = "it"  # type: ignore[attr-defined]
    return call


def attr(
    get: Callable[[Any], Any] | None,
    put: Callable[[Any, Any], None] | None = None,
    kind: Any = Any,
    doc: str = "",
    *,
    since: int = DIALECTS[0],
    until: int = DIALECTS[-1],
    also: tuple[int, ...] = (),
    set_since: int = DIALECTS[0],
    set_until: int = DIALECTS[-1],
    instead: str = "",
    warns: tuple[int, ...] = (DEFAULT,),
    on: str = "get+set",
) -> Any:
    """Declare an attribute: `put` takes values checked as `kind`; without `get` it is write-only.

    `since`, `until` and `also` are the dialects that have it, `set_since` and `set_until` those that let it be set;
    `instead` makes reading, setting or both (`on`) warn in the dialects of `warns`.
    """
    convert: dict[int, Convert] = {}

    def store(self: Any, value: Any) -> None:
        dialect = dialect_of(self)
        if dialect not in convert:
            convert[dialect] = converter(kind, dialect)
        try:
            value = convert[dialect](value)
        except (TypeError, ValueError) as error:
            raise TypeError(f"incompatible value {value!r}: {error}") from error
        assert put is not None
        boundary(None)(put)(self, value)

    def unreadable(self: Any) -> Any:
        raise AttributeError("unreadable attribute")

    read, write = get or unreadable, store if put else None
    if instead:
        read = _warning(read, instead, warns) if "get" in on else read
        write = _warning(write, instead, warns) if write and "set" in on else write
    made = Attribute(read, write, None, doc)
    made.span = Span(since, until, also)
    made.writable = Span(set_since, set_until)
    made.kind = kind
    return made


def plain(name: str, kind: Any, doc: str, **spans: Any) -> Any:
    """Declare a read-write attribute that is a field of the object's state."""

    def put(self: Any, value: Any) -> None:
        setattr(self._state, name, value)

    return attr(lambda self: getattr(self._state, name), put, kind, doc, **spans)


def fixed(name: str, doc: str, **spans: Any) -> Any:
    """Declare a read-only attribute that is a field or property of the object's state."""
    return attr(lambda self: getattr(self._state, name), None, Any, doc, **spans)
