"""Products of quantised operands, composed of exact integer products: MatMulInteger, ConvInteger and QLinear ops."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from minirt.errors import MinirtError
from minirt.ir.graph import array_of, is_constant
from minirt.ir.op import Value, apply, apply_all
from minirt.ir.scalar import Body, Scalar, arg, call, cast, const
from minirt.ops.arithmetic import Add, Sub
from minirt.ops.cast import casted
from minirt.ops.convolution import Conv
from minirt.ops.gemm import matmul
from minirt.ops.importer import OnnxNode, Result, importer
from minirt.ops.movement import expanded, reshaped, transposed
from minirt.ops.pointwise import Map
from minirt.ops.quantize import Quantize
from minirt.ops.recurrent import recurrent
from minirt.ops.reduce import Reduce
from minirt.ops.window import padding, spatial
from minirt.types.dim import Dim
from minirt.types.dtype import DType, f32, i8, i16, i32, u8


def _range_body() -> Body:
    """Scale and zero point of u8 for the least and the greatest number (DynamicQuantizeLinear-11)."""
    zero = const(0.0, f32)
    low, high = call("min", arg(0, f32), zero), call("max", arg(1, f32), zero)
    width = call("sub", high, low)
    scale = call("select", call("eq", width, zero), const(1.0, f32), call("div", width, const(255.0, f32)))
    point = call("round", call("sub", zero, call("div", low, scale)))
    bounded = call("min", call("max", point, zero), const(255.0, f32))
    return Body((f32, f32), (scale, cast(bounded, u8)))


def dynamic_quantize(x: Value) -> tuple[Value, Value, Value]:
    """x [any shape] f32 as u8 with the scale and zero point of its own range."""
    axes = tuple(range(x.rank))
    low, high = (apply(Reduce(kind, axes, False), x) if axes else x for kind in ("min", "max"))
    scale, zero = apply_all(Map(_range_body()), low, high)
    return apply(Quantize(dtype=u8), x, scale, zero), scale, zero


@importer("DynamicQuantizeLinear")
def _dynamic_quantize_linear(node: OnnxNode) -> Result:
    return dynamic_quantize(node.input(0))


def centred(x: Value, zero: Value | None, shape: tuple[Any, ...] | None = None, dtype: DType = i32) -> Value:
    """x - zero as ``dtype``; ``shape`` is how a zero point of rank 1 meets x."""
    wide = casted(x, dtype)
    if zero is None:
        return wide
    point = casted(zero, dtype)
    if point.rank == 1:
        point = reshaped(point, ()) if point.shape[0] == 1 else reshaped(point, shape or point.shape)
    return apply(Sub(), wide, point)


SUM = Body((i32,), (arg(0, i32),))
"""The epilogue of products of ``factors``: sums as they are."""


def factors(
    a: Value,
    b: Value,
    zeros: tuple[Value | None, Value | None],
    a_shape: tuple[Any, ...] | None = None,
    b_shape: tuple[Any, ...] | None = None,
) -> tuple[Value, Value]:
    """Both operands less their zero points, in one type: bytes as i16, which holds their differences."""
    narrow = all(x.dtype in (i8, u8) or x.dtype is i16 and zero is None for x, zero in zip((a, b), zeros, strict=True))
    dtype = i16 if narrow else i32
    return centred(a, zeros[0], a_shape, dtype), centred(b, zeros[1], b_shape, dtype)


def integer_product(a: Value, b: Value, a_zero: Value | None, b_zero: Value | None) -> Value:
    """(a - a_zero) @ (b - b_zero) in i32."""
    rows = (*a_zero.shape, 1) if a_zero is not None else None
    return matmul(*factors(a, b, (a_zero, b_zero), rows), epilogue=SUM)


@importer("MatMulInteger")
def _matmul_integer(node: OnnxNode) -> Result:
    return integer_product(node.input(0), node.input(1), node.optional(2), node.optional(3))


def integer_convolution(node: OnnxNode, x: Value, w: Value, zeros: tuple[Value | None, Value | None]) -> Value:
    """x [N, C, spatial...] convolved with w, each less its zero point (of w: one, or one a channel), in i32."""
    rank = x.rank - 2
    strides, dilations = spatial(node, "strides", rank), spatial(node, "dilations", rank)
    pads = padding(node, x.shape[2:], w.shape[2:], strides, dilations)
    channels = (w.shape[0], *[1] * (rank + 1))
    op = Conv(strides, pads, dilations, int(node.attributes.get("group", 1)), SUM)
    return apply(op, *factors(x, w, zeros, None, channels))


@importer("ConvInteger")
def _conv_integer(node: OnnxNode) -> Result:
    return integer_convolution(node, node.input(0), node.input(1), (node.optional(2), node.optional(3)))


def requantized(total: Value, scales: tuple[Value, Value, Value], zero: Value) -> Value:
    """round(total * (a scale * b scale / y scale)) + zero, bounded to zero's type."""
    a, b, y = scales
    dtype = zero.dtype
    factor = call("div", call("mul", arg(1, f32), arg(2, f32)), arg(3, f32))
    value: Scalar = call("round", call("mul", cast(arg(0, i32), f32), factor))
    value = call("add", value, cast(arg(4, dtype), f32))
    low = -(2 ** (dtype.bits - 1)) if dtype.kind == "i" else 0
    value = call("min", call("max", value, const(low, f32)), const(low + 2**dtype.bits - 1, f32))
    return apply(Map(Body((i32, f32, f32, f32, dtype), (cast(value, dtype),))), total, a, b, y, zero)


