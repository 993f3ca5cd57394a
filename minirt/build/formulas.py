"""Formulas of weights: how what a plan holds follows from a network's own weights, kept in the engine as text."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence

from minirt.ir.graph import Data, Graph, Input, constant, rebuild
from minirt.ir.op import Node, Value, apply, reapply
from minirt.ir.text import parse_graph, print_graph
from minirt.ir.weights import Parameter, Weights, parameters_of
from minirt.ops.evaluate import evaluate
from minirt.types.dtype import Array
from minirt.types.tensor import Tensor

Formulas = Mapping[str, Value]
"""Results of formulas, by the name that plans know the weights by."""


def name_of(op: Weights) -> str:
    """The name of weights in plans: SHA-256 of their formula."""
    return hashlib.sha256(print_graph(op.formula).encode()).hexdigest()


def joined(formulas: Formulas) -> Graph:
    """One graph of all formulas, which share what they have in common."""
    return Graph("weights", (), tuple(formulas.values()), tuple(formulas))


def read_formulas(text: str, blobs: Mapping[str, Data]) -> dict[str, Value]:
    """The formulas of a joined graph's text; raises EngineFormatError where it is damaged."""
    graph = parse_graph(text, blobs)
    return dict(zip(graph.names, graph.outputs, strict=True))


def readers(formulas: Formulas) -> dict[str, frozenset[str]]:
    """Names of the parameters that each formula reads."""
    return {name: frozenset(parameters_of([result])) for name, result in formulas.items()}


def results_in(graph: Graph) -> list[Value]:
    """Results of the formulas of all weights in a graph, and in the graphs in its ops' fields."""
    found: list[Value] = []
    stack = [graph]
    while stack:
        for node in stack.pop().nodes:
            if isinstance(node.op, Weights):
                found.append(node.op.result)
            else:
                stack.extend(f for f in node.op.fields().values() if isinstance(f, Graph))
    return found


def filled(graph: Graph, numbers: Callable[[str, Tensor], Array]) -> Graph:
    """The graph with numbers for its parameters, given by name and type: all weights are constants."""

    def visit(node: Node, operands: tuple[Value, ...]) -> Sequence[Value]:
        if isinstance(node.op, Weights):
            result = node.op.result
            given = {n: numbers(n, t) for n, t in parameters_of([result]).items()}
            return (constant(Evaluation({"": result})([""], given)[""], result.dtype),)
        bodies = {k: filled(f, numbers) for k, f in node.op.fields().items() if isinstance(f, Graph)}
        return reapply(node, node.op.replace(**bodies) if bodies else node.op, operands)

    return rebuild(graph, visit) if results_in(graph) else graph


class Evaluation:
    """Formulas made ready to be computed again and again; only those asked for are."""

    def __init__(self, formulas: Formulas) -> None:
        inputs: dict[str, Value] = {}

        def visit(node: Node, operands: tuple[Value, ...]) -> Sequence[Value]:
            if isinstance(node.op, Parameter):
                op = node.op
                return (inputs.setdefault(op.label, apply(Input(op.label, op.type))),)
            return reapply(node, node.op, operands)

        made = rebuild(joined(formulas), visit)
        self._results = dict(zip(made.names, made.outputs, strict=True))
        self._inputs = inputs

    def __call__(self, names: Sequence[str], numbers: Mapping[str, Array]) -> dict[str, Array]:
        """The numbers that these formulas give for those of the parameters, which ``numbers`` holds by name."""
        graph = Graph("weights", tuple(self._inputs.values()), [self._results[n] for n in names], names)
        return dict(zip(names, evaluate(graph, numbers), strict=True))
