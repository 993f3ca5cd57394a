"""The rewriting driver: an iterative bottom-up sweep, repeated until no rule fires."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from minirt.errors import MinirtError
from minirt.ir.graph import Graph
from minirt.ir.match import Operand, Pattern, match
from minirt.ir.op import Node, Op, Value, apply_all, origin
from minirt.ir.substitute import specialize
from minirt.trace import Detail, say
from minirt.types.dim import Dim, symbols
from minirt.types.evaluate import substitute
from minirt.types.tensor import Tensor

MAX_SWEEPS = 64


@dataclass(frozen=True)
class Rule:
    """A pattern and the function that returns the replacement, or None to decline."""

    pattern: Pattern
    function: Callable[..., Value | Sequence[Value] | None]
    asks_uses: bool = False
    """True where the function also takes ``uses``: how many nodes read each value."""

    @property
    def name(self) -> str:
        """The function's name: a sentence."""
        return self.function.__name__


def rule(pattern: Pattern) -> Callable[[Callable[..., Value | Sequence[Value] | None]], Rule]:
    """Declares a rule; the function's parameters are the pattern's names (and ``uses``, if it asks for them)."""
    return lambda function: Rule(pattern, function, "uses" in inspect.signature(function).parameters)


class _Sweep:
    """One pass over a graph: each node is remade at most once, then offered to the rules for its op class."""

    def __init__(self, graph: Graph, rules: dict[type[Op], list[Rule]]) -> None:
        self.graph, self.rules = graph, rules
        self.made: dict[Value, Value] = {}
        self.uses: dict[Value, int] = {}
        self.fired: Counter[str] = Counter()
        self.learned: dict[str, Dim] = {}

    def run(self) -> Graph:
        """The graph after one pass; what it taught of data-dependent dims is put to use everywhere."""
        graph = self._pass()
        for _ in self.learned:  # one may be told by another
            self.learned = {k: substitute(v, self.learned) for k, v in self.learned.items()}
        return specialize(graph, self.learned) if self.learned else graph

    def _pass(self) -> Graph:
        for value in self.graph.inputs:
            self.made[value] = value
        for node in self.graph.nodes:
            if node.outputs and node.outputs[0] in self.made:
                continue
            for old, new in zip(node.outputs, self._node(node), strict=True):
                self.made[old] = new
                self._learn(old, new)
                self.uses[new] = self.uses.get(new, 0) + self.graph.uses.get(old, 0)
        return self.graph.with_outputs([self.made[v] for v in self.graph.outputs])

    def _learn(self, old: Value, new: Value) -> None:
        if old is new or not isinstance(old.type, Tensor) or not isinstance(new.type, Tensor):
            return
        for before, after in zip(old.shape, new.shape, strict=True):
            name = str(before)
            if before is not after and {name} == symbols(before) - self.graph.dims and name not in symbols(after):
                self.learned.setdefault(name, after)

    def _node(self, node: Node) -> Sequence[Value]:
        inputs = tuple(self.made[v] for v in node.inputs)
        with origin(node.origin):
            results = node.outputs if inputs == node.inputs else apply_all(node.op, *inputs)
        for candidate in self.rules.get(type(node.op), ()):
            found = match(candidate.pattern, results[0], self.uses)
            if found is None:
                continue
            with origin(_origins(candidate.pattern, results[0], node)):
                replacement = candidate.function(**found, **({"uses": self.uses} if candidate.asks_uses else {}))
            if replacement is None:
                continue
            new = (replacement,) if isinstance(replacement, Value) else tuple(replacement)
            if new != tuple(results):
                _check(candidate, results, new)
                self.fired[candidate.name] += 1
                return new
        return results


def _origins(pattern: Operand, value: Value, node: Node) -> tuple[str, ...]:
    """User names of every node that the pattern covers, the deepest first."""
    names: dict[str, None] = {}
    stack = [(pattern, value)]
    while stack:
        part, at = stack.pop()
        if isinstance(part, Pattern) and isinstance(at.op, part.ops):
            names = dict.fromkeys(at.node.origin) | names
            stack.extend(zip(part.operands, at.node.inputs, strict=False))
    return tuple(names | dict.fromkeys(node.origin))


def _check(fired: Rule, old: Sequence[Value], new: Sequence[Value]) -> None:
    """A rewrite may sharpen a type, never otherwise change it."""
    for before, after in zip(old, new, strict=True):
        if isinstance(before.type, Tensor) and isinstance(after.type, Tensor):
            same = before.dtype is after.dtype and before.rank == after.rank
            if not same or any(
                isinstance(a, int) and isinstance(b, int) and a != b
                for a, b in zip(before.shape, after.shape, strict=True)
            ):
                raise MinirtError(f"rule {fired.name} changes {before.type} to {after.type}", before.node.label)


def rewrite(graph: Graph, rules: Sequence[Rule], name: str = "rewrite") -> Graph:
    """The graph with the rules applied to their fixed point; raises MinirtError naming rules that never stop."""
    by_op = _index(rules, graph)
    for number in range(MAX_SWEEPS):
        sweep = _Sweep(graph, by_op)
        graph = sweep.run()
        say(Detail.RULES, f"{name} sweep {number}: {dict(sweep.fired)}")
        if not sweep.fired and not sweep.learned:
            return graph
        by_op = _index(rules, graph)
    raise MinirtError(f"{name} does not settle: still firing {', '.join(sweep.fired)}", graph.name)


def _index(rules: Sequence[Rule], graph: Graph) -> dict[type[Op], list[Rule]]:
    kinds = {type(n.op) for n in graph.nodes}
    return {k: [r for r in rules if issubclass(k, r.pattern.ops)] for k in kinds}
