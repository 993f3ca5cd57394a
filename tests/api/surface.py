"""The names, arguments, access modes and enum values of the real modules, read from tests/data/surface.json.gz."""

from __future__ import annotations

import gzip
import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

RELEASES = ("7.2.3", "8.6.1", "10.0.1", "10.13.0", "10.16.1", "11.0.0", "11.1.0", "11.2.1", "11.3.0", "11.4.0")
MODULES = {7: "minirt.v7", 8: "minirt.v8", 10: "minirt", 11: "minirt.v11"}
_KEYS = {7: ("7", "7.2.3"), 8: ("8.6", "8.6.1"), 10: ("10.13", "10.16.1"), 11: ("11", "11.4.0")}
_SPECIAL = {"__len__", "__getitem__", "__iter__", "__call__", "__enter__", "__exit__"}

Surface = dict[str, Any]


def read() -> Surface:
    """Return the whole surface."""
    path = Path(__file__).parents[1] / "data" / "surface.json.gz"
    found: Surface = json.loads(gzip.decompress(path.read_bytes()))
    return found


def alive(entry: Surface, dialect: int) -> bool:
    """Return whether a dialect has an entry."""
    if entry.get("incidental"):
        return False
    key, release = _KEYS[dialect]
    if "first_seen" not in entry:
        return key in entry.get("versions", [key])
    first, at, last = (RELEASES.index(r) for r in (entry["first_seen"], release, entry["last_seen"]))
    return first <= at <= last


def value_of(info: Surface, dialect: int) -> int | None:
    """Return an enum member's integer in a dialect, None where the surface does not know it."""
    found: int | None = info.get("value", info.get("value_by_version", {}).get(_KEYS[dialect][0]))
    return found


def wrong_enum(name: str, entry: Surface, cls: Any, dialect: int) -> Iterator[str]:
    """Yield what is wrong with an enum class."""
    members = cls.__members__
    for member, info in entry["members"].items():
        if not alive(info, dialect):
            if member in members:
                yield f"{name}.{member} is not in this dialect"
        elif member not in members:
            yield f"{name}.{member} is missing"
        elif value_of(info, dialect) not in (None, int(members[member])):
            yield f"{name}.{member} is {int(members[member])}, not {value_of(info, dialect)}"


def _argument_names(entry: Surface, dialect: int) -> set[str]:
    arguments = [a for o in _overloads(entry, dialect) for a in o["args"] if not a.get("positional_only")]
    return {a["name"] for a in arguments} - {"self", "this"}


def _overloads(entry: Surface, dialect: int) -> list[Surface]:
    by_key = {v: s.get("overloads") for s in entry.get("signatures", []) for v in s["versions"]}
    return by_key.get(_KEYS[dialect][0]) or by_key.get("11") or []


def wrong_defaults(name: str, entry: Surface, got: Any, dialect: int) -> Iterator[str]:
    """Yield arguments that are required here and optional there, the other way round, or have another default."""
    parameters, overloads = inspect.signature(got).parameters, _overloads(entry, dialect)
    for argument in (a for o in overloads for a in o["args"] if a["name"] in parameters and a["name"] != "self"):
        ours = parameters[argument["name"]].default
        required = ours is inspect.Parameter.empty
        if "default" in argument and required:
            yield f"{name}({argument['name']}) is required"
        elif "default" in argument and str(argument["default"]) not in (str(ours), repr(ours)):
            yield f"{name}({argument['name']}) is {ours!r}, not {argument['default']}"
        elif "default" not in argument and not required and len(overloads) == 1:
            yield f"{name}({argument['name']}) is optional"


def wrong_call(name: str, entry: Surface, got: Any, dialect: int) -> Iterator[str]:
    """Yield what is wrong with a method or function."""
    if not callable(got):
        yield f"{name} is missing"
        return
    parameters = inspect.signature(got).parameters
    if not any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        lacking = _argument_names(entry, dialect) - set(parameters)
        if lacking:
            yield f"{name} lacks the arguments {sorted(lacking)}"


def wrong_class(name: str, entry: Surface, cls: Any, dialect: int) -> Iterator[str]:
    """Yield what is wrong with a class: methods, properties, access, and names of other dialects."""
    for method, info in entry["methods"].items():
        if method.startswith("__") and method not in _SPECIAL:
            continue
        if alive(info, dialect):
            yield from wrong_call(f"{name}.{method}", info, getattr(cls, method, None), dialect)
        elif hasattr(cls, method) and method != "set_input":  # all layers have it from their base
            yield f"{name}.{method} is not in this dialect"
    for prop, info in entry["properties"].items():
        got = inspect.getattr_static(cls, prop, None)
        if not alive(info, dialect):
            if hasattr(cls, prop) and prop not in entry.get("class_attributes", {}):
                yield f"{name}.{prop} is not in this dialect"
            continue
        access = info.get("access") or info.get("access_by_version", {}).get(_KEYS[dialect][0], "r")
        if got is None or inspect.isroutine(got):
            yield f"{name}.{prop} is missing"
        elif isinstance(got, property) and (got.fset is not None) != ("w" in access):
            yield f"{name}.{prop} should be {access}"
