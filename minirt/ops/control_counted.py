"""Loops that only count: how often they run, as an expression of dims, so that no condition is read from data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from minirt.ir.graph import Graph
from minirt.ir.op import Value
from minirt.ops.arithmetic import Add
from minirt.ops.cast import Cast
from minirt.ops.logic import And, Less
from minirt.types.dim import Dim, bounds, less, maximum, minimum


@dataclass(frozen=True)
class Term:
    """One ``counter < limit`` of a loop's condition: the counter starts at ``start`` and grows by 1."""

    start: Dim
    limit: Dim

    @property
    def holds_first(self) -> Dim:
        """Whether it holds before the first iteration."""
        return less(self.start, self.limit)


def _plain(value: Value) -> Value:
    """The value before casts between numbers."""
    while isinstance(value.op, Cast):
        value = value.node.inputs[0]
    return value


def _leaves(value: Value) -> Iterator[Value]:
    """What an And of Ands joins."""
    stack = [_plain(value)]
    while stack:
        item = stack.pop()
        if isinstance(item.op, And):
            stack.extend(map(_plain, item.node.inputs))
        else:
            yield item


def _number(value: Value, body: Graph, carried: Sequence[Value]) -> Dim | None:
    """The number that the value always holds: known contents, or a carried value that the body passes on."""
    found = _plain(value)
    for inside, after, start in zip(body.inputs[2:], body.outputs[1:], carried, strict=False):
        if found is inside and after is inside:
            found = start
    known = found.ints
    return known[0] if known is not None and len(known) == 1 else None


def _start(value: Value, body: Graph, carried: Sequence[Value]) -> Dim | None:
    """Where a counter starts that is read after it grew by 1: a carried value that the body adds 1 to."""
    found = _plain(value)
    for inside, after, start in zip(body.inputs[2:], body.outputs[1:], carried, strict=False):
        if found is after and isinstance(found.op, Add) and inside in found.node.inputs:
            step = found.node.inputs[1 if found.node.inputs[0] is inside else 0]
            if step.ints == (1,) and start.ints is not None:
                return start.ints[0]
    return None


def count_of(body: Graph, carried: Sequence[Value], trip: Value | None, condition: Value) -> Dim | None:
    """How often a loop runs whose condition is that counters are below limits; None where it is anything else.

    ``condition`` is the first one: it must hold just where the count is not 0.
    """
    counts: list[Dim] = []
    first: set[str] = set()
    for leaf in _leaves(body.outputs[0]):
        if not isinstance(leaf.op, Less):
            return None
        limit = _number(leaf.node.inputs[1], body, carried)
        if limit is None:
            return None
        if _plain(leaf.node.inputs[0]) is body.inputs[0]:
            if bounds(limit)[0] < 0:
                return None
            counts.append(limit + 1)  # the iteration's number is read before it grows
            continue
        start = _start(leaf.node.inputs[0], body, carried)
        if start is None:
            return None
        counts.append(limit - start)
        first.add(str(Term(start, limit).holds_first))
    known = [leaf.ints for leaf in _leaves(condition)]
    if not first or any(k is None for k in known) or {str(k[0]) for k in known if k is not None} != first:
        return None
    if trip is not None:
        if trip.ints is None:
            return None
        counts.append(trip.ints[0])
    total = counts[0]
    for count in counts[1:]:
        total = minimum(total, count)
    return maximum(total, 0)
