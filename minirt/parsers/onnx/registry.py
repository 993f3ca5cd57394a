"""All importers: importing the op families registers them."""

from __future__ import annotations

from minirt.ops import families
from minirt.ops.importer import IMPORTERS

__all__ = ["IMPORTERS", "families"]
