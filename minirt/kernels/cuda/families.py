"""Importing this module declares every CUDA kernel, and so registers it."""

from __future__ import annotations

import importlib
import pkgutil

import minirt.kernels.cuda

for _found in pkgutil.iter_modules(minirt.kernels.cuda.__path__):
    importlib.import_module(f"minirt.kernels.cuda.{_found.name}")
