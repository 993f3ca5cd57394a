"""Local response normalisation."""

from __future__ import annotations

from minirt.ir.op import Value, apply
from minirt.ir.scalar import Body, arg, call, cast, const
from minirt.ops.arithmetic import Mul
from minirt.ops.importer import OnnxNode, Result, importer
from minirt.ops.movement import reshaped
from minirt.ops.pointwise import Map
from minirt.ops.pooling import Pool
from minirt.types.dim import product


@importer("LRN")
def _lrn(node: OnnxNode) -> Result:
    """x / (bias + alpha * mean of x^2 over ``size`` channels) ^ beta; channels outside count as 0."""
    x, size = node.input(0), int(node.attributes["size"])
    squares = reshaped(apply(Mul(), x, x), (x.shape[0], 1, x.shape[1], product(x.shape[2:])))
    before = (size - 1) // 2
    mean = Pool("average", (size, 1), (1, 1), (before, 0, size - 1 - before, 0), (1, 1), include_pad=True)
    return _divided(x, reshaped(apply(mean, squares), x.shape), node)


def _divided(x: Value, mean: Value, node: OnnxNode) -> Value:
    bias, alpha, beta = (
        float(node.attributes.get(k, d)) for k, d in (("bias", 1.0), ("alpha", 0.0001), ("beta", 0.75))
    )
    wide = x.dtype.compute
    scaled = call("add", const(bias, wide), call("mul", const(alpha, wide), arg(1, x.dtype)))
    power = call("pow", scaled, const(beta, wide))
    return apply(Map(Body((x.dtype, x.dtype), (cast(call("div", arg(0, x.dtype), power), x.dtype),))), x, mean)
