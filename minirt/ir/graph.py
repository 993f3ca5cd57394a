"""Graphs: named inputs and outputs over interned nodes, with constants as data."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any
from zlib import crc32

import numpy as np

from minirt.errors import GraphError, MinirtError
from minirt.ir.op import Contents, DataDependent, Node, Op, Value, apply, maker_of, makers, origin
from minirt.limits import workers
from minirt.types.dim import Dim, Expr, rational, symbols
from minirt.types.dtype import Array, DType, from_numpy, string
from minirt.types.evaluate import substitute
from minirt.types.tensor import Optional, Tensor, Type
from minirt.types.tensor import Sequence as SequenceType

_END = 4096
_LARGE = 1 << 20
_CHUNK = 1 << 15


class Data:
    """The elements of a constant: read-only, row-major, compared by content (SHA-256, worked out when it is needed)."""

    __slots__ = ("_content", "_digest", "_hash", "array", "dtype")

    def __init__(self, array: Array, dtype: DType | None = None) -> None:
        kept = np.ascontiguousarray(array).reshape(np.shape(array))
        self.dtype = dtype or from_numpy(kept.dtype)
        self.array = kept
        self._content = self._digest = ""
        self._hash: int | None = None

    @classmethod
    def trusted(cls, array: Array, dtype: DType, digest: str) -> Data:
        """Data whose digest is known already (an engine's sections are checked when read)."""
        made = cls.__new__(cls)
        made.array, made.dtype, made._content, made._digest, made._hash = array, dtype, "", digest, None
        return made

    @property
    def type(self) -> Tensor:
        """The constant's type."""
        shape: tuple[int, ...] = self.array.shape
        return Tensor(self.dtype, shape)

    @property
    def content(self) -> str:
        """SHA-256 of the elements, in hexadecimal."""
        if not self._content:
            self._content = hashlib.sha256(self._bytes()).hexdigest()
        return self._content

    @property
    def digest(self) -> str:
        """SHA-256 of type, shape and ``content``, in hexadecimal."""
        if not self._digest:
            self._digest = hashlib.sha256(f"{self.dtype}{self.array.shape}{self.content}".encode()).hexdigest()
        return self._digest

    def _bytes(self) -> bytes | memoryview:
        if self.dtype is string:
            return repr(self.array.tolist()).encode()
        return self.array.reshape(-1).view(np.uint8).data

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Data) or hash(self) != hash(other):
            return False
        if (self._digest and other._digest) or self.dtype is string:
            return self.digest == other.digest
        return self.dtype is other.dtype and self.array.shape == other.array.shape and self._same(other)

    def _same(self, other: Data) -> bool:
        """Compare the bytes of arrays alike: much faster than their digests, which may never be needed."""
        mine, its = (d.array.reshape(-1).view(np.uint8) for d in (self, other))
        if mine.__array_interface__["data"] == its.__array_interface__["data"]:
            return True
        if mine.size % 8 == 0:
            mine, its = mine.view(np.uint64), its.view(np.uint64)
        return all(np.array_equal(mine[i : i + _CHUNK], its[i : i + _CHUNK]) for i in range(0, mine.size, _CHUNK))

    def __hash__(self) -> int:
        if self._hash is None:  # of its ends: gigabytes that differ anywhere else are told apart by their digests
            data = self._bytes()
            ends = crc32(data[-_END:], crc32(data[:_END]))
            self._hash = hash((self.dtype.name, self.array.shape, ends))
        return self._hash

    def __repr__(self) -> str:
        return f"@{self.digest[:12]}"


def digest_constants(graph: Graph) -> None:
    """Work the digests of a graph's large constants out, on all cores: each takes a second for a gigabyte or two."""
    held = dict.fromkeys(n.op.data for n in graph.nodes if isinstance(n.op, Constant))
    large = sorted((d for d in held if d.array.nbytes >= _LARGE), key=lambda d: -d.array.nbytes)
    if len(large) > 1:
        with ThreadPoolExecutor(workers()) as pool:
            list(pool.map(lambda data: data.digest, large))


class Input(Op):
    """A graph input: its name and type; ``values`` are its elements, where the host reads them as dims."""

    fresh = True
    label: str
    type: Type
    values: tuple[Dim, ...] = ()

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """The declared type."""
        return (self.type,)

    def fold(self, *inputs: Value) -> Sequence[Contents | None] | None:
        """The dims that it holds."""
        if not self.values or not isinstance(self.type, Tensor):
            return None
        out = np.empty(len(self.values), dtype=object)
        out[:] = self.values
        return (out.reshape([int(str(n)) for n in self.type.shape]),)


class Constant(Op):
    """Numbers known when the graph is built."""

    data: Data

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """The data's type."""
        return (self.data.type,)

    def reference(self, *arrays: Any) -> Any:
        """The data."""
        return self.data.array

    def fold(self, *inputs: Value) -> Sequence[Contents | None] | None:
        """Every element, exactly; None where one is NaN or infinite."""
        array = self.data.array
        out = np.empty(array.size, dtype=object)
        for i, x in enumerate(array.reshape(-1).tolist() if array.dtype.kind in "fiub" else array.reshape(-1)):
            out[i] = rational(x if isinstance(x, int | float) else float(x))
        return (out.reshape(array.shape),)


class Raise(Op):
    """A region that cannot run: an error with ``message`` where it is reached, a value of ``type`` to its readers."""

    message: str
    type: Type

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """The type that another branch has there."""
        return (self.type,)

    def reference(self, *arrays: Any) -> Any:
        """Raises MinirtError."""
        raise MinirtError(self.message, "a branch that does not fit these inputs was taken")


