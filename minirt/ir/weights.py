"""Weights whose numbers come later: parameters of a refittable network, and formulas over them.

In a graph both are leaves, as constants are.  No rule and no ``infer`` can read their numbers, so what is made of a
graph that holds them stays right whatever the numbers are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minirt.errors import MinirtError
from minirt.ir.graph import Constant, Graph
from minirt.ir.op import Op, Value, apply, apply_all
from minirt.types.tensor import Tensor, Type


class Parameter(Op):
    """Weights by name: their numbers are given when an engine is loaded or refitted.  Found in formulas only."""

    label: str
    type: Tensor

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """The declared type."""
        return (self.type,)

    def reference(self, *arrays: Any) -> Any:
        """Raises MinirtError: only who holds the engine's weights knows the numbers."""
        raise MinirtError("the numbers are not part of the graph", f"weights '{self.label}'")


class Weights(Op):
    """Numbers that follow from parameters by a formula: a graph of one output without inputs."""

    formula: Graph

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """The type of what the formula gives."""
        return (self.result.type,)

    def reference(self, *arrays: Any) -> Any:
        """Raises MinirtError: only who holds the engine's weights knows the numbers."""
        names = ", ".join(parameters_of([self.result]))
        raise MinirtError("the numbers are not part of the graph", f"weights that follow from '{names}'")

    @property
    def result(self) -> Value:
        """The formula's output."""
        return self.formula.outputs[0]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Weights) and self.result is other.result

    def __hash__(self) -> int:
        return hash(self.result)


def parameter(label: str, type: Tensor) -> Value:
    """A parameter as a graph holds it."""
    return held(apply(Parameter(label, type)))


def held(result: Value) -> Value:
    """The result of a formula as a graph holds it; a constant as it is."""
    return result if isinstance(result.op, Constant) else apply(Weights(Graph("", (), (result,), ("weights",))))


def is_fixed(value: Value) -> bool:
    """True for a value whose numbers do not change from run to run: a constant's, or those of weights."""
    return isinstance(value.op, Constant | Weights)


def formula_of(value: Value) -> Value:
    """What weights are computed by; a constant as it is."""
    return value.op.result if isinstance(value.op, Weights) else value


def formulas_over(op: Op, *inputs: Value) -> tuple[Value, ...]:
    """The op's results on fixed operands of which one is weights, as weights."""
    return tuple(held(result) for result in apply_all(op, *map(formula_of, inputs)))


def parameters_of(results: Sequence[Value]) -> dict[str, Tensor]:
    """The parameters that the results of formulas follow from: name and type, each once."""
    found: dict[str, Tensor] = {}
    for node in Graph("", (), results, [""] * len(results)).nodes:
        if isinstance(node.op, Parameter):
            found[node.op.label] = node.op.type
    return found
