"""OnnxParser: models into networks, and what is said about those that do not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import minirt as trt
from minirt import v8
from minirt.build.freeze import freeze
from minirt.ops.evaluate import evaluate
from tests.api.nets import Keeper, network, same

W = np.random.default_rng(3).normal(size=(4, 3, 3, 3)).astype(np.float32)


def info(name: str, shape: list[Any], dtype: int = TensorProto.FLOAT) -> Any:
    return helper.make_tensor_value_info(name, dtype, shape)


def model(nodes: list[Any], inputs: list[Any], outputs: list[Any], **constants: Any) -> bytes:
    held = [numpy_helper.from_array(v, k) for k, v in constants.items()]
    graph = helper.make_graph(nodes, "net", inputs, outputs, held)
    return bytes(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]).SerializeToString())


def conv_relu(shape: tuple[Any, ...] = ("N", 3, 8, 8)) -> bytes:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["y"], name="relu"),
    ]
    return model(nodes, [info("x", list(shape))], [info("y", ["N", 4, 8, 8])], w=W)


def parsed(data: bytes) -> tuple[Any, Any]:
    net = network()
    return net, trt.OnnxParser(net, Keeper())


def test_a_model_becomes_layers_with_its_names() -> None:
    net, parser = parsed(b"")
    assert parser.parse(conv_relu())
    assert parser.num_errors == 0
    assert [layer.name for layer in net] == ["conv", "relu"]
    assert [layer.type for layer in net] == [trt.LayerType.CONVOLUTION, trt.LayerType.ACTIVATION]
    assert net[0].metadata == "[ONNX Layer: conv]"
    assert (net.get_input(0).name, net.get_input(0).shape) == ("x", (-1, 3, 8, 8))
    assert net.get_input(0).get_dimension_name(0) == "N"
    assert (net.get_output(0).name, net.get_output(0).shape) == ("y", (-1, 4, 8, 8))
    assert parser.get_layer_output_tensor("conv", 0).name == "c"
    assert parser.get_layer_output_tensor("none", 0) is None


def test_a_parsed_network_may_be_edited() -> None:
    net, parser = parsed(b"")
    assert parser.parse(conv_relu())
    net.get_input(0).shape = (2, 3, 16, 16)
    assert net.get_output(0).shape == (2, 4, 16, 16)
    y = net.get_output(0)
    net.unmark_output(y)
    net.mark_output(net.add_unary(y, trt.UnaryOperation.NEG).get_output(0))
    net.mark_output(net[0].get_output(0))
    x = np.random.default_rng(4).normal(size=(2, 3, 16, 16)).astype(np.float32)
    low, raw = evaluate(freeze(net._state), {"x": x})
    same(low, -np.maximum(raw, 0))


def test_every_unsupported_node_is_listed() -> None:
    nodes = [
        helper.make_node("Foo", ["x"], ["a"], name="f0"),
        helper.make_node("Relu", ["a"], ["b"], name="r0"),
        helper.make_node("Bar", ["b"], ["y"], name="f1"),
    ]
    net, parser = parsed(b"")
    assert parser.parse(model(nodes, [info("x", [2])], [info("y", [2])])) is False
    assert parser.num_errors == 2
    error = parser.get_error(0)
    assert error.code() == trt.ErrorCode.UNSUPPORTED_NODE
    assert (error.node(), error.node_name(), error.node_operator()) == (0, "f0", "Foo")
    assert "opset 17" in error.desc()
    assert str(error).startswith("In node 0 with name: f0 and operator: Foo (")
    assert parser.get_error(1).node() == 2
    assert parser.get_error(2) is None
    parser.clear_errors()
    assert parser.num_errors == 0


def test_ill_typed_nodes_are_errors() -> None:
    nodes = [helper.make_node("Add", ["x", "z"], ["y"], name="sum")]
    net, parser = parsed(b"")
    assert not parser.parse(model(nodes, [info("x", [2]), info("z", [3])], [info("y", [2])]))
    assert parser.num_errors == 1
    assert parser.get_error(0).node_name() == "sum"


@pytest.mark.parametrize("data", [b"", b"junk", conv_relu()[:-200]])
def test_broken_files_are_errors(data: bytes) -> None:
    net, parser = parsed(b"")
    assert parser.parse(data) is False
    assert parser.num_errors == 1


def test_a_cycle_is_an_error() -> None:
    nodes = [helper.make_node("Add", ["x", "b"], ["a"]), helper.make_node("Relu", ["a"], ["b"])]
    net, parser = parsed(b"")
    assert parser.parse(model(nodes, [info("x", [2])], [info("b", [2])])) is False
    assert parser.num_errors >= 1


def test_only_into_an_empty_network_and_never_a_string() -> None:
    net, parser = parsed(b"")
    with pytest.raises(TypeError):
        parser.parse("model.onnx")
    assert parser.parse(conv_relu())
    assert parser.parse(conv_relu()) is False


def test_files_with_weights_of_their_own(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    onnx.save_model(
        onnx.load_from_string(conv_relu()), path, save_as_external_data=True, location="w.bin", size_threshold=0
    )
    net, parser = parsed(b"")
    assert parser.parse_from_file(str(path))
    again, other = parsed(b"")
    assert other.parse(path.read_bytes(), str(path))
    assert not parsed(b"")[1].parse_from_file(str(tmp_path / "none.onnx"))


def test_support_is_told_without_touching_the_network() -> None:
    nodes = [
        helper.make_node("Relu", ["x"], ["a"], name="r"),
        helper.make_node("Foo", ["a"], ["b"], name="f"),
        helper.make_node("Neg", ["b"], ["y"], name="n"),
    ]
    data = model(nodes, [info("x", [2])], [info("y", [2])])
    net, parser = parsed(b"")
    assert parser.supports_model(data) == (False, [([0], True), ([1], False), ([2], True)])
    assert parser.supports_model_v2(conv_relu())
    assert (parser.num_subgraphs, parser.get_subgraph_nodes(0), parser.is_subgraph_supported(0)) == (1, [0, 1], True)
    assert parser.supports_operator("Conv")
    assert not parser.supports_operator("Foo")
    assert len(net) == 0


def test_flags() -> None:
    _, parser = parsed(b"")
    assert parser.get_flag(trt.OnnxParserFlag.NATIVE_INSTANCENORM)
    parser.set_flag(trt.OnnxParserFlag.ENABLE_PLUGIN_OVERRIDE)
    assert parser.flags == 0b1001
    net = v8.Builder(v8.Logger()).create_network(1)
    assert v8.OnnxParser(net, v8.Logger()).flags == 0


def test_load_then_parse_with_other_numbers() -> None:
    zeros = np.zeros_like(W)
    net, parser = parsed(b"")
    assert parser.load_model_proto(conv_relu())
    assert parser.load_initializer("w", zeros.ctypes.data, zeros.nbytes)
    assert parser.parse_model_proto()
    x = np.ones((1, 3, 8, 8), np.float32)
    assert not evaluate(freeze(net._state), {"x": x})[0].any()


def test_initializers_of_unknown_names_are_refused() -> None:
    zeros = np.zeros_like(W)
    _, parser = parsed(b"")
    assert parser.load_initializer("w", zeros.ctypes.data, zeros.nbytes) is False
    assert "load_model_proto" in parser.get_error(0).desc()
    assert parser.load_model_proto(conv_relu())
    assert parser.load_initializer("weight", zeros.ctypes.data, zeros.nbytes) is False
    assert parser.num_errors == 2 and "'weight'" in parser.get_error(1).desc()
    assert parser.get_error(1).code() == trt.ErrorCode.INVALID_VALUE
    assert parser.load_initializer("w", zeros.ctypes.data, zeros.nbytes)
    assert parser.parse_model_proto() and parser.num_errors == 0
    assert parser.load_model_proto(b"no model")
    assert parser.load_initializer("w", zeros.ctypes.data, zeros.nbytes) is False


def test_initializers_of_bodies_can_be_loaded() -> None:
    inner = helper.make_graph(
        [helper.make_node("Add", ["x", "inside"], ["t"])], "then", [], [info("t", [2])],
        [numpy_helper.from_array(np.ones(2, np.float32), "inside")],
    )  # fmt: skip
    other = helper.make_graph([helper.make_node("Neg", ["x"], ["e"])], "else", [], [info("e", [2])])
    node = helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=other)
    condition = helper.make_tensor_value_info("c", TensorProto.BOOL, [])
    net, parser = parsed(b"")
    assert parser.load_model_proto(model([node], [condition, info("x", [2])], [info("y", [2])]))
    two = np.full(2, 2, np.float32)
    assert parser.load_initializer("inside", two.ctypes.data, two.nbytes) and parser.parse_model_proto()
    x = np.array([1, 5], np.float32)
    same(evaluate(freeze(net._state), {"c": np.array(True), "x": x})[0], x + 2)


def test_load_initializers_that_the_model_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIRT_TARGET", "cpu")
    model = onnx.load_from_string(conv_relu())
    held = next(t for t in model.graph.initializer if t.name == "w")
    kind, dims = held.data_type, list(held.dims)
    held.Clear()
    held.name, held.data_type, held.data_location = "w", kind, onnx.TensorProto.EXTERNAL
    held.dims.extend(dims)
    held.external_data.add(key="location", value="nowhere.bin")
    bare = model.SerializeToString()
    net, parser = parsed(b"")
    assert parser.load_model_proto(bare) and not parser.parse_model_proto()
    assert parser.load_initializer("w", W.ctypes.data, W.nbytes - 4) and not parser.parse_model_proto()
    assert parser.load_initializer("w", W.ctypes.data, W.nbytes) and parser.parse_model_proto()
    x = np.random.default_rng(3).normal(size=(1, 3, 8, 8)).astype(np.float32)
    session = onnxruntime.InferenceSession(conv_relu())
    same(evaluate(freeze(net._state), {"x": x})[0], session.run(None, {session.get_inputs()[0].name: x})[0], 1e-4)
    config = trt.Builder(Keeper()).create_builder_config()
    config.set_flag(trt.BuilderFlag.REFIT)
    data = trt.Builder(Keeper()).build_serialized_network(net, config)
    refitter = trt.Refitter(trt.Runtime(Keeper()).deserialize_cuda_engine(data), Keeper())
    by_model, zeros = trt.OnnxParserRefitter(refitter, Keeper()), np.zeros_like(W)
    assert by_model.load_model_proto(bare) and not by_model.refit_model_proto()
    assert by_model.load_initializer("v", zeros.ctypes.data, zeros.nbytes) is False
    assert by_model.num_errors and "'v'" in by_model.get_error(by_model.num_errors - 1).desc()
    assert by_model.load_initializer("w", zeros.ctypes.data, zeros.nbytes) and by_model.refit_model_proto()
    assert refitter.get_named_weights("w").numpy().size == W.size


@pytest.mark.parametrize("dtype", [np.float64, np.int16, np.uint16, np.uint32, np.uint64])
def test_types_that_the_api_has_not_are_those_of_the_model(dtype: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIRT_TARGET", "cpu")
    code = int(getattr(onnx.TensorProto, {"float64": "DOUBLE"}.get(np.dtype(dtype).name, np.dtype(dtype).name.upper())))
    value = [helper.make_tensor_value_info(n, code, [3]) for n in "xy"]
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "g", value[:1], value[1:])
    net, parser = parsed(b"")
    assert parser.parse(helper.make_model(graph).SerializeToString())
    builder = trt.Builder(Keeper())
    engine = trt.Runtime(Keeper()).deserialize_cuda_engine(
        builder.build_serialized_network(net, builder.create_builder_config())
    )
    with pytest.raises(TypeError, match="no member"):
        _ = net.get_input(0).dtype
    with pytest.raises(TypeError, match="no member"):
        engine.get_tensor_dtype("y")
    x = np.array([1, 2, 16000], dtype)
    y = engine.create_execution_context().run({"x": x})["y"]
    assert y.dtype == x.dtype and (y == x + x).all()


def test_parsed_layers_show_their_fields_and_may_become_plain() -> None:
    net, parser = parsed(b"")
    assert parser.parse(conv_relu())
    conv, relu = net[0], net[1]
    conv.__class__, relu.__class__ = trt.IConvolutionLayer, trt.IActivationLayer
    assert (conv.num_output_maps, conv.kernel_size_nd[:], conv.pre_padding[:]) == (4, (3, 3), (1, 1))
    assert (conv.kernel == W.reshape(-1)).all()
    assert relu.type == trt.ActivationType.RELU
    relu.type = trt.ActivationType.TANH
    conv.kernel = -W
    x = np.random.default_rng(8).normal(size=(1, 3, 8, 8)).astype(np.float32)
    before = parsed(b"")
    assert before[1].parse(conv_relu())
    before[0].mark_output(before[0][0].get_output(0))
    raw = evaluate(freeze(before[0]._state), {"x": x})[1]
    same(evaluate(freeze(net._state), {"x": x})[0], np.tanh(-raw), 1e-4)


def test_parsed_layers_that_say_less_than_their_node_refuse() -> None:
    nodes = [helper.make_node("Reshape", ["x", "s"], ["y"], name="r")]
    net, parser = parsed(b"")
    assert parser.parse(model(nodes, [info("x", [2, 3])], [info("y", [6])], s=np.array([6], np.int64)))
    layer = net[0]
    layer.__class__ = trt.IShuffleLayer
    assert layer.reshape_dims == (6,)
    layer.reshape_dims = (3, 2)
    assert net.get_output(0).shape == (6,)
    assert "change the model" in net._state.sink.logger.errors[-1]