def constant(array: Any, dtype: DType | None = None) -> Value:
    """A constant value of the array, converted to ``dtype`` if given."""
    data = np.asarray(array) if dtype is None else np.asarray(array).astype(dtype.numpy, copy=False)
    return apply(Constant(Data(data, dtype)))


def is_input(value: Value) -> bool:
    """True for an input of a graph."""
    return isinstance(value.op, Input)


def is_constant(value: Value) -> bool:
    """True for a value whose numbers are known."""
    return isinstance(value.op, Constant)


def array_of(value: Value) -> Array:
    """The numbers of a constant value."""
    assert isinstance(value.op, Constant)
    return value.op.data.array


class Graph:
    """Inputs, outputs and what lies between; immutable."""

    def __init__(self, name: str, inputs: Sequence[Value], outputs: Sequence[Value], names: Sequence[str]) -> None:
        if len(names) != len(outputs):
            raise GraphError(f"{len(outputs)} outputs have {len(names)} names", name)
        self.name, self.inputs, self.outputs, self.names = name, tuple(inputs), tuple(outputs), tuple(names)

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs, in order."""
        return tuple(v.op.label for v in self.inputs if isinstance(v.op, Input))

    @cached_property
    def nodes(self) -> tuple[Node, ...]:
        """Every node that the outputs need, operands before users, and makers of dims before nodes that name them."""
        roots = [v.node for v in self.outputs]
        order = postorder(roots)
        while more := [n for n in self._unreached(order) if n not in roots]:
            roots += more
            order = postorder(roots)
        own = {d: n for n in order if isinstance(n.op, DataDependent) for d in n.op.dims}
        return tuple(order if not own else postorder(roots, own))

    def _unreached(self, order: Sequence[Node]) -> list[Node]:
        """Makers of dims that nodes name, of which no node reads a result."""
        if not makers:
            return []
        made = {d for n in order if isinstance(n.op, DataDependent) for d in n.op.dims}
        named = sorted(frozenset().union(*(named_dims(n.op) for n in order)) - made - self.dims)
        found = dict.fromkeys(n for d in named if (n := maker_of(d)) is not None)
        return [n for n in found if all(v in self.inputs for m in postorder([n]) for v in m.outputs if is_input(v))]

    @cached_property
    def uses(self) -> Mapping[Value, int]:
        """How many distinct nodes read each value; an output counts as one more."""
        count: dict[Value, int] = {}
        for node in self.nodes:
            for value in dict.fromkeys(node.inputs):
                count[value] = count.get(value, 0) + 1
        for value in self.outputs:
            count[value] = count.get(value, 0) + 1
        return count

    @cached_property
    def dims(self) -> frozenset[str]:
        """Names of the dims of the inputs, and of those that inputs hold."""
        found: set[str] = set()
        for value in self.inputs:
            if isinstance(value.type, Tensor):
                held = value.op.values if isinstance(value.op, Input) else ()
                found.update(*(symbols(d) for d in (*value.type.shape, *held)), set())
        return frozenset(found)

    def with_outputs(self, outputs: Sequence[Value]) -> Graph:
        """The same graph with its outputs replaced."""
        return Graph(self.name, self.inputs, outputs, self.names)


def postorder(roots: Iterable[Node], makers: Mapping[str, Node] | None = None) -> list[Node]:
    """Nodes below the roots once each, operands first, in a stable order; iterative, so depth does not matter.

    A node whose fields name a dim of ``makers`` comes after the dim's maker.
    """
    order: list[Node] = []
    state: dict[Node, bool] = {}
    stack: list[tuple[Node, bool]] = [(n, False) for n in reversed(list(roots))]
    while stack:
        node, ready = stack.pop()
        if ready:
            order.append(node)
        elif node not in state:
            state[node] = True
            stack.append((node, True))
            stack.extend((v.node, False) for v in reversed(node.inputs) if v.node not in state)
            if makers:
                before = (makers[d] for d in sorted(named_dims(node.op)) if d in makers)
                stack.extend((n, False) for n in before if n is not node and n not in state)
    return order


def named_dims(op: Op) -> frozenset[str]:
    """Names of the dims that the op's fields mention, bodies included."""
    found: set[str] = set()
    stack: list[object] = [v for k, v in op.fields().items() if k != "dims"]
    while stack:
        item = stack.pop()
        if isinstance(item, Expr):
            found.update(symbols(item))
        elif isinstance(item, tuple):
            stack.extend(item)
        elif isinstance(item, Tensor):
            stack.append(item.shape)
        elif isinstance(item, SequenceType | Optional):
            stack.append(item.element)
        elif isinstance(item, Graph):
            stack.extend(v for n in item.nodes for k, v in n.op.fields().items() if k != "dims")
    return frozenset(found)


def rebuild(graph: Graph, visit: Callable[[Node, tuple[Value, ...]], Sequence[Value]]) -> Graph:
    """The graph with every node remade by ``visit(node, new operands)``; inputs are visited too."""
    made: dict[Value, Value] = {}
    reached = list(dict.fromkeys([*(v.node for v in graph.inputs), *graph.nodes]))
    for node in reached:
        with origin(node.origin):
            results = visit(node, tuple(made[v] for v in node.inputs))
        made.update(zip(node.outputs, results, strict=True))
    return Graph(graph.name, [made[v] for v in graph.inputs], [made[v] for v in graph.outputs], graph.names)


def substitute_type(type: Type, sizes: Mapping[str, Dim]) -> Type:
    """The type with dims replaced."""
    if isinstance(type, Tensor):
        return Tensor(type.dtype, tuple(substitute(d, sizes) for d in type.shape), type.layout)
    if isinstance(type, SequenceType):
        return SequenceType(substitute_type(type.element, sizes))
    return Optional(substitute_type(type.element, sizes))
