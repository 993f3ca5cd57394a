"""Parsed ONNX models as cells: one cell a node, so that a script may still edit what the parser made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from minirt.build.layers.emit import Layer, translates
from minirt.build.network import LayerCell, NetworkCells, Numbers, TensorCell
from minirt.build.shape_inputs import with_sizes_from_inputs
from minirt.errors import GraphError, MinirtError, ModelFormatError, UnsupportedNodeError
from minirt.ir.graph import Constant, Data
from minirt.ir.op import Value, apply
from minirt.parsers.onnx.importing import ImportFailure, check_nodes, holding, import_node
from minirt.parsers.onnx.model import Model, ParsedGraph, ParsedNode, ParsedValue
from minirt.types.dim import Expr
from minirt.types.tensor import Optional, Tensor

_KINDS = {
    "UNARY": "Abs Acos Acosh Asin Asinh Atan Atanh Ceil Cos Cosh Erf Exp Floor IsInf IsNaN Log Neg Not Reciprocal "
    "Round Sign Sin Sinh Sqrt Tan",
    "ACTIVATION": "Celu Clip Elu Gelu HardSigmoid HardSwish LeakyRelu Mish ParametricSoftplus Relu ScaledTanh Selu "
    "Sigmoid Softplus Softsign Swish Tanh ThresholdedRelu",
    "TOPK": "ArgMax ArgMin Hardmax TopK",
    "POOLING": "AveragePool MaxPool LpPool",
    "SCALE": "BatchNormalization ImageScaler",
    "CAST": "Cast CastLike",
    "CONCATENATION": "Concat",
    "FILL": "ConstantOfShape RandomNormal RandomNormalLike RandomUniform RandomUniformLike Range",
    "CONVOLUTION": "Conv",
    "DECONVOLUTION": "ConvTranspose",
    "CUMULATIVE": "CumSum",
    "LOOP_OUTPUT": "GRU Loop LSTM RNN Scan",
    "SHUFFLE": "DepthToSpace Flatten Reshape SpaceToDepth Transpose",
    "SQUEEZE": "Squeeze",
    "UNSQUEEZE": "Unsqueeze",
    "DEQUANTIZE": "DequantizeLinear",
    "QUANTIZE": "QuantizeLinear",
    "IDENTITY": "Dropout Identity",
    "EINSUM": "Einsum",
    "SLICE": "Expand Pad Slice Split Tile",
    "GATHER": "Gather GatherElements GatherND",
    "MATRIX_MULTIPLY": "Gemm MatMul",
    "REDUCE": "GlobalAveragePool GlobalMaxPool ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean "
    "ReduceMin ReduceProd ReduceSum ReduceSumSquare",
    "GRID_SAMPLE": "GridSample",
    "NORMALIZATION": "GroupNormalization InstanceNormalization LayerNormalization RMSNormalization "
    "MeanVarianceNormalization",
    "CONDITIONAL_OUTPUT": "If",
    "SOFTMAX": "LogSoftmax Softmax",
    "LRN": "LRN",
    "NMS": "NonMaxSuppression",
    "NON_ZERO": "NonZero",
    "ONE_HOT": "OneHot",
    "PARAMETRIC_RELU": "PRelu",
    "RESIZE": "Resize Upsample",
    "REVERSE_SEQUENCE": "ReverseSequence",
    "ROTARY_EMBEDDING": "RotaryEmbedding",
    "ATTENTION_OUTPUT": "Attention",
    "SCATTER": "Scatter ScatterElements ScatterND",
    "SHAPE": "Shape Size",
    "SELECT": "Where",
    "CONSTANT": "Constant EyeLike",
}
_KIND_OF = {op: kind for kind, ops in _KINDS.items() for op in ops.split()}


@dataclass(frozen=True)
class NodeError:
    """What is wrong with a model: an error, and the node that it is about with its place (None for the model)."""

    error: MinirtError
    node: ParsedNode | None = None
    place: int = -1


@dataclass(frozen=True)
class CustomNode:
    """The layer that stands for a node that no importer takes: a plugin's.

    ``outputs`` is how many it has, ``order`` the places of the node's operands as the layer takes them (None: as is).
    """

    kind: str
    fields: dict[str, Any]
    outputs: int
    order: tuple[int, ...] | None = None


Custom = Callable[[ParsedNode], CustomNode | None]


def no_custom(node: ParsedNode) -> None:
    """Find no layer for nodes that no importer takes."""


@dataclass
class Imported:
    """What came of a model: errors, and the cells of each node by the node's name."""

    errors: list[NodeError] = field(default_factory=list)
    layers: dict[str, LayerCell] = field(default_factory=dict)


@translates("ONNX")
def onnx_node(layer: Layer) -> tuple[Value, ...]:
    """What an ONNX node computes; weights in its bodies may be refitted as those of the main graph."""
    parameters = layer.cell.network.parameters
    if parameters is None:
        return import_node(layer["node"], layer.operands)

    def hold(name: str, data: Data, plain: bool) -> Value:
        made = parameters.value(name, data.array, data.dtype, layer.cell.name, "CONSTANT", plain)
        return apply(Constant(data)) if made is None else made

    with holding(hold):
        return import_node(layer["node"], layer.operands)


