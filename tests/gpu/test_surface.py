"""On a GPU: inputs and outputs in each format, and layers in the precision that is set for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minirt as trt
from tests.api.nets import Keeper
from tests.api.test_io_formats import FORMATS, F, build, convolved, pack

cupy = pytest.importorskip("cupy")
pytestmark = pytest.mark.gpu
RNG = np.random.default_rng(8)


def _ran(engine: Any, given: Any, wanted: Any, shape: tuple[int, ...]) -> Any:
    context = engine.create_execution_context()
    assert context.set_input_shape("x", shape)
    x, y = cupy.asarray(given), cupy.full(wanted.shape, cupy.nan, given.dtype)
    for name, memory in (("x", x), ("y", y)):
        assert context.set_tensor_address(name, memory.data.ptr)
    stream = cupy.cuda.Stream()
    cupy.cuda.get_current_stream().synchronize()
    for _ in range(3):
        assert context.execute_async_v3(stream.ptr)
    stream.synchronize()
    return cupy.asnumpy(y)


@pytest.mark.parametrize("kind", FORMATS, ids=lambda k: k.name)
def test_numbers_in_each_format(kind: Any) -> None:
    for source, sink in ((kind, F.LINEAR), (F.LINEAR, kind), (kind, kind)):
        engine, w = build(source, sink)
        x = RNG.normal(size=(3, 5, 6, 7)).astype(np.float32)
        exact = convolved(x, w)
        wanted = exact if sink == F.LINEAR else pack(exact, sink)
        y = _ran(engine, x if source == F.LINEAR else pack(x, source), wanted, x.shape)
        np.testing.assert_allclose(y, wanted, atol=2e-3 * np.abs(wanted).max())


def test_halves_with_channels_last() -> None:
    engine, w = build(F.HWC8, F.HWC8, trt.float16, channels=64, batch=2)
    x = RNG.normal(size=(2, 64, 6, 7)).astype(np.float16)
    wanted = pack(convolved(x, w), F.HWC8)
    y = _ran(engine, pack(x, F.HWC8), wanted, x.shape)
    np.testing.assert_allclose(y.astype(np.float64), wanted, atol=5e-3 * np.abs(wanted).max())


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_layer_that_stays_wide() -> None:
    """Numbers that f16 cannot hold pass through layers told to compute in float32."""
    builder = trt.Builder(Keeper())
    net = builder.create_network()
    x = net.add_input("x", trt.float32, (4, 64))
    w = net.add_constant((64, 64), np.full((64, 64), 400, np.float32)).get_output(0)
    none = trt.MatrixOperation.NONE
    big = net.add_matrix_multiply(x, none, w, none)
    small = net.add_constant((1, 1), np.full((1, 1), 2.0**-14, np.float32)).get_output(0)
    soft = net.add_softmax(big.get_output(0))  # keeps the product a node of its own
    soft.axes = 1 << 1
    scaled = net.add_elementwise(big.get_output(0), small, trt.ElementWiseOperation.PROD)
    for layer, name in ((scaled, "y"), (soft, "z")):
        layer.get_output(0).name = name
        net.mark_output(layer.get_output(0))
    big.precision = scaled.precision = soft.precision = trt.float32
    config = builder.create_builder_config()
    config.set_flag(trt.BuilderFlag.FP16)
    config.set_flag(trt.BuilderFlag.OBEY_PRECISION_CONSTRAINTS)
    engine = builder.build_engine_with_config(net, config)
    a = np.full((4, 64), 4, np.float32)
    y = engine.create_execution_context().run({"x": a})["y"]
    exact = 4 * 400 * 64 / 2**14
    np.testing.assert_allclose(y, exact, rtol=2e-3)


def test_an_event_that_each_run_records() -> None:
    engine, _ = build(F.LINEAR, F.LINEAR)
    context = engine.create_execution_context()
    assert context.set_input_shape("x", (2, 5, 6, 7))
    x, y = cupy.zeros((2, 5, 6, 7), cupy.float32), cupy.zeros((2, 3, 4, 5), cupy.float32)
    context.set_tensor_address("x", x)
    context.set_tensor_address("y", y)
    stream, start, event = cupy.cuda.Stream(), cupy.cuda.Event(), cupy.cuda.Event()
    assert context.set_input_consumed_event(event.ptr)
    assert context.get_input_consumed_event() == event.ptr
    start.record(stream)
    context.debug_sync = True
    assert context.execute_async_v3(stream.ptr)
    event.synchronize()
    assert cupy.cuda.get_elapsed_time(start, event) >= 0, "an error where one was not recorded"
