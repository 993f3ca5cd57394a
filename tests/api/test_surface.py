"""Every name that minirt has is as the real module of that version has it."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from tests.api import surface

SURFACE = surface.read()
CLASSIC = {"Builder.build_cuda_engine is not in this dialect", "Builder.max_workspace_size is not in this dialect"}


@pytest.mark.parametrize("dialect", surface.MODULES)
def test_classes_that_are_there_are_whole(dialect: int) -> None:
    module = importlib.import_module(surface.MODULES[dialect])
    wrong: list[str] = []
    for name, entry in SURFACE["classes"].items():
        cls = getattr(module, name, None)
        if surface.alive(entry, dialect) and cls is not None:
            wrong += surface.wrong_class(name, entry, cls, dialect)
        elif not surface.alive(entry, dialect):
            assert cls is None, f"{name} is not in this dialect"
    assert not set(wrong) - (CLASSIC if dialect == 10 else set())


OTHERWISE = {
    "INetworkDefinition.add_plugin": "one method takes what 7 and 10 call by this name",
    "INetworkDefinition.add_squeeze": "11.4 made its axes optional",
    "INetworkDefinition.add_fill": "no type is the default, FLOAT, or that of the numbers set later",
    "INetworkDefinition.add_quantize": "without a type it raises TypeError in 11",
    "INetworkDefinition.add_dequantize": "without a type it raises TypeError in 11",
    "Runtime.deserialize_cuda_engine": "without anything it raises TypeError",
    "IStreamReader.read": "scripts override it with fewer arguments",
    "IStreamReaderV2.read": "scripts override it with fewer arguments",
    "IStreamWriter.write": "scripts override it with fewer arguments",
}
"""Methods whose defaults are not those of the real module's signature, and why."""


@pytest.mark.parametrize("dialect", surface.MODULES)
def test_defaults_of_arguments(dialect: int) -> None:
    module = importlib.import_module(surface.MODULES[dialect])
    wrong: list[str] = []
    for name, entry in SURFACE["classes"].items():
        methods = entry["methods"].items() if surface.alive(entry, dialect) else ()
        for method, info in methods:
            if not method.startswith("_") and surface.alive(info, dialect) and f"{name}.{method}" not in OTHERWISE:
                got = getattr(getattr(module, name), method)
                wrong += surface.wrong_defaults(f"{name}.{method}", info, got, dialect)
    for name, info in SURFACE["functions"].items():
        if surface.alive(info, dialect):
            wrong += surface.wrong_defaults(name, info, getattr(module, name), dialect)
    assert not wrong


@pytest.mark.parametrize("dialect", surface.MODULES)
def test_enums_are_whole(dialect: int) -> None:
    module = importlib.import_module(surface.MODULES[dialect])
    wrong: list[str] = []
    for name, entry in SURFACE["enums"].items():
        if "." in name:
            continue
        if surface.alive(entry, dialect):
            wrong += surface.wrong_enum(name, entry, getattr(module, name), dialect)
        elif name not in SURFACE["aliases"] or not surface.alive(SURFACE["aliases"][name], dialect):
            assert not hasattr(module, name), f"{name} is not in this dialect"
    assert not wrong


@pytest.mark.parametrize("dialect", surface.MODULES)
def test_functions_and_attributes(dialect: int) -> None:
    module = importlib.import_module(surface.MODULES[dialect])
    for kind in ("functions", "attributes"):
        for name, entry in SURFACE[kind].items():
            if surface.alive(entry, dialect):
                assert hasattr(module, name), name
            elif not entry.get("incidental"):
                assert not hasattr(module, name), name


def _bare(where: str, owner: Any, names: Iterable[str]) -> Iterator[str]:
    """Yield the public names of a module or class that lack a docstring, and those of its classes."""
    for name in names:
        got = inspect.getattr_static(owner, name) if inspect.isclass(owner) else getattr(owner, name)
        what = got.__func__ if isinstance(got, classmethod | staticmethod) else got
        if not (inspect.isclass(what) or inspect.isroutine(what) or isinstance(what, property)):
            continue
        text = (what.__doc__ or "").strip()
        if not text or text == object.__init__.__doc__:
            yield f"{where}.{name}"
        if inspect.isclass(what):
            yield from _bare(f"{where}.{name}", what, [n for n in vars(what) if n[0] != "_"])


@pytest.mark.parametrize("name", [*surface.MODULES.values(), "minirt.plugin", "minirt.errors"])
def test_no_public_name_lacks_a_docstring(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__
    own = [n for n, v in vars(module).items() if getattr(v, "__module__", "") == name and n[0] != "_"]
    names = getattr(module, "__all__", own)
    assert not list(_bare(name, module, names))


def _warned(entry: surface.Surface, key: str) -> set[str]:
    """Return which accesses of a member warn in a release."""
    found = entry.get("deprecation_warning", {})
    return set(found.get(key, "").split("+")) - {""} if isinstance(found, dict) else {"call"} if key in found else set()


@pytest.mark.parametrize(("dialect", "key"), [(8, "8.6"), (10, "10.13")])
def test_deprecated_attributes_warn_where_the_bindings_do(dialect: int, key: str) -> None:
    module = importlib.import_module(surface.MODULES[dialect])
    for name, entry in SURFACE["classes"].items():
        for prop, info in entry["properties"].items():
            if not surface.alive(info, dialect) or not surface.alive(entry, dialect) or not hasattr(module, name):
                continue
            got = inspect.getattr_static(getattr(module, name), prop)
            for access, function in (("get", got.fget), ("set", got.fset)) if isinstance(got, property) else ():
                warns = getattr(function, "__qualname__", "").startswith("_warning.")
                expected = access in _warned(info, key)
                if warns:
                    assert dialect in inspect.getclosurevars(function).nonlocals["dialects"] or not expected  # type: ignore[arg-type]
                assert warns or not expected, f"{name}.{prop} does not warn on {access}"
