"""Loops and conditionals: their bodies are the layers between boundary layers.

A loop's outputs become one Loop op and a conditional's outputs one If op; what a body reads from outside is found by
walking back from what the body must compute until values that do not depend on the body's own are met. Outside of its
body a recurrence reads as its first value and an iterator as its first slice, so that shapes can be asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from minirt.build.layers.emit import cast, emit, ints, scalar, to_i64, transpose
from minirt.build.network import LayerCell, NetworkCells, TensorCell
from minirt.build.scope import STRUCTURES, Scope, needs_of
from minirt.errors import ApiError
from minirt.ir.graph import Graph, Input, constant
from minirt.ir.op import Value, apply
from minirt.ir.weights import is_fixed
from minirt.ops.importer import IMPORTERS, OnnxNode
from minirt.types.dtype import bool_, i64
from minirt.types.tensor import Type


@dataclass(eq=False)
class LoopCell:
    """A loop: its boundary layers by kind."""

    network: NetworkCells
    name: str
    recurrences: list[LayerCell] = field(default_factory=list)
    iterators: list[LayerCell] = field(default_factory=list)
    limits: list[LayerCell] = field(default_factory=list)
    outputs: list[LayerCell] = field(default_factory=list)

    @property
    def sink(self) -> Any:
        """Where the network reports."""
        return self.network.sink

    def limit(self, kind: str) -> TensorCell | None:
        """Return the tensor of the trip limit of a kind, None where there is none."""
        return next((layer.operand(0) for layer in self.limits if layer.fields["kind"] == kind), None)


@dataclass(eq=False)
class ConditionalCell:
    """A conditional: its condition, and its boundary layers."""

    network: NetworkCells
    name: str
    condition: LayerCell | None = None
    inputs: list[LayerCell] = field(default_factory=list)
    outputs: list[LayerCell] = field(default_factory=list)

    @property
    def sink(self) -> Any:
        """Where the network reports."""
        return self.network.sink


def given(layer: LayerCell, index: int) -> TensorCell:
    """Return an operand of a boundary layer; raises ApiError where it is not set."""
    found = layer.operand(index)
    if found is None:
        raise ApiError(f"input {index} is not set", layer.name)
    return found


def frontier(roots: Iterable[TensorCell], boundary: set[TensorCell]) -> list[TensorCell]:
    """Return the tensors that computing the roots reads from outside of a body with these boundary tensors."""
    order: list[TensorCell] = []
    seen: set[TensorCell] = set(boundary)
    stack = [(t, False) for t in roots]
    while stack:
        tensor, ready = stack.pop()
        if ready:
            order.append(tensor)
        elif tensor not in seen:
            seen.add(tensor)
            stack.append((tensor, True))
            stack.extend((t, False) for t in needs_of(tensor))
    inside = set(boundary)
    for tensor in order:
        if any(t in inside for t in needs_of(tensor)):
            inside.add(tensor)
    read = [t for tensor in order if tensor in inside for t in needs_of(tensor)]
    return list(dict.fromkeys(t for t in (*read, *roots) if t not in inside))


# Loops


def _boundary(loop: LoopCell) -> set[TensorCell]:
    return {layer.outputs[0] for layer in (*loop.recurrences, *loop.iterators)}


def _roots(loop: LoopCell) -> list[TensorCell]:
    nexts = [given(layer, 1) for layer in loop.recurrences]
    condition = loop.limit("WHILE")
    return [*nexts, *(given(layer, 0) for layer in loop.outputs), *([condition] if condition else [])]


def _loop_needs(layer: LayerCell) -> list[TensorCell]:
    loop: LoopCell = layer.extras["loop"]
    first = [given(part, 0) for part in (*loop.recurrences, *loop.iterators)]
    count = loop.limit("COUNT")
    outside = frontier(_roots(loop), _boundary(loop))
    return list(dict.fromkeys([*first, *([count] if count else []), *outside]))


class _Body:
    """A loop's body in the making: values of outer tensors, of iterators at an iteration, of recurrences."""

    def __init__(self, loop: LoopCell, scope: Scope) -> None:
        self.loop = loop
        self.outer = {t: scope.known[t] for t in frontier(_roots(loop), _boundary(loop))}
        self.sources = [scope.known[given(layer, 0)] for layer in loop.iterators]

    def scope(
        self, outer: dict[TensorCell, Value], sources: Sequence[Value], step: Value, states: Sequence[Value]
    ) -> Scope:
        """Return the values inside of one iteration."""
        known = dict(outer)
        for layer, source in zip(self.loop.iterators, sources, strict=True):
            known[layer.outputs[0]] = _slice(source, layer, step)
        known |= {layer.outputs[0]: v for layer, v in zip(self.loop.recurrences, states, strict=True)}
        return Scope(known)

    def import_body(self, name: str, types: Sequence[Type]) -> tuple[Graph, tuple[Value, ...]]:
        """Return the body for these types of iteration, condition and recurrences, and what it captures."""
        labels = ["iteration", "condition", *(f"recurrence_{i}" for i in range(len(types) - 2))]
        inputs = [apply(Input(f"{self.loop.name}/{n}", t)) for n, t in zip(labels, types, strict=True)]
        captures: list[Value] = []
        fixed = {t: self._inside(v, inputs, captures) for t, v in self.outer.items()}
        sources = [self._inside(v, inputs, captures) for v in self.sources]
        step, states = inputs[0], inputs[2 : len(types)]
        scope = self.scope(fixed, sources, step, states)
        nexts = [
            cast(scope.value(given(layer, 1)), s.dtype) for layer, s in zip(self.loop.recurrences, states, strict=True)
        ]
        pieces = [scope.value(given(layer, 0)) for layer in self.loop.outputs if not _is_last(layer, self.loop)]
        going = constant(np.asarray(True), bool_)
        condition = self.loop.limit("WHILE")
        if condition is not None:
            later = self.scope(fixed, sources, emit("Add", step, scalar(1, step)), nexts)
            going = _flag(later.value(condition))
        outputs = [going, *nexts, *pieces]
        return Graph(self.loop.name, inputs, outputs, [f"out_{i}" for i in range(len(outputs))]), tuple(captures)

    def _inside(self, value: Value, inputs: list[Value], captures: list[Value]) -> Value:
        """Return an outer value inside of the body: a constant as it is, another as one more input."""
        if is_fixed(value):
            return value
        if value in captures:
            return inputs[len(inputs) - len(captures) + captures.index(value)]
        made = apply(Input(f"{self.loop.name}/capture_{len(captures)}", value.type))
        captures.append(value)
        inputs.append(made)
        return made


