"""Layers with windows and weights: convolution, pooling, padding, scale, normalisation, resampling."""

from __future__ import annotations

from typing import Any

from minirt.api.declare import attr
from minirt.api.dims import Dims, DimsHW
from minirt.api.enums import DataType
from minirt.api.fields import field, fields_of, set_field
from minirt.api.layer import ILayer
from minirt.api.layer_enums import (
    InterpolationMode,
    PaddingMode,
    PoolingType,
    ResizeCoordinateTransformation,
    ResizeRoundMode,
    ResizeSelector,
    SampleMode,
    ScaleMode,
)
from minirt.api.weights import Weights
from minirt.types.dtype import f32


def _padding(kind: Any, doc: str, **spans: Any) -> Any:
    """Declare symmetric padding: reads the padding before, sets that before and after."""
    inner = field("pre_padding", kind, doc)

    def put(self: Any, value: Any) -> None:
        set_field(self, "pre_padding", tuple(value))
        set_field(self, "post_padding", tuple(value))

    return attr(inner.fget, put, kind, doc, **spans)


class _Window(ILayer):
    """What layers with windows share."""

    stride_nd = field("stride", Dims, "How far the window moves, for each spatial axis.")
    stride = field("stride", DimsHW, "How far the window moves.", until=8, instead="stride_nd", warns=(8,))
    padding_nd = _padding(Dims, "Padding at both ends of each spatial axis.")
    padding = _padding(DimsHW, "Padding at both ends of height and width.", until=8, instead="padding_nd", warns=(8,))
    pre_padding = field("pre_padding", Dims, "Padding at the start of each spatial axis.")
    post_padding = field("post_padding", Dims, "Padding at the end of each spatial axis.")
    padding_mode = field("padding_mode", PaddingMode, "How padding and rounding are chosen.")


class _Convolution(_Window):
    """What both convolutions share."""

    num_output_maps = field("num_output_maps", int, "How many channels come out.")
    kernel_size_nd = field("kernel_size", Dims, "The size of the kernel, for each spatial axis.")
    kernel_size = field("kernel_size", DimsHW, "The size of the kernel.", until=8, instead="kernel_size_nd", warns=(8,))
    num_groups = field("num_groups", int, "Into how many groups channels are split.")
    kernel = field("kernel", Weights, "The kernel's numbers.")
    bias = field("bias", Weights, "The bias's numbers, empty for none.")
    dilation_nd = field("dilation", Dims, "The distance between kernel elements, for each spatial axis.")


class IConvolutionLayer(_Convolution):
    """Convolution."""

    dilation = field(
        "dilation", DimsHW, "The distance between kernel elements.", until=8, instead="dilation_nd", warns=(8,)
    )


class IDeconvolutionLayer(_Convolution):
    """Transposed convolution."""


class IFullyConnectedLayer(ILayer, until=8):
    """A product with a kernel over the last three dims."""

    num_output_channels = field("num_output_maps", int, "How many numbers come out.")
    kernel = field("kernel", Weights, "The kernel's numbers.")
    bias = field("bias", Weights, "The bias's numbers, empty for none.")


class IPoolingLayer(_Window):
    """Pooling."""

    type = field("type", PoolingType, "What a window yields.")
    window_size_nd = field("window_size", Dims, "The size of the window, for each spatial axis.")
    window_size = field("window_size", DimsHW, "The size of the window.", until=8, instead="window_size_nd", warns=(8,))
    blend_factor = field("blend_factor", float, "The mean's share in MAX_AVERAGE_BLEND.")
    average_count_excludes_padding = field(
        "average_count_excludes_padding", bool, "Whether padding is left out of the mean's count."
    )


class IPaddingLayer(ILayer):
    """Zero padding, or cropping, of height and width."""

    pre_padding_nd = field("pre_padding", Dims, "Padding at the start; negative cuts.")
    post_padding_nd = field("post_padding", Dims, "Padding at the end; negative cuts.")
    pre_padding = field(
        "pre_padding", DimsHW, "Padding at the start; negative cuts.", until=8, instead="pre_padding_nd", warns=(8,)
    )
    post_padding = field(
        "post_padding", DimsHW, "Padding at the end; negative cuts.", until=8, instead="post_padding_nd", warns=(8,)
    )


class IScaleLayer(ILayer):
    """(x * scale + shift) ** power."""

    mode = field("mode", ScaleMode, "What the numbers belong to.")
    scale = field("scale", Weights, "Factors, empty for 1.")
    shift = field("shift", Weights, "Summands, empty for 0.")
    power = field("power", Weights, "Exponents, empty for 1.")
    channel_axis = field("channel_axis", int, "The axis of channels.", set_since=8)


class ILRNLayer(ILayer):
    """Local response normalisation."""

    window_size = field("window_size", int, "How many channels take part.")
    alpha = field("alpha", float, "The factor of the sum of squares.")
    beta = field("beta", float, "The exponent.")
    k = field("k", float, "The summand.")


class INormalizationLayer(ILayer, since=8):
    """Normalisation to mean 0 and variance 1, then scale and bias."""

    axes = field("axes", int, "The axes that are normalised over, a bit each.")
    epsilon = field("epsilon", float, "What is added to the variance.")
    num_groups = field("num_groups", int, "Into how many groups channels are split.")
    compute_precision = field("compute_precision", DataType, "The type computed in.", f32, until=10)
    is_v2 = attr(lambda self: bool(fields_of(self).get("v2")), doc="Whether scale and bias are per channel.", since=10)


class IResizeLayer(ILayer):
    """Resampling to another size."""

    shape = field("shape", Dims, "The shape that comes out.")
    scales = field("scales", list[float], "The factor of each axis, empty where a shape is given.")
    resize_mode = field("resize_mode", InterpolationMode, "How a value between samples is found.")
    coordinate_transformation = field(
        "coordinate_transformation", ResizeCoordinateTransformation, "How places map to the original.", since=8
    )
    selector_for_single_pixel = field(
        "selector_for_single_pixel", ResizeSelector, "Where the sample of a one-wide output is taken.", since=8
    )
    nearest_rounding = field("nearest_rounding", ResizeRoundMode, "How nearest places round.", since=8)
    exclude_outside = field("exclude_outside", bool, "Whether cubic weights outside of the input count.", since=8)
    cubic_coeff = field("cubic_coeff", float, "The coefficient of cubic interpolation.", since=8)
    align_corners = attr(
        lambda self: fields_of(self)["coordinate_transformation"] == "ALIGN_CORNERS",
        lambda self, on: set_field(self, "coordinate_transformation", "ALIGN_CORNERS" if on else "ASYMMETRIC"),
        bool,
        "Whether corners stay corners.",
        until=7,
    )


class IGridSampleLayer(ILayer, since=8):
    """Reading at the places of a grid."""

    interpolation_mode = field("interpolation_mode", InterpolationMode, "How a value between samples is found.")
    align_corners = field("align_corners", bool, "Whether -1 and 1 are the centres of the corner samples.")
    sample_mode = field("sample_mode", SampleMode, "What reading outside yields.")
