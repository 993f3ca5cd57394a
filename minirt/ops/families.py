"""Importing this module declares every op family, and so registers every op and importer."""

from __future__ import annotations

import importlib
import pkgutil

import minirt.ops

for _found in pkgutil.walk_packages(minirt.ops.__path__, "minirt.ops."):
    importlib.import_module(_found.name)
