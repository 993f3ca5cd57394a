"""From bytes or a path to a Model: the one place that takes protobuf apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from minirt.errors import ModelFormatError
from minirt.ir.graph import Data
from minirt.parsers.onnx.lean import lean
from minirt.parsers.onnx.model import Model, ParsedGraph, ParsedNode, ParsedValue
from minirt.parsers.onnx.order import in_order
from minirt.parsers.onnx.tensors import Tensors, mapped
from minirt.parsers.onnx.types import DimNames, element_type, holds_maps, read_type
from minirt.types.dtype import from_onnx

_DEPTH = 64
_CALLS = 1 << 18
"""Nodes and calls that functions are written out to: those that call each other twice double with each depth."""
_SHOWN = 120
_KIND = onnx.AttributeProto


def read_model(
    source: bytes | str | Path, folder: Path | None = None, given: Mapping[str, bytes] | None = None
) -> Model:
    """The model in a file or in bytes; external data are looked for in ``folder``, by default beside the file.

    ``given`` are the bytes of initializers that replace the model's, by name, whose own data need not be there.

    Raises ModelFormatError for a file that is not a whole, consistent model.
    """
    if isinstance(source, str | Path):
        path = Path(source)
        try:
            whole, folder = mapped(path), folder or path.parent
        except (OSError, ValueError) as error:  # ValueError: a name with a zero in it
            raise ModelFormatError(f"the model cannot be read: {error}", str(path)) from error
    else:
        whole = np.frombuffer(source, np.uint8)
    try:
        proto = onnx.ModelProto.FromString(bytes(lean(whole.data)))
    except (DecodeError, RuntimeError, ValueError) as error:
        raise ModelFormatError(f"not an ONNX model, or cut short: {error}") from error
    if not proto.HasField("graph") or not proto.graph.output:
        raise ModelFormatError("not an ONNX model, or empty: there is no graph with outputs")
    try:
        return Reader(proto, Tensors(folder, whole, given)).model()
    except (TypeError, AttributeError, ValueError, OverflowError, MemoryError) as error:  # names not UTF-8, huge sizes
        raise ModelFormatError(f"not an ONNX model, or damaged: {error}") from error


def initializer_names(source: bytes) -> frozenset[str]:
    """Names of the initializers of a model and of the bodies in it; raises ModelFormatError for what is no model."""
    try:
        proto = onnx.ModelProto.FromString(bytes(lean(np.frombuffer(source, np.uint8).data)))
    except (DecodeError, RuntimeError, ValueError) as error:
        raise ModelFormatError(f"not an ONNX model, or cut short: {error}") from error
    found: set[str] = set()
    waiting = [proto.graph]
    while waiting:
        graph = waiting.pop()
        found.update(tensor.name for tensor in graph.initializer)
        for node in graph.node:
            for attribute in node.attribute:
                waiting += [attribute.g, *attribute.graphs]
    return frozenset(found)


def normal_domain(domain: str) -> str:
    """The domain, "" for the default one."""
    return "" if domain == "ai.onnx" else domain


@dataclass(frozen=True)
class Scope:
    """Where nodes are read: opsets, and how a function's own names become the caller's."""

    opsets: Mapping[str, int]
    prefix: str = ""
    rename: Mapping[str, str] = field(default_factory=dict)
    given: Mapping[str, onnx.AttributeProto] = field(default_factory=dict)
    depth: int = 0

    def value(self, name: str) -> str:
        """The value's name outside."""
        return self.rename.get(name, self.prefix + name) if name else ""


