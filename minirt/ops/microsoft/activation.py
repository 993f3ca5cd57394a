"""Activations that onnxruntime's optimizer writes (domain com.microsoft)."""

from __future__ import annotations

from minirt.ir.op import Value, apply
from minirt.ops.activation import GeluErf, GeluTanh, Swish
from minirt.ops.arithmetic import Add
from minirt.ops.importer import OnnxNode, Result
from minirt.ops.microsoft.registry import microsoft


def _biased(node: OnnxNode) -> Value:
    """The operand, with the bias added where there is one."""
    bias = node.optional(1)
    return node.input(0) if bias is None else apply(Add(), node.input(0), bias)


@microsoft("Gelu", "BiasGelu")
def _gelu(node: OnnxNode) -> Result:
    return apply(GeluErf(), _biased(node))


@microsoft("FastGelu")
def _fast_gelu(node: OnnxNode) -> Result:
    return apply(GeluTanh(), _biased(node))


@microsoft("QuickGelu")
def _quick_gelu(node: OnnxNode) -> Result:
    return apply(Swish(float(node.attributes.get("alpha", 1.702))), node.input(0))
