"""Imported by Python when it starts, in the processes of a script that `python -m minirt` runs.

It costs next to nothing: minirt itself is imported when the process imports `tensorrt`, or CUDA on the CPU.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import types
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import Any

_HERE = os.path.dirname(os.path.abspath(__file__))
_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(_HERE)))
_NAMES = {"tensorrt", "cuda", "cudart", "pycuda"} if os.environ.get("MINIRT_TARGET") == "cpu" else {"tensorrt"}


class Made(Loader):
    """Answers with a module that is there."""

    def __init__(self, module: types.ModuleType) -> None:
        self._module = module

    def create_module(self, spec: ModuleSpec) -> types.ModuleType:
        """Return the module."""
        return self._module

    def exec_module(self, module: types.ModuleType) -> None:
        """Do nothing."""


class FirstImport(MetaPathFinder):
    """Waits for the first import of a name that minirt answers; then lets minirt answer."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: Any = None) -> ModuleSpec | None:
        """Install the names, and return the spec that they now have; None for other names."""
        if fullname not in _NAMES:
            return None
        sys.meta_path.remove(self)
        try:
            if importlib.util.find_spec("minirt") is None:
                sys.path.append(_ROOT)
            importlib.import_module("minirt.tools.script").answer_names()
        except ImportError:  # a Python without minirt's own packages: it has the names that are installed in it
            return None
        found = (finder.find_spec(fullname, path, target) for finder in sys.meta_path)
        made = sys.modules.pop(fullname, None)  # else Python would take its spec, which loads nothing
        return next(filter(None, found), None) if made is None else ModuleSpec(fullname, Made(made), is_package=True)


def _next() -> None:
    """Import the `sitecustomize` that this one hides, if there is one."""
    sys.path[:] = [folder for folder in sys.path if os.path.abspath(folder or ".") != _HERE]
    if sys.modules.get("sitecustomize") is not None and importlib.machinery.PathFinder.find_spec("sitecustomize"):
        del sys.modules["sitecustomize"]
        importlib.import_module("sitecustomize")


if __name__ == "sitecustomize":
    sys.meta_path.insert(0, FirstImport())
    _next()
