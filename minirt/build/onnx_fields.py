"""Parsed ONNX nodes shown as layers: the fields that a layer of their kind has, read off the node.

They are made when a script first asks for one. Where they say all that the node does, setting one turns the node into a
plain layer; for other nodes it is refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minirt.build.freeze import value_of
from minirt.build.network import LayerCell, Numbers
from minirt.errors import ApiError
from minirt.parsers.onnx.model import ParsedNode
from minirt.types.dtype import f32, from_onnx

Fields = dict[str, Any]

_ACTIVATIONS = {
    "Relu": ("RELU", 0.0, 0.0),
    "Sigmoid": ("SIGMOID", 0.0, 0.0),
    "Tanh": ("TANH", 0.0, 0.0),
    "LeakyRelu": ("LEAKY_RELU", 0.01, 0.0),
    "Elu": ("ELU", 1.0, 0.0),
    "Selu": ("SELU", 1.6732632423543772, 1.0507009873554805),
    "Softsign": ("SOFTSIGN", 0.0, 0.0),
    "Softplus": ("SOFTPLUS", 1.0, 1.0),
    "HardSigmoid": ("HARD_SIGMOID", 0.2, 0.5),
    "ThresholdedRelu": ("THRESHOLDED_RELU", 1.0, 0.0),
}
_LIKE = {"Celu": "ELU", "Gelu": "GELU_ERF", "HardSwish": "HARD_SIGMOID", "Mish": "SOFTPLUS", "Clip": "CLIP"}
_UNARY = {"Reciprocal": "RECIP"}
_BINARY = {
    "Add": "SUM",
    "Mul": "PROD",
    "Sub": "SUB",
    "Div": "DIV",
    "Pow": "POW",
    "Max": "MAX",
    "Min": "MIN",
    "And": "AND",
    "Or": "OR",
    "Xor": "XOR",
    "Equal": "EQUAL",
    "Greater": "GREATER",
    "Less": "LESS",
}
_REDUCTIONS = {"ReduceSum": "SUM", "ReduceProd": "PROD", "ReduceMax": "MAX", "ReduceMin": "MIN", "ReduceMean": "AVG"}


def _numbers(cell: LayerCell, index: int) -> Numbers:
    """Return the numbers of an operand that is a constant, none for another."""
    tensor = cell.operand(index)
    if tensor is None or tensor.layer is None or tensor.layer.kind != "CONSTANT" or "node" in tensor.layer.fields:
        return Numbers(None, f32)
    held: Numbers = tensor.layer.fields["weights"]
    return held


def _rank(cell: LayerCell) -> int:
    tensor = cell.operand(0)
    return 0 if tensor is None else value_of(tensor).rank


def _window(node: ParsedNode, rank: int) -> Fields:
    """Return strides, dilations and padding of a window node."""
    given = node.attributes
    pads = list(given.get("pads") or [0] * (2 * rank))
    auto = str(given.get("auto_pad", "NOTSET"))
    up = "EXPLICIT_ROUND_UP" if given.get("ceil_mode") else "EXPLICIT_ROUND_DOWN"
    return {
        "stride": tuple(given.get("strides") or [1] * rank),
        "dilation": tuple(given.get("dilations") or [1] * rank),
        "pre_padding": tuple(pads[:rank]),
        "post_padding": tuple(pads[rank:]),
        "padding_mode": auto if auto.startswith("SAME") else up,
    }


def _convolution(cell: LayerCell, node: ParsedNode) -> Fields:
    tensor = cell.operand(1)
    shape = () if tensor is None else tuple(d if isinstance(d, int) else -1 for d in value_of(tensor).shape)
    groups = int(node.attributes.get("group", 1))
    maps = shape[0] if node.op_type == "Conv" else shape[1] * groups
    return {
        "kernel": _numbers(cell, 1),
        "bias": _numbers(cell, 2),
        "num_output_maps": maps,
        "num_groups": groups,
        "kernel_size": tuple(shape[2:]),
    } | _window(node, len(shape) - 2)


def _pooling(cell: LayerCell, node: ParsedNode) -> Fields:
    size = tuple(node.attributes.get("kernel_shape") or ())
    return {
        "type": "MAX" if node.op_type == "MaxPool" else "AVERAGE",
        "window_size": size,
        "blend_factor": 0.0,
        "average_count_excludes_padding": not node.attributes.get("count_include_pad", 0),
    } | _window(node, len(size))


def _activation(cell: LayerCell, node: ParsedNode) -> Fields:
    kind, alpha, beta = _ACTIVATIONS.get(node.op_type, (_LIKE.get(node.op_type, "SIGMOID"), 0.0, 0.0))
    given = node.attributes
    second = given.get("gamma", given.get("beta", beta))
    if node.op_type == "Clip":
        low, high = (_numbers(cell, i).array for i in (1, 2))
        alpha = float(given.get("min", -3.4e38)) if low is None else float(low.reshape(-1)[0])
        second = float(given.get("max", 3.4e38)) if high is None else float(high.reshape(-1)[0])
    return {"type": kind, "alpha": float(given.get("alpha", alpha)), "beta": float(second)}


def _axes(cell: LayerCell, node: ParsedNode) -> int:
    """Return the axes of a node as a mask: from its attribute, its second input, or all."""
    rank = _rank(cell)
    given = node.attributes.get("axes")
    array = _numbers(cell, 1).array
    axes = given if given is not None else [] if array is None else array.reshape(-1).tolist()
    return sum(1 << (int(a) % rank) for a in axes) if len(axes) else (1 << rank) - 1


def _reduce(cell: LayerCell, node: ParsedNode) -> Fields:
    whole = node.op_type.startswith("Global")
    mask = (1 << _rank(cell)) - 4 if whole else _axes(cell, node)
    op = _REDUCTIONS.get(node.op_type, "MAX" if "Max" in node.op_type else "AVG" if whole else "SUM")
    return {"op": op, "axes": mask, "keep_dims": bool(node.attributes.get("keepdims", 1))}


def _softmax(cell: LayerCell, node: ParsedNode) -> Fields:
    return {"axes": 1 << (int(node.attributes.get("axis", -1 if node.opset >= 13 else 1)) % max(1, _rank(cell)))}


def _topk(cell: LayerCell, node: ParsedNode) -> Fields:
    array = _numbers(cell, 1).array
    k = int(node.attributes.get("k", 1 if array is None else array.reshape(-1)[0]))
    smallest = node.op_type == "ArgMin" or not node.attributes.get("largest", 1)
    axis = int(node.attributes.get("axis", -1 if node.op_type == "TopK" else 0))
    return {"op": "MIN" if smallest else "MAX", "k": k, "axes": 1 << (axis % max(1, _rank(cell)))}


def _gather(cell: LayerCell, node: ParsedNode) -> Fields:
    mode = {"GatherElements": "ELEMENT", "GatherND": "ND"}.get(node.op_type, "DEFAULT")
    given = node.attributes
    return {"axis": int(given.get("axis", 0)), "num_elementwise_dims": int(given.get("batch_dims", 0)), "mode": mode}


def _matrix(cell: LayerCell, node: ParsedNode) -> Fields:
    given = node.attributes
    return {f"op{i}": "TRANSPOSE" if given.get(name) else "NONE" for i, name in enumerate(("transA", "transB"))}


def _resize(cell: LayerCell, node: ParsedNode) -> Fields:
    given = node.attributes
    array = _numbers(cell, 2 if node.op_type == "Resize" else 1).array
    place = str(given.get("coordinate_transformation_mode", "half_pixel")).upper()
    known = ("ALIGN_CORNERS", "ASYMMETRIC", "HALF_PIXEL")
    rounding = str(given.get("nearest_mode", "round_prefer_floor"))
    halves = {"round_prefer_floor": "HALF_DOWN", "round_prefer_ceil": "HALF_UP"}
    return {
        "shape": None,
        "scales": [] if array is None else [float(v) for v in array.reshape(-1)],
        "resize_mode": str(given.get("mode", "nearest")).upper(),
        "coordinate_transformation": place if place in known else "HALF_PIXEL",
        "selector_for_single_pixel": "UPPER" if place.startswith("PYTORCH") else "FORMULA",
        "nearest_rounding": halves.get(rounding, rounding.upper()),
        "exclude_outside": bool(given.get("exclude_outside", 0)),
        "cubic_coeff": float(given.get("cubic_coeff_a", -0.75)),
    }


def _shuffle(cell: LayerCell, node: ParsedNode) -> Fields:
    order = node.attributes.get("perm")
    array = _numbers(cell, 1).array if node.op_type == "Reshape" else None
    return {
        "first_transpose": None if order is None else tuple(order),
        "second_transpose": None,
        "reshape_dims": None if array is None else tuple(int(v) for v in array.reshape(-1)),
        "zero_is_placeholder": not node.attributes.get("allowzero", 0),
    }


_READERS: dict[str, Callable[[LayerCell, ParsedNode], Fields]] = {
    "ACTIVATION": _activation,
    "CONVOLUTION": _convolution,
    "DECONVOLUTION": _convolution,
    "POOLING": _pooling,
    "REDUCE": _reduce,
    "SOFTMAX": _softmax,
    "TOPK": _topk,
    "GATHER": _gather,
    "MATRIX_MULTIPLY": _matrix,
    "RESIZE": _resize,
    "SHUFFLE": _shuffle,
    "UNARY": lambda cell, node: {"op": _UNARY.get(node.op_type, node.op_type.upper())},
    "ELEMENTWISE": lambda cell, node: {"op": _BINARY.get(node.op_type, "SUM")},
    "CAST": lambda cell, node: {"to_type": from_onnx(int(node.attributes.get("to", 1)))},
    "CONCATENATION": lambda cell, node: {"axis": int(node.attributes.get("axis", 0)) % max(1, _rank(cell))},
    "QUANTIZE": lambda cell, node: {"axis": int(node.attributes.get("axis", 1)), "block_shape": None},
    "DEQUANTIZE": lambda cell, node: {"axis": int(node.attributes.get("axis", 1)), "block_shape": None},
    "EINSUM": lambda cell, node: {"equation": str(node.attributes.get("equation", ""))},
    "ONE_HOT": lambda cell, node: {"axis": int(node.attributes.get("axis", -1))},
    "NON_ZERO": lambda cell, node: {},
    "NMS": lambda cell, node: {
        "bounding_box_format": "CENTER_SIZES" if node.attributes.get("center_point_box") else "CORNER_PAIRS",
        "topk_box_limit": 5000,
    },
    "SCATTER": lambda cell, node: {
        "mode": "ND" if node.op_type == "ScatterND" else "ELEMENT",
        "axis": int(node.attributes.get("axis", 0)),
    },
    "NORMALIZATION": lambda cell, node: {
        "axes": (1 << _rank(cell)) - 4,
        "epsilon": float(node.attributes.get("epsilon", 1e-5)),
        "num_groups": int(node.attributes.get("num_groups", 1)),
    },
    "LRN": lambda cell, node: {
        "window_size": int(node.attributes.get("size", 1)),
        "alpha": float(node.attributes.get("alpha", 1e-4)),
        "beta": float(node.attributes.get("beta", 0.75)),
        "k": float(node.attributes.get("bias", 1.0)),
    },
    "SCALE": lambda cell, node: {"mode": "CHANNEL", "channel_axis": 1},
    "SLICE": lambda cell, node: {"mode": "STRICT_BOUNDS"},
    "FILL": lambda cell, node: {"operation": "LINSPACE", "alpha": 0.0, "beta": 1.0, "shape": None},
    "CUMULATIVE": lambda cell, node: {
        "op": "SUM",
        "exclusive": bool(node.attributes.get("exclusive", 0)),
        "reverse": bool(node.attributes.get("reverse", 0)),
    },
    "GRID_SAMPLE": lambda cell, node: {
        "interpolation_mode": {"bicubic": "CUBIC", "cubic": "CUBIC", "nearest": "NEAREST"}.get(
            str(node.attributes.get("mode", "linear")), "LINEAR"
        ),
        "align_corners": bool(node.attributes.get("align_corners", 0)),
        "sample_mode": {"border": "CLAMP", "reflection": "REFLECT"}.get(
            str(node.attributes.get("padding_mode", "zeros")), "FILL"
        ),
    },
    "REVERSE_SEQUENCE": lambda cell, node: {
        "batch_axis": int(node.attributes.get("batch_axis", 1)),
        "sequence_axis": int(node.attributes.get("time_axis", 0)),
    },
    "CONSTANT": lambda cell, node: _constant(cell),
    "LOOP_OUTPUT": lambda cell, node: {"kind": "CONCATENATE", "axis": 0},
}


def _constant(cell: LayerCell) -> Fields:
    value = value_of(cell.outputs[0])
    shape = tuple(d if isinstance(d, int) else -1 for d in value.shape)
    return {"weights": Numbers(np.empty(0, value.dtype.numpy), value.dtype), "shape": shape}


def show_fields(cell: LayerCell) -> None:
    """Give a parsed layer the fields of its kind."""
    if cell.extras.get("fields shown"):
        return
    cell.extras["fields shown"] = True
    reader = _READERS.get(cell.kind)
    for name, value in (reader(cell, cell.fields["node"]) if reader else {}).items():
        cell.fields.setdefault(name, value)


def _says_all(cell: LayerCell, node: ParsedNode) -> bool:
    """Return whether the fields of a parsed layer and its first operands say all that its node does."""
    given = node.attributes
    match cell.kind:
        case "ACTIVATION":
            return node.op_type in _ACTIVATIONS
        case "UNARY":
            return True
        case "ELEMENTWISE":
            return node.op_type in _BINARY and len(node.inputs) == 2 and not given
        case "CONVOLUTION":
            return True
        case "DECONVOLUTION":
            return not any(given.get("output_padding") or [0]) and not given.get("output_shape")
        case "SOFTMAX":
            return node.op_type == "Softmax" and node.opset >= 13
        case "POOLING":
            return node.op_type in ("MaxPool", "AveragePool") and len(node.outputs) == 1
        case "CONCATENATION":
            return True
    return False


def make_plain(cell: LayerCell) -> None:
    """Turn a parsed layer whose fields say all into a plain one that can be set; raises ApiError for another."""
    node: ParsedNode = cell.fields["node"]
    show_fields(cell)
    if not _says_all(cell, node):
        raise ApiError(f"it comes from an ONNX node ({node.op_type})", cell.name, "change the model instead")
    cell.network.forget(cell)
    del cell.fields["node"]
    if cell.kind in ("CONVOLUTION", "DECONVOLUTION"):
        for index, name in ((1, "kernel"), (2, "bias")):
            if cell.fields[name].count and cell.operand(index) is not None:
                cell.operands[index] = None
        while cell.operands and cell.operands[-1] is None:
            cell.operands.pop()