def kind_of(node: ParsedNode) -> str:
    """Return the LayerType name that an ONNX node is shown as."""
    return _KIND_OF.get(node.op_type, "ELEMENTWISE")


def import_cells(
    network: NetworkCells,
    model: Model,
    custom: Custom = no_custom,
) -> Imported:
    """Add a model's inputs, nodes and outputs to a network, and type them; what fails is listed, nothing raises.

    `custom` finds layers for nodes that no importer takes.
    """
    result = Imported()
    graph = model.graph
    places = {id(node): i for i, node in enumerate(graph.nodes)}
    found: dict[int, CustomNode] = {}
    for error in check_nodes(graph):
        node = _named(graph, error.node)
        try:
            made = None if node is None else custom(node)
        except MinirtError as failure:
            result.errors.append(NodeError(failure, node, places.get(id(node), -1)))
            continue
        if made is None:
            result.errors.append(NodeError(error, node, places.get(id(node), -1)))
        else:
            found[id(node)] = made
    try:
        _add(network, graph, result, found)
    except MinirtError as error:
        result.errors.append(NodeError(error))
    if not result.errors:
        _type(network, graph, result, places)
    return result


def _named(graph: ParsedGraph, name: str) -> ParsedNode | None:
    return next((n for n in graph.nodes if n.name == name), None)


def _add(
    network: NetworkCells,
    graph: ParsedGraph,
    result: Imported,
    custom: Mapping[int, CustomNode],
) -> None:
    known: dict[str, TensorCell | None] = {"": None}
    for value in graph.inputs:
        known[value.name] = _input(network, value)
    for name, data in graph.constants.items():
        array = data.array
        fields = {"weights": Numbers(array, data.dtype, name), "shape": array.shape}
        cell = LayerCell(network, "CONSTANT", name, [], fields)
        cell.outputs.append(TensorCell(network, name, cell))
        known[name] = cell.outputs[0]
    for node in graph.nodes:
        result.layers[node.name] = _node(network, node, known, custom.get(id(node)))
    for value in graph.outputs:
        found = known.get(value.name)
        if found is None:
            raise ModelFormatError("it is made by no node", f"output '{value.name}'")
        network.mark(found)
    if graph.name:
        network.name = graph.name


def _input(network: NetworkCells, value: ParsedValue) -> TensorCell:
    """An input; an optional tensor is one that is always given."""
    kind = value.type.element if isinstance(value.type, Optional) else value.type
    if not isinstance(kind, Tensor):
        raise ModelFormatError(
            "its element type and rank must be known, and it must be a tensor", f"input '{value.name}'"
        )
    shape = tuple(-1 if isinstance(d, Expr) else int(d) for d in kind.shape)
    made = network.add_input(value.name, kind.dtype, shape)
    made.dims = {i: str(d) for i, d in enumerate(kind.shape) if isinstance(d, Expr)}
    return made


def _node(
    network: NetworkCells, node: ParsedNode, known: dict[str, TensorCell | None], custom: CustomNode | None
) -> LayerCell:
    missing = [name for name in node.operands if name not in known]
    if missing:
        raise ModelFormatError(f"input '{missing[0]}' is made by no node", f"node '{node.name}'")
    operands = [known[name] for name in node.operands]
    if custom is None:
        layer = LayerCell(network, kind_of(node), node.name, operands, {"node": node})
    else:
        taken = operands if custom.order is None else [operands[i] for i in custom.order]
        layer = LayerCell(network, custom.kind, node.name, taken, dict(custom.fields), extras={"node": node})
    layer.metadata = f"[ONNX Layer: {node.name}]"
    for i, name in enumerate(node.outputs):
        made = TensorCell(network, name or f"{node.name}_output_{i}", layer, i)
        layer.outputs.append(made)
        if name:
            known[name] = made
    for i in range(len(layer.outputs), 0 if custom is None else custom.outputs):
        layer.outputs.append(TensorCell(network, f"{node.name}_output_{i}", layer, i))
    while custom is None and layer.outputs and not node.outputs[len(layer.outputs) - 1]:
        layer.outputs.pop()
    network.layers.append(layer)
    return layer


def _type(network: NetworkCells, graph: ParsedGraph, result: Imported, places: Mapping[int, int]) -> None:
    """Type every node, so that errors are found while parsing; those that only follow from others are left out."""
    failed: set[int] = set()
    for cell in list(network.layers):
        node = cell.fields.get("node") or cell.extras["node"]
        if any(t is not None and t.layer is not None and id(t.layer) in failed for t in cell.operands):
            failed.add(id(cell))
            continue
        try:
            for tensor in cell.outputs[:1]:
                with_sizes_from_inputs(tensor)
        except ImportFailure as failure:
            failed.add(id(cell))
            result.errors.extend(NodeError(e, node, places[id(node)]) for e in failure.errors)
        except (UnsupportedNodeError, GraphError, MinirtError) as error:
            failed.add(id(cell))
            result.errors.append(NodeError(error, node, places[id(node)]))
