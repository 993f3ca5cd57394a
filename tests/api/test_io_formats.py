"""Inputs and outputs in other layouts than row-major: numbers, strides, and what an engine tells of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minirt as trt
from minirt import v8
from tests.api.nets import Keeper, same

RNG = np.random.default_rng(9)
F = trt.TensorFormat
FORMATS = [F.HWC, F.HWC8, F.HWC16, F.CHW2, F.CHW4, F.CHW16, F.CHW32]
LANES = {"HWC": 1, "HWC8": 8, "HWC16": 16, "CHW2": 2, "CHW4": 4, "CHW16": 16, "CHW32": 32}
pytestmark = pytest.mark.usefixtures("cpu")


def pack(x: Any, kind: Any) -> Any:
    """Return [N, C, H, W] as it lies in memory in a format, written out loop by loop."""
    n, c, h, w = x.shape
    lanes = LANES[kind.name]
    blocks = -(-c // lanes)
    split = kind.name.startswith("C")
    out = np.zeros((n, blocks, h, w, lanes) if split else (n, h, w, blocks * lanes), x.dtype)
    for channel in range(c):
        if split:
            out[:, channel // lanes, :, :, channel % lanes] = x[:, channel]
        else:
            out[..., channel] = x[:, channel]
    return out


def build(source: Any, sink: Any, dtype: Any = trt.float32, channels: int = 5, batch: int = -1) -> Any:
    """Return an engine of a 3x3 convolution with ReLU between two formats, and its weights."""
    builder = trt.Builder(Keeper())
    net = builder.create_network()
    x = net.add_input("x", dtype, (batch, channels, 6, 7))
    x.allowed_formats = 1 << int(source)
    w = RNG.normal(size=(3, channels, 3, 3)).astype(trt.nptype(dtype))
    conv = net.add_convolution_nd(x, 3, (3, 3), w)
    y = net.add_activation(conv.get_output(0), trt.ActivationType.RELU).get_output(0)
    y.name = "y"
    y.allowed_formats = 1 << int(sink)
    net.mark_output(y)
    assert tuple(x.shape) == (batch, channels, 6, 7)
    config = builder.create_builder_config()
    if batch < 0:
        profile = builder.create_optimization_profile()
        profile.set_shape("x", (1, channels, 6, 7), (2, channels, 6, 7), (4, channels, 6, 7))
        config.add_optimization_profile(profile)
    return builder.build_engine_with_config(net, config), w


def convolved(x: Any, w: Any) -> Any:
    """Return relu(conv(x, w)) in float64."""
    windows = np.lib.stride_tricks.sliding_window_view(x.astype(np.float64), (3, 3), (2, 3))
    return np.maximum(np.einsum("ncijkl,mckl->nmij", windows, w.astype(np.float64)), 0)


@pytest.mark.parametrize("kind", FORMATS, ids=lambda k: k.name)
def test_numbers_in_each_format(kind: Any) -> None:
    for source, sink in ((kind, F.LINEAR), (F.LINEAR, kind), (kind, kind)):
        engine, w = build(source, sink)
        context = engine.create_execution_context()
        for batch in (1, 3):
            x = RNG.normal(size=(batch, 5, 6, 7)).astype(np.float32)
            given = x if source == F.LINEAR else pack(x, source)
            wanted = convolved(x, w)
            wanted = wanted if sink == F.LINEAR else pack(wanted, sink)
            assert context.set_input_shape("x", x.shape)
            assert context.get_tensor_shape("y") == (batch, 3, 4, 5)
            y = np.full(wanted.shape, np.nan, np.float32)
            assert context.get_max_output_size("y") >= y.nbytes
            assert context.execute_v2([given.ctypes.data, y.ctypes.data])
            same(y, wanted, 1e-4)
            same(context.run({"x": x})["y"], convolved(x, w), 1e-4)


@pytest.mark.parametrize("kind", FORMATS, ids=lambda k: k.name)
def test_what_an_engine_tells(kind: Any) -> None:
    engine, _ = build(kind, F.LINEAR)
    lanes = LANES[kind.name]
    assert engine.get_tensor_format("x") == kind
    assert engine.get_tensor_format("y") == F.LINEAR
    assert engine.get_tensor_shape("x") == (-1, 5, 6, 7)
    assert engine.get_tensor_profile_shape("x", 0) == [(1, 5, 6, 7), (2, 5, 6, 7), (4, 5, 6, 7)]
    assert engine.get_tensor_components_per_element("x") == (lanes if lanes > 1 else -1)
    assert engine.get_tensor_vectorized_dim("x") == (1 if lanes > 1 else -1)
    assert engine.get_tensor_vectorized_dim("y") == -1
    assert engine.get_tensor_bytes_per_component("x") == 4
    assert f"(k{kind.name})" in engine.get_tensor_format_desc("x")
    assert engine.get_tensor_format_desc("y") == "Row major linear FP32 format (kLINEAR)"
    context = engine.create_execution_context()
    context.set_input_shape("x", (2, 5, 6, 7))
    index = pack(np.zeros((2, 5, 6, 7), np.float32), kind)
    step = [s // 4 // lanes for s in index.strides]
    wanted = (step[0], step[1], step[2], step[3]) if kind.name[0] == "C" else (step[0], 1, step[1], step[2])
    assert context.get_tensor_strides("x") == wanted


def test_half_precision_and_channels_that_fill_vectors() -> None:
    engine, w = build(F.HWC8, F.HWC8, trt.float16, channels=16, batch=2)
    x = RNG.normal(size=(2, 16, 6, 7)).astype(np.float16)
    context = engine.create_execution_context()
    given, y = pack(x, F.HWC8), np.empty((2, 4, 5, 8), np.float16)
    assert context.execute_v2([given.ctypes.data, y.ctypes.data])
    wanted = pack(convolved(x, w), F.HWC8)
    np.testing.assert_allclose(y.astype(np.float64), wanted, atol=2e-2 * np.abs(wanted).max())


def test_volumes_and_serialized_engines() -> None:
    builder = trt.Builder(Keeper())
    net = builder.create_network()
    x = net.add_input("x", trt.float32, (1, 3, 2, 4, 5))
    x.allowed_formats = 1 << int(F.DHWC8)
    y = net.add_identity(x).get_output(0)
    y.name, y.allowed_formats = "y", 1 << int(F.CDHW32)
    net.mark_output(y)
    plan = builder.build_serialized_network(net, builder.create_builder_config())
    engine = trt.Runtime(Keeper()).deserialize_cuda_engine(plan)
    assert (engine.get_tensor_format("x"), engine.get_tensor_format("y")) == (F.DHWC8, F.CDHW32)
    a = RNG.normal(size=(1, 3, 2, 4, 5)).astype(np.float32)
    given = np.zeros((1, 2, 4, 5, 8), np.float32)
    given[..., :3] = a.transpose(0, 2, 3, 4, 1)
    got = np.empty((1, 1, 2, 4, 5, 32), np.float32)
    assert engine.create_execution_context().execute_v2([given.ctypes.data, got.ctypes.data])
    assert np.array_equal(got[:, 0, ..., :3], a.transpose(0, 2, 3, 4, 1))
    assert not got[..., 3:].any()


def test_row_major_is_taken_where_it_is_allowed_and_what_suits_nothing_is_an_error() -> None:
    logger = Keeper()
    builder = trt.Builder(logger)
    net = builder.create_network()
    x = net.add_input("x", trt.float32, (4, 5))
    assert x.allowed_formats == (1 << 13) - 1
    y = net.add_identity(x).get_output(0)
    net.mark_output(y)
    x.allowed_formats = 1 << int(F.LINEAR) | 1 << int(F.HWC)
    assert x.allowed_formats == 1 << int(F.LINEAR) | 1 << int(F.HWC)
    engine = builder.build_engine_with_config(net, builder.create_builder_config())
    assert engine.get_tensor_format("x") == F.LINEAR
    x.allowed_formats = 1 << int(F.CHW4)
    assert builder.build_serialized_network(net, builder.create_builder_config()) is None
    assert "'x'" in logger.errors[-1]
    assert "CHW4" in logger.errors[-1]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_bindings_of_eight() -> None:
    builder = v8.Builder(v8.Logger())
    builder.max_batch_size = 2
    net = builder.create_network()
    x = net.add_input("x", v8.float32, (3, 4, 5))
    x.allowed_formats = 1 << int(v8.TensorFormat.CHW4)
    y = net.add_unary(x, v8.UnaryOperation.NEG).get_output(0)
    y.name = "y"
    net.mark_output(y)
    engine = builder.build_engine(net, builder.create_builder_config())
    assert engine.get_binding_format(0) == v8.TensorFormat.CHW4
    assert (engine.get_binding_components_per_element(0), engine.get_binding_components_per_element(1)) == (4, 1)
    assert (engine.get_binding_vectorized_dim(0), engine.get_binding_vectorized_dim(1)) == (0, -1)
    assert engine.get_binding_shape(0) == (3, 4, 5)
    a = RNG.normal(size=(2, 3, 4, 5)).astype(np.float32)
    given, got = pack(a, F.CHW4), np.empty_like(a)
    assert engine.create_execution_context().execute(2, [given.ctypes.data, got.ctypes.data])
    assert np.array_equal(got, -a)
