"""Every name that minirt has is as the real module of that version has it."""

from __future__ import annotations

import importlib
import inspect

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


@pytest.mark.parametrize("dialect", surface.MODULES)
def test_public_names_have_docstrings(dialect: int) -> None:
    module = importlib.import_module(surface.MODULES[dialect])
    bare = []
    for name in module.__all__:
        value = getattr(module, name)
        if inspect.isclass(value) and not (value.__doc__ or "").strip():
            bare.append(name)
        for member, got in vars(value).items() if inspect.isclass(value) else ():
            if member[0] != "_" and (isinstance(got, property) or inspect.isfunction(got)) and not got.__doc__:
                bare.append(f"{name}.{member}")
    assert not bare


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
