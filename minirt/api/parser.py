"""OnnxParser: ONNX models into networks."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

from minirt.api.boundary import Sink
from minirt.api.declare import attr, method
from minirt.api.dialect import Api, dialect_of, wrap
from minirt.api.enum import member
from minirt.api.enums import ErrorCode, OnnxParserFlag
from minirt.api.fields import shown
from minirt.api.logger import ILogger, Managed
from minirt.api.network import INetworkDefinition
from minirt.api.plugin_onnx import plugin_of
from minirt.api.tensor import ITensor
from minirt.build.network import NetworkCells
from minirt.build.onnx_cells import Imported, NodeError, import_cells
from minirt.errors import ApiError, GraphError, MinirtError, ModelFormatError, TypeInferenceError, UnsupportedNodeError
from minirt.flags import flags
from minirt.ops.importer import IMPORTERS
from minirt.parsers.onnx.read import initializer_names, read_model

_CODES: tuple[tuple[type[MinirtError], str], ...] = (
    (UnsupportedNodeError, "UNSUPPORTED_NODE"),
    (ModelFormatError, "MODEL_DESERIALIZE_FAILED"),
    (TypeInferenceError, "INVALID_NODE"),
    (GraphError, "INVALID_GRAPH"),
    (ApiError, "INVALID_VALUE"),
)


class ParserError(Api):
    """One error of a parse: what is wrong, and the node that it is about."""

    _state: NodeError

    def code(self) -> Any:
        """Return what kind of error it is."""
        error = self._state.error
        name = next((code for kind, code in _CODES if isinstance(error, kind)), "INTERNAL_ERROR")
        return member(ErrorCode, name, dialect_of(self))

    def desc(self) -> str:
        """Return the description."""
        return str(self._state.error)

    def file(self) -> str:
        """Return the source file that found it."""
        return "importing.py"

    def line(self) -> int:
        """Return the source line that found it."""
        return 0

    def func(self) -> str:
        """Return the function that found it."""
        return "import_node" if self._state.node is not None else "read_model"

    def node(self) -> int:
        """Return the node's place in the graph, -1 where it is about no node."""
        return self._state.place

    @method(since=10)
    def node_name(self) -> str:
        """Return the node's name."""
        return self._state.node.name if self._state.node is not None else ""

    @method(since=10)
    def node_operator(self) -> str:
        """Return the node's operator."""
        return self._state.node.op_type if self._state.node is not None else ""

    @method(since=10)
    def local_function_stack(self) -> list[str]:
        """Return the functions of the model that the node lies in; they are inlined, so there are none."""
        return []

    @method(since=10)
    def local_function_stack_size(self) -> int:
        """Return how many functions of the model the node lies in."""
        return 0

    def __str__(self) -> str:
        node = self._state.node
        where = "" if node is None else f" {self._state.place} with name: {node.name} and operator: {node.op_type}"
        text = f"{self.code().name}: {self.desc()}"
        return f"In node{where} ({self.func()}): {text}" if where else f"{self.func()}: {text}"

    def __repr__(self) -> str:
        return str(self)


class _Parse:
    """The state of a parser: the network that it fills, its flags, and what came of the last model."""

    def __init__(self, network: NetworkCells, logger: ILogger) -> None:
        self.network = network
        self.sink = Sink(logger)
        self.flags = {"NATIVE_INSTANCENORM"}
        self.errors: list[NodeError] = []
        self.imported = Imported()
        self.subgraphs: list[tuple[list[int], bool]] = []
        self.loaded: tuple[bytes, str | None] | None = None
        self.initializers: dict[str, bytes] = {}
        self.config: Any = None


