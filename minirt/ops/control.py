"""Control flow: ops whose fields are graphs without free values; what a body reads from outside is an operand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from typing import Any

import numpy as np

from minirt.errors import MinirtError
from minirt.ir.graph import Graph, Input, is_constant
from minirt.ir.op import DataDependent, Value
from minirt.ops.evaluate import evaluate
from minirt.ops.sequence import common
from minirt.types.dim import Dim, Expr, symbol, symbols
from minirt.types.dtype import DTYPES, bool_, i64
from minirt.types.tensor import Sequence as SequenceType
from minirt.types.tensor import Tensor, Type

_EVERY = tuple(DTYPES.values())


def inner_dims(graph: Graph, outer: frozenset[str]) -> frozenset[str]:
    """Dims that mean nothing outside the body: made by its data-dependent ops, or its inputs' own beside ``outer``."""
    found: set[str] = set()
    for node in graph.nodes:
        if isinstance(node.op, DataDependent):
            found.update(node.op.dims)
    for value in graph.inputs:
        if isinstance(value.type, Tensor):
            found.update(s for d in value.type.shape for s in symbols(d) if s not in outer)
    return frozenset(found)


def unified(types: Sequence[Type], inner: frozenset[str], slots: Iterator[str]) -> Type:
    """The type of a value that has one of the given types; each axis takes a slot's dim where they do not agree.

    Raises MinirtError where element types or ranks differ.
    """
    first = types[0]
    if not isinstance(first, Tensor):
        elements = [t.element for t in types if isinstance(t, SequenceType)]
        if len(elements) == len(types):
            return SequenceType(common(elements))
        if any(t != first for t in types):
            raise MinirtError(f"types {', '.join(map(str, types))} do not unite")
        return first
    shape: list[Dim] = []
    for axis, d in enumerate(first.shape):
        slot = next(slots)
        for other in types[1:]:
            if not isinstance(other, Tensor) or other.dtype is not first.dtype or other.rank != first.rank:
                raise MinirtError(f"types {first} and {other} do not unite")
            if not _same(d, other.shape[axis]):
                d = symbol(slot)
                break
        shape.append(symbol(slot) if symbols(d) & inner else d)
    if any(not isinstance(t, Tensor) or t.dtype is not first.dtype or t.rank != first.rank for t in types):
        raise MinirtError(f"types {', '.join(map(str, types))} do not unite")
    return Tensor(first.dtype, tuple(shape))


def _same(a: Dim, b: Dim) -> bool:
    return a is b or (not isinstance(a, Expr) and not isinstance(b, Expr) and a == b)


_SLOT = "slot_"


def _slots(dims: Sequence[str]) -> Iterator[str]:
    """The names; where there are none, names that ``_needed`` knows."""
    yield from dims or (f"{_SLOT}{i}" for i in count())


def _needed(types: Sequence[Type], slots: int) -> int:
    """``slots``, or 0 where no result has an axis that only running tells."""
    named = (s for t in types if isinstance(t, Tensor) for d in t.shape for s in symbols(d))
    return slots if any(s.startswith(_SLOT) for s in named) else 0


def _axes(types: Sequence[Type]) -> int:
    return sum(t.rank for t in types if isinstance(t, Tensor))


def _outer(values: Sequence[Value]) -> frozenset[str]:
    return frozenset(s for v in values if isinstance(v.type, Tensor) for d in v.type.shape for s in symbols(d))


def _fits(body: Graph, values: Sequence[Value], what: str) -> None:
    if len(body.inputs) != len(values):
        raise MinirtError(f"{what} takes {len(body.inputs)} inputs, not {len(values)}")
    for inside, given in zip(body.inputs, values, strict=True):
        a, b = inside.type, given.type
        same = type(a) is type(b) and (
            not isinstance(a, Tensor) or not isinstance(b, Tensor) or (a.dtype, a.rank) == (b.dtype, b.rank)
        )
        if not same:
            raise MinirtError(f"{what} takes {a} where it is given {b}")


def _label(value: Value) -> str:
    assert isinstance(value.op, Input)
    return value.op.label


def run_body(body: Graph, arrays: Sequence[Any], wide: bool) -> list[Any]:
    """The body's outputs for arrays in the order of its inputs."""
    feeds: Mapping[str, Any] = {_label(v): a for v, a in zip(body.inputs, arrays, strict=True)}
    return evaluate(body, feeds, wide)


class If(DataDependent):
    """The results of one of two graphs, by a bool: operands are the condition, then the inputs of both graphs.

    ``dims`` has a name for each axis of each result, used where the branches differ; none where they agree.
    """

    dtypes = (bool_,)

    then: Graph
    otherwise: Graph

    def unknowns(self, *inputs: Value) -> int:
        """One for each axis of each result, if any is needed."""
        return _needed(self.infer(*inputs), _axes([v.type for v in self.then.outputs]))

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """What both branches give, with own dims where they differ."""
        if inputs[0].rank != 0:
            raise MinirtError(f"a condition has rank 0, not {inputs[0].rank}")
        if len(self.then.outputs) != len(self.otherwise.outputs):
            raise MinirtError(f"branches give {len(self.then.outputs)} and {len(self.otherwise.outputs)} results")
        outer, slots = _outer(inputs), _slots(self.dims)
        inner: frozenset[str] = frozenset()
        for branch in (self.then, self.otherwise):
            _fits(branch, inputs[1:], "a branch")
            inner |= inner_dims(branch, outer)
        pairs = zip(self.then.outputs, self.otherwise.outputs, strict=True)
        return [unified((a.type, b.type), inner, slots) for a, b in pairs]

    def run(self, arrays: Sequence[Any], types: Sequence[Type], wide: bool) -> tuple[Any, ...]:
        """The taken branch, evaluated."""
        return tuple(run_body(self.then if bool(arrays[0]) else self.otherwise, arrays[1:], wide))


