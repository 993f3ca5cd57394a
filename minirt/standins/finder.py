"""Import names that stand for other modules, for as long as this process runs."""

from __future__ import annotations

import importlib
import sys
import types
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any

_DISPLACED: dict[str, types.ModuleType] = {}
"""The installed modules whose names stand-ins took."""


class StandinLoader(Loader):
    """Answers one name with the module that a function returns."""

    def __init__(self, make: Callable[[], types.ModuleType]) -> None:
        self._make = make

    def create_module(self, spec: ModuleSpec) -> types.ModuleType | None:
        """Let Python make an empty module; it is replaced below."""
        return None

    def exec_module(self, module: types.ModuleType) -> None:
        """Put the module that stands for the name in its place; Python takes what is there afterwards."""
        sys.modules[module.__name__] = self._make()


class StandinFinder(MetaPathFinder):
    """Finds the names of a table, before anything that is installed."""

    def __init__(self, table: dict[str, Callable[[], types.ModuleType]]) -> None:
        self.table = table
        self.installed = False

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: Any = None) -> ModuleSpec | None:
        """Return the spec of a name of the table, None for another."""
        make = self.table.get(fullname)
        return None if make is None else ModuleSpec(fullname, StandinLoader(make), is_package=True)

    def install(self) -> None:
        """Answer from now on; what was imported under these names before is kept for `beyond` alone."""
        for name in self.table:
            if name in sys.modules:
                _DISPLACED[name] = sys.modules.pop(name)
        sys.meta_path.insert(0, self)
        self.installed = True


def beyond(module: str, name: str) -> Any:
    """Return what a stand-in lacks from the installed module, which packages such as CuPy import; it needs a GPU.

    Raises AttributeError where the module is not installed or lacks the name too.
    """
    if module in _DISPLACED and hasattr(_DISPLACED[module], name):
        return getattr(_DISPLACED[module], name)
    raise AttributeError(f"minirt's stand-in of {module}, for machines without a GPU, has no '{name}'")


def module_called(name: str) -> Callable[[], types.ModuleType]:
    """Return a function that imports a module."""
    return lambda: importlib.import_module(name)


def package(name: str, **members: Any) -> Callable[[], types.ModuleType]:
    """Return a function that makes a package of some members; submodules not in the table are those installed."""

    def make() -> types.ModuleType:
        made = types.ModuleType(name, "A stand-in of minirt's for machines without a GPU.")
        made.__path__ = installed_path(name)
        made.__spec__ = ModuleSpec(name, None, is_package=True)
        for loaded, module in list(sys.modules.items()):  # submodules that were imported before
            parent, _, child = loaded.rpartition(".")
            if parent == name:
                setattr(made, child, module)
        vars(made).update(members)
        return made

    return make


def installed_path(name: str) -> list[str]:
    """Return the folders of an installed package, found without importing it; none where it is not installed."""
    path: list[str] | None = None
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        spec = PathFinder.find_spec(".".join(parts[:depth]), path)
        if spec is None or spec.submodule_search_locations is None:
            return []
        path = list(spec.submodule_search_locations)
    return path or []