def one(value: Value) -> Value:
    """The value; with rank 0 where it is a vector of one element."""
    if value.rank == 0 or value.shape[0] != 1:
        return value
    return reshaped(value, ())


@importer("QLinearMatMul")
def _qlinear_matmul(node: OnnxNode) -> Result:
    a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero = (node.input(i) for i in range(8))
    rows = reshaped(a_scale, (*a_scale.shape, 1)) if a_scale.rank == 1 and a_scale.shape[0] != 1 else one(a_scale)
    if y_scale.rank > 0 and y_scale.shape[0] != 1:
        raise MinirtError("a result scale for each row is not supported")
    total = integer_product(a, b, a_zero, b_zero)
    return requantized(total, (casted(rows, f32), casted(one(b_scale), f32), casted(one(y_scale), f32)), one(y_zero))


@importer("QLinearConv")
def _qlinear_conv(node: OnnxNode) -> Result:
    x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero = (node.input(i) for i in range(8))
    bias = node.optional(8)
    channels = (-1, *[1] * (x.rank - 2))
    total = integer_convolution(node, x, w, (x_zero, w_zero))
    if bias is not None:
        total = apply(Add(), total, reshaped(bias, (*bias.shape, *channels[1:])))
    each = one(w_scale)
    each = each if each.rank == 0 else reshaped(each, (*each.shape, *channels[1:]))
    return requantized(total, (one(x_scale), each, one(y_scale)), one(y_zero))


@importer("DynamicQuantizeLSTM", domain="com.microsoft")
def _dynamic_quantize_lstm(node: OnnxNode) -> Result:
    """An LSTM with quantised weights [D, size, 4 * H], its input rounded as its range asks; states stay f32."""
    x = node.input(0)
    w, r = (_turned(node.input(i), node.input(at + 1)) for i, at in ((1, 8), (2, 10)))
    w_scale, r_scale = (_each_row(node.input(at), codes) for at, codes in ((8, w), (10, r)))

    def multiplied(x: Value, w: Value, bias: Value) -> Value:
        codes, scale, zero = dynamic_quantize(x)
        count, width, size = w.shape
        flat = (count * width,)
        a, b = factors(codes, reshaped(w, (count * width, size)), (zero, None))
        scaled = call("mul", cast(arg(0, i32), f32), call("mul", arg(1, f32), arg(2, f32)))
        body = Body((i32, f32, f32, f32), (call("add", scaled, arg(3, f32)),))
        total = matmul(a, b, trans_b=True, epilogue=SUM)
        return apply(Map(body), total, scale, reshaped(w_scale, flat), reshaped(bias, flat))

    rest = (node.optional(3), node.optional(4), node.optional(5), node.optional(6), node.optional(7))
    coded = r.dtype is i8 and is_constant(node.input(2))
    if not coded:
        r = casted(r, i16)
        wide = Body((i16, f32), (call("mul", cast(arg(0, i16), f32), arg(1, f32)),))
        r = apply(Map(wide), r, reshaped(r_scale, (*r_scale.shape, 1)))
    return recurrent(replace(node, inputs=(x, w, r, *rest)), "lstm", multiplied, r_scale if coded else None)


def _turned(codes: Value, zero: Value) -> Value:
    """Weights [D, size, 4 * H] as [D, 4 * H, size]: as they are where the zero point is known to be 0, else centred."""
    count, _, width = codes.shape
    plain = codes.dtype is i8 and is_constant(zero) and not array_of(zero).any()
    if not plain:
        codes = apply(Sub(), casted(codes, i16), casted(reshaped(zero, _row(zero, count, width)), i16))
    return transposed(codes, (0, 2, 1))


def _row(given: Value, count: Dim, width: Dim) -> tuple[Dim, ...]:
    return (count, 1, 1 if given.rank == 1 else width)


def _each_row(scale: Value, codes: Value) -> Value:
    """Scales [D] or [D, 4 * H] of both directions as [D, 4 * H]."""
    count, width, _ = codes.shape
    return scale if scale.rank == 2 else expanded(reshaped(scale, (count, 1)), (count, width))