class Loop(DataDependent):
    """A graph run again and again (Loop-16).  Operands: [trip count i64], [condition bool], carried values, captures.

    The body takes iteration number (i64), condition, carried values and captures, and gives the next condition, the
    carried values, and slices that are stacked.  Results: the last carried values, the stacks.
    ``dims`` has a name for each axis of each result, used where only running tells; none where all is known.
    """

    dtypes = _EVERY

    body: Graph
    carried: int
    has_trip: bool
    has_condition: bool

    def unknowns(self, *inputs: Value) -> int:
        """One for each axis of each result, if any is needed; a stack has one more axis than its slices."""
        results = [v.type for v in self.body.outputs[1:]]
        return _needed(self.infer(*inputs), _axes(results) + len(results) - self.carried)

    def split(self, values: Sequence[Any]) -> tuple[Any, Any, Sequence[Any], Sequence[Any]]:
        """Trip count, condition (None where absent), carried values, captures."""
        at = self.has_trip + self.has_condition
        trip, condition = values[0] if self.has_trip else None, values[at - 1] if self.has_condition else None
        return trip, condition, values[at : at + self.carried], values[at + self.carried :]

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """Carried values as they come in and go out, then the stacks."""
        trip, condition, carried, captures = self.split(inputs)
        body = self.body
        for value, dtype, what in ((trip, i64, "trip count"), (condition, bool_, "condition")):
            if value is not None and (value.rank != 0 or value.dtype is not dtype):
                raise MinirtError(f"the {what} is a {dtype} of rank 0, not {value.type}")
        if len(body.outputs) < 1 + self.carried:
            raise MinirtError(f"the body gives {len(body.outputs)} results for {self.carried} carried values")
        given = [body.inputs[0], body.inputs[1], *carried, *captures]
        _fits(body, given, "the body")
        inner, slots = inner_dims(body, _outer(inputs)), _slots(self.dims)
        results: list[Type] = []
        for start, inside, after in zip(carried, body.inputs[2:], body.outputs[1:], strict=False):
            results.append(unified((start.type, inside.type, after.type), inner, slots))
        for value in body.outputs[1 + self.carried :]:
            slot = next(slots)
            length = self._count(trip, condition)
            piece = unified((value.type,), inner, slots)
            if not isinstance(piece, Tensor):
                raise MinirtError("only tensors are stacked")
            results.append(Tensor(piece.dtype, (symbol(slot) if length is None else length, *piece.shape)))
        return results

    def count(self, inputs: Sequence[Value]) -> Dim | None:
        """How often the body runs, where dims alone tell."""
        trip, condition, *_ = self.split(inputs)
        return self._count(trip, condition)

    def _count(self, trip: Value | None, condition: Value | None) -> Dim | None:
        """How often the body runs, where the trip count alone decides."""
        if trip is None or trip.ints is None or not self.endless(condition):
            return None
        (length,) = trip.ints
        return length if isinstance(length, Expr) else max(0, int(length))

    def endless(self, condition: Value | None) -> bool:
        """True where the condition never ends the loop: it is true, and the body keeps it or gives true."""
        after = self.body.outputs[0]
        kept = after is self.body.inputs[1] or (is_constant(after) and after.ints == (1,))
        return kept and (condition is None or condition.ints == (1,))

    def run(self, arrays: Sequence[Any], types: Sequence[Type], wide: bool) -> tuple[Any, ...]:
        """The body, evaluated until it ends."""
        trip, condition, carried, captures = self.split(arrays)
        state, going = list(carried), condition is None or bool(condition)
        stacks: list[list[Any]] = [[] for _ in self.body.outputs[1 + self.carried :]]
        step = 0
        while going and (trip is None or step < int(trip)):
            out = run_body(self.body, [np.int64(step), np.bool_(going), *state, *captures], wide)
            going, state = bool(out[0]), out[1 : 1 + self.carried]
            for stack, piece in zip(stacks, out[1 + self.carried :], strict=True):
                stack.append(piece)
            step += 1
        return (*state, *(self._stacked(i, s) for i, s in enumerate(stacks)))

    def _stacked(self, which: int, pieces: list[Any]) -> Any:
        if pieces:
            return np.stack(pieces)
        piece = self.body.outputs[1 + self.carried + which].tensor
        return np.zeros((0, *(d if isinstance(d, int) else 0 for d in piece.shape)), dtype=piece.dtype.numpy)
