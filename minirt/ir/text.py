"""Graphs as text: one node a line, and the reader of what the printer writes.

::

    graph resnet
    %0 = Input() ["Input",1,{"label":"x","type":{"type":["f32",["N","3"],[]]}}] []
    %1 = Relu(%0) ["Relu",1,{}] ["relu_1"] : f32[N,3]
    inputs %0
    outputs y=%1
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from operator import attrgetter

from minirt.errors import EngineFormatError, GraphError, MinirtError
from minirt.ir.encode import decode_op, encode_op
from minirt.ir.graph import Constant, Data, Graph
from minirt.ir.op import Value, apply_all, origin

_NODE = re.compile(r"%(\d+) = \w+\(([^)]*)\) (\[.*\]) : .*$")
_MAX_DEPTH = 16


def print_graph(graph: Graph, depth: int = 0) -> str:
    """The graph as text; constants appear by digest (see ``blobs_of``).

    Raises GraphError where graphs are nested so deeply that ``parse_graph`` would refuse the text.
    """
    if depth > _MAX_DEPTH:
        raise GraphError(f"loops and conditionals are nested more than {_MAX_DEPTH} deep", graph.name)
    lines = [f"graph {json.dumps(graph.name)}"]
    place: dict[Value, str] = {}
    nodes = list(dict.fromkeys([*(v.node for v in graph.inputs), *graph.nodes]))

    def deeper(inner: Graph) -> str:
        return print_graph(inner, depth + 1)

    for number, node in enumerate(nodes):
        for value in node.outputs:
            place[value] = f"%{number}" + (f":{value.index}" if value.index else "")
        operands = ", ".join(place[v] for v in node.inputs)
        written = json.dumps([encode_op(node.op, deeper), list(node.origin)], separators=(",", ":"))
        types = ", ".join(str(v.type) for v in node.outputs)
        lines.append(f"%{number} = {node.op.name}({operands}) {written} : {types}")
    lines.append("inputs " + " ".join(place[v] for v in graph.inputs))
    lines.append("outputs " + json.dumps([[n, place[v]] for n, v in zip(graph.names, graph.outputs, strict=True)]))
    return "\n".join(lines) + "\n"


def blobs_of(graph: Graph) -> dict[str, Data]:
    """Every constant of the graph and of the graphs in its ops' fields, by digest."""
    found: list[Data] = []
    stack = [graph]
    while stack:
        for node in stack.pop().nodes:
            if isinstance(node.op, Constant):
                found.append(node.op.data)
            stack.extend(f for f in node.op.fields().values() if isinstance(f, Graph))
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # each digest is of megabytes, maybe
        return dict(zip(pool.map(attrgetter("digest"), found), found, strict=True))


def parse_graph(text: str, blobs: Mapping[str, Data], depth: int = 0) -> Graph:
    """The graph that prints as ``text``; types are inferred anew.  Raises EngineFormatError for anything else."""
    try:
        return _parse(text, blobs, depth)
    except (KeyError, ValueError, TypeError, IndexError, RecursionError) as error:
        raise EngineFormatError(f"graph text is damaged: {error}") from error
    except EngineFormatError:
        raise
    except MinirtError as error:
        raise EngineFormatError(f"graph text holds an ill-typed node: {error}") from error


def _parse(text: str, blobs: Mapping[str, Data], depth: int) -> Graph:
    if depth > _MAX_DEPTH:
        raise EngineFormatError(f"graphs nest deeper than {_MAX_DEPTH}")
    head, *lines = text.rstrip("\n").split("\n")
    *nodes, inputs, outputs = lines
    made: dict[str, Value] = {}
    for number, line in enumerate(nodes):
        found = _NODE.match(line)
        if found is None or int(found[1]) != number:
            raise EngineFormatError(f"not a node: {line[:80]!r}")
        written, names = json.loads(found[3])
        op = decode_op(written, lambda t: parse_graph(t, blobs, depth + 1), blobs)
        operands = [made[n] for n in found[2].split(", ")] if found[2] else []
        with origin(tuple(str(n) for n in names)):
            for value in apply_all(op, *operands):
                made[f"%{number}" + (f":{value.index}" if value.index else "")] = value
    if not head.startswith("graph ") or not inputs.startswith("inputs") or not outputs.startswith("outputs "):
        raise EngineFormatError("graph text lacks its name, inputs or outputs")
    results = json.loads(outputs.removeprefix("outputs "))
    return Graph(
        json.loads(head.removeprefix("graph ")),
        [made[n] for n in inputs.split()[1:]],
        [made[p] for _, p in results],
        [n for n, _ in results],
    )
