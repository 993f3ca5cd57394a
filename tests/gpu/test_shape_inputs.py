"""Inputs whose numbers are sizes on a CUDA device: read from host memory, and refused in device memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minirt as trt

cp = pytest.importorskip("cupy")
pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def _cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MINIRT_TARGET", raising=False)


def engine_of() -> Any:
    """Return the engine of x in another shape, doubled, and of that shape times two."""
    builder = trt.Builder(trt.Logger(trt.Logger.ERROR))
    net = builder.create_network()
    x, to = net.add_input("x", trt.float32, (-1, 6)), net.add_input("to", trt.int64, (2,))
    shuffle = net.add_shuffle(x)
    shuffle.set_input(1, to)
    for name, value in {"y": shuffle.get_output(0), "more": to}.items():
        out = net.add_elementwise(value, value, trt.ElementWiseOperation.SUM).get_output(0)
        out.name = name
        net.mark_output(out)
    config, profile = builder.create_builder_config(), builder.create_optimization_profile()
    profile.set_shape("x", (4, 6), (4, 6), (4, 6))
    profile.set_shape_input("to", (1, 1), (4, 6), (24, 24))
    config.add_optimization_profile(profile)
    return builder.build_engine_with_config(net, config)


def test_sizes_are_read_on_the_host() -> None:
    engine = engine_of()
    context, stream = engine.create_execution_context(), cp.cuda.Stream(non_blocking=True)
    x, y, more = cp.arange(24, dtype=cp.float32).reshape(4, 6), cp.zeros(24, cp.float32), cp.zeros(2, cp.int64)
    to = np.array([3, 8], np.int64)
    assert context.set_input_shape("x", x.shape)
    cp.cuda.Device().synchronize()
    for name, array in {"x": x, "y": y, "more": more, "to": to}.items():
        assert context.set_tensor_address(name, array)
    for shape in ((3, 8), (3, 8), (24, 1), (3, 8), (24, 1)):
        to[:] = shape
        assert context.execute_async_v3(stream.ptr)
        assert context.get_tensor_shape("y") == shape
        stream.synchronize()
        assert (y.get() == 2 * np.arange(24)).all()
        assert (more.get() == 2 * to).all()
    with stream:
        stream.begin_capture()
        assert context.execute_async_v3(stream.ptr)
        graph = stream.end_capture()
    y.fill(0)
    cp.cuda.Device().synchronize()
    graph.launch(stream)
    stream.synchronize()
    assert (y.get() == 2 * np.arange(24)).all()
    assert context.set_tensor_address("to", cp.asarray(to).data.ptr)
    assert not context.execute_async_v3(stream.ptr)
    got = context.run({"x": x, "to": np.array([2, 12])})
    assert got["y"].shape == (2, 12)
