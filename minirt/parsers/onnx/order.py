"""Nodes sorted so that operands come before users, and what is wrong where that cannot be done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from minirt.errors import ModelFormatError
from minirt.parsers.onnx.model import ParsedNode


def in_order(nodes: Sequence[ParsedNode], known: Iterable[str], graph: str) -> tuple[list[ParsedNode], list[str]]:
    """The nodes, operands first and otherwise in the file's order, and the names that nothing here makes.

    Raises ModelFormatError, naming nodes, where a name is made twice or nodes form a cycle.
    """
    maker: dict[str, ParsedNode | None] = dict.fromkeys(known)
    for node in nodes:
        for name in node.outputs:
            if name and name in maker:
                first = maker[name]
                by = f"node {first.name!r}" if first is not None else "an input or initializer"
                raise ModelFormatError(f"value {name!r} is made twice: by {by} and by node {node.name!r}", graph)
            if name:
                maker[name] = node
    free = [n for n in dict.fromkeys(o for node in nodes for o in node.operands) if n and n not in maker]
    return _sorted(nodes, maker, graph), free


def _sorted(nodes: Sequence[ParsedNode], maker: dict[str, ParsedNode | None], graph: str) -> list[ParsedNode]:
    state: dict[ParsedNode, bool] = {}  # True while its operands are being placed
    order: list[ParsedNode] = []
    for root in nodes:
        stack = [(root, False)]
        while stack:
            node, ready = stack.pop()
            if ready:
                state[node] = False
                order.append(node)
                continue
            if node in state:
                continue
            state[node] = True
            stack.append((node, True))
            for name in reversed(node.operands):
                before = maker.get(name) if name else None
                if before is None or state.get(before) is False:
                    continue
                if before in state:
                    raise ModelFormatError(f"nodes form a cycle: {_cycle(before, maker)}", graph)
                stack.append((before, False))
    return order


def _cycle(start: ParsedNode, maker: dict[str, ParsedNode | None]) -> str:
    """One way from the node back to itself, breadth first."""
    before: dict[ParsedNode, ParsedNode] = {}
    queue = [start]
    for node in queue:
        for name in node.operands:
            source = maker.get(name) if name else None
            if source is start:
                path = [node]
                while path[-1] is not start:
                    path.append(before[path[-1]])
                return " <- ".join(repr(n.name) for n in [start, *path])
            if source is not None and source not in before:
                before[source] = node
                queue.append(source)
    return repr(start.name)
