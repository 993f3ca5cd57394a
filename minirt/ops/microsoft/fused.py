"""Products and convolutions with what onnxruntime's optimizer takes into them: activations and residuals."""

from __future__ import annotations

from typing import Any

from minirt.errors import MinirtError
from minirt.ir.op import Value, apply
from minirt.ir.scalar import Body, arg, call, cast, const
from minirt.ops.activation import GeluTanh
from minirt.ops.arithmetic import Add
from minirt.ops.epilogue import accumulator
from minirt.ops.gemm import Gemm, matmul
from minirt.ops.importer import OnnxNode, Result
from minirt.ops.microsoft.registry import channels_first, channels_last, microsoft, single, standard
from minirt.ops.movement import transposed

_PARAMETERS = {"LeakyRelu": ("alpha",), "Clip": ("min", "max"), "HardSigmoid": ("alpha", "beta")}
_NAMED = ("alpha", "beta", "gamma", "axis")


def _activated(node: OnnxNode, y: Value, given: dict[str, Any]) -> Value:
    """The activation that the node names, with these attributes, after y."""
    name = str(node.attributes.get("activation", ""))
    if not name:
        return y
    plain = OnnxNode(name, node.name, node.opset, (y,), given)
    try:
        return single(standard(plain, name, y, opset=6 if name == "Clip" else 13))
    except KeyError as error:
        raise MinirtError(f"activation {name!r} is not supported") from error


def _by_place(node: OnnxNode) -> dict[str, Any]:
    """``activation_params`` by the activation's own names."""
    names = _PARAMETERS.get(str(node.attributes.get("activation", "")), ())
    return dict(zip(names, node.attributes.get("activation_params", ()), strict=False))


def _by_name(node: OnnxNode) -> dict[str, Any]:
    """``activation_alpha`` and the like, by the activation's own names."""
    return {n: node.attributes[f"activation_{n}"] for n in _NAMED if f"activation_{n}" in node.attributes}


def _convolved(node: OnnxNode, x: Value, z: Value | None) -> Value:
    """Convolution, bias, residual, activation."""
    y = single(standard(node, "Conv", x, node.input(1), node.optional(2)))
    return _activated(node, y if z is None else apply(Add(), y, z), _by_place(node))


@microsoft("FusedConv")
def _conv(node: OnnxNode) -> Result:
    return _convolved(node, node.input(0), node.optional(3))


@microsoft("NhwcFusedConv", "NhwcConv")
def _nhwc_conv(node: OnnxNode) -> Result:
    z = node.optional(3)
    return channels_last(_convolved(node, channels_first(node.input(0)), None if z is None else channels_first(z)))


@microsoft("FusedGemm")
def _gemm(node: OnnxNode) -> Result:
    y = single(standard(node, "Gemm", node.input(0), node.input(1), node.optional(2)))
    return _activated(node, y, _by_name(node))


def _product(node: OnnxNode) -> Value:
    """alpha * a @ b; ``transBatchA`` says that a's first axis is that of its rows, before the batches."""
    sides = []
    for at, name in ((0, "transBatchA"), (1, "transBatchB")):
        x = node.input(at)
        turned = x.rank > 2 and node.attributes.get(name, 0)
        sides.append(transposed(x, (*range(1, x.rank - 1), 0, x.rank - 1)) if turned else x)
    alpha, total = float(node.attributes.get("alpha", 1.0)), accumulator(sides[0].dtype)
    scaled = cast(call("mul", arg(0, total), const(alpha, total)), sides[0].dtype)
    trans_a, trans_b = (bool(node.attributes.get(name, 0)) for name in ("transA", "transB"))
    return apply(Gemm(trans_a, trans_b, None if alpha == 1.0 else Body((total,), (scaled,))), *sides)


@microsoft("FusedMatMul", "TransposeMatMul")
def _matmul(node: OnnxNode) -> Result:
    return _product(node)


@microsoft("FusedMatMulActivation")
def _matmul_activation(node: OnnxNode) -> Result:
    return _activated(node, _product(node), _by_name(node))


@microsoft("GemmFastGelu")
def _gemm_fast_gelu(node: OnnxNode) -> Result:
    y, bias = matmul(node.input(0), node.input(1)), node.optional(2)
    return apply(GeluTanh(), y if bias is None else apply(Add(), y, bias))


@microsoft("ConvTransposeWithDynamicPads")
def _conv_transpose(node: OnnxNode) -> Result:
    """The pads are an operand, which must be known when the network is built."""
    pads = node.static_ints("pads", 2)
    given: dict[str, Any] = {} if pads is None else {"pads": list(pads)}
    return standard(node, "ConvTranspose", node.input(0), node.input(1), node.optional(3), **given)
