"""Layers that work element by element: activation, unary, elementwise, scale, select, cast, quantization."""

from __future__ import annotations

from math import prod
from typing import Any

from minirt.build.layers.emit import Layer, cast, emit, ints, scalar, translates, unsupported
from minirt.ir.op import Value
from minirt.types.dim import Expr
from minirt.types.dtype import DType, f32, i8

_PLAIN = {"RELU": "Relu", "SIGMOID": "Sigmoid", "TANH": "Tanh", "SOFTSIGN": "Softsign"}
_WITH_ALPHA = {"LEAKY_RELU": "LeakyRelu", "ELU": "Elu", "THRESHOLDED_RELU": "ThresholdedRelu"}
_GELU = {"GELU_ERF": "none", "GELU_TANH": "tanh"}
_UNARY = {
    "EXP": "Exp",
    "LOG": "Log",
    "SQRT": "Sqrt",
    "RECIP": "Reciprocal",
    "ABS": "Abs",
    "NEG": "Neg",
    "SIN": "Sin",
    "COS": "Cos",
    "TAN": "Tan",
    "SINH": "Sinh",
    "COSH": "Cosh",
    "ASIN": "Asin",
    "ACOS": "Acos",
    "ATAN": "Atan",
    "ASINH": "Asinh",
    "ACOSH": "Acosh",
    "ATANH": "Atanh",
    "CEIL": "Ceil",
    "FLOOR": "Floor",
    "ERF": "Erf",
    "NOT": "Not",
    "SIGN": "Sign",
    "ROUND": "Round",
    "ISINF": "IsInf",
    "ISNAN": "IsNaN",
}
_BINARY = {
    "SUM": "Add",
    "PROD": "Mul",
    "MAX": "Max",
    "MIN": "Min",
    "SUB": "Sub",
    "DIV": "Div",
    "POW": "Pow",
    "AND": "And",
    "OR": "Or",
    "XOR": "Xor",
    "EQUAL": "Equal",
    "GREATER": "Greater",
    "LESS": "Less",
}


@translates("ACTIVATION")
def activation(layer: Layer) -> Value:
    """Apply an activation; alpha and beta mean what the kind says."""
    x, kind = layer.operand(), layer["type"]
    alpha, beta = float(layer["alpha"]), float(layer["beta"])
    if kind in _PLAIN:
        return emit(_PLAIN[kind], x)
    if kind in _WITH_ALPHA:
        return emit(_WITH_ALPHA[kind], x, alpha=alpha)
    if kind in _GELU:
        return emit("Gelu", x, approximate=_GELU[kind])
    match kind:
        case "SELU":
            return emit("Selu", x, alpha=alpha, gamma=beta)
        case "HARD_SIGMOID":
            return emit("HardSigmoid", x, alpha=alpha, beta=beta)
        case "CLIP":
            return emit("Clip", x, scalar(alpha, x), scalar(beta, x))
        case "SOFTPLUS":
            return emit("Mul", scalar(alpha, x), emit("Softplus", emit("Mul", scalar(beta, x), x)))
        case "SCALED_TANH":
            return emit("Mul", scalar(alpha, x), emit("Tanh", emit("Mul", scalar(beta, x), x)))
    raise unsupported(layer, f"activation {kind} is not known")


@translates("UNARY")
def unary(layer: Layer) -> Value:
    """Apply a function of one tensor."""
    return emit(_UNARY[layer["op"]], layer.operand())


@translates("ELEMENTWISE")
def elementwise(layer: Layer) -> Value:
    """Apply a function of two tensors that broadcast."""
    a, b = layer.operand(0), layer.operand(1)
    if layer["op"] != "FLOOR_DIV":
        return emit(_BINARY[layer["op"]], a, b)
    if not a.dtype.is_integer:
        return emit("Floor", emit("Div", a, b))
    rest = emit("Mod", a, b, fmod=0)
    return emit("Div", emit("Sub", a, rest), b)


@translates("SCALE")
def scale(layer: Layer) -> Value:
    """(x * scale + shift) ** power, with numbers for the whole, for each channel or for each element."""
    x = layer.operand()
    shape = _scale_shape(layer, x)
    by, shift, power = (layer.weights(name, x.dtype, shape) for name in ("scale", "shift", "power"))
    out = x if by is None else emit("Mul", x, by)
    out = out if shift is None else emit("Add", out, shift)
    return out if power is None else emit("Pow", out, power)


