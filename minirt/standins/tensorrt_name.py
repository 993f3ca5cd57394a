"""The name `tensorrt`, answered by minirt: the module, its submodules, and the distribution."""

from __future__ import annotations

import importlib
import importlib.metadata
import types
from collections.abc import Iterable
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import minirt
from minirt.standins.finder import StandinFinder, module_called

MODULE = "tensorrt.tensorrt"
"""The module that TensorRT's classes say they are from."""


class TensorRTModule(types.ModuleType):
    """A module with the public names of minirt."""

    def __init__(self, name: str) -> None:
        super().__init__(name, minirt.__doc__)
        self.__file__ = minirt.__file__
        self.__path__: list[str] = []
        self.__spec__ = ModuleSpec(name, None, origin=minirt.__file__, is_package=True)

    def __getattr__(self, name: str) -> Any:
        return getattr(minirt, name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *dir(minirt)})


class TensorRTDistribution(importlib.metadata.Distribution):
    """The distribution `tensorrt` of the version that minirt speaks."""

    def read_text(self, filename: str) -> str | None:
        """Return the metadata; there are no other files."""
        return metadata() if filename == "METADATA" else None

    def locate_file(self, path: Any) -> Any:
        """Return where a file of it would be."""
        return Path(minirt.__file__).parent / path


def metadata() -> str:
    """Return the METADATA of the distribution."""
    return (
        f"Metadata-Version: 2.1\nName: tensorrt\nVersion: {minirt.__version__}\n"
        "Summary: The name tensorrt, answered by minirt\n"
    )


class _Finder(StandinFinder):
    def find_distributions(self, context: Any = None) -> Iterable[importlib.metadata.Distribution]:
        """Return the distribution to who asks for it, or for all."""
        asked = getattr(context, "name", None)
        return [TensorRTDistribution()] if asked is None or asked.lower() == "tensorrt" else []


def _module() -> types.ModuleType:
    made = TensorRTModule("tensorrt")
    _claim_classes()
    return made


def _claim_classes() -> None:
    """Let the classes say that they are from `tensorrt.tensorrt`, as scripts that print or look them up expect."""
    for name in minirt.__all__:
        value = getattr(minirt, name)
        if isinstance(value, type):
            value.__module__ = MODULE


_FINDER = _Finder(
    {
        "tensorrt": _module,
        MODULE: lambda: TensorRTModule(MODULE),
        "tensorrt.plugin": module_called("minirt.plugin"),
        "tensorrt.plugin._lib": module_called("minirt.plugin._lib"),
    }
)


def install() -> None:
    """Answer `import tensorrt` with minirt in this process, whatever is installed; only the first call does it."""
    if not _FINDER.installed:
        _FINDER.install()
        for name in ("tensorrt", MODULE):
            importlib.import_module(name)
