"""Layers with windows, samples and scales of random sizes agree with onnxruntime or NumPy, on each target."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minirt as trt
from tests.api.nets import compute, inputs, network, outputs
from tests.api.properties import FLOATS, close, few, ints, onnx
from tests.ops.strategies import array

pytestmark = pytest.mark.usefixtures("every_target")


def draw_window(data: st.DataObject, rank: int, pad: bool = True) -> dict[str, list[int]]:
    """Draw kernel, strides and begin and end pads, pads smaller than the kernel."""
    kernel = [data.draw(st.integers(1, 3)) for _ in range(rank)]
    strides = [data.draw(st.integers(1, 2)) for _ in range(rank)]
    pads = [data.draw(st.integers(0, k - 1)) if pad else 0 for k in (*kernel, *kernel)]
    return {"kernel_shape": kernel, "strides": strides, "pads": pads}


@pytest.mark.parametrize("rank", [2, 3])
@few
@given(groups=st.integers(1, 3), per=st.integers(1, 3), maps=st.integers(1, 3), data=st.data())
def test_convolution(rank: int, groups: int, per: int, maps: int, data: st.DataObject) -> None:
    window = draw_window(data, rank)
    dilations = [data.draw(st.integers(1, 2)) for _ in range(rank)]
    x = array((data.draw(st.integers(1, 2)), groups * per, *([7, 6, 5][:rank])))
    w = array((groups * maps, per, *window["kernel_shape"]), seed=1)
    b = array((groups * maps,), seed=2)

    def add(net: Any, v: Any) -> Any:
        layer = net.add_convolution_nd(v, groups * maps, tuple(window["kernel_shape"]), w, b)
        layer.num_groups, layer.stride_nd, layer.dilation_nd = groups, tuple(window["strides"]), tuple(dilations)
        layer.pre_padding, layer.post_padding = tuple(window["pads"][:rank]), tuple(window["pads"][rank:])
        return layer

    close(compute(add, x), onnx("Conv", x, w, b, group=groups, dilations=dilations, **window))


@pytest.mark.parametrize("rank", [2, 3])
@few
@given(groups=st.integers(1, 2), per=st.integers(1, 3), maps=st.integers(1, 3), data=st.data())
def test_deconvolution(rank: int, groups: int, per: int, maps: int, data: st.DataObject) -> None:
    window = draw_window(data, rank)
    x = array((data.draw(st.integers(1, 2)), groups * per, *([5, 4, 3][:rank])))
    w = array((groups * per, maps, *window["kernel_shape"]), seed=1)
    b = array((groups * maps,), seed=2)

    def add(net: Any, v: Any) -> Any:
        layer = net.add_deconvolution_nd(v, groups * maps, tuple(window["kernel_shape"]), w, b)
        layer.num_groups, layer.stride_nd = groups, tuple(window["strides"])
        layer.pre_padding, layer.post_padding = tuple(window["pads"][:rank]), tuple(window["pads"][rank:])
        return layer

    close(compute(add, x), onnx("ConvTranspose", x, w, b, group=groups, **window))


@pytest.mark.parametrize("kind", ["MAX", "AVERAGE"])
@pytest.mark.parametrize("rank", [2, 3])
@few
@given(excludes=st.booleans(), dtype=FLOATS, data=st.data())
def test_pooling(kind: str, rank: int, excludes: bool, dtype: Any, data: st.DataObject) -> None:
    window = draw_window(data, rank)
    x = array((2, 3, *([7, 6, 5][:rank])), dtype)

    def add(net: Any, v: Any) -> Any:
        layer = net.add_pooling_nd(v, getattr(trt.PoolingType, kind), tuple(window["kernel_shape"]))
        layer.stride_nd, layer.average_count_excludes_padding = tuple(window["strides"]), excludes
        layer.pre_padding, layer.post_padding = tuple(window["pads"][:rank]), tuple(window["pads"][rank:])
        return layer

    wide = x.astype(np.float32)
    if kind == "MAX":
        close(compute(add, x), onnx("MaxPool", wide, **window).astype(dtype))
    else:
        close(compute(add, x), onnx("AveragePool", wide, count_include_pad=int(not excludes), **window).astype(dtype))


@few
@given(channels=st.integers(1, 7), half=st.integers(0, 2), dtype=FLOATS)
def test_lrn(channels: int, half: int, dtype: Any) -> None:
    x, size = array((2, channels, 3, 4), dtype), 2 * half + 1
    wanted = onnx("LRN", x.astype(np.float32), size=size, alpha=0.2, beta=0.6, bias=1.5).astype(dtype)
    close(compute(lambda net, v: net.add_lrn(v, size, 0.2, 0.6, 1.5), x), wanted)


@few
@given(rank=st.integers(3, 5), dtype=FLOATS, groups=st.sampled_from([1, 2, 4]), each=st.booleans(), data=st.data())
def test_normalization(rank: int, dtype: Any, groups: int, each: bool, data: st.DataObject) -> None:
    x = array((2, 4, *([5, 3, 2][: rank - 2])), dtype)
    axes = tuple(range(2, rank)) if groups > 1 else tuple(data.draw(st.sets(st.integers(1, rank - 1), min_size=1)))
    shape = [d if i in axes else 1 for i, d in enumerate(x.shape)]
    if groups > 1:
        shape = [1, groups if each else 4] + [1] * (rank - 2)
    s, b = array(tuple(shape), dtype, 1), array(tuple(shape), dtype, 2)

    def add(net: Any, v: Any, scale: Any, bias: Any) -> Any:
        layer = net.add_normalization(v, scale, bias, sum(1 << a for a in axes))
        layer.num_groups, layer.epsilon = groups, 1e-3
        return layer

    wide = x.astype(np.float64)
    parts = wide.reshape(2, groups, -1) if groups > 1 else wide
    over = (2,) if groups > 1 else axes
    unit = (parts - parts.mean(over, keepdims=True)) / np.sqrt(parts.var(over, keepdims=True) + 1e-3)
    wanted_s, wanted_b = (np.repeat(v, 4 // groups, 1) if groups > 1 and each else v for v in (s, b))
    close(compute(add, x, s, b), (unit.reshape(x.shape) * wanted_s + wanted_b).astype(dtype))


@pytest.mark.parametrize("mode", ["NEAREST", "LINEAR", "CUBIC"])
@few
@given(where=st.sampled_from(["ALIGN_CORNERS", "ASYMMETRIC", "HALF_PIXEL"]), data=st.data())
def test_resize(mode: str, where: str, data: st.DataObject) -> None:
    x = array((1, 2, 4, 5))
    sizes = [1, 2, data.draw(st.integers(2, 9)), data.draw(st.integers(2, 9))]

    def add(net: Any, v: Any) -> Any:
        layer = net.add_resize(v)
        layer.shape, layer.resize_mode = tuple(sizes), getattr(trt.InterpolationMode, mode)
        layer.coordinate_transformation = getattr(trt.ResizeCoordinateTransformation, where)
        return layer

    named = {"coordinate_transformation_mode": where.lower(), "mode": mode.lower(), "nearest_mode": "floor"}
    wanted = onnx("Resize", x, None, None, np.array(sizes), **named)
    got = compute(add, x)
    if mode == "NEAREST":  # a place on the edge of two samples may fall to either in float32
        assert (got == wanted).mean() > 0.5
        assert set(got.reshape(-1)) <= set(x.reshape(-1))
        return
    close(got, wanted)


GRID_SAMPLES = [
    ("NEAREST", "FILL", True), ("NEAREST", "REFLECT", False), ("LINEAR", "CLAMP", True), ("LINEAR", "FILL", False),
    ("CUBIC", "REFLECT", True), ("CUBIC", "CLAMP", False),
]  # fmt: skip
"""Each mode twice, each way to fill with corners aligned or not: every one compiles a large kernel of its own."""


@pytest.mark.parametrize(("mode", "fill", "corners"), GRID_SAMPLES)
def test_grid_sample(mode: str, fill: str, corners: bool) -> None:
    x, grid = array((2, 3, 5, 6), seed=1), array((2, 4, 3, 2), seed=2, low=-1.3, high=1.3)

    def add(net: Any, v: Any, g: Any) -> Any:
        layer = net.add_grid_sample(v, g)
        layer.interpolation_mode, layer.align_corners = getattr(trt.InterpolationMode, mode), corners
        layer.sample_mode = getattr(trt.SampleMode, fill)
        return layer

    named = {"mode": {"NEAREST": "nearest", "LINEAR": "linear", "CUBIC": "cubic"}[mode]}
    padding = {"FILL": "zeros", "CLAMP": "border", "REFLECT": "reflection"}[fill]
    close(compute(add, x, grid), onnx("GridSample", x, grid, align_corners=int(corners), padding_mode=padding, **named))


@few
@given(boxes=st.integers(1, 12), classes=st.integers(1, 3), most=st.integers(1, 5), seed=st.integers(0, 9))
def test_nms(boxes: int, classes: int, most: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 3, (1, boxes, 2))
    places = np.concatenate([corner, corner + rng.uniform(0.5, 2, (1, boxes, 2))], -1).astype(np.float32)
    scores = rng.permutation(boxes * classes).reshape(1, boxes, classes).astype(np.float32) / 40
    net = network()
    b, s = inputs(net, places, scores)
    layer = net.add_nms(b, s, net.add_constant((), np.array([most], np.int32)).get_output(0))
    layer.bounding_box_format = trt.BoundingBoxFormat.CORNER_PAIRS
    layer.set_input(3, net.add_constant((), np.array([0.4], np.float32)).get_output(0))
    layer.set_input(4, net.add_constant((), np.array([0.1], np.float32)).get_output(0))
    rows, count = outputs(net, layer, places, scores)
    limits = np.array([most]), np.array([0.4], np.float32), np.array([0.1], np.float32)
    wanted = onnx("NonMaxSuppression", places, scores.transpose(0, 2, 1), *limits)
    assert int(count) == len(wanted)
    assert sorted(map(tuple, rows[: len(wanted)].tolist())) == sorted(map(tuple, wanted.tolist()))


@few
@given(axis=st.integers(-1, 2), seed=st.integers(0, 9))
def test_quantize_and_dequantize(axis: int, seed: int) -> None:
    x = array((3, 4, 5), seed=seed)
    size = () if axis < 0 else (x.shape[axis],)
    scale = array(size, seed=seed + 1, low=0.01, high=0.1)

    def quantized(net: Any, v: Any) -> Any:
        layer = net.add_quantize(v, net.add_constant(size, scale).get_output(0))
        if axis >= 0:
            layer.axis = axis
        return layer

    def both(net: Any, v: Any) -> Any:
        layer = net.add_dequantize(quantized(net, v).get_output(0), net.add_constant(size, scale).get_output(0))
        if axis >= 0:
            layer.axis = axis
        return layer

    named = {} if axis < 0 else {"axis": axis}
    zero = np.zeros(size, np.int8)
    wanted = onnx("QuantizeLinear", x, scale, zero, **named)
    close(compute(quantized, x), wanted)
    close(compute(both, x), onnx("DequantizeLinear", wanted, scale, zero, **named))


@few
@given(rank=st.integers(4, 5), data=st.data())
def test_padding(rank: int, data: st.DataObject) -> None:
    x = array((1, 2, 4, 5, 6)[:rank])
    pre, post = (tuple(data.draw(st.integers(-1, 2)) for _ in range(2)) for _ in range(2))
    pads = [0] * (rank - 2) + list(pre) + [0] * (rank - 2) + list(post)
    close(compute(lambda net, v: net.add_padding_nd(v, pre, post), x), onnx("Pad", x, np.array(pads)))


@few
@given(rank=st.integers(1, 4), data=st.data())
def test_squeeze_and_unsqueeze(rank: int, data: st.DataObject) -> None:
    x = array((2, 3, 1, 4)[:rank])
    axes = sorted(data.draw(st.sets(st.integers(0, rank), min_size=1, max_size=2)))
    wide = compute(lambda net, v: net.add_unsqueeze(v, ints(net, axes)), x)
    close(wide, onnx("Unsqueeze", x, np.array(axes)))
    close(compute(lambda net, v: net.add_squeeze(v, ints(net, axes)), wide), x)
