"""Refitting: an engine keeps its network with weights as parameters, and is built again with other numbers.

While such a network is frozen every float weight becomes a graph input, so that nothing reads its numbers; the graph is
stored beside the plans. To build, or to build again, the inputs are replaced by constants. Either all of it happens or
nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from minirt.build.build import build
from minirt.build.freeze import freeze
from minirt.build.load import Package
from minirt.build.network import NetworkCells
from minirt.build.options import Options
from minirt.errors import ApiError, EngineFormatError, MinirtError
from minirt.ir.graph import Data, Graph, Input, rebuild
from minirt.ir.graph import constant as constant_value
from minirt.ir.op import Node, Value, apply, apply_all
from minirt.ir.text import blobs_of, parse_graph, print_graph
from minirt.kernels.kernel import Target
from minirt.plan.format import read_sections, write_sections
from minirt.types.dtype import Array, DType, dtype_of

PREFIX = "weights:"
_SMALL = 16


@dataclass(frozen=True)
class Parameter:
    """Weights that can be replaced: whose they are, what they are to it, and their numbers now."""

    layer: str
    role: str
    data: Data


@dataclass
class Parameters:
    """Gathers the weights of a network while it is frozen; small ones may be left alone."""

    least: int = 0
    found: dict[str, Parameter] = field(default_factory=dict)

    def value(self, name: str, array: Array, dtype: DType, layer: str, role: str) -> Value | None:
        """Return weights as a graph input; None for those that stay constants."""
        if not dtype.is_float or array.size <= self.least:
            return None
        label = name or f"{layer} {role}"
        known = self.found.get(label)
        data = Data(np.array(array), dtype)
        if known is not None and known.data.type != data.type:
            return None
        self.found[label] = Parameter(layer, role, data)
        return apply(Input(PREFIX + label, data.type))


def build_refittable(network: NetworkCells, options: Options) -> bytes:
    """Return an engine of a network that can be built again with other weights."""
    graph, found = _parameterized(network)
    data = build(bound(graph, {n: p.data for n, p in found.items()}), options)
    return _with_source(data, graph, found)


def _parameterized(network: NetworkCells) -> tuple[Graph, dict[str, Parameter]]:
    """Freeze with weights as inputs; where some layer needs the numbers of small ones, those stay constants."""
    try:
        return _frozen(network, Parameters())
    except MinirtError:
        return _frozen(network, Parameters(_SMALL))


def _frozen(network: NetworkCells, parameters: Parameters) -> tuple[Graph, dict[str, Parameter]]:
    network.changed()
    network.parameters = parameters
    try:
        return freeze(network), parameters.found
    finally:
        network.parameters = None
        network.changed()


def bound(graph: Graph, numbers: Mapping[str, Data]) -> Graph:
    """Return a graph with weights in place of its parameters."""

    def visit(node: Node, operands: tuple[Value, ...]) -> tuple[Value, ...]:
        op = node.op
        if isinstance(op, Input) and op.label.startswith(PREFIX):
            data = numbers[op.label.removeprefix(PREFIX)]
            return (constant_value(data.array, data.dtype),)
        return apply_all(op, *operands)

    made = rebuild(graph, visit)
    return Graph(made.name, [v for v in made.inputs if isinstance(v.op, Input)], made.outputs, made.names)


def _with_source(data: bytes, graph: Graph, found: Mapping[str, Parameter]) -> bytes:
    """Return an engine with the graph that it can be built from again, and the numbers it was built with."""
    sections: dict[str, Any] = dict(read_sections(data))
    whole = Graph(graph.name, graph.inputs, graph.outputs, graph.names)
    held = {**blobs_of(whole), **{p.data.digest: p.data for p in found.values()}}
    about = {
        "weights": {n: [p.layer, p.role, p.data.digest] for n, p in found.items()},
        "blobs": {d: [b.dtype.name, list(b.array.shape)] for d, b in sorted(held.items())},
    }
    sections["refit/about"] = json.dumps(about, separators=(",", ":")).encode()
    sections["refit/graph"] = print_graph(whole).encode()
    for digest, blob in sorted(held.items()):
        if f"blob/{digest}" not in sections:
            sections[f"refit/blob/{digest}"] = np.ascontiguousarray(blob.array).tobytes()
    return write_sections(sections)


class Source:
    """What a refittable engine can be built from again."""

    def __init__(self, data: bytes) -> None:
        """Raises EngineFormatError for an engine that is not refittable."""
        self.data = data
        sections = read_sections(data)
        if "refit/about" not in sections:
            raise EngineFormatError("the engine is not refittable", fix="build it with BuilderFlag.REFIT")
        try:
            about = json.loads(bytes(sections["refit/about"]))
            self._blobs = {d: _blob(sections, d, row) for d, row in about["blobs"].items()}
            rows = about["weights"].items()
            self.weights: dict[str, Parameter] = {
                n: Parameter(layer, role, self._blobs[d]) for n, (layer, role, d) in rows
            }
            self._text = bytes(sections["refit/graph"]).decode()
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise EngineFormatError(f"the engine's weights cannot be read: {error}") from error

    def named(self, layer: str, role: str) -> str:
        """Return the name of the weights of a layer; raises ApiError where there are none of that role."""
        for name, parameter in self.weights.items():
            if parameter.layer == layer and role in (parameter.role, "ANY"):
                return str(name)
        raise ApiError(f"there are no {role} weights that can be refitted", f"layer '{layer}'")

    def rebuilt(self, numbers: Mapping[str, Array], target: Target) -> bytes:
        """Return the engine built again with some weights replaced; raises ApiError where their sizes differ."""
        found = dict(self.weights)
        for name, array in numbers.items():
            old = found[name].data
            if array.size != old.array.size:
                raise ApiError(f"{array.size} numbers replace {old.array.size}", f"weights '{name}'")
            fresh = np.array(array).reshape(old.array.shape).astype(old.dtype.numpy)
            found[name] = replace(found[name], data=Data(fresh, old.dtype))
        graph = parse_graph(self._text, self._blobs)
        package = Package(self.data)
        about = package.about
        options = replace(package.options(target), name=about["name"], verbosity=about["verbosity"])
        data = build(bound(graph, {n: p.data for n, p in found.items()}), options)
        return _with_source(data, graph, found)


def _blob(sections: Mapping[str, memoryview], digest: str, row: Any) -> Data:
    dtype, shape = dtype_of(row[0]), tuple(int(n) for n in row[1])
    raw = sections[f"blob/{digest}" if f"blob/{digest}" in sections else f"refit/blob/{digest}"]
    return Data.trusted(np.frombuffer(raw, dtype.numpy).reshape(shape), dtype, digest)
