"""Importing this module declares every op family, and so registers every op and importer."""

from __future__ import annotations

import importlib
import pkgutil

import minirt.ops

for _found in pkgutil.iter_modules(minirt.ops.__path__):
    importlib.import_module(f"minirt.ops.{_found.name}")
