"""What layers with windows mean, against onnxruntime's kernels and NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minirt as trt
from tests.api.nets import compute, needs, network, same

pytestmark = pytest.mark.usefixtures("each_target")
RNG = np.random.default_rng(1)
X = RNG.normal(size=(2, 4, 7, 6)).astype(np.float32)
W = RNG.normal(size=(6, 2, 3, 2)).astype(np.float32)
B = RNG.normal(size=6).astype(np.float32)


def _conv(x: Any, w: Any, groups: int, stride: tuple[int, int], pads: tuple[int, ...]) -> Any:
    """Return a convolution written with loops: pads are top, left, bottom, right."""
    x = np.pad(x, ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])))
    kh, kw = w.shape[2:]
    h, v = (x.shape[2] - kh) // stride[0] + 1, (x.shape[3] - kw) // stride[1] + 1
    out = np.zeros((x.shape[0], w.shape[0], h, v))
    maps, channels = w.shape[0] // groups, w.shape[1]
    for g in range(groups):
        for i in range(h):
            for j in range(v):
                top, left = i * stride[0], j * stride[1]
                part = x[:, g * channels : (g + 1) * channels, top : top + kh, left : left + kw]
                kernel = w[g * maps : (g + 1) * maps]
                out[:, g * maps : (g + 1) * maps, i, j] = np.einsum("ncij,mcij->nm", part, kernel)
    return out


def test_convolution_with_groups_strides_and_padding() -> None:
    def add(net: Any, x: Any) -> Any:
        layer = net.add_convolution_nd(x, 6, (3, 2), W, B)
        assert (layer.stride_nd, layer.padding_nd, layer.num_groups) == ((1, 1), (0, 0), 1)
        assert layer.padding_mode == trt.PaddingMode.EXPLICIT_ROUND_DOWN
        layer.num_groups, layer.stride_nd = 2, (2, 1)
        layer.pre_padding, layer.post_padding = (1, 0), (0, 2)
        return layer

    same(compute(add, X), _conv(X, W, 2, (2, 1), (1, 0, 0, 2)) + B[:, None, None], 1e-4)


def test_a_stride_of_fewer_axes_is_1_along_the_others() -> None:
    def add(net: Any, x: Any) -> Any:
        layer = net.add_convolution_nd(x, 6, (3, 2), W, B)
        layer.num_groups, layer.stride_nd, layer.dilation_nd = 2, (2,), (1,)
        return layer

    same(compute(add, X), _conv(X, W, 2, (2, 1), (0, 0, 0, 0)) + B.reshape(6, 1, 1), 1e-5)


def test_convolution_that_rounds_its_output_up() -> None:
    """Rows that no whole stride reaches are read once more, with zeros behind them."""

    def add(net: Any, x: Any) -> Any:
        layer = net.add_convolution_nd(x, 6, (3, 2), v, B)
        layer.stride_nd, layer.padding_mode = (2, 3), trt.PaddingMode.EXPLICIT_ROUND_UP
        layer.pre_padding, layer.post_padding = (1, 0), (0, 1)
        return layer

    v = RNG.normal(size=(6, 4, 3, 2)).astype(np.float32)
    height, width = X.shape[2:]
    rows, columns = -(-(height + 1 - 3) // 2) + 1, -(-(width + 1 - 2) // 3) + 1
    more = (rows - 1) * 2 + 3 - height - 1, (columns - 1) * 3 + 2 - width
    wanted = _conv(X, v, 1, (2, 3), (1, 0, more[0], more[1])) + B[:, None, None]
    assert wanted.shape[2:] == (rows, columns)
    same(compute(add, X), wanted, 1e-4)


def test_convolution_takes_its_kernel_as_a_tensor() -> None:
    def add(net: Any, x: Any, w: Any) -> Any:
        layer = net.add_convolution_nd(x, 6, (3, 2), trt.Weights())
        layer.set_input(1, w)
        return layer

    w = RNG.normal(size=(6, 4, 3, 2)).astype(np.float32)
    same(compute(add, X, w), _conv(X, w, 1, (1, 1), (0, 0, 0, 0)), 1e-4)


def test_deconvolution_is_the_transpose_of_convolution() -> None:
    w = RNG.normal(size=(4, 3, 2, 2)).astype(np.float32)

    def add(net: Any, x: Any) -> Any:
        layer = net.add_deconvolution_nd(x, 3, (2, 2), w)
        layer.stride_nd = (2, 2)
        return layer

    got = compute(add, X)
    wanted = np.einsum("nchw,cmij->nmhiwj", X, w).reshape(2, 3, 14, 12)
    same(got, wanted, 1e-4)


def test_pooling_that_blends() -> None:
    windows = np.lib.stride_tricks.sliding_window_view(X, (2, 2), (2, 3))

    def blend(net: Any, x: Any) -> Any:
        layer = net.add_pooling_nd(x, trt.PoolingType.MAX_AVERAGE_BLEND, (2, 2))
        layer.blend_factor = 0.25
        return layer

    same(compute(blend, X), 0.75 * windows.max((-1, -2)) + 0.25 * windows.mean((-1, -2)))


def test_resize_nearest_by_default_and_linear() -> None:
    def nearest(net: Any, x: Any) -> Any:
        layer = net.add_resize(x)
        assert layer.resize_mode == trt.InterpolationMode.NEAREST
        assert (layer.scales, layer.cubic_coeff) == ([], -0.75)
        layer.scales = [1, 1, 2, 2]
        return layer

    same(compute(nearest, X), X.repeat(2, 2).repeat(2, 3))

    def linear(net: Any, x: Any) -> Any:
        layer = net.add_resize(x)
        layer.shape = (2, 4, 7, 11)
        layer.resize_mode = trt.InterpolationMode.LINEAR
        layer.coordinate_transformation = trt.ResizeCoordinateTransformation.ALIGN_CORNERS
        return layer

    got = compute(linear, X)
    same(got[..., ::2], X)
    same(got[..., 1::2], (X[..., 1:] + X[..., :-1]) / 2)


@needs("GridSample")
def test_grid_sample_at_the_centres_is_the_input() -> None:
    ys, xs = np.meshgrid(np.linspace(-1, 1, 7), np.linspace(-1, 1, 6), indexing="ij")
    grid = np.broadcast_to(np.stack([xs, ys], -1), (2, 7, 6, 2)).astype(np.float32)

    def add(net: Any, x: Any, g: Any) -> Any:
        layer = net.add_grid_sample(x, g)
        layer.align_corners = True
        return layer

    same(compute(add, X, grid), X, 1e-4)


def test_weights_read_back_flat() -> None:
    net = network()
    x = net.add_input("x", trt.float32, (1, 4, 7, 6))
    layer = net.add_convolution_nd(x, 6, (3, 2), W)
    assert (layer.kernel == W.reshape(-1)).all()
    assert layer.bias.size == 0
    layer.bias = B
    assert (layer.bias == B).all()
    with pytest.raises(TypeError):
        layer.bias = [1.0, 2.0]