def _slice(source: Value, layer: LayerCell, step: Value) -> Value:
    """Return an iterator's slice at an iteration; past the end, which only a last condition reads, the last one."""
    axis = int(layer.fields["axis"])
    count = emit("Gather", emit("Shape", source), constant(np.asarray(axis, np.int64)), axis=0)
    last = emit("Sub", count, scalar(1, count))
    place = emit("Min", step, last)
    if layer.fields["reverse"]:
        place = emit("Sub", last, place)
    return emit("Gather", source, place, axis=axis)


def _flag(value: Value) -> Value:
    """Return a condition as one bool."""
    made = cast(value, bool_)
    return made if made.rank == 0 else emit("Reshape", made, ints([]))


def _is_last(layer: LayerCell, loop: LoopCell) -> bool:
    """Return whether a loop output is the last value of a recurrence."""
    starts = [r.outputs[0] for r in loop.recurrences]
    return layer.fields["kind"] == "LAST_VALUE" and any(t is given(layer, 0) for t in starts)


def _make_loop(layer: LayerCell, scope: Scope) -> None:
    """Set the values of all outputs of a loop."""
    loop: LoopCell = layer.extras["loop"]
    count, condition = loop.limit("COUNT"), loop.limit("WHILE")
    if count is None and condition is None:
        raise ApiError("it has no trip limit", loop.name, "call add_trip_limit")
    body = _Body(loop, scope)
    first = [scope.known[given(r, 0)] for r in loop.recurrences]
    trip = None if count is None else emit("Reshape", to_i64(scope.known[count]), ints([]))
    go = None
    if condition is not None:
        zero = constant(np.asarray(0, np.int64), i64)
        go = _flag(body.scope(body.outer, body.sources, zero, first).value(condition))
    stacked = [out for out in loop.outputs if not _is_last(out, loop)]
    outputs = len(first) + len(stacked)
    node = OnnxNode("Loop", loop.name, 21, (trip, go, *first), {}, outputs, "", body.import_body)
    made = IMPORTERS["", "Loop"](node)
    results = [made] if isinstance(made, Value) else list(made)
    starts = [r.outputs[0] for r in loop.recurrences]
    stacks = iter(results[len(first) :])
    for out in loop.outputs:
        if _is_last(out, loop):
            place = next(i for i, t in enumerate(starts) if t is given(out, 0))
            scope.put(out, [results[place]])
        else:
            scope.put(out, [_stack(out, next(stacks))])


