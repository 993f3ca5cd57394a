"""Importers of ONNX's normalizations: compositions around Normalization."""

from __future__ import annotations

from collections.abc import Sequence

from minirt.errors import MinirtError
from minirt.ir.op import Value, apply
from minirt.ops.arithmetic import Abs, Add, Div, Mul, Sub
from minirt.ops.arithmetic_functions import Reciprocal, Sqrt
from minirt.ops.cast import casted
from minirt.ops.importer import OnnxNode, Result, axis_of, importer, number
from minirt.ops.logic import Equal, where
from minirt.ops.movement import reshaped
from minirt.ops.normalization import Normalization
from minirt.ops.reduce import reduced
from minirt.types.dim import Dim, divide
from minirt.types.dtype import f32
from minirt.types.dtype import from_onnx as dtype_from_onnx


def _scaled(x: Value, scale: Value | None, bias: Value | None) -> Value:
    x = x if scale is None else apply(Mul(), x, casted(scale, x.dtype))
    return x if bias is None else apply(Add(), x, casted(bias, x.dtype))


def _channels(v: Value, rank: int) -> Value:
    """A vector of channels, shaped to meet [N, C, ...]."""
    return reshaped(v, (*v.shape, *(1 for _ in range(rank - 2))))


def statistics(x: Value, axes: Sequence[int], epsilon: float) -> tuple[Value, Value]:
    """Mean and 1 / sqrt(variance + epsilon), axes kept."""
    mean = reduced("mean", x, axes)
    centred = apply(Sub(), x, mean)
    variance = reduced("mean", apply(Mul(), centred, centred), axes)
    return mean, apply(Reciprocal(), apply(Sqrt(), apply(Add(), variance, number(epsilon, x.dtype))))


@importer("LayerNormalization")
def _layer(node: OnnxNode) -> Result:
    x = node.input(0)
    axes = tuple(range(axis_of(int(node.attributes.get("axis", -1)), x.rank), x.rank))
    epsilon = float(node.attributes.get("epsilon", 1e-5))
    out = _scaled(apply(Normalization(axes, "layer", epsilon), x), node.input(1), node.optional(2))
    if node.outputs == 1:
        return out
    stash = dtype_from_onnx(int(node.attributes.get("stash_type", 1)))
    return [out, *statistics(casted(x, stash), axes, epsilon)]


@importer("RMSNormalization")
def _rms(node: OnnxNode) -> Result:
    x = node.input(0)
    axes = tuple(range(axis_of(int(node.attributes.get("axis", -1)), x.rank), x.rank))
    epsilon = float(node.attributes.get("epsilon", 1e-5))
    return _scaled(apply(Normalization(axes, "rms", epsilon), x), node.input(1), None)


@importer("InstanceNormalization")
def _instance(node: OnnxNode) -> Result:
    x = node.input(0)
    normal = apply(Normalization(tuple(range(2, x.rank)), "layer", float(node.attributes.get("epsilon", 1e-5))), x)
    return _scaled(normal, _channels(node.input(1), x.rank), _channels(node.input(2), x.rank))


@importer("GroupNormalization")
def _group(node: OnnxNode) -> Result:
    """Scale and bias are one number a group in opsets 18 to 20, one a channel from 21 on."""
    x, groups = node.input(0), int(node.attributes["num_groups"])
    epsilon = float(node.attributes.get("epsilon", 1e-5))
    apart: tuple[Dim, ...] = (x.shape[0], groups, divide(x.shape[1], groups), *x.shape[2:])
    normal = apply(Normalization(tuple(range(2, len(apart))), "layer", epsilon), reshaped(x, apart))
    scale, bias = node.input(1), node.input(2)
    if node.opset < 21:
        normal = _scaled(normal, _channels(scale, len(apart)), _channels(bias, len(apart)))
        return reshaped(normal, x.shape)
    return _scaled(reshaped(normal, x.shape), _channels(scale, x.rank), _channels(bias, x.rank))


