"""How ONNX nodes become ops: a neutral view of one node, and the registry of importers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minirt.errors import MinirtError
from minirt.ir.graph import Graph, constant
from minirt.ir.op import Value
from minirt.types.dim import Dim, Expr
from minirt.types.dtype import Array, DType, i64

Result = Value | Sequence[Value]
BodyImporter = Callable[[str, Sequence[Any]], tuple[Graph, tuple[Value, ...]]]


def _no_bodies(name: str, types: Sequence[Any]) -> tuple[Graph, tuple[Value, ...]]:
    raise MinirtError(f"attribute {name!r} holds no graph")


@dataclass(frozen=True)
class OnnxNode:
    """One ONNX node, read: operands are values (None where an optional one is absent).

    ``attributes`` hold int, float, str, NumPy arrays, and lists of those.  ``body(name, types)`` imports a graph
    attribute for body inputs of those types and returns it with the outer values it captures (appended inputs).
    """

    op_type: str
    name: str
    opset: int
    inputs: tuple[Value | None, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)
    outputs: int = 1
    domain: str = ""
    body: BodyImporter = _no_bodies

    def input(self, number: int) -> Value:
        """Operand ``number``; raises MinirtError where it is absent."""
        found = self.optional(number)
        if found is None:
            raise MinirtError(f"input {number} of {self.op_type} is required")
        return found

    def optional(self, number: int) -> Value | None:
        """Operand ``number``, or None where it is absent."""
        return self.inputs[number] if number < len(self.inputs) else None

    def ints(self, name: str, number: int | None = None) -> tuple[Dim, ...] | None:
        """Numbers from the attribute, or else from operand ``number`` (later opsets); None where neither is given.

        Raises MinirtError where the operand's contents are known only when the model runs.
        """
        if name in self.attributes:
            found = self.attributes[name]
            return tuple(int(x) for x in (found if isinstance(found, list | tuple | np.ndarray) else [found]))
        value = None if number is None else self.optional(number)
        if value is None:
            return None
        if value.ints is None:
            raise MinirtError(f"input {number} ({name}) must be known when the network is built")
        return value.ints

    def static_ints(self, name: str, number: int | None = None) -> tuple[int, ...] | None:
        """``ints`` that do not depend on any dim; raises MinirtError where they do."""
        found = self.ints(name, number)
        if found is not None and any(isinstance(x, Expr) for x in found):
            raise MinirtError(f"{name} = {found} must not depend on the input's dims")
        return None if found is None else tuple(int(x) for x in found if not isinstance(x, Expr))


Importer = Callable[[OnnxNode], Result]
IMPORTERS: dict[tuple[str, str], Importer] = {}


def importer(*names: str, domain: str = "") -> Callable[[Importer], Importer]:
    """Registers the function for these ONNX op types."""

    def register(function: Importer) -> Importer:
        for name in names:
            IMPORTERS[domain, name] = function
        return function

    return register


def number(value: Any, dtype: DType) -> Value:
    """A rank-0 constant."""
    return constant(np.asarray(value), dtype)


def numbers(values: Sequence[int] | Array) -> Value:
    """A constant i64 vector, as shapes and axes are."""
    return constant(np.asarray(values, dtype=np.int64).reshape(-1), i64)


def axis_of(axis: int, rank: int) -> int:
    """The axis counted from the first; raises MinirtError outside the rank."""
    if not -rank <= axis < rank:
        raise MinirtError(f"axis {axis} is outside rank {rank}")
    return axis % rank