def _stack(layer: LayerCell, stack: Value) -> Value:
    """Return what a loop output makes of the slices, which lie along axis 0."""
    kind, axis = layer.fields["kind"], int(layer.fields["axis"])
    if kind == "LAST_VALUE":
        return emit("Gather", stack, constant(np.asarray(-1, np.int64)), axis=0)
    if kind == "REVERSE":
        stack = emit("Slice", stack, ints([-1]), ints([-(1 << 40)]), ints([0]), ints([-1]))
    order = list(range(1, stack.rank))
    order.insert(axis, 0)
    return transpose(stack, order)


def _first(layer: LayerCell) -> list[TensorCell]:
    return [given(layer, 0)]


def _make_recurrence(layer: LayerCell, scope: Scope) -> None:
    scope.put(layer, [scope.known[given(layer, 0)]])


def _make_iterator(layer: LayerCell, scope: Scope) -> None:
    zero = constant(np.asarray(0, np.int64), i64)
    scope.put(layer, [emit("Gather", scope.known[given(layer, 0)], zero, axis=int(layer.fields["axis"]))])


# Conditionals


def _arms(cell: ConditionalCell) -> tuple[list[TensorCell], list[TensorCell]]:
    """Return what the two branches compute."""
    return [given(out, 0) for out in cell.outputs], [given(out, 1) for out in cell.outputs]


def _entries(cell: ConditionalCell) -> set[TensorCell]:
    return {layer.outputs[0] for layer in cell.inputs}


def _if_needs(layer: LayerCell) -> list[TensorCell]:
    cell: ConditionalCell = layer.extras["conditional"]
    if cell.condition is None:
        raise ApiError("its condition is not set", cell.name, "call set_condition")
    arms = _arms(cell)
    outside = frontier([*arms[0], *arms[1]], _entries(cell))
    return list(dict.fromkeys([given(cell.condition, 0), *(given(i, 0) for i in cell.inputs), *outside]))


class _Branches:
    """The branches of a conditional in the making."""

    def __init__(self, cell: ConditionalCell, scope: Scope) -> None:
        self.cell = cell
        arms = _arms(cell)
        self.arms = dict(zip(("then_branch", "else_branch"), arms, strict=True))
        self.outer = {t: scope.known[t] for t in frontier([*arms[0], *arms[1]], _entries(cell))}
        self.outer |= {layer.outputs[0]: scope.known[given(layer, 0)] for layer in cell.inputs}

    def import_body(self, name: str, types: Sequence[Type]) -> tuple[Graph, tuple[Value, ...]]:
        """Return a branch, and what it captures."""
        captures: dict[Value, Value] = {}
        known: dict[TensorCell, Value] = {}
        for tensor, value in self.outer.items():
            if not is_fixed(value) and value not in captures:
                captures[value] = apply(Input(f"{self.cell.name}/capture_{len(captures)}", value.type))
            known[tensor] = captures.get(value, value)
        scope = Scope(known)
        outputs = [scope.value(t) for t in self.arms[name]]
        graph = Graph(self.cell.name, list(captures.values()), outputs, [f"out_{i}" for i in range(len(outputs))])
        return graph, tuple(captures)


def _make_if(layer: LayerCell, scope: Scope) -> None:
    """Set the values of all outputs of a conditional."""
    cell: ConditionalCell = layer.extras["conditional"]
    assert cell.condition is not None
    condition = _flag(scope.known[given(cell.condition, 0)])
    branches = _Branches(cell, scope)
    node = OnnxNode("If", cell.name, 21, (condition,), {}, len(cell.outputs), "", branches.import_body)
    made = IMPORTERS["", "If"](node)
    results = [made] if isinstance(made, Value) else list(made)
    for out, value in zip(cell.outputs, results, strict=True):
        scope.put(out, [value])


STRUCTURES.update(
    {
        "LOOP_OUTPUT": (_loop_needs, _make_loop),
        "RECURRENCE": (_first, _make_recurrence),
        "ITERATOR": (_first, _make_iterator),
        "CONDITIONAL_OUTPUT": (_if_needs, _make_if),
        "CONDITIONAL_INPUT": (_first, _make_recurrence),
    }
)