def hold_initializer(state: Any, name: str, data: int, size: int) -> bool:
    """Keep the numbers at a host address for an initializer of the model that a parser or refitter has loaded.

    False, with an error in its list, where no model was loaded, or the model has no initializer of this name.
    """
    where = f"initializer '{name}'"
    try:
        if state.loaded is None:
            raise ApiError("no model was loaded", where, "call load_model_proto first")
        if name not in initializer_names(state.loaded[0]):
            raise ApiError(
                "the model has no initializer of this name", where, "check the name; nodes' names are others"
            )
    except MinirtError as error:
        if flags().raise_errors:
            raise
        state.errors.append(NodeError(error))
        state.sink.error(error)
        return False
    state.initializers[name] = ctypes.string_at(data, size)
    return True


def _bits(parser: OnnxParser) -> int:
    kind = OnnxParserFlag.in_dialect(dialect_of(parser))
    return sum(1 << int(m) for name, m in kind.__members__.items() if name in parser._state.flags)


def _put_bits(parser: OnnxParser, bits: int) -> None:
    kind = OnnxParserFlag.in_dialect(dialect_of(parser))
    parser._state.flags = {name for name, m in kind.__members__.items() if bits >> int(m) & 1}


def model_bytes(model: Any) -> bytes:
    """Return a model's bytes from any buffer; raise TypeError for a string or another object."""
    if isinstance(model, str):
        raise TypeError("parse() takes the bytes of a model; parse_from_file() takes a path")
    return model if type(model) is bytes else bytes(memoryview(model))


