"""Gates, norms over groups and biases by position, as onnxruntime fuses them for language and diffusion models."""

from __future__ import annotations

import math

import numpy as np

from minirt.errors import MinirtError
from minirt.ir.graph import constant
from minirt.ir.op import Value, apply
from minirt.ops.activation import GeluErf, Sigmoid, Swish
from minirt.ops.arithmetic import Abs, Add, Max, Min, Mul, Sub
from minirt.ops.arithmetic_functions import Floor, Log
from minirt.ops.cast import casted
from minirt.ops.gemm import matmul
from minirt.ops.importer import OnnxNode, Result, number
from minirt.ops.indexing import Gather
from minirt.ops.logic import Less, where
from minirt.ops.microsoft.attending import parts_of, split_heads
from minirt.ops.microsoft.registry import microsoft
from minirt.ops.movement import Iota, reshaped, transposed
from minirt.ops.normalization import Normalization
from minirt.ops.reduce import reduced
from minirt.ops.shape import unsqueezed
from minirt.types.dim import Dim, divide
from minirt.types.dtype import bf16, f16, f32, i64


def _wide(x: Value) -> Value:
    return casted(x, f32) if x.dtype in (f16, bf16) else x


@microsoft("BiasAdd")
def _bias_add(node: OnnxNode) -> Result:
    return apply(Add(), apply(Add(), node.input(0), node.input(1)), node.input(2))


@microsoft("BiasSplitGelu")
def _bias_split_gelu(node: OnnxNode) -> Result:
    """The first half of the channels times gelu of the second."""
    x = apply(Add(), node.input(0), node.input(1))
    left, right = parts_of(x, (divide(x.shape[-1], 2),) * 2)
    return apply(Mul(), left, apply(GeluErf(), right))


@microsoft("SwiGLU")
def _swiglu(node: OnnxNode) -> Result:
    """g * sigmoid(alpha * g) * (l + beta) for the gate g and the linear half l, both clipped."""
    gate, up = node.input(0), node.optional(1)
    if up is None:
        gate, up = parts_of(gate, (divide(gate.shape[-1], 2),) * 2)
    g, linear, limit = _wide(gate), _wide(up), float(node.attributes.get("limit", 0.0))
    if limit > 0:
        g = apply(Min(), g, number(limit, g.dtype))
        linear = apply(Max(), apply(Min(), linear, number(limit, g.dtype)), number(-limit, g.dtype))
    active = apply(Swish(float(node.attributes.get("activation_alpha", 1.0))), g)
    if node.attributes.get("round_activation", 0):
        active = casted(casted(active, gate.dtype), g.dtype)
    beta = float(node.attributes.get("activation_beta", 0.0))
    linear = apply(Add(), linear, number(beta, g.dtype)) if beta else linear
    return casted(apply(Mul(), active, linear), gate.dtype)


@microsoft("ScaledSiLU")
def _scaled_silu(node: OnnxNode) -> Result:
    """z * sigmoid(z) for z = scale * x, each rounded."""
    x, scale = node.input(0), node.optional(1)
    by = number(float(node.attributes.get("alpha", 1.0)), f32) if scale is None else reshaped(_wide(scale), ())
    z = casted(apply(Mul(), _wide(x), by), x.dtype)
    return apply(Mul(), z, apply(Sigmoid(), z))


@microsoft("GatedAdd")
def _gated_add(node: OnnxNode) -> Result:
    if node.optional(3) is not None:
        raise MinirtError("gate_weight is not supported")
    return apply(Add(), node.input(0), apply(Mul(), node.input(1), node.input(2)))


def _rms_by_parts(node: OnnxNode, size: Dim) -> Value:
    """x over the root mean square of each ``size`` neighbours: [..., parts, size] in f32."""
    x = _wide(node.input(0))
    apart = reshaped(x, (*x.shape[:-1], divide(x.shape[-1], size), size))
    return apply(Normalization((x.rank,), "rms", float(node.attributes.get("epsilon", 1e-5))), apart)


@microsoft("GatedRMSNorm")
def _gated_rms(node: OnnxNode) -> Result:
    x, scale, gate = node.input(0), node.input(1), _wide(node.input(2))
    kind = str(node.attributes.get("activation", "silu"))
    if kind not in ("silu", "swish", "sigmoid"):
        raise MinirtError(f"activation {kind!r} is not silu, swish or sigmoid")
    normal = reshaped(apply(Mul(), _rms_by_parts(node, scale.shape[0]), _wide(scale)), x.shape)
    active = apply(Sigmoid() if kind == "sigmoid" else Swish(), gate)
    return casted(apply(Mul(), normal, active), x.dtype)