@importer("BatchNormalization")
def _batch(node: OnnxNode) -> Result:
    """x * scale' + shift', the running statistics folded into two vectors; in training mode, the batch's own."""
    x = node.input(0)
    scale, bias, mean, variance = (node.input(i) for i in range(1, 5))
    epsilon = float(node.attributes.get("epsilon", 1e-5))
    if node.attributes.get("training_mode", 0) or (node.opset < 14 and node.outputs > 1):
        return _batch_training(node, epsilon)
    real = mean.dtype if mean.dtype.bits >= 32 else f32
    scale, bias, mean, variance = (casted(v, real) for v in (scale, bias, mean, variance))
    factor = apply(Div(), scale, apply(Sqrt(), apply(Add(), variance, number(epsilon, real))))
    shift = apply(Sub(), bias, apply(Mul(), mean, factor))
    if node.opset >= 9 or node.attributes.get("spatial", 1):  # else one number an element, until opset 8
        factor, shift = _channels(factor, x.rank), _channels(shift, x.rank)
    wide = x if x.dtype.bits >= real.bits else casted(x, real)
    return casted(_scaled(wide, factor, shift), x.dtype)


def _batch_training(node: OnnxNode, epsilon: float) -> list[Value]:
    """The result and the running statistics; before opset 14 those of the batch follow."""
    x = node.input(0)
    momentum = float(node.attributes.get("momentum", 0.9))
    axes = tuple(i for i in range(x.rank) if i != 1)
    wide = casted(x, f32) if x.dtype.bits < 32 else x
    normal = casted(apply(Normalization(axes, "layer", epsilon), wide), x.dtype)
    out = [_scaled(normal, _channels(node.input(1), x.rank), _channels(node.input(2), x.rank))]
    mean = reduced("mean", wide, axes)
    centred = apply(Sub(), wide, mean)
    variance = reduced("mean", apply(Mul(), centred, centred), axes)
    batch = [reshaped(now, (x.shape[1],)) for now in (mean, variance)]
    for running, now in zip((node.input(3), node.input(4)), batch, strict=True):
        fresh = casted(now, running.dtype)
        old = apply(Mul(), running, number(momentum, running.dtype))
        out.append(apply(Add(), old, apply(Mul(), fresh, number(1 - momentum, running.dtype))))
    return [*out, *(casted(now, x.dtype) for now in batch)][: node.outputs]


@importer("LpNormalization")
def _lp(node: OnnxNode) -> Result:
    """x over its norm along an axis; 0 where the norm is 0."""
    x = node.input(0)
    axis, p = axis_of(int(node.attributes.get("axis", -1)), x.rank), int(node.attributes.get("p", 2))
    if p not in (1, 2):
        raise MinirtError(f"p = {p} is not 1 or 2")
    wide = casted(x, f32) if x.dtype.bits < 32 else x
    total = reduced("sum", apply(Abs(), wide) if p == 1 else apply(Mul(), wide, wide), [axis])
    norm = total if p == 1 else apply(Sqrt(), total)
    safe = where(apply(Equal(), norm, number(0, wide.dtype)), number(1, wide.dtype), norm)
    return casted(apply(Div(), wide, safe), x.dtype)


@importer("MeanVarianceNormalization")
def _mean_variance(node: OnnxNode) -> Result:
    """(x - mean) / (deviation + 1e-9)."""
    x = node.input(0)
    axes = [axis_of(a, x.rank) for a in node.static_ints("axes") or (0, 2, 3)]
    wide = casted(x, f32) if x.dtype.bits < 32 else x
    centred = apply(Sub(), wide, reduced("mean", wide, axes))
    deviation = apply(Sqrt(), reduced("mean", apply(Mul(), centred, centred), axes))
    return casted(apply(Div(), centred, apply(Add(), deviation, number(1e-9, wide.dtype))), x.dtype)