class OnnxParser(Managed):
    """Reads ONNX models into a network."""

    _state: _Parse
    num_errors = attr(lambda self: len(self._state.errors), doc="How many errors the last parse found.")
    flags = attr(_bits, _put_bits, int, "The flags, a bit each.", since=8)
    num_subgraphs = attr(lambda self: len(self._state.subgraphs), doc="Parts found by supports_model_v2.", since=10)

    def __init__(self, network: INetworkDefinition, logger: ILogger) -> None:
        if not isinstance(network, INetworkDefinition) or not isinstance(logger, ILogger):
            raise TypeError(f"OnnxParser takes an INetworkDefinition and an ILogger, not {network!r} and {logger!r}")
        self._state = _Parse(network._state, logger)
        if dialect_of(self) < 10:
            self._state.flags.clear()

    def _parse(self, source: bytes | Path, folder: Path | None) -> bool:
        state = self._state
        state.errors, state.imported = [], Imported()
        try:
            if state.network.layers or state.network.inputs:
                raise GraphError("the network is not empty", state.network.name, "parse into a new network")
            model = read_model(source, folder, state.initializers)
            state.imported = import_cells(state.network, model, plugin_of)
            state.errors = list(state.imported.errors)
        except MinirtError as error:
            if flags().raise_errors:
                raise
            state.errors = [NodeError(error)]
        if state.errors and flags().raise_errors:
            raise state.errors[0].error
        for found in state.errors:
            state.sink.log("ERROR", str(wrap(ParserError, found, dialect_of(self))))
        return not state.errors

    def parse(self, model: Any, path: str | None = None) -> bool:
        """Read a model from its bytes; weights in files of their own are looked for beside `path`. False on errors."""
        return self._parse(model_bytes(model), Path(path).parent if path else None)

    @method(fail=False)
    def parse_from_file(self, model: str) -> bool:
        """Read a model from a file. False on errors."""
        return self._parse(Path(model), None)

    @method()
    def get_error(self, index: int) -> ParserError | None:
        """Return an error of the last parse, None where there is none."""
        errors = self._state.errors
        return wrap(ParserError, errors[index], dialect_of(self)) if 0 <= index < len(errors) else None

    def clear_errors(self) -> None:
        """Forget the errors."""
        self._state.errors = []

    @method(since=8)
    def set_flag(self, flag: OnnxParserFlag) -> None:
        """Set a flag."""
        self._state.flags.add(flag.name)

    @method(since=8)
    def clear_flag(self, flag: OnnxParserFlag) -> None:
        """Clear a flag."""
        self._state.flags.discard(flag.name)

    @method(since=8)
    def get_flag(self, flag: OnnxParserFlag) -> bool:
        """Return whether a flag is set."""
        return flag.name in self._state.flags

    @method(since=10)
    def get_layer_output_tensor(self, name: str, i: int) -> ITensor | None:
        """Return an output of the layer of a node, None where there is none."""
        layer = self._state.imported.layers.get(name)
        if layer is None or not 0 <= i < len(layer.outputs):
            return None
        return shown(ITensor, layer.outputs[i], self)  # type: ignore[no-any-return]

    @method(since=8)
    def get_used_vc_plugin_libraries(self) -> list[str]:
        """Return the plugin libraries that the model needs: none."""
        return []

    @method()
    def supports_operator(self, op_name: str) -> bool:
        """Return whether nodes of an operator can be imported."""
        return ("", op_name) in IMPORTERS

    def _survey(self, model: Any, path: str | None) -> bool:
        """Find which nodes of a model can be imported, without touching the network."""
        trial = _Parse(NetworkCells(), self._state.sink.logger)
        state = self._state
        state.errors, state.subgraphs = [], []
        try:
            read = read_model(model_bytes(model), Path(path).parent if path else None)
            state.errors = list(import_cells(trial.network, read, custom=plugin_of).errors)
        except MinirtError as error:
            state.errors = [NodeError(error)]
            return False
        bad = {found.place for found in state.errors}
        for place in range(len(read.graph.nodes)):
            if place in bad:
                state.subgraphs.append(([place], False))
            elif state.subgraphs and state.subgraphs[-1][1]:
                state.subgraphs[-1][0].append(place)
            else:
                state.subgraphs.append(([place], True))
        return not state.errors

    @method(until=10)
    def supports_model(self, model: Any, path: str | None = None) -> tuple[bool, Any]:
        """Return whether a model can be imported, and its parts: nodes, and whether they can be."""
        done = OnnxParser._survey(self, model, path)
        return done, [(list(nodes), ok) for nodes, ok in self._state.subgraphs]

    @method(since=10)
    def supports_model_v2(self, model: Any, path: str | None = None) -> bool:
        """Return whether a model can be imported; its parts can be asked for after."""
        return OnnxParser._survey(self, model, path)

    @method(since=10)
    def is_subgraph_supported(self, index: int) -> bool:
        """Return whether a part found by supports_model_v2 can be imported."""
        return self._state.subgraphs[index][1]

    @method(since=10)
    def get_subgraph_nodes(self, index: int) -> list[int]:
        """Return the places of the nodes of a part found by supports_model_v2."""
        return list(self._state.subgraphs[index][0])

    @method(until=10, since=8)
    def parse_with_weight_descriptors(self, model: Any) -> bool:
        """Read a model from its bytes. False on errors."""
        return OnnxParser._parse(self, model_bytes(model), None)

    @method(since=10, fail=False)
    def load_model_proto(self, model: Any, path: str | None = None) -> bool:
        """Keep a model for parse_model_proto."""
        self._state.loaded = (model_bytes(model), path)
        return True

    @method(since=10, fail=False)
    def load_initializer(self, name: str, data: int, size: int) -> bool:
        """Keep the numbers of an initializer, at a host address, in place of the model's, which need not be there.

        False, with an error in the list, where the model that was loaded has no initializer of this name.
        """
        return hold_initializer(self._state, name, data, size)

    @method(since=10, fail=False)
    def parse_model_proto(self) -> bool:
        """Read the model that load_model_proto kept. False on errors."""
        if self._state.loaded is None:
            raise GraphError("no model was loaded", fix="call load_model_proto first")
        data, path = self._state.loaded
        return OnnxParser._parse(self, data, Path(path).parent if path else None)

    @method(since=10)
    def set_builder_config(self, builder_config: Any) -> bool:
        """Keep the config that the network will be built with."""
        self._state.config = builder_config
        return True

    @method(until=7)
    def get_refit_map(self) -> list[Any]:
        """Return which weights of the model belong to which layer and role."""
        return []