class Reader:
    """Reads the graphs of one model."""

    def __init__(self, proto: onnx.ModelProto, tensors: Tensors) -> None:
        self.proto, self.tensors, self.dims = proto, tensors, DimNames()
        self.functions = {(normal_domain(f.domain), f.name): f for f in proto.functions}
        self.written = 0

    def model(self) -> Model:
        """The whole model."""
        proto = self.proto
        opsets = {normal_domain(o.domain): int(o.version) for o in proto.opset_import} or {"": 1}
        graph = self.graph(proto.graph, Scope(opsets))
        if graph.captures:
            raise ModelFormatError(f"no node or input makes {', '.join(map(repr, graph.captures))}", graph.name)
        metadata = {m.key: m.value for m in proto.metadata_props}
        producer = f"{proto.producer_name} {proto.producer_version}".strip()
        return Model(graph, opsets, int(proto.ir_version), producer, metadata)

    def graph(self, proto: onnx.GraphProto, scope: Scope) -> ParsedGraph:
        """One graph; names that it reads but does not make are its captures."""
        if scope.depth > _DEPTH:
            raise ModelFormatError(f"graphs are nested more than {_DEPTH} deep", proto.name)
        held = self.tensors.all(proto.initializer)
        constants = {scope.value(t.name): data for t, data in zip(proto.initializer, held, strict=True)}
        for sparse in proto.sparse_initializer:
            constants[scope.value(sparse.values.name)] = Data(self.sparse(sparse, sparse.values.name))
        inputs = [self.value(v, scope) for v in proto.input]
        inputs = [v for v in inputs if v.name not in constants]
        found = self.nodes(proto.node, scope)
        made = [*constants, *(v.name for v in inputs)]
        nodes, free = in_order(found, made, proto.name)
        outputs = [self.value(v, scope, owner=False) for v in proto.output]
        known = {*made, *(o for n in nodes for o in n.outputs)}
        captures = tuple(dict.fromkeys([*free, *(v.name for v in outputs if v.name not in known)]))
        return ParsedGraph(proto.name, tuple(inputs), tuple(outputs), constants, tuple(nodes), captures)

    def value(self, proto: onnx.ValueInfoProto, scope: Scope, owner: bool = True) -> ParsedValue:
        """A graph input or output; types of outputs only inform, and maps are given as tensors (see ZipMap)."""
        names = self.dims if owner else DimNames()
        if not owner and holds_maps(proto.type):
            return ParsedValue(scope.value(proto.name), None)
        return ParsedValue(scope.value(proto.name), read_type(proto.type, names, proto.name))

    def nodes(self, protos: Iterable[onnx.NodeProto], scope: Scope) -> list[ParsedNode]:
        """The nodes, with calls of the model's functions inlined."""
        out: list[ParsedNode] = []
        for number, proto in enumerate(protos):
            name = scope.prefix + (proto.name or f"{proto.op_type}_{number}")
            domain = normal_domain(proto.domain)
            function = self.functions.get((domain, proto.op_type))
            if function is not None:
                out.extend(self.inline(function, proto, name, scope))
            else:
                out.append(self.node(proto, name, domain, scope))
        return out

    def node(self, proto: onnx.NodeProto, name: str, domain: str, scope: Scope) -> ParsedNode:
        """One node; attributes that name a function's parameter take its value."""
        if isinstance(proto.op_type, bytes) or isinstance(name, bytes) or isinstance(domain, bytes):
            raise ModelFormatError(f"the op or domain {proto.op_type!r} is not text", str(name))
        attributes: dict[str, Any] = {}
        bodies: dict[str, ParsedGraph] = {}
        bound = [a for a in (bind(a, scope.given) for a in proto.attribute) if a is not None]
        for attribute in bound:
            if attribute.type == _KIND.GRAPH:
                bodies[attribute.name] = self.graph(attribute.g, replace(scope, depth=scope.depth + 1))
            else:
                attributes[attribute.name] = self.attribute(attribute, name)
        captures = tuple(dict.fromkeys(c for b in bodies.values() for c in b.captures))
        inputs, outputs = (tuple(map(scope.value, names)) for names in (proto.input, proto.output))
        source = proto
        if any(a.ref_attr_name for a in proto.attribute):
            source = onnx.NodeProto(op_type=proto.op_type, domain=proto.domain, input=proto.input, output=proto.output)
            source.attribute.extend(bound)
        opset = scope.opsets.get(domain, 1)
        return ParsedNode(name, proto.op_type, domain, opset, inputs, outputs, attributes, bodies, captures, source)

    def inline(self, function: onnx.FunctionProto, call: onnx.NodeProto, name: str, scope: Scope) -> list[ParsedNode]:
        """The nodes of a function's body, in the caller's names."""
        if scope.depth > _DEPTH:
            raise ModelFormatError(f"functions call each other more than {_DEPTH} deep", _short(name))
        self.written += 1 + len(function.node)
        if self.written > _CALLS:
            raise ModelFormatError(f"its functions stand for more than {_CALLS} nodes", _short(name))
        rename = {f: scope.value(a) for f, a in zip(function.input, call.input)}  # noqa: B905
        rename |= {f: "" for f in function.input[len(call.input) :]}
        rename |= {f: scope.value(a) for f, a in zip(function.output, call.output) if a}  # noqa: B905
        given = {a.name: a for a in function.attribute_proto}
        given |= {a.name: a for a in (bind(a, scope.given) for a in call.attribute) if a is not None}
        opsets = {normal_domain(o.domain): int(o.version) for o in function.opset_import} or scope.opsets
        return self.nodes(function.node, Scope(opsets, f"{name}/", rename, given, scope.depth + 1))

    def attribute(self, proto: onnx.AttributeProto, where: str) -> Any:
        """An attribute as plain Python and NumPy."""
        kind = proto.type
        if kind == _KIND.TENSOR:
            return self.tensors.array(proto.t, where)
        if kind == _KIND.TENSORS:
            return [self.tensors.array(t, where) for t in proto.tensors]
        if kind == _KIND.SPARSE_TENSOR:
            return self.sparse(proto.sparse_tensor, where)
        if kind == _KIND.TYPE_PROTO:
            element = element_type(proto.tp)
            return read_type(proto.tp, DimNames(), where) or (from_onnx(element) if element else None)
        if kind == _KIND.STRING:
            return proto.s.decode("utf-8", "replace")
        if kind == _KIND.STRINGS:
            return [s.decode("utf-8", "replace") for s in proto.strings]
        plain = {_KIND.INT: "i", _KIND.FLOAT: "f", _KIND.INTS: "ints", _KIND.FLOATS: "floats"}
        if kind not in plain:
            raise ModelFormatError(f"attribute {proto.name!r} is of kind {kind}, which is not supported", where)
        value = getattr(proto, plain[kind])
        return list(value) if kind in (_KIND.INTS, _KIND.FLOATS) else value

    def sparse(self, proto: onnx.SparseTensorProto, where: str) -> Any:
        """A sparse tensor, filled in."""
        values, places = self.tensors.array(proto.values, where), self.tensors.array(proto.indices, where)
        return fill(values, places, tuple(proto.dims), where)


def _short(name: str) -> str:
    """The name of a node in functions in functions, without most of these."""
    return name if len(name) <= _SHOWN else f"{name[: _SHOWN // 2]}...{name[-_SHOWN // 2 :]}"


def fill(values: Any, places: Any, shape: Sequence[int], where: str) -> Any:
    """A dense array with ``values`` at ``places`` (flat indices, or one row of indices each)."""
    dense = np.zeros(shape, dtype=values.dtype)
    try:
        at = tuple(places.T) if places.ndim == 2 else np.unravel_index(places, tuple(shape))
        dense[at] = values
    except (IndexError, ValueError) as error:
        raise ModelFormatError(f"a sparse tensor's indices do not fit shape {tuple(shape)}: {error}", where) from error
    return dense


def bind(attribute: onnx.AttributeProto, given: Mapping[str, onnx.AttributeProto]) -> onnx.AttributeProto | None:
    """The attribute, with a reference to a function's parameter replaced by its value; None where that is not given."""
    if not attribute.ref_attr_name:
        return attribute
    if attribute.ref_attr_name not in given:
        return None
    value = onnx.AttributeProto()
    value.CopyFrom(given[attribute.ref_attr_name])
    value.name = attribute.name
    return value
