"""Ops of 8-bit operands that onnxruntime's static quantization writes: dequantized, computed, quantized again."""

from __future__ import annotations

from minirt.errors import MinirtError
from minirt.ir.op import Value, apply
from minirt.ops.activation import LeakyRelu, Sigmoid
from minirt.ops.arithmetic import Add, Div, Mul
from minirt.ops.arithmetic_functions import Floor, Reciprocal
from minirt.ops.cast import casted
from minirt.ops.importer import OnnxNode, Result, axis_of, number
from minirt.ops.logic import where
from minirt.ops.microsoft.registry import channels_first, channels_last, microsoft, single, standard
from minirt.ops.movement import reshaped
from minirt.ops.quantize import Dequantize, Quantize
from minirt.ops.reduce import reduced
from minirt.ops.shape import concatenated
from minirt.types.dtype import DType, f32


def scalar(x: Value) -> Value:
    """A value of one element, with rank 0."""
    return reshaped(x, ())


def real(x: Value, scale: Value, zero: Value | None) -> Value:
    """x as f32, by one scale and one zero point (None: 0) for all of it."""
    point = number(0, x.dtype) if zero is None else scalar(zero)
    return apply(Dequantize(dtype=f32), x, scalar(scale), point)


def coded(y: Value, scale: Value, zero: Value | None, dtype: DType) -> Value:
    """f32 numbers as integers of ``dtype``, by one scale and one zero point (None: 0)."""
    point = number(0, dtype) if zero is None else scalar(zero)
    return apply(Quantize(dtype=dtype), y, scalar(scale), point)


def _operand(node: OnnxNode, at: int) -> Value:
    """Inputs ``at`` to ``at`` + 2, x and its scale and zero point, as f32."""
    return real(node.input(at), node.input(at + 1), node.optional(at + 2))


def _result(node: OnnxNode, y: Value, at: int) -> Value:
    """y, quantized to the first operand's type by the inputs from ``at`` on."""
    return coded(y, node.input(at), node.optional(at + 1), node.input(0).dtype)


@microsoft("QLinearAdd")
def _add(node: OnnxNode) -> Result:
    return _result(node, apply(Add(), _operand(node, 0), _operand(node, 3)), 6)


@microsoft("QLinearMul")
def _mul(node: OnnxNode) -> Result:
    return _result(node, apply(Mul(), _operand(node, 0), _operand(node, 3)), 6)


@microsoft("QLinearSigmoid")
def _sigmoid(node: OnnxNode) -> Result:
    return _result(node, apply(Sigmoid(), _operand(node, 0)), 3)


@microsoft("QLinearLeakyRelu")
def _leaky_relu(node: OnnxNode) -> Result:
    return _result(node, apply(LeakyRelu(float(node.attributes.get("alpha", 0.01))), _operand(node, 0)), 3)


@microsoft("QLinearSoftmax")
def _softmax(node: OnnxNode) -> Result:
    """onnxruntime counts in whole parts of 1, floor(1 / scale) of them."""
    opset = int(node.attributes.get("opset", 13))
    y = single(standard(node, "Softmax", _operand(node, 0), opset=opset))
    part = apply(Reciprocal(), apply(Floor(), apply(Reciprocal(), scalar(node.input(3)))))
    return coded(y, part, node.optional(4), node.input(0).dtype)


@microsoft("QLinearConcat")
def _concat(node: OnnxNode) -> Result:
    """Scale and zero point of the result, then each operand with its own."""
    scale, zero = node.input(0), node.input(1)
    if len(node.inputs) < 5 or len(node.inputs) % 3 != 2:
        raise MinirtError(f"{len(node.inputs)} inputs are not a scale, a zero point, and operands with their own")
    parts = [_operand(node, at) for at in range(2, len(node.inputs), 3)]
    axis = axis_of(int(node.attributes["axis"]), parts[0].rank)
    return coded(concatenated(parts, axis), scale, zero, zero.dtype)


@microsoft("QLinearWhere")
def _where(node: OnnxNode) -> Result:
    y = where(node.input(0), _operand(node, 1), _operand(node, 4))
    return coded(y, node.input(7), node.input(8), node.input(1).dtype)


def _pooled(node: OnnxNode, op_type: str) -> Value:
    """A pool of the default domain, over space; ``channels_last`` moves the channels there and back."""
    x, last = _operand(node, 0), bool(node.attributes.get("channels_last", 0))
    y = single(standard(node, op_type, channels_first(x) if last else x))
    return channels_last(y) if last else y


@microsoft("QLinearAveragePool")
def _average_pool(node: OnnxNode) -> Result:
    """onnxruntime rounds after the zero point is added, so that ties go to even codes."""
    y, zero = apply(Div(), _pooled(node, "AveragePool"), scalar(node.input(3))), node.optional(4)
    moved = y if zero is None else apply(Add(), y, casted(scalar(zero), f32))
    return coded(moved, number(1.0, f32), None, node.input(0).dtype)


@microsoft("QLinearGlobalAveragePool")
def _global_average_pool(node: OnnxNode) -> Result:
    return _result(node, _pooled(node, "GlobalAveragePool"), 3)


@microsoft("QLinearReduceMean")
def _reduce_mean(node: OnnxNode) -> Result:
    x = _operand(node, 0)
    axes = [axis_of(a, x.rank) for a in node.static_ints("axes") or range(x.rank)]
    return _result(node, reduced("mean", x, axes, bool(node.attributes.get("keepdims", 1))), 3)


@microsoft("NhwcMaxPool")
def _nhwc_max_pool(node: OnnxNode) -> Result:
    return channels_last(single(standard(node, "MaxPool", channels_first(node.input(0)))))
