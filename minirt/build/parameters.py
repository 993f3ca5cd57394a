"""A refittable network's weights: gathered while it is frozen, listed in the engine, and left out of a stripped one."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from minirt.build.freeze import freeze
from minirt.build.network import NetworkCells
from minirt.errors import ApiError
from minirt.ir.graph import Data, Graph, array_of, constant, is_constant, rebuild
from minirt.ir.op import Node, Value, apply, apply_all, reapply
from minirt.ir.weights import Parameter, Weights, parameter
from minirt.ops.arithmetic import Add, Pow
from minirt.ops.arithmetic_functions import Sqrt
from minirt.ops.movement import reshaped
from minirt.types.dim import Expr
from minirt.types.dtype import Array, DType, dtype_of
from minirt.types.tensor import Tensor

SECTION = "weights"
_SMALL = 16
"""Numbers up to which weights may be fixed for a layer that must know them."""


@dataclass(frozen=True)
class Row:
    """Weights of a network: whose they are, what they are to it, their type, and the digest of their numbers.

    ``fixed`` ones were read when the engine was built, so that they cannot be replaced.
    """

    layer: str
    role: str
    type: Tensor
    digest: str
    fixed: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Their shape, in numbers."""
        return tuple(int(d) for d in self.type.shape if not isinstance(d, Expr))

    @property
    def size(self) -> int:
        """How many numbers there are."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Their bytes, as they are stored."""
        return self.size * self.type.dtype.numpy.itemsize


@dataclass
class Parameters:
    """Gathers the weights of a network while it is frozen; ``only`` names those that may be refitted.

    Without it all are but for single numbers of rank 0, which are parts of formulas.  Integers are sizes and places,
    unless they are narrow and many.
    """

    only: Collection[str] | None = None
    found: dict[str, tuple[Row, Data]] = field(default_factory=dict)
    _fixing: bool = False

    def value(self, name: str, array: Array, dtype: DType, layer: str, role: str, plain: bool = False) -> Value | None:
        """Return weights as a parameter of the graph; None for those that stay constants, as a plain number does."""
        label = name or f"{layer} {role}"
        data = Data(np.array(array), dtype)
        known = self.found.get(label)
        if known is not None and not _alike(known[1], data):
            label = f"{layer} {role}"  # two things have one name
            known = self.found.get(label)
        asked = np.ndim(array) > 0 and not plain if self.only is None else label in self.only
        open_ = asked and (dtype.is_float or (dtype.bits <= 8 and dtype.is_integer and data.array.size > _SMALL))
        if known is None:
            known = (Row(layer, role, data.type, data.digest, not open_), data)
            self.found[label] = known
        if not open_ or (self._fixing and data.array.size <= _SMALL):
            self._fix(label)
            return None
        return reshaped(parameter(label, known[0].type), data.type.shape)

    @contextmanager
    def fixing(self) -> Iterator[None]:
        """Within it, small weights of layers stay constants, which cannot be refitted."""
        self._fixing = True
        try:
            yield
        finally:
            self._fixing = False

    def known(self, value: Value | None) -> Value | None:
        """Return a value that follows from small weights as one whose numbers can be read; they cannot be refitted."""
        if value is None or not value.node.closed:
            return value
        return rebuild(Graph("", (), (value,), ("",)), self._constant).outputs[0]

    def _constant(self, node: Node, operands: tuple[Value, ...]) -> Sequence[Value]:
        label = _label(node.outputs[0])
        if not label or self.found[label][0].size > _SMALL:
            return reapply(node, node.op, operands)
        self._fix(label)
        data = self.found[label][1]
        return (constant(data.array, data.dtype),)

    def _fix(self, label: str) -> None:
        row, data = self.found[label]
        self.found[label] = (replace(row, fixed=True), data)

    def _single(self, value: Value) -> Value:
        """A value that follows from one number as one that can be read."""
        return (self.known(value) or value) if value.tensor.size == 1 else value

    def settled(self, graph: Graph) -> Graph:
        """Return the graph with exponents, and numbers added under a root, known: what a layer is depends on them."""

        def visit(node: Node, operands: tuple[Value, ...]) -> Sequence[Value]:
            if isinstance(node.op, Pow | Sqrt):
                first, exponents = operands[0], [self._single(v) for v in operands[1:]]
                if isinstance(first.op, Add) and all(map(_is_root, exponents)):
                    first = apply(first.op, *map(self._single, first.node.inputs))
                return apply_all(node.op, first, *exponents)
            return reapply(node, node.op, operands)

        return rebuild(graph, visit)


