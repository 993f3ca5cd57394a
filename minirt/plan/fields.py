"""What the fields of a plan may hold: a plan that was read is checked against the annotations of its classes."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Callable
from typing import Any

from minirt.errors import EngineFormatError
from minirt.plan.launch import Spec

Holds = Callable[[Any], bool]
_TEXT = re.compile(r"[\w $+,/=-]*")
"""What texts in the parameters of a kernel are made of: names (of PTX, too), types, numbers. Its source is printed from
them, and without a bracket, a quote or a line's end they cannot say what it does."""

_known: dict[type[Any], tuple[tuple[str, Holds], ...]] = {}


def check_fields(made: Any) -> None:
    """Raises EngineFormatError where a field of a part of a plan holds what its annotation does not name."""
    for name, holds in fields_of(type(made)):
        if not holds(getattr(made, name)):
            shown = repr(getattr(made, name))[:80]
            raise EngineFormatError(f"plan is damaged: {name} of a {type(made).__name__} is {shown}")


def is_spec(value: Any) -> bool:
    """True for parameters of a kernel: data alone, whose texts are plain."""
    if isinstance(value, dict):
        return all(is_spec(k) and is_spec(v) for k, v in value.items())
    if isinstance(value, list | tuple):
        return all(map(is_spec, value))
    return value is None or isinstance(value, bool | int | float) or _is_text(value)


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and _TEXT.fullmatch(value) is not None


def fields_of(kind: type[Any]) -> tuple[tuple[str, Holds], ...]:
    """The fields of a part of a plan, each with a test for what it may hold."""
    found = _known.get(kind)
    if found is None:
        hints = typing.get_type_hints(kind)
        found = _known[kind] = tuple((f.name, _holds(hints[f.name])) for f in dataclasses.fields(kind))
    return found


def _holds(hint: Any) -> Holds:
    """A test for values of an annotation."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType) and all(isinstance(a, type) for a in args):
        return lambda value: isinstance(value, args)
    if origin in (typing.Union, types.UnionType):
        any_of = [_holds(a) for a in args]
        return lambda value: any(holds(value) for holds in any_of)
    if origin is tuple and args[-1] is Ellipsis:
        each = _holds(args[0])
        return lambda value: isinstance(value, tuple) and all(map(each, value))
    if origin is tuple:
        parts = [_holds(a) for a in args]
        return lambda value: (
            isinstance(value, tuple)
            and len(value) == len(parts)
            and all(holds(v) for holds, v in zip(parts, value, strict=True))
        )
    if hint == Spec:
        return is_spec
    if origin is dict:
        key, held = map(_holds, args)
        return lambda value: isinstance(value, dict) and all(key(k) and held(v) for k, v in value.items())
    if hint is float:
        return lambda value: type(value) in (int, float)
    if hint is int:
        return lambda value: type(value) is int and -(1 << 63) <= value < 1 << 63
    return lambda value: isinstance(value, hint)
