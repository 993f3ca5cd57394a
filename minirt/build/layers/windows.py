"""Layers with sliding windows, resampling and normalisation."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from minirt.build.layers.emit import Layer, emit, ints, scalar, to_i64, translates, unsupported
from minirt.ir.graph import constant
from minirt.ir.op import Value

_AUTO = {"SAME_UPPER": "SAME_UPPER", "SAME_LOWER": "SAME_LOWER"}
_UP = ("EXPLICIT_ROUND_UP", "CAFFE_ROUND_UP")


def _padding(layer: Layer) -> dict[str, Any]:
    """Return the padding of a window layer as ONNX attributes."""
    mode = layer["padding_mode"]
    if mode in _AUTO:
        return {"auto_pad": _AUTO[mode]}
    return {"pads": [*layer["pre_padding"], *layer["post_padding"]]}


def _kernel(layer: Layer, x: Value, shape: Sequence[int]) -> Value:
    """Return the kernel: the weights of the layer in a shape, or its second operand."""
    given = layer.optional(1)
    if given is not None:
        return given
    made = layer.weights("kernel", x.dtype, shape)
    if made is None:
        raise unsupported(layer, "it has no kernel weights and no kernel input")
    return made


def _bias(layer: Layer, x: Value) -> Value | None:
    return layer.optional(2) or layer.weights("bias", x.dtype, [int(layer["num_output_maps"])])


def _steps(layer: Layer, axes: int) -> dict[str, list[int]]:
    """Strides and dilations; 1 where fewer were set than there are axes, as by who unsqueezes 1-D windows to 2-D."""
    named = {"strides": layer["stride"], "dilations": layer["dilation"]}
    return {name: [*map(int, given), *[1] * (axes - len(given))] for name, given in named.items()}


@translates("CONVOLUTION")
def convolution(layer: Layer) -> Value:
    """Convolve; the kernel is [maps, channels / groups, ...]."""
    x, size = layer.operand(), list(layer["kernel_size"])
    w = _kernel(layer, x, [int(layer["num_output_maps"]), -1, *size])
    window = {"kernel_shape": size} | _steps(layer, len(size))
    window |= _padding(layer)
    if layer["padding_mode"] in _UP:  # with stride - 1 more zeros behind, rounding down is rounding up without
        after = [n + stride - 1 for n, stride in zip(layer["post_padding"], window["strides"], strict=True)]
        window["pads"] = [*layer["pre_padding"], *after]
    return emit("Conv", x, w, _bias(layer, x), group=int(layer["num_groups"]), **window)


@translates("DECONVOLUTION")
def deconvolution(layer: Layer) -> Value:
    """Transposed convolution; the kernel is [channels, maps / groups, ...]."""
    x, size = layer.operand(), list(layer["kernel_size"])
    groups = int(layer["num_groups"])
    w = _kernel(layer, x, [-1, int(layer["num_output_maps"]) // groups, *size])
    window = {"kernel_shape": size} | _steps(layer, len(size))
    return emit("ConvTranspose", x, w, _bias(layer, x), group=groups, **window, **_padding(layer))


@translates("POOLING")
def pooling(layer: Layer) -> Value:
    """The largest or the mean of each window, or a blend of both."""
    x = layer.operand()
    window = {"kernel_shape": list(layer["window_size"]), "strides": list(layer["stride"])} | _padding(layer)
    window["ceil_mode"] = int(layer["padding_mode"] in _UP)
    counted = int(not layer["average_count_excludes_padding"])
    if layer["type"] == "MAX":
        return emit("MaxPool", x, **window)
    mean = emit("AveragePool", x, count_include_pad=counted, **window)
    if layer["type"] == "AVERAGE":
        return mean
    blend = float(layer["blend_factor"])
    most = emit("Mul", emit("MaxPool", x, **window), scalar(1 - blend, x))
    return emit("Add", most, emit("Mul", mean, scalar(blend, x)))


@translates("FULLY_CONNECTED")
def fully_connected(layer: Layer) -> Value:
    """The product of the last three dims, taken as one, with a [maps, inputs] kernel."""
    x, maps = layer.operand(), int(layer["num_output_maps"])
    w = _kernel(layer, x, [maps, -1])
    flat = emit("Reshape", x, ints([0] * (x.rank - 3) + [-1]))
    out = emit("MatMul", flat, emit("Transpose", w, perm=[1, 0]))
    bias = _bias(layer, x)
    out = out if bias is None else emit("Add", out, bias)
    return emit("Unsqueeze", out, ints([x.rank - 2, x.rank - 1]))


@translates("PADDING")
def padding(layer: Layer) -> Value:
    """Zeros around the last dims; negative numbers cut."""
    x = layer.operand()
    before, after = list(layer["pre_padding"]), list(layer["post_padding"])
    free = [0] * (x.rank - len(before))
    return emit("Pad", x, ints([*free, *before, *free, *after]), mode="constant")


@translates("LRN")
def lrn(layer: Layer) -> Value:
    """Local response normalisation over a window of channels."""
    numbers = {name: float(layer[name]) for name in ("alpha", "beta")}
    return emit("LRN", layer.operand(), size=int(layer["window_size"]), bias=float(layer["k"]), **numbers)


_COORDINATES = {"ALIGN_CORNERS": "align_corners", "ASYMMETRIC": "asymmetric", "HALF_PIXEL": "half_pixel"}
_ROUNDING = {
    "HALF_UP": "round_prefer_ceil",
    "HALF_DOWN": "round_prefer_floor",
    "FLOOR": "floor",
    "CEIL": "ceil",
}


@translates("RESIZE")
def resize(layer: Layer) -> Value:
    """Resample to a shape, given as dims, as a tensor, or by scales."""
    x, given = layer.operand(), layer.optional(1)
    place = _COORDINATES[layer["coordinate_transformation"]]
    if place == "half_pixel" and layer["selector_for_single_pixel"] == "UPPER":
        place = "pytorch_half_pixel"
    how = {
        "mode": layer["resize_mode"].lower(),
        "coordinate_transformation_mode": place,
        "nearest_mode": _ROUNDING[layer["nearest_rounding"]],
        "cubic_coeff_a": float(layer["cubic_coeff"]),
        "exclude_outside": int(layer["exclude_outside"]),
    }
    if given is not None:
        return emit("Resize", x, None, None, to_i64(given), **how)
    if layer.get("shape") is not None:
        sizes = ints(layer["shape"])
        if layer.get("batched"):
            sizes = emit("Concat", emit("Shape", x, start=0, end=1), sizes, axis=0)
        return emit("Resize", x, None, None, sizes, **how)
    if not layer["scales"]:
        raise unsupported(layer, "neither shape nor scales are set")
    scales = constant(np.asarray(layer["scales"], np.float32))
    return emit("Resize", x, None, scales, **how)


@translates("GRID_SAMPLE")
def grid_sample(layer: Layer) -> Value:
    """Read the input at the places of a grid."""
    outside = {"FILL": "zeros", "CLAMP": "border", "REFLECT": "reflection"}.get(layer["sample_mode"])
    if outside is None:
        raise unsupported(layer, f"sample mode {layer['sample_mode']} is not FILL, CLAMP or REFLECT")
    mode = layer["interpolation_mode"].lower()
    corners = int(layer["align_corners"])
    return emit(
        "GridSample", layer.operand(0), layer.operand(1), mode=mode, padding_mode=outside, align_corners=corners
    )


@translates("NORMALIZATION")
def normalization(layer: Layer) -> Value:
    """(x - mean) / sqrt(variance + epsilon) * scale + bias over some axes, or over groups of channels."""
    x, by, bias = layer.operand(0), layer.operand(1), layer.operand(2)
    axes, groups, epsilon = layer.axes(layer["axes"]), int(layer["num_groups"]), float(layer["epsilon"])
    if groups == 1 and axes == [x.rank - 1] and _trailing(by, bias, axes[0]):
        flat = (emit("Reshape", v, ints([-1])) for v in (by, bias))
        return emit("LayerNormalization", x, *flat, axis=axes[0], epsilon=epsilon)
    wide = x if groups == 1 else emit("Reshape", x, ints([0, groups, -1]))
    over = axes if groups == 1 else [2]
    mean = emit("ReduceMean", wide, ints(over), keepdims=1)
    apart = emit("Sub", wide, mean)
    spread = emit("ReduceMean", emit("Mul", apart, apart), ints(over), keepdims=1)
    unit = emit("Div", apart, emit("Sqrt", emit("Add", spread, scalar(epsilon, x))))
    if groups == 1:
        return emit("Add", emit("Mul", unit, by), bias)
    by, bias = (_by_channel(v, groups, x) for v in (by, bias))
    return emit("Add", emit("Mul", emit("Reshape", unit, emit("Shape", x)), by), bias)


def _by_channel(v: Value, groups: int, x: Value) -> Value:
    """Return scales [1, channels, 1, ...] of x: each group's for its channels, where there is one a group."""
    ones = [1] * (x.rank - 2)
    if v.shape != (1, groups, *ones) or x.shape[1] == groups:
        return v
    each = emit("Div", emit("Slice", emit("Shape", x), ints([1]), ints([2])), ints([groups]))
    wide = emit("Expand", emit("Reshape", v, ints([groups, 1])), emit("Concat", ints([groups]), each, axis=0))
    return emit("Reshape", wide, ints([1, -1, *ones]))


def _trailing(by: Value, bias: Value, first: int) -> bool:
    """Return whether scale and bias vary over the axes from `first` on only."""
    return all(prod(1 if d == 1 else 2 for d in v.shape[:first]) == 1 for v in (by, bias))
