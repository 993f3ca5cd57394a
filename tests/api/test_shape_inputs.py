"""Inputs whose numbers are sizes, read by the host: bounded by profiles, set by address or by value."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest

import minirt as trt
from minirt import v8
from minirt.build.load import Package
from minirt.plan.plan import HostStep
from tests.api.nets import Keeper, same
from tests.api.properties import onnx as onnx_result

X = np.random.default_rng(5).normal(size=(4, 6)).astype(np.float32)


@pytest.fixture(autouse=True)
def _cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIRT_TARGET", "cpu")


def reshaped(net: Any, module: Any = trt) -> None:
    """Doubles of x in the shape that the input `to` says, and that shape plus one."""
    x, to = net.add_input("x", module.float32, (-1, 6)), net.add_input("to", module.int32, (2,))
    shuffle = net.add_shuffle(x)
    shuffle.set_input(1, to)
    turned = shuffle.get_output(0)
    out = net.add_elementwise(turned, turned, module.ElementWiseOperation.SUM).get_output(0)
    out.name = "y"
    net.mark_output(out)
    more = net.add_elementwise(to, to, module.ElementWiseOperation.SUM).get_output(0)
    more.name = "more"
    net.mark_output(more)


def built(module: Any = trt, logger: Any = None, values: Any = ((1, 1), (4, 6), (24, 24))) -> Any:
    builder = module.Builder(logger or Keeper())
    flags = 1 << int(module.NetworkDefinitionCreationFlag.EXPLICIT_BATCH) if module is v8 else 0
    net = builder.create_network(flags)
    reshaped(net, module)
    config = builder.create_builder_config()
    profile = builder.create_optimization_profile()
    profile.set_shape("x", (1, 6), (4, 6), (4, 6))
    if values:
        profile.set_shape_input("to", *values)
    config.add_optimization_profile(profile)
    return builder.build_serialized_network(net, config)


def test_a_reshape_by_an_input() -> None:
    data = built()
    plan = Package(bytes(data)).stored_plan("cpu/0")
    assert not any(isinstance(s, HostStep) for s in plan.steps)
    engine = trt.Runtime(Keeper()).deserialize_cuda_engine(data)
    assert engine.is_shape_inference_io("to") and not engine.is_shape_inference_io("x")
    assert engine.get_tensor_location("to") == trt.TensorLocation.HOST
    assert engine.get_tensor_location("x") == trt.TensorLocation.DEVICE
    assert engine.get_tensor_profile_values(0, "to") == [[1, 1], [4, 6], [24, 24]]
    context = engine.create_execution_context()
    to, y, more = np.array([3, 8], np.int32), np.empty(24, np.float32), np.zeros(2, np.int32)
    assert sorted(context.infer_shapes()) == ["to", "x"]
    context.set_input_shape("x", X.shape)
    for name, array in {"x": X, "y": y, "more": more, "to": to.ctypes.data}.items():
        assert context.set_tensor_address(name, array)
    for shape in ((3, 8), (12, 2), (3, 8), (4, 6)):
        to[:] = shape
        assert context.infer_shapes() == []
        assert context.get_tensor_shape("y") == shape
        y.fill(0)
        assert context.execute_async_v3(0)
        same(y, 2 * X.reshape(-1))
        assert (more == 2 * to).all()
    got = context.run({"x": X, "to": np.array([2, 12], np.int32)})
    same(got["y"], 2 * X.reshape(2, 12))


def test_numbers_that_do_not_fit_are_refused() -> None:
    logger = Keeper()
    engine = trt.Runtime(logger).deserialize_cuda_engine(built())
    context = engine.create_execution_context()
    for numbers, said in (((30, 1), "range"), ((5, 5), "must be equal")):
        assert context.run({"x": X, "to": np.array(numbers, np.int32)}) is None
        assert said in logger.errors[-1]
    assert context.run({"x": X, "to": np.array([1, 2, 3], np.int32)}) is None
    assert context.run({"x": X, "to": np.array([4, 6], np.int32)}) is not None


def test_profiles_must_bound_what_can_hold_sizes() -> None:
    logger = Keeper()
    assert built(logger=logger, values=((1,), (1,), (1,))) is None
    assert "least, best and greatest" in logger.errors[-1]


def test_without_bounds_the_input_is_data() -> None:
    engine = trt.Runtime(Keeper()).deserialize_cuda_engine(built(values=None))
    assert not engine.is_shape_inference_io("to")
    got = engine.create_execution_context().run({"x": X, "to": np.array([2, 12], np.int32)})
    same(got["y"], 2 * X.reshape(2, 12))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_calls_of_eight() -> None:
    engine = v8.Runtime(v8.Logger(v8.Logger.ERROR)).deserialize_cuda_engine(built(v8))
    place = engine.get_binding_index("to")
    assert engine.is_shape_binding(place) and not engine.is_execution_binding(place)
    assert engine.get_profile_shape_input(0, place) == [[1, 1], [4, 6], [24, 24]]
    context = engine.create_execution_context()
    assert not context.all_shape_inputs_specified
    assert context.set_binding_shape(engine.get_binding_index("x"), X.shape)
    assert not context.set_shape_input(engine.get_binding_index("x"), [1])
    for outside in ([25, 1], [0, 24], [8]):
        assert not context.set_shape_input(place, outside)
    assert context.set_shape_input(place, [8, 3])
    assert context.all_shape_inputs_specified
    assert context.get_shape(place) == [8, 3]
    y, more = np.empty((8, 3), np.float32), np.empty(2, np.int32)
    held = {"x": X, "to": 0, "y": y, "more": more}
    assert context.execute_v2([held[name] for name in engine])
    same(y, 2 * X.reshape(8, 3))
    assert more.tolist() == [16, 6]


TEXT = """<ir_version: 10, opset_import: ["": 20]>
sized (float[N, 6] x, int64[3] to, int64[1] count) => (float[a, b, e] grown, float[c, d] part) {
  grown = Expand (x, to)
  zero = Constant <value_ints = [0]> ()
  part = Slice (x, zero, count)
}"""


SIZED = """<ir_version: 10, opset_import: ["": 20]>
sized (float[N, 6] x, int64[2] to, int64[4] edges) => (float[a, b] grown, float[c, d] padded) {
  one = Constant <value_ints = [1, 1]> ()
  most = Max (to, one)
  grown = Tile (x, most)
  padded = Pad (x, edges)
}"""


@pytest.mark.parametrize("bounded", [True, False])
def test_a_model_tiled_and_padded_by_inputs(bounded: bool) -> None:
    """The host reads what a profile bounds; other numbers are read as the sizes of results are."""
    logger = Keeper()
    builder = trt.Builder(logger)
    net = builder.create_network()
    assert trt.OnnxParser(net, logger).parse(onnx.parser.parse_model(SIZED).SerializeToString()), logger.errors
    config, profile = builder.create_builder_config(), builder.create_optimization_profile()
    profile.set_shape("x", (1, 6), (4, 6), (4, 6))
    if bounded:
        profile.set_shape_input("to", (0, 0), (2, 2), (3, 3))
        profile.set_shape_input("edges", (0, 0, 0, 0), (1, 1, 1, 1), (9, 9, 9, 9))
    config.add_optimization_profile(profile)
    engine = trt.Runtime(logger).deserialize_cuda_engine(builder.build_serialized_network(net, config))
    assert engine is not None, logger.errors
    assert [engine.is_shape_inference_io(name) for name in ("to", "edges")] == [bounded, bounded]
    context = engine.create_execution_context()
    for to, edges in (((2, 3), (0, 1, 2, 3)), ((0, 1), (0, 0, 0, 0)), ((3, 2), (5, 0, 1, 9))):
        got = context.run({"x": X, "to": np.array(to, np.int64), "edges": np.array(edges, np.int64)})
        same(got["grown"], np.tile(X, np.maximum(to, 1)))
        same(got["padded"], np.pad(X, ((edges[0], edges[2]), (edges[1], edges[3]))))


MUST_KNOW = """<ir_version: 10, opset_import: ["": 20]>
folded (float[1, 5, 5] x, int64[2] to) => (float[a, b, c, d] y) {
  block = Constant <value_ints = [1, 5]> ()
  y = Col2Im (x, to, block)
}"""


def test_a_model_that_must_know_numbers_of_its_inputs() -> None:
    """Col2Im to an image whose size only the data tells cannot be built: here the host reads it."""
    logger = Keeper()
    builder = trt.Builder(logger)
    net = builder.create_network()
    assert trt.OnnxParser(net, logger).parse(onnx.parser.parse_model(MUST_KNOW).SerializeToString()), logger.errors
    data = builder.build_serialized_network(net, builder.create_builder_config())
    assert data is not None, logger.errors
    engine = trt.Runtime(logger).deserialize_cuda_engine(data)
    assert engine.is_shape_inference_io("to")
    context = engine.create_execution_context()
    x = np.arange(25, dtype=np.float32).reshape(1, 5, 5)
    for to in ((5, 5), (1, 9)):
        size = np.array(to, np.int64)
        same(context.run({"x": x, "to": size})["y"], onnx_result("Col2Im", x, size, np.array([1, 5])))


def test_a_model_expanded_and_cut_by_inputs() -> None:
    logger = Keeper()
    builder = trt.Builder(logger)
    net = builder.create_network()
    assert trt.OnnxParser(net, logger).parse(onnx.parser.parse_model(TEXT).SerializeToString())
    config, profile = builder.create_builder_config(), builder.create_optimization_profile()
    profile.set_shape("x", (4, 6), (4, 6), (4, 6))
    profile.set_shape_input("to", (1, 1, 1), (2, 4, 6), (3, 4, 6))
    profile.set_shape_input("count", (1,), (2,), (4,))
    config.add_optimization_profile(profile)
    data = builder.build_serialized_network(net, config)
    assert data is not None, logger.errors
    context = trt.Runtime(logger).deserialize_cuda_engine(data).create_execution_context()
    for to, count in (((2, 4, 6), 3), ((1, 4, 6), 1), ((3, 4, 6), 4)):
        got = context.run({"x": X, "to": np.array(to, np.int64), "count": np.array([count], np.int64)})
        same(got["grown"], np.broadcast_to(X, to))
        same(got["part"], X[:count])


def test_an_output_for_shapes_lies_on_the_host() -> None:
    builder = trt.Builder(Keeper())
    net = builder.create_network()
    x = net.add_input("x", trt.float32, (-1, 6))
    shape = net.add_shape(x).get_output(0)
    shape.name = "shape"
    assert net.mark_output_for_shapes(shape) and not net.mark_output_for_shapes(shape)
    assert shape.is_shape_tensor and shape.is_network_output
    doubled = net.add_elementwise(x, x, trt.ElementWiseOperation.SUM).get_output(0)
    doubled.name = "y"
    assert net.mark_output_for_shapes(doubled) is False and not doubled.is_network_output
    net.mark_output(doubled)
    config = builder.create_builder_config()
    profile = builder.create_optimization_profile()
    profile.set_shape("x", (1, 6), (4, 6), (4, 6))
    config.add_optimization_profile(profile)
    engine = trt.Runtime(Keeper()).deserialize_cuda_engine(builder.build_serialized_network(net, config))
    assert [engine.get_tensor_location(name) for name in ("x", "shape", "y")] == [
        trt.TensorLocation.DEVICE, trt.TensorLocation.HOST, trt.TensorLocation.DEVICE
    ]  # fmt: skip
    assert engine.is_shape_inference_io("shape") and not engine.is_shape_inference_io("y")
    context = engine.create_execution_context()
    given, found, y = X[:3].copy(), np.zeros(2, np.int64), np.zeros((3, 6), np.float32)
    assert context.set_input_shape("x", (3, 6))
    for name, array in (("x", given), ("shape", found), ("y", y)):
        assert context.set_tensor_address(name, array.ctypes.data)
    assert context.execute_async_v3(0)
    assert found.tolist() == [3, 6] and np.array_equal(y, 2 * given)