def _label(value: Value) -> str:
    """The name of a parameter that stands in a graph as it is; "" for any other value."""
    result = value.op.result if isinstance(value.op, Weights) else None
    return result.op.label if result is not None and isinstance(result.op, Parameter) else ""


def _is_root(exponent: Value) -> bool:
    return is_constant(exponent) and exponent.tensor.size == 1 and float(array_of(exponent).reshape(())) < 1


def _alike(a: Data, b: Data) -> bool:
    same = a.dtype is b.dtype and a.array.size == b.array.size
    return same and (a.digest == b.digest or a.array.tobytes() == b.array.tobytes())


def frozen(network: NetworkCells, parameters: Parameters) -> Graph:
    """Freeze a network with its weights as parameters."""
    network.changed()
    network.parameters = parameters
    try:
        return parameters.settled(freeze(network))
    finally:
        network.parameters = None
        network.changed()


@dataclass(frozen=True)
class Table:
    """The weights of an engine: a row each, the numbers that are at hand, and whether they may be replaced."""

    rows: Mapping[str, Row] = field(default_factory=dict)
    numbers: Mapping[str, Array] = field(default_factory=dict)
    refittable: bool = False

    @property
    def open(self) -> list[str]:
        """Names of the weights that can be replaced."""
        return [n for n, row in self.rows.items() if not row.fixed]

    def named(self, layer: str, role: str) -> str:
        """The name of a layer's weights that can be replaced; raises ApiError where there are none of that role."""
        for name in self.open:
            if self.rows[name].layer == layer and role in (self.rows[name].role, "ANY"):
                return name
        raise ApiError(f"there are no {role} weights that can be refitted", f"layer '{layer}'")

    def updated(self, numbers: Mapping[str, Array], refittable: bool) -> Table:
        """The table with other numbers, and their digests."""
        rows = dict(self.rows)
        for name, array in numbers.items():
            if array is not self.numbers.get(name):
                rows[name] = replace(rows[name], digest=Data(array, rows[name].type.dtype).digest)
        return Table(rows, numbers, refittable)

    def kept(self, used: Collection[str]) -> Table:
        """The table without weights that the engine has no use for; those it read stay listed."""
        rows = {n: row for n, row in self.rows.items() if n in used or row.fixed}
        return Table(rows, {n: a for n, a in self.numbers.items() if n in used}, self.refittable)

    def sections(self, strip: bool = False) -> dict[str, Any]:
        """The table as sections of an engine; stripped, without the numbers of weights that can be replaced."""
        held = {n: a for n, a in self.numbers.items() if not strip or self.rows[n].fixed}
        rows = {
            n: [r.layer, r.role, r.type.dtype.name, list(r.type.shape), r.digest, r.fixed, n in held]
            for n, r in self.rows.items()
        }
        text = json.dumps({"refittable": self.refittable, "rows": rows}, separators=(",", ":"))
        by_digest = {self.rows[n].digest: a for n, a in held.items()}
        out: dict[str, Any] = {SECTION: text.encode()}
        for digest, array in sorted(by_digest.items()):
            out[f"{SECTION}/{digest}"] = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
        return out


def table_of(parameters: Parameters) -> Table:
    """The table of what was gathered."""
    rows = {n: row for n, (row, _) in parameters.found.items()}
    return Table(rows, {n: data.array for n, (_, data) in parameters.found.items()}, True)


def read_table(sections: Mapping[str, Any]) -> Table:
    """The table that an engine's sections hold, empty where it has none; raises KeyError or ValueError for damage."""
    if SECTION not in sections:
        return Table()
    about = json.loads(bytes(sections[SECTION]))
    rows: dict[str, Row] = {}
    numbers: dict[str, Array] = {}
    for name, (layer, role, dtype, shape, digest, fixed, held) in about["rows"].items():
        made = Tensor(dtype_of(dtype), tuple(int(n) for n in shape))
        rows[name] = Row(str(layer), str(role), made, str(digest), bool(fixed))
        if held:
            raw = sections[f"{SECTION}/{digest}"]
            numbers[name] = np.frombuffer(raw, made.dtype.numpy).reshape(shape)
    return Table(rows, numbers, bool(about["refittable"]))
