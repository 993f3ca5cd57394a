"""Products of 8-bit operands as onnxruntime's quantization writes them, in exact integers."""

from __future__ import annotations

from minirt.ir.op import Value, apply
from minirt.ops.arithmetic import Add, Mul
from minirt.ops.cast import casted
from minirt.ops.gemm import Gemm
from minirt.ops.importer import OnnxNode, Result, axis_of, number
from minirt.ops.microsoft.registry import channels_first, channels_last, microsoft, single, standard
from minirt.ops.quantized_products import SUM, centred, dynamic_quantize, factors, integer_product, one, requantized
from minirt.ops.reduce import reduced
from minirt.types.dtype import f32, i32


def _rescaled(total: Value, a_scale: Value, b_scale: Value, bias: Value | None) -> Value:
    """total * a scale * b scale, in f32, and the bias added."""
    y = apply(Mul(), casted(total, f32), apply(Mul(), one(a_scale), one(b_scale)))
    return y if bias is None else apply(Add(), y, bias)


@microsoft("DynamicQuantizeMatMul")
def _dynamic(node: OnnxNode) -> Result:
    """a, rounded as its range asks, times b."""
    codes, scale, zero = dynamic_quantize(node.input(0))
    total = integer_product(codes, node.input(1), zero, node.optional(3))
    return _rescaled(total, scale, node.input(2), node.optional(4))


@microsoft("MatMulIntegerToFloat")
def _to_float(node: OnnxNode) -> Result:
    total = integer_product(node.input(0), node.input(1), node.optional(4), node.optional(5))
    return _rescaled(total, node.input(2), node.input(3), node.optional(6))


@microsoft("MatMulInteger16")
def _sixteen(node: OnnxNode) -> Result:
    return integer_product(node.input(0), node.input(1), None, None)


@microsoft("MulInteger")
def _mul(node: OnnxNode) -> Result:
    return apply(Mul(), centred(node.input(0), node.optional(1)), centred(node.input(2), node.optional(3)))


@microsoft("ReduceSumInteger")
def _sum(node: OnnxNode) -> Result:
    x = casted(node.input(0), i32)
    axes = [axis_of(a, x.rank) for a in node.static_ints("axes") or range(x.rank)]
    return reduced("sum", x, axes, bool(node.attributes.get("keepdims", 1)))


@microsoft("QGemm")
def _gemm(node: OnnxNode) -> Result:
    """alpha * (a @ b + c / (a scale * b scale)), as integers where the result's scale is given."""
    a, a_scale, a_zero, b, b_scale, b_zero = (node.input(i) for i in range(6))
    c, y_scale, y_zero = (node.optional(i) for i in range(6, 9))
    trans_a, trans_b = (bool(node.attributes.get(name, 0)) for name in ("transA", "transB"))
    columns = (-1, 1) if trans_b else (1, -1)
    spread = tuple(b.shape[-2 if trans_b else -1] if d < 0 else d for d in columns)
    total = apply(Gemm(trans_a, trans_b, SUM), *factors(a, b, (a_zero, b_zero), None, spread))
    if c is not None:
        total = apply(Add(), total, c)
    scale = apply(Mul(), one(a_scale), number(float(node.attributes.get("alpha", 1.0)), f32))
    if y_scale is None or y_zero is None:
        return _rescaled(total, scale, b_scale, None)
    return requantized(total, (scale, one(b_scale), one(y_scale)), one(y_zero))


@microsoft("QLinearConv")
def _conv(node: OnnxNode) -> Result:
    """The default domain's, for images whose channels may be last."""
    x, *rest = node.inputs
    if not node.attributes.get("channels_last", 0):
        return standard(node, "QLinearConv", x, *rest)
    return channels_last(single(standard(node, "QLinearConv", channels_first(node.input(0)), *rest)))
