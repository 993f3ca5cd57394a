"""A model file, read: graphs of nodes with plain attributes, free of protobuf except where a function is expanded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx

from minirt.ir.graph import Data
from minirt.types.tensor import Type


@dataclass(frozen=True)
class ParsedValue:
    """A named input or output; the type is None where the file does not tell it."""

    name: str
    type: Type | None


@dataclass(frozen=True, eq=False)
class ParsedNode:
    """One ONNX node: ``inputs`` and ``outputs`` are value names, "" where an optional one is absent.

    ``captures`` are the outer values that its bodies read; as operands they follow the inputs.
    """

    name: str
    op_type: str
    domain: str
    opset: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    bodies: Mapping[str, ParsedGraph]
    captures: tuple[str, ...]
    source: onnx.NodeProto = field(repr=False)

    @property
    def operands(self) -> tuple[str, ...]:
        """Names of all operands: inputs, then captures."""
        return self.inputs + self.captures


@dataclass(frozen=True, eq=False)
class ParsedGraph:
    """Inputs without defaults, outputs, named constants and nodes, operands before users."""

    name: str
    inputs: tuple[ParsedValue, ...]
    outputs: tuple[ParsedValue, ...]
    constants: Mapping[str, Data]
    nodes: tuple[ParsedNode, ...]
    captures: tuple[str, ...]

    @property
    def all_constants(self) -> dict[str, Data]:
        """Its constants, those that are nodes, and those of the bodies of its nodes, by name."""
        found: dict[str, Data] = {}
        for node in self.nodes:
            held = [node.attributes[k] for k in ("value", "value_floats") if k in node.attributes]
            array = np.asarray(held[0]) if node.op_type == "Constant" and held else None
            if array is not None and array.dtype != object:
                found[node.outputs[0]] = Data(array if "value" in node.attributes else array.astype(np.float32))
            for body in node.bodies.values():
                found |= body.all_constants
        return found | dict(self.constants)


@dataclass(frozen=True, eq=False)
class Model:
    """A whole model: its main graph, the opset of each domain, and what the file says about itself."""

    graph: ParsedGraph
    opsets: Mapping[str, int]
    ir_version: int
    producer: str
    metadata: Mapping[str, str]


def nodes(model: Model) -> tuple[ParsedNode, ...]:
    """The nodes of the main graph, operands before users, with model functions inlined."""
    return model.graph.nodes