@microsoft("BranchwiseRMSNorm")
def _branchwise_rms(node: OnnxNode) -> Result:
    x, scale, count = node.input(0), node.optional(1), int(node.attributes.get("num_branches", 0))
    width = divide(x.shape[-1], count) if count else x.shape[-1]
    normal = _rms_by_parts(node, width)
    if scale is not None:
        wide = _wide(scale)
        if scale.tensor.size == width:
            normal = apply(Mul(), normal, reshaped(wide, (width,)))
        else:
            branches = (-1,) if count else x.shape[-2:-1]
            shape = (count, width) if count else (*branches, 1, width)
            normal = apply(Mul(), normal, reshaped(wide, shape))
    return casted(reshaped(normal, x.shape), x.dtype)


@microsoft("GroupNorm", "SkipGroupNorm")
def _group_norm(node: OnnxNode) -> Result:
    """Over groups of channels, first or last; the skipped sum is the second result."""
    x, scale, shift = node.input(0), node.input(1), node.input(2)
    last = bool(node.attributes.get("channels_last", 1))
    skip, bias = (node.optional(i) if node.op_type == "SkipGroupNorm" else None for i in (3, 4))
    if skip is not None:
        if skip.rank == 2:
            skip = unsqueezed(skip, [1, 2] if last else [2, 3])
        x = apply(Add(), x, skip)
    if bias is not None:
        x = apply(Add(), x, bias if last else reshaped(bias, (*bias.shape, 1, 1)))
    groups, channels = int(node.attributes["groups"]), x.shape[-1 if last else 1]
    each, wide = divide(channels, groups), _wide(x)
    apart = (*x.shape[:-1], groups, each) if last else (x.shape[0], groups, each, *x.shape[2:])
    axes = (1, 2, 4) if last else (2, 3, 4)
    normal = apply(Normalization(axes, "layer", float(node.attributes.get("epsilon", 1e-5))), reshaped(wide, apart))
    vectors = (_wide(v) if last else reshaped(_wide(v), (*v.shape, 1, 1)) for v in (scale, shift))
    factor, offset = (casted(v, wide.dtype) for v in vectors)
    y = apply(Add(), apply(Mul(), reshaped(normal, x.shape), factor), offset)
    y = apply(Swish(), y) if node.attributes.get("activation", 0) else y
    return [casted(y, x.dtype), x][: node.outputs]


@microsoft("RelativePositionBias")
def _relative_position_bias(node: OnnxNode) -> Result:
    """T5's: distances fall into buckets, each with a number a head; far ones share logarithmic buckets."""
    table, lengths = node.input(0), (node.input(1), node.input(2))
    queries, keys = (v.ints[0] if v.ints else None for v in lengths)
    if queries is None or keys is None:
        raise MinirtError("the lengths of queries and keys must be known, or be dims")
    buckets, most = table.shape[0], int(node.attributes["max_distance"])
    if not isinstance(buckets, int):
        raise MinirtError("the number of buckets must be known")
    apart = apply(Sub(), apply(Iota((1, keys), 1, i64)), apply(Iota((queries, 1), 0, i64)))
    if node.attributes.get("is_bidirectional", 0):
        buckets //= 2
        base = where(apply(Less(), number(0, i64), apart), number(buckets, i64), number(0, i64))
        distance = apply(Abs(), apart)
    else:
        base, distance = number(0, i64), apply(Max(), apply(Sub(), number(0, i64), apart), number(0, i64))
    exact = buckets // 2
    far = apply(Log(), apply(Mul(), casted(apply(Max(), distance, number(1, i64)), f32), number(1.0 / exact, f32)))
    steps = apply(Mul(), far, number((buckets - exact) / math.log(most / exact), f32))
    large = apply(Add(), casted(apply(Floor(), steps), i64), number(exact, i64))
    large = apply(Min(), large, number(buckets - 1, i64))
    place = apply(Add(), base, where(apply(Less(), distance, number(exact, i64)), distance, large))
    return unsqueezed(transposed(apply(Gather(0), table, place), (2, 0, 1)), [0])


@microsoft("GatedRelativePositionBias")
def _gated_relative_position_bias(node: OnnxNode) -> Result:
    """A bias by position, as much of it as gates that follow from each query let through."""
    if node.optional(6) is not None:
        raise MinirtError("token_offset is not supported")
    query, bias, positions, weight, shift, eco = (node.input(i) for i in range(6))
    heads = split_heads(apply(Add(), query, bias), int(node.attributes["num_heads"]))
    gates = apply(Add(), matmul(heads, weight), shift)
    half = divide(gates.shape[-1], 2)
    sums = reduced("sum", reshaped(gates, (*gates.shape[:-1], 2, half)), [4], keepdims=False)
    u, r = parts_of(apply(Sigmoid(), sums), (1, 1))
    one, two = (constant(np.asarray(n), u.dtype) for n in (1.0, 2.0))
    gate = apply(Add(), apply(Mul(), u, apply(Sub(), apply(Mul(), r, eco), one)), two)
    return apply(Mul(), gate, positions)
