"""Loops and conditionals, and their boundary layers."""

from __future__ import annotations

from typing import Any

from minirt.api.declare import attr, method
from minirt.api.dialect import Api, dialect_of, wrap
from minirt.api.fields import field, held, reading, shown
from minirt.api.layer import ILayer
from minirt.api.layer_enums import LoopOutput, TripLimit
from minirt.api.network_adding import Adding, title_of
from minirt.api.tensor import ITensor
from minirt.build.layers.control import ConditionalCell, LoopCell
from minirt.build.network import LayerCell


def _rename(owner: Any, name: str) -> None:
    owner._state.network.changed()
    owner._state.name = name


def _join(owner: Any, kind: str, tensors: list[ITensor], outputs: int, /, **fields: Any) -> LayerCell:
    """Add a boundary layer to a loop or conditional."""
    network = owner._state.network
    network.changed()
    kept = {name: held(value) for name, value in fields.items()}
    cell: LayerCell = network.add(kind, title_of(kind), [t._state for t in tensors], kept, outputs)
    cell.extras["loop" if isinstance(owner._state, LoopCell) else "conditional"] = owner._state
    return cell


class ILoopBoundaryLayer(ILayer):
    """A layer at the edge of a loop."""

    loop = attr(lambda self: wrap(ILoop, self._state.extras["loop"], dialect_of(self)), doc="The loop.")


class IRecurrenceLayer(ILoopBoundaryLayer):
    """A value that each iteration hands to the next: input 0 is the first one, input 1 the next one."""


class IIteratorLayer(ILoopBoundaryLayer):
    """A slice of a tensor for each iteration."""

    axis = field("axis", int, "The axis that is sliced.")
    reverse = field("reverse", bool, "Whether it runs from the end.")


class ITripLimitLayer(ILoopBoundaryLayer):
    """What ends a loop."""

    kind = reading("kind", TripLimit, "A count, or a condition.")


class ILoopOutputLayer(ILoopBoundaryLayer):
    """What comes out of a loop."""

    kind = reading("kind", LoopOutput, "The last value, or all values along an axis.")
    axis = field("axis", int, "The axis that values lie along.")


class ILoop(Api):
    """A loop: layers between its recurrences and iterators and its outputs run again and again."""

    _state: LoopCell
    name = attr(lambda self: self._state.name, _rename, str, "The name.")

    @method()
    def add_recurrence(self, initial_value: ITensor) -> IRecurrenceLayer:
        """Add a value that each iteration hands to the next; set input 1 to what it hands on."""
        cell = _join(self, "RECURRENCE", [initial_value], 1)
        self._state.recurrences.append(cell)
        return shown(IRecurrenceLayer, cell, self)  # type: ignore[no-any-return]

    @method()
    def add_trip_limit(self, tensor: ITensor, kind: TripLimit) -> ITripLimitLayer:
        """Add what ends the loop: a count from outside, or a condition from inside."""
        cell = _join(self, "TRIP_LIMIT", [tensor], 0, kind=kind)
        self._state.limits.append(cell)
        return shown(ITripLimitLayer, cell, self)  # type: ignore[no-any-return]

    @method()
    def add_iterator(self, tensor: ITensor, axis: int = 0, reverse: bool = False) -> IIteratorLayer:
        """Add a slice of a tensor for each iteration."""
        cell = _join(self, "ITERATOR", [tensor], 1, axis=axis, reverse=reverse)
        self._state.iterators.append(cell)
        return shown(IIteratorLayer, cell, self)  # type: ignore[no-any-return]

    @method()
    def add_loop_output(self, tensor: ITensor, kind: LoopOutput, axis: int = 0) -> ILoopOutputLayer:
        """Add what comes out: the last value, or all along an axis, with their number as input 1."""
        cell = _join(self, "LOOP_OUTPUT", [tensor], 1, kind=kind, axis=axis)
        self._state.outputs.append(cell)
        return shown(ILoopOutputLayer, cell, self)  # type: ignore[no-any-return]


class IIfConditionalBoundaryLayer(ILayer, since=8):
    """A layer at the edge of a conditional."""

    conditional = attr(
        lambda self: wrap(IIfConditional, self._state.extras["conditional"], dialect_of(self)), doc="The conditional."
    )


class IConditionLayer(IIfConditionalBoundaryLayer, since=8):
    """The condition of a conditional."""


class IIfConditionalInputLayer(IIfConditionalBoundaryLayer, since=8):
    """A tensor that goes into the branches of a conditional."""


class IIfConditionalOutputLayer(IIfConditionalBoundaryLayer, since=8):
    """A tensor that comes out of the branch taken."""


class IIfConditional(Api, since=8):
    """A conditional: layers between its inputs and outputs run in the branch that is taken."""

    _state: ConditionalCell
    name = attr(lambda self: self._state.name, _rename, str, "The name.")

    @method()
    def set_condition(self, condition: ITensor) -> IConditionLayer:
        """Set the condition: one bool."""
        cell = _join(self, "CONDITION", [condition], 0)
        self._state.condition = cell
        return shown(IConditionLayer, cell, self)  # type: ignore[no-any-return]

    @method()
    def add_input(self, input: ITensor) -> IIfConditionalInputLayer:
        """Add a tensor that goes into the branches."""
        cell = _join(self, "CONDITIONAL_INPUT", [input], 1)
        self._state.inputs.append(cell)
        return shown(IIfConditionalInputLayer, cell, self)  # type: ignore[no-any-return]

    @method()
    def add_output(self, true_subgraph_output: ITensor, false_subgraph_output: ITensor) -> IIfConditionalOutputLayer:
        """Add a tensor that comes out: of one branch where the condition holds, else of the other."""
        cell = _join(self, "CONDITIONAL_OUTPUT", [true_subgraph_output, false_subgraph_output], 1)
        self._state.outputs.append(cell)
        return shown(IIfConditionalOutputLayer, cell, self)  # type: ignore[no-any-return]


class ControlAdding(Adding):
    """The part of INetworkDefinition that adds loops and conditionals."""

    def _count(self, what: str) -> int:
        found = self._state.extras.get(what, 0)
        self._state.extras[what] = found + 1
        return int(found)

    @method()
    def add_loop(self) -> ILoop:
        """Add a loop."""
        cell = LoopCell(self._state, f"(Unnamed Loop* {self._count('loops')})")
        return wrap(ILoop, cell, dialect_of(self))

    @method(since=8)
    def add_if_conditional(self) -> IIfConditional:
        """Add a conditional."""
        cell = ConditionalCell(self._state, f"(Unnamed If Conditional* {self._count('conditionals')})")
        return wrap(IIfConditional, cell, dialect_of(self))
