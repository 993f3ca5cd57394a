"""TensorRT's plugins that one or two core ops amount to."""

from __future__ import annotations

from typing import Any

import numpy as np

from minirt.errors import MinirtError
from minirt.ir.op import Value, apply
from minirt.ops.activation import GeluTanh, LeakyRelu
from minirt.ops.arithmetic import Add, Max, Min
from minirt.ops.importer import OnnxNode, Result, number
from minirt.ops.movement import reshaped
from minirt.ops.nvidia.registry import number_of, plugin, single, standard
from minirt.types.dtype import f32


@plugin("LReLU_TRT", negSlope="f")
def _leaky(node: OnnxNode) -> Result:
    """x where positive, negSlope * x elsewhere."""
    return apply(LeakyRelu(number_of(node, "negSlope", 0.1)), node.input(0))


@plugin("Clip_TRT", clipMin="f", clipMax="f")
def _clip(node: OnnxNode) -> Result:
    """x between bounds."""
    x = node.input(0)
    low, high = (number(number_of(node, name, 0.0), x.dtype) for name in ("clipMin", "clipMax"))
    return apply(Min(), apply(Max(), x, low), high)


@plugin("CustomGeluPluginDynamic", type_id="i", bias="F")
def _gelu(node: OnnxNode) -> Result:
    """The approximation of Gelu by tanh, of x plus a bias along its last axis if one is given."""
    x = node.input(0)
    if "bias" in node.attributes:
        x = apply(Add(), x, number(np.asarray(node.attributes["bias"]), x.dtype))
    return apply(GeluTanh(), x)


@plugin("ResizeNearest_TRT", scale="f")
def _nearest(node: OnnxNode) -> Result:
    """The last two axes ``scale`` times as long: each element the one at its place over the scale, rounded down."""
    x, scale = node.input(0), number_of(node, "scale", 2.0)
    scales = number(np.array([1.0] * (x.rank - 2) + [scale] * 2), f32)
    how: dict[str, Any] = {
        "mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor",
    }  # fmt: skip
    return standard(node, "Resize", x, None, scales, **how)


def _weights(node: OnnxNode, place: int, name: str = "") -> Value:
    """A number for each channel: an operand of any rank, or the field of this name; raises MinirtError without."""
    found = node.optional(place)
    if found is None and name not in node.attributes:
        raise MinirtError(f"it has neither the input {place} nor the field '{name}'", f"{node.op_type} '{node.name}'")
    if found is None:
        return number(np.asarray(node.attributes[name]), f32)
    return found if found.rank == 1 else reshaped(found, (node.input(0).shape[1],))


@plugin("InstanceNormalization_TRT", versions=("1", "2"), third=("3",), epsilon="f", scales="F", bias="F", relu="i",
        alpha="f")  # fmt: skip
def _instance(node: OnnxNode) -> Result:
    """Each channel of each image less its mean, over its deviation, scaled and shifted; then a leaky ReLU if asked."""
    scale, bias = _weights(node, 1, "scales"), _weights(node, 2, "bias")
    made = standard(node, "InstanceNormalization", node.input(0), scale, bias)
    slope = number_of(node, "alpha", 0.0)
    return apply(LeakyRelu(slope), single(made)) if number_of(node, "relu", 0) else made


@plugin("GroupNormalizationPlugin", eps="f", num_groups="i")
def _group(node: OnnxNode) -> Result:
    """Groups of channels less their mean, over their deviation, scaled and shifted by channel."""
    groups, epsilon = int(number_of(node, "num_groups", 32)), number_of(node, "eps", 1e-5)
    inputs = (node.input(0), _weights(node, 1), _weights(node, 2))
    return standard(node, "GroupNormalization", *inputs, opset=21, num_groups=groups, epsilon=epsilon)


@plugin("ROIAlign_TRT", third=("2",), output_height="i", output_width="i", sampling_ratio="i", spatial_scale="f",
        mode="i", coordinate_transformation_mode="i")  # fmt: skip
def _roi_align(node: OnnxNode) -> Result:
    """Regions read on a grid: x [N, C, H, W], rois [R, 4], images [R]; mode 0 the maximum, 1 the mean."""
    kinds: dict[str, Any] = {"mode": "avg" if number_of(node, "mode", 1) else "max"}
    half = number_of(node, "coordinate_transformation_mode", 1)
    kinds["coordinate_transformation_mode"] = "half_pixel" if half else "output_half_pixel"
    return standard(node, "RoiAlign", *node.inputs, opset=16, **kinds)
