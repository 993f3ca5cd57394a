"""minirt: an inference compiler and runtime that speaks the TensorRT Python API.

`import minirt as trt` and a TensorRT script runs. The names are TensorRT 10.16's; those of other versions are in
`minirt.v7`, `minirt.v8` and `minirt.v11`, or here when MINIRT_DIALECT says so. They are looked up on first use, so
that importing a part of minirt does not import all of it.
"""

import importlib
from typing import Any

_CHOICES = {"": 10, "7": 7, "8": 8, "8.6": 8, "10": 10, "10.16": 10, "11": 11}


def _names() -> Any:
    return importlib.import_module("minirt.api.namespace")


def _dialect() -> int:
    asked = importlib.import_module("minirt.flags").flags().dialect
    if asked not in _CHOICES:
        errors = importlib.import_module("minirt.errors")
        raise errors.ApiError(f"'{asked}' is not one of 7, 8, 10 and 11", "MINIRT_DIALECT", "change or unset it")
    return _CHOICES[asked]


def __getattr__(name: str) -> Any:
    if name[:2] == "__" and name not in ("__version__", "__all__"):
        raise AttributeError(f"module 'minirt' has no attribute '{name}'")
    dialect = _dialect()
    names = _names()
    if name == "__all__":
        return names.public_names(dialect)
    found = names.namespace(dialect)
    if name not in found:
        raise names.absent(name, dialect)
    globals()[name] = found[name]
    return found[name]


def __dir__() -> list[str]:
    return sorted({*globals(), *_names().public_names(_dialect()), "__version__", "__all__"})