def _scale_shape(layer: Layer, x: Value) -> list[int]:
    """Return the shape by which the numbers of a scale layer broadcast against its operand."""
    axis = int(layer["channel_axis"])
    if layer["mode"] == "UNIFORM":
        return [1] * x.rank
    if layer["mode"] == "CHANNEL":
        return [-1] + [1] * (x.rank - 1 - axis)
    sizes = x.shape[axis:]
    known = [int(d) for d in sizes if not isinstance(d, Expr)]
    if len(known) != len(sizes):
        raise unsupported(layer, f"elementwise numbers need known dims, not {x.type}")
    held = next((layer.fields[n].count for n in ("scale", "shift", "power") if layer.fields.get(n)), prod(known))
    return known if held == prod(known) else [-1, *known]


@translates("PARAMETRIC_RELU")
def parametric_relu(layer: Layer) -> Value:
    """x where positive, slopes * x elsewhere."""
    return emit("PRelu", layer.operand(0), layer.operand(1))


@translates("SELECT")
def select(layer: Layer) -> Value:
    """The second operand where the condition holds, the third elsewhere."""
    return emit("Where", layer.operand(0), layer.operand(1), layer.operand(2))


@translates("IDENTITY")
def identity(layer: Layer) -> Value:
    """The operand; a type that is set for the output is applied after."""
    return emit("Identity", layer.operand())


@translates("CAST")
def cast_layer(layer: Layer) -> Value:
    """The operand as another element type."""
    return emit("Cast", layer.operand(), to=layer["to_type"].onnx)


def _quantized(layer: Layer, op: str, **attributes: Any) -> Value:
    """Emit one of the two quantization ops: per tensor, per axis, or per block."""
    x, by = layer.operand(0), layer.operand(1)
    zero = layer.optional(2)
    axis = int(layer["axis"])
    if by.rank == 1 and axis < 0 and by.shape == (1,):
        by = emit("Reshape", by, ints([]))
        zero = None if zero is None else emit("Reshape", zero, ints([]))
    if by.rank > 1 or layer.get("block_shape"):
        if by.rank != x.rank:
            raise unsupported(layer, f"a scale {by.type} of blocks must have as many axes as {x.type}")
        apart = _blocked(x, by)
        for other, size in apart[:-1]:
            by, zero = _repeated(by, other, size), None if zero is None else _repeated(zero, other, size)
        axis, attributes["block_size"] = apart[-1] if apart else (1, 1)
    return emit(op, x, by, zero, axis=axis if axis >= 0 else 1, **attributes)


def _blocked(x: Value, by: Value) -> list[tuple[int, int]]:
    """Return the axes along which several elements share a number, with how many do."""
    sizes = enumerate(zip(x.shape, by.shape, strict=True))
    known = [(a, d, n) for a, (d, n) in sizes if not isinstance(d, Expr) and not isinstance(n, Expr)]
    return [(a, int(d) // int(n)) for a, d, n in known if d != n]


def _repeated(v: Value, axis: int, size: int) -> Value:
    """Return numbers of blocks for each element along an axis, of which `size` share one."""
    shares = [-1 if isinstance(d, Expr) else int(d) for d in v.shape]
    lead, rest = shares[:axis], shares[axis + 1 :]
    times = [1] * (v.rank + 1)
    times[axis + 1] = size
    wide = emit("Tile", emit("Reshape", v, ints([*lead, shares[axis], 1, *rest])), ints(times))
    return emit("Reshape", wide, ints([*lead, shares[axis] * size, *rest]))


@translates("QUANTIZE")
def quantize(layer: Layer) -> Value:
    """x / scale, rounded to the nearest even integer and clamped to the type."""
    to: DType = layer.get("to_type", i8)
    return _quantized(layer, "QuantizeLinear", output_dtype=to.onnx)


@translates("DEQUANTIZE")
def dequantize(layer: Layer) -> Value:
    """x * scale, as a float type."""
    to: DType = layer.get("to_type", f32)
    by = layer.operand(1)
    made = _quantized(layer, "DequantizeLinear")
    return cast(made, to) if by.dtype is not to else made
