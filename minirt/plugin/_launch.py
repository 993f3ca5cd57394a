"""What plugins say of their kernels: launch sizes, and the types and tactics that they can run with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass
class KernelLaunchParams:
    """Launch sizes of a kernel that is compiled ahead of time."""

    grid_x: Any = 1
    grid_y: Any = 1
    grid_z: Any = 1
    block_x: Any = 1
    block_y: Any = 1
    block_z: Any = 1
    shared_mem: Any = 0


class AutoTuneCombination:
    """Types, layouts and tactics that a plugin can run with.

    ``io_types`` and ``layouts`` have a part for each input and output, between commas; a single layout stands for all.
    A part may hold several choices, between bars.
    """

    def __init__(
        self, io_types: str | None = None, layouts: str | None = None, tactics: Sequence[int] | None = None
    ) -> None:
        self.io_types = [] if io_types is None else [part.strip() for part in io_types.split(",")]
        self.layouts = [] if layouts is None else [part.strip() for part in layouts.split(",")]
        self._tactics = list(tactics or [])
        self.combinations: dict[Any, tuple[list[str], list[str]]] = {}

    def pos(self, pos: Any, io_types: str, layouts: str = "LINEAR") -> None:
        """Say which types and layouts an input or output, by its place, can have."""
        for place in pos if isinstance(pos, Iterable) else [pos]:
            self.combinations[place] = (_choices(io_types), _choices(layouts))

    def tactics(self, tactics: Sequence[int]) -> None:
        """Say which tactics there are."""
        self._tactics = list(tactics)

    def _takes(self, types: Sequence[str]) -> bool:
        """Return whether all inputs and outputs, by the names of their types, are taken row-major."""
        return all(self._takes_at(place, name) for place, name in enumerate(types))

    def _takes_at(self, place: int, name: str) -> bool:
        if place in self.combinations:
            types, layouts = self.combinations[place]
        else:
            types = _choices(self.io_types[place]) if place < len(self.io_types) else []
            layouts = _choices(self.layouts[place if len(self.layouts) > 1 else 0]) if self.layouts else []
        fits = not layouts or "*" in layouts or "LINEAR" in layouts
        return fits and (not types or "*" in types or name in types)


_TYPES = {"FLOAT": "FP32", "HALF": "FP16"}


def type_names(descs: Iterable[Any]) -> list[str]:
    """Return the element types of tensors as combinations name them."""
    return [_TYPES.get(d.dtype.name, d.dtype.name) for d in descs]


def _choices(text: str) -> list[str]:
    return [part.strip() for part in text.split("|")]
