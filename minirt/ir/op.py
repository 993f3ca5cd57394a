"""Ops, nodes and values: immutable, typed at birth, interned.

An op is a class: its fields are its attributes; ``infer`` types its results, ``reference`` computes them with NumPy.
A node is an op applied to values; ``apply`` makes it, and refuses to make an ill-typed one.
"""

from __future__ import annotations

import dataclasses
import itertools
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ClassVar, TypeVar, dataclass_transform

import numpy as np

from minirt.errors import MinirtError, TypeInferenceError
from minirt.types.dim import Dim, Expr, rational, symbol
from minirt.types.dtype import ANY, Array, DType, bool_
from minirt.types.tensor import Tensor, Type

NAMES_SHOWN = 4
CONTENTS_LIMIT = 512

OPS: dict[str, type[Op]] = {}
Contents = Array  # of dtype object, elements Dim


@dataclass_transform(frozen_default=True, field_specifiers=(dataclasses.field,))
class Op:
    """Base of all ops.  Subclasses are frozen dataclasses, registered by their name when declared."""

    version: ClassVar[int] = 1
    """Schema version of the fields; ``upgrade`` reads older ones."""
    dtypes: ClassVar[tuple[DType, ...]] = ANY
    """Element types that the first operand may have."""
    symbolic: ClassVar[bool] = False
    """True where ``reference`` also works on arrays of dimension expressions."""
    fresh: ClassVar[bool] = False
    """True where each application is a value of its own (graph inputs): what hangs from it belongs to one graph."""
    pure: ClassVar[bool] = True
    """False where two applications to the same operands differ (random ops)."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        dataclasses.dataclass(frozen=True, repr=False)(cls)
        if not cls.__name__.startswith("_"):
            OPS[cls.__name__] = cls

    @property
    def name(self) -> str:
        """The op's name, as in graph text and errors."""
        return type(self).__name__

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """Types of the results; raises MinirtError with a reason where the operands do not fit."""
        raise NotImplementedError(f"{self.name}.infer")

    def reference(self, *arrays: Any) -> Any:
        """The results computed with NumPy: one array, or a tuple of them."""
        raise NotImplementedError(f"{self.name} has no reference")

    def run(self, arrays: Sequence[Any], types: Sequence[Type], wide: bool) -> tuple[Any, ...]:
        """``reference`` as a tuple; ``types`` are the operands' declared types, ``wide`` holds floats as float64."""
        out = self.reference(*arrays)
        return out if isinstance(out, tuple) else (out,)

    def decompose(self, *inputs: Value) -> Value | Sequence[Value] | None:
        """The same results in terms of other ops; None where the op is itself the simplest form."""
        return None

    def flops(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Dim:
        """Multiplications and additions that matrix units may do; 0 for ops whose cost is the bytes they move."""
        return 0

    def elements_read(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> tuple[Dim, ...]:
        """How many elements of each operand are read at most."""
        return tuple(x.size for x in inputs)

    def fold(self, *inputs: Value) -> Sequence[Contents | None] | None:
        """Symbolic contents of the results, for small tensors whose operands' contents are known."""
        if not self.symbolic:
            return None
        known = [v.contents for v in inputs]
        if any(k is None for k in known):
            return None
        out = self.reference(*known)
        return tuple(np.asarray(o, dtype=object) for o in (out if isinstance(out, tuple) else (out,)))

    def replace(self, **fields: Any) -> Op:
        """The op with some fields changed."""
        return dataclasses.replace(self, **fields)  # type: ignore[type-var]

    @classmethod
    def upgrade(cls, fields: dict[str, Any], version: int) -> dict[str, Any]:
        """Fields written by an older schema version, as today's."""
        return fields

    def fields(self) -> dict[str, Any]:
        """Field names and values, in order of declaration."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}  # type: ignore[arg-type]

    def __repr__(self) -> str:
        inside = ", ".join(f"{k}={v}" for k, v in self.fields().items())
        return f"{self.name}({inside})"


class Node:
    """An op applied to values; compares by identity.

    ``origin`` holds the user's node or layer names; a ``closed`` node depends on no input, may be shared by several
    graphs, and so has none.
    """

    __slots__ = ("__weakref__", "closed", "facts", "inputs", "op", "origin", "outputs")

    def __init__(self, op: Op, inputs: tuple[Value, ...], types: Sequence[Type], origin: tuple[str, ...]) -> None:
        self.op, self.inputs = op, inputs
        self.closed: bool = not op.fresh and all(v.node.closed for v in inputs)
        self.origin = () if self.closed else origin
        self.facts: tuple[Fact, ...] = ()
        self.outputs = tuple(Value(self, i, t) for i, t in enumerate(types))

    @property
    def label(self) -> str:
        """The user's names for what the node computes, in order; its op where there are none."""
        names = self.origin
        if len(names) > NAMES_SHOWN:
            names = (*names[: NAMES_SHOWN - 1], f"{len(names) - NAMES_SHOWN + 1} more")
        return " + ".join(names) or self.op.name

    def __repr__(self) -> str:
        return f"{self.op}{'' if not self.origin else ' ' + repr(self.label)}"


class Value:
    """One result of a node."""

    __slots__ = ("_contents", "index", "node", "type")

    def __init__(self, node: Node, index: int, type: Type) -> None:
        self.node, self.index, self.type = node, index, type
        self._contents: Contents | None | bool = False

    @property
    def op(self) -> Op:
        """The op that made the value."""
        return self.node.op

    @property
    def tensor(self) -> Tensor:
        """The value's type where it is a tensor; raises TypeInferenceError for sequences and optionals."""
        if not isinstance(self.type, Tensor):
            raise TypeInferenceError(self.node.label, self.op.name, f"a tensor is needed, not {self.type}")
        return self.type

    @property
    def dtype(self) -> DType:
        """Element type."""
        return self.tensor.dtype

    @property
    def shape(self) -> tuple[Dim, ...]:
        """Logical shape."""
        return self.tensor.shape

    @property
    def rank(self) -> int:
        """Number of axes."""
        return self.tensor.rank

    @property
    def contents(self) -> Contents | None:
        """Elements as dimension expressions (dtype object), for small tensors where they are known."""
        stack = [self] if self._contents is False else []
        while stack:  # operands first, so that the depth of a chain does not matter
            value = stack[-1]
            small = isinstance(value.type, Tensor) and _small(value.type)
            ahead = [v for v in value.node.inputs if v._contents is False] if small else []
            stack.extend(ahead)
            if not ahead:
                value._contents = value._fold() if small else None
                stack.pop()
        assert not isinstance(self._contents, bool)
        return self._contents

    def _fold(self) -> Contents | None:
        try:
            found = self.op.fold(*self.node.inputs)
            exact = None if found is None else found[self.index]
            return self._numbers() if exact is None else exact
        except (MinirtError, TypeError, ValueError, IndexError, OverflowError, ZeroDivisionError):
            return None

    def _numbers(self) -> Contents | None:
        """The result of operands that are all numbers, where no exact rule gave it."""
        known = [v.contents for v in self.node.inputs]
        if not known or not self.op.pure or any(k is None or any(isinstance(x, Expr) for x in k.flat) for k in known):
            return None
        arrays = []
        for k, v in zip(known, self.node.inputs, strict=True):
            assert k is not None
            held = np.array([float(x) for x in k.flat] if v.dtype.is_float else list(k.flat))
            arrays.append(held.astype(v.dtype.numpy).reshape(k.shape))
        with np.errstate(all="ignore"):
            result = np.asarray(self.op.run(arrays, [v.type for v in self.node.inputs], False)[self.index])
        held = result.astype(self.dtype.numpy)
        out = np.empty(held.size, dtype=object)
        out[:] = [rational(x if isinstance(x, int) else float(x)) for x in held.reshape(-1).tolist()]
        return out.reshape(held.shape)

    @property
    def ints(self) -> tuple[Dim, ...] | None:
        """Contents flattened; None where unknown."""
        found = self.contents
        return None if found is None else tuple(found.reshape(-1).tolist())

    def __repr__(self) -> str:
        return f"{self.node.label}:{self.index} {self.type}"


def _small(tensor: Tensor) -> bool:
    size = tensor.size
    known = isinstance(size, int) and size <= CONTENTS_LIMIT
    return known and (tensor.dtype.is_integer or tensor.dtype is bool_ or tensor.dtype.is_float)


@dataclasses.dataclass(frozen=True)
class Fact:
    """Two dims that must be equal where a node runs; ``assumed`` where one of them might have been 1 (broadcasting)."""

    a: Dim
    b: Dim
    assumed: bool = False


_facts: ContextVar[list[Fact] | None] = ContextVar("facts", default=None)
_origin: ContextVar[tuple[str, ...]] = ContextVar("origin", default=())
_lock = threading.Lock()
_nodes: weakref.WeakValueDictionary[object, Node] = weakref.WeakValueDictionary()
_fresh = itertools.count()
makers: weakref.WeakSet[Node] = weakref.WeakSet()
"""Nodes alive that made dims with fresh names."""


def same_dim(a: Dim, b: Dim, what: str) -> Dim:
    """a, after requiring that it equals b; raises MinirtError where both are known and differ."""
    if a is b or (not isinstance(a, Expr) and a == b):
        return a
    if not isinstance(a, Expr) and not isinstance(b, Expr):
        raise MinirtError(f"{what}: {a} and {b} differ")
    _note(Fact(a, b))
    return b if isinstance(a, Expr) and not isinstance(b, Expr) else a


def broadcast_dim(a: Dim, b: Dim) -> Dim:
    """The dim that a and b broadcast to (NumPy rules); unknown pairs are assumed equal and checked at bind."""
    if a is b or (not isinstance(b, Expr) and b == 1):
        return a
    if not isinstance(a, Expr) and a == 1:
        return b
    if not isinstance(a, Expr) and not isinstance(b, Expr):
        if a != b:
            raise MinirtError(f"dims {a} and {b} do not broadcast")
        return a
    if isinstance(a, Expr) and isinstance(b, Expr):
        a, b = sorted((a, b), key=lambda e: (len(e.text), e.text))
    _note(Fact(a, b, assumed=True))
    return b if isinstance(a, Expr) and not isinstance(b, Expr) else a


def broadcast(*shapes: tuple[Dim, ...]) -> tuple[Dim, ...]:
    """The common shape of operands (NumPy rules)."""
    rank = max(map(len, shapes), default=0)
    out: list[Dim] = [1] * rank
    for shape in shapes:
        for i, d in enumerate(shape, rank - len(shape)):
            out[i] = broadcast_dim(out[i], d)
    return tuple(out)


def _note(fact: Fact) -> None:
    facts = _facts.get()
    if facts is not None and fact not in facts:
        facts.append(fact)


@contextmanager
def origin(names: tuple[str, ...]) -> Iterator[None]:
    """Nodes made inside carry these user names."""
    token = _origin.set(names)
    try:
        yield
    finally:
        _origin.reset(token)


def fresh_dim() -> str:
    """A dim name that no graph has yet."""
    return f"d{next(_fresh)}"


def _remember(dims: Sequence[str], node: Node) -> None:
    """Note who makes dims with fresh names; a name that a graph gave (data_0) may be another's too."""
    for name in dims:
        if name[1:].isdigit():
            symbol(name).terms[0][0][0][0].maker = node
            makers.add(node)


def maker_of(name: str) -> Node | None:
    """The last node made whose results' size the dim is; None where it was not named by ``fresh_dim``."""
    found = symbol(name).terms[0][0][0][0].maker
    return found if isinstance(found, Node) else None


def names_of(*values: Value) -> tuple[str, ...]:
    """The user's names of the nodes that made the values, each once."""
    return tuple(dict.fromkeys(name for value in values for name in value.node.origin))


class DataDependent(Op):
    """Base of ops whose result has dims that only the data tells; ``dims`` names them, kept when rebuilt."""

    dims: tuple[str, ...] = dataclasses.field(default=(), kw_only=True)

    def unknowns(self, *inputs: Value) -> int:
        """How many dims of the results only the data tells."""
        raise NotImplementedError


OPS.pop("DataDependent")


def apply(op: Op, *inputs: Value) -> Value:
    """The (first) result of the op on these values; raises TypeInferenceError where they do not fit."""
    return apply_all(op, *inputs)[0]


def apply_all(op: Op, *inputs: Value) -> tuple[Value, ...]:
    """All results of the op on these values."""
    if isinstance(op, DataDependent) and not op.dims:
        count = op.unknowns(*inputs)
        op = dataclasses.replace(op, dims=tuple(fresh_dim() for _ in range(count))) if count else op
    key = (op, tuple(map(id, inputs))) if op.pure and not op.fresh else object()
    with _lock:
        found = _nodes.get(key)
    if found is not None:
        return found.outputs
    facts: list[Fact] = []
    token = _facts.set(facts)
    try:
        if inputs and isinstance(inputs[0].type, Tensor) and inputs[0].type.dtype not in op.dtypes:
            raise MinirtError(f"element type {inputs[0].type.dtype} is not one of {', '.join(map(str, op.dtypes))}")
        types = op.infer(*inputs)
        for made in types:
            if isinstance(made, Tensor):
                made.check()
    except TypeInferenceError:
        raise
    except MinirtError as error:
        shown = ", ".join(str(v.type) for v in inputs)
        label = _origin.get()[0] if _origin.get() else ""
        raise TypeInferenceError(label, op.name, f"{error.what}; operands: {shown}", error.fix) from error
    finally:
        _facts.reset(token)
    node = Node(op, inputs, types, _origin.get())
    node.facts = tuple(facts)
    if isinstance(op, DataDependent):
        _remember(op.dims, node)
    with _lock:
        return _nodes.setdefault(key, node).outputs


def reapply(node: Node, op: Op, inputs: tuple[Value, ...]) -> tuple[Value, ...]:
    """The node's results, made anew only where its op or operands have changed."""
    return node.outputs if op is node.op and inputs == node.inputs else apply_all(op, *inputs)


Kind = TypeVar("Kind", bound=Op)


def op_of(value: Value, kind: type[Kind]) -> Kind:
    """The value's op, known to be of this class."""
    assert isinstance(value.op, kind), f"{value.op.name} is not {kind.__name__}"
    return value.op
