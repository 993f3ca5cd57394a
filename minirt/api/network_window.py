"""Adding layers with windows and weights."""

from __future__ import annotations

from typing import Any

from minirt.api.declare import REQUIRED, method
from minirt.api.dims import Dims, DimsHW
from minirt.api.layer_enums import PoolingType, ScaleMode
from minirt.api.layers_window import (
    IConvolutionLayer,
    IDeconvolutionLayer,
    IFullyConnectedLayer,
    IGridSampleLayer,
    ILRNLayer,
    INormalizationLayer,
    IPaddingLayer,
    IPoolingLayer,
    IResizeLayer,
    IScaleLayer,
)
from minirt.api.network_adding import Adding
from minirt.api.tensor import ITensor
from minirt.api.weights import Weights

_INSTEAD = "the _nd method"


class WindowAdding(Adding):
    """The part of INetworkDefinition that adds layers with windows and weights."""

    def _convolution(
        self, cls: type, kind: str, input: ITensor, maps: int, size: Dims, w: Weights, b: object
    ) -> object:
        rank = len(size)
        fields = {"stride": (1,) * rank, "dilation": (1,) * rank, "num_groups": 1}
        pads = {"pre_padding": (0,) * rank, "post_padding": (0,) * rank, "padding_mode": "EXPLICIT_ROUND_DOWN"}
        bias = b if b is not None else Weights()
        given = {"num_output_maps": maps, "kernel_size": size, "kernel": w, "bias": bias}
        return self._add(cls, kind, [input], 1, **given, **fields, **pads)

    @method()
    def add_convolution_nd(
        self, input: ITensor, num_output_maps: int, kernel_shape: Dims, kernel: Weights, bias: Weights | None = None
    ) -> IConvolutionLayer:
        """Add a convolution; empty kernel weights mean that the second input is the kernel."""
        return self._convolution(  # type: ignore[return-value]
            IConvolutionLayer, "CONVOLUTION", input, num_output_maps, kernel_shape, kernel, bias
        )

    @method()
    def add_deconvolution_nd(
        self, input: ITensor, num_output_maps: int, kernel_shape: Dims, kernel: Weights, bias: Weights | None = None
    ) -> IDeconvolutionLayer:
        """Add a transposed convolution."""
        return self._convolution(  # type: ignore[return-value]
            IDeconvolutionLayer, "DECONVOLUTION", input, num_output_maps, kernel_shape, kernel, bias
        )

    @method(until=8, instead="add_convolution_nd", warns=(8,))
    def add_convolution(
        self, input: ITensor, num_output_maps: int, kernel_shape: DimsHW, kernel: Weights, bias: Weights | None = None
    ) -> IConvolutionLayer:
        """Add a convolution over height and width."""
        return self._convolution(  # type: ignore[return-value]
            IConvolutionLayer, "CONVOLUTION", input, num_output_maps, kernel_shape, kernel, bias
        )

    @method(until=8, instead="add_deconvolution_nd", warns=(8,))
    def add_deconvolution(
        self, input: ITensor, num_output_maps: int, kernel_shape: DimsHW, kernel: Weights, bias: Weights | None = None
    ) -> IDeconvolutionLayer:
        """Add a transposed convolution over height and width."""
        return self._convolution(  # type: ignore[return-value]
            IDeconvolutionLayer, "DECONVOLUTION", input, num_output_maps, kernel_shape, kernel, bias
        )

    @method(until=8, instead="add_matrix_multiply", warns=(8,))
    def add_fully_connected(
        self, input: ITensor, num_outputs: int, kernel: Weights, bias: Weights | None = None
    ) -> IFullyConnectedLayer:
        """Add a product with a kernel over the last three dims."""
        given = {"num_output_maps": num_outputs, "kernel": kernel, "bias": bias or Weights()}
        return self._add(IFullyConnectedLayer, "FULLY_CONNECTED", [input], 1, **given)

    def _pooling(self, input: ITensor, type: PoolingType, size: Dims) -> IPoolingLayer:
        rank = len(size)
        pads = {"pre_padding": (0,) * rank, "post_padding": (0,) * rank, "padding_mode": "EXPLICIT_ROUND_DOWN"}
        fields = {"stride": (1,) * rank, "blend_factor": 0.0, "average_count_excludes_padding": True}
        return self._add(IPoolingLayer, "POOLING", [input], 1, type=type, window_size=size, **fields, **pads)

    @method()
    def add_pooling_nd(self, input: ITensor, type: PoolingType, window_size: Dims) -> IPoolingLayer:
        """Add pooling; the stride is 1 until it is set."""
        return self._pooling(input, type, window_size)

    @method(until=8, instead="add_pooling_nd", warns=(8,))
    def add_pooling(self, input: ITensor, type: PoolingType, window_size: DimsHW) -> IPoolingLayer:
        """Add pooling over height and width."""
        return self._pooling(input, type, window_size)

    @method()
    def add_padding_nd(self, input: ITensor, pre_padding: Dims, post_padding: Dims) -> IPaddingLayer:
        """Add zero padding of the last two axes."""
        return self._add(IPaddingLayer, "PADDING", [input], 1, pre_padding=pre_padding, post_padding=post_padding)

    @method(until=8, instead="add_padding_nd", warns=(8,))
    def add_padding(self, input: ITensor, pre_padding: DimsHW, post_padding: DimsHW) -> IPaddingLayer:
        """Add zero padding of height and width."""
        return self._add(IPaddingLayer, "PADDING", [input], 1, pre_padding=pre_padding, post_padding=post_padding)

    def _scale(self, input: ITensor, mode: ScaleMode, axis: int, numbers: dict[str, Weights | None]) -> IScaleLayer:
        given = {name: w if w is not None else Weights() for name, w in numbers.items()}
        return self._add(IScaleLayer, "SCALE", [input], 1, mode=mode, channel_axis=axis, **given)

    @method()
    def add_scale(
        self,
        input: ITensor,
        mode: ScaleMode,
        shift: Weights | None = None,
        scale: Weights | None = None,
        power: Weights | None = None,
    ) -> IScaleLayer:
        """Add (x * scale + shift) ** power, with channels on axis 1."""
        return self._scale(input, mode, 1, {"shift": shift, "scale": scale, "power": power})

    @method()
    def add_scale_nd(
        self,
        input: ITensor,
        mode: ScaleMode,
        shift: Weights | None = None,
        scale: Weights | None = None,
        power: Weights | None = None,
        channel_axis: int = REQUIRED,
    ) -> IScaleLayer:
        """Add (x * scale + shift) ** power, with channels on an axis that must be given."""
        return self._scale(input, mode, channel_axis, {"shift": shift, "scale": scale, "power": power})

    @method()
    def add_lrn(self, input: ITensor, window: int, alpha: float, beta: float, k: float) -> ILRNLayer:
        """Add local response normalisation."""
        return self._add(ILRNLayer, "LRN", [input], 1, window_size=window, alpha=alpha, beta=beta, k=k)

    def _normalization(self, v2: bool, tensors: list[ITensor], mask: int) -> INormalizationLayer:
        fields: dict[str, Any] = {"axes": mask, "epsilon": 1e-5, "num_groups": 1, "v2": v2}
        return self._add(INormalizationLayer, "NORMALIZATION", tensors, 1, **fields)

    @method(since=8)
    def add_normalization(
        self,
        input: ITensor,
        scale: ITensor,
        bias: ITensor,
        axesMask: int,  # noqa: N803 - TensorRT's name
    ) -> INormalizationLayer:
        """Add normalisation over the axes of a mask; scale and bias broadcast."""
        return self._normalization(False, [input, scale, bias], axesMask)

    @method(since=10)
    def add_normalization_v2(
        self,
        input: ITensor,
        scale: ITensor,
        bias: ITensor,
        axesMask: int,  # noqa: N803 - TensorRT's name
    ) -> INormalizationLayer:
        """Add normalisation over the axes of a mask; scale and bias are one number a channel for groups."""
        return self._normalization(True, [input, scale, bias], axesMask)

    @method()
    def add_resize(self, input: ITensor) -> IResizeLayer:
        """Add resampling: nearest, floor, asymmetric, until it is set otherwise."""
        fields: dict[str, Any] = {
            "shape": None,
            "scales": [],
            "resize_mode": "NEAREST",
            "coordinate_transformation": "ASYMMETRIC",
            "selector_for_single_pixel": "FORMULA",
            "nearest_rounding": "FLOOR",
            "exclude_outside": False,
            "cubic_coeff": -0.75,
        }
        return self._add(IResizeLayer, "RESIZE", [input], 1, **fields)

    @method(since=8)
    def add_grid_sample(self, input: ITensor, grid: ITensor) -> IGridSampleLayer:
        """Add reading at the places of a grid."""
        fields = {"interpolation_mode": "LINEAR", "align_corners": False, "sample_mode": "FILL"}
        return self._add(IGridSampleLayer, "GRID_SAMPLE", [input, grid], 1, **fields)
