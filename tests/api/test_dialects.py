"""Scripts of TensorRT 7, 8 and 11: implicit batches, bindings by number, and members of each dialect only."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import onnx
import pytest

import minirt as trt
from minirt import v7, v8, v11
from tests.api.nets import same

RNG = np.random.default_rng(5)


@pytest.fixture(autouse=True)
def _cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIRT_TARGET", "cpu")


def _classic(module: Any) -> tuple[Any, Any, Any]:
    """Return a builder, and a network without a batch: convolution, pooling, a product, softmax."""
    builder = module.Builder(module.Logger(module.Logger.ERROR))
    builder.max_batch_size = 8
    net = builder.create_network()
    assert net.has_implicit_batch_dimension
    x = net.add_input("x", module.float32, (3, 8, 8))
    w, f = RNG.normal(size=(4, 3, 3, 3)).astype(np.float32), RNG.normal(size=(5, 36)).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        conv = net.add_convolution(x, 4, (3, 3), w)
        conv.stride = (1, 1)
        pool = net.add_pooling(conv.get_output(0), module.PoolingType.MAX, (2, 2))
        pool.stride = (2, 2)
        dense = net.add_fully_connected(pool.get_output(0), 5, f)
    assert pool.get_output(0).shape == (4, 3, 3)
    assert dense.get_output(0).shape == (5, 1, 1)
    out = net.add_softmax(dense.get_output(0)).get_output(0)
    out.name = "y"
    net.mark_output(out)
    return builder, net, (w, f)


def _wanted(x: Any, w: Any, f: Any) -> Any:
    windows = np.lib.stride_tricks.sliding_window_view(x, (3, 3), (2, 3))
    conv = np.einsum("ncijkl,mckl->nmij", windows, w)
    pool = conv.reshape(len(x), 4, 3, 2, 3, 2).max((3, 5)).reshape(len(x), -1)
    e = pool @ f.T
    e = np.exp(e - e.max(1, keepdims=True))
    return (e / e.sum(1, keepdims=True))[..., None, None]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("module", [v7, v8])
def test_a_network_without_a_batch(module: Any) -> None:
    builder, net, weights = _classic(module)
    engine = builder.build_engine(net, builder.create_builder_config())
    assert (engine.num_bindings, len(engine), engine.max_batch_size) == (2, 2, 8)
    assert engine.has_implicit_batch_dimension
    assert tuple(engine.get_binding_shape("x")) == tuple(engine.get_binding_shape(0)) == (3, 8, 8)
    assert (engine.get_binding_name(1), engine["y"], engine[0]) == ("y", 1, "x")
    assert engine.binding_is_input(0)
    assert not engine.binding_is_input("y")
    assert engine.get_binding_dtype(0) == module.float32
    context = engine.create_execution_context()
    for batch in (1, 8, 3):
        x = RNG.normal(size=(batch, 3, 8, 8)).astype(np.float32)
        y = np.empty((batch, 5, 1, 1), np.float32)
        assert context.execute(batch, [x.ctypes.data, y.ctypes.data])
        same(y, _wanted(x, *weights), 1e-4)
        y[:] = 0
        assert context.execute_async(batch_size=batch, bindings=[x.ctypes.data, y.ctypes.data], stream_handle=0)
        same(y, _wanted(x, *weights), 1e-4)
    assert context.execute(9, [x.ctypes.data, y.ctypes.data]) is False


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_axes_count_without_the_batch() -> None:
    builder = v8.Builder(v8.Logger())
    net = builder.create_network()
    x = net.add_input("x", v8.float32, (2, 6))
    shuffle = net.add_shuffle(x)
    shuffle.first_transpose = (1, 0)
    shuffle.reshape_dims = (3, 4)
    assert shuffle.get_output(0).shape == (3, 4)
    total = net.add_reduce(shuffle.get_output(0), v8.ReduceOperation.SUM, 1, False)
    both = net.add_concatenation([shuffle.get_output(0), shuffle.get_output(0)])
    both.axis = 1
    part = net.add_slice(both.get_output(0), (0, 2), (3, 2), (1, 3))
    top = net.add_topk(shuffle.get_output(0), v8.TopKOperation.MAX, 1, 2)
    for i, layer in enumerate((total, part, top)):
        layer.get_output(0).name = f"out{i}"
        net.mark_output(layer.get_output(0))
    assert [net.get_output(i).shape for i in range(3)] == [(4,), (3, 2), (3, 1)]
    engine = builder.build_engine(net, builder.create_builder_config())
    a = RNG.normal(size=(1, 2, 6)).astype(np.float32)
    b = a.transpose(0, 2, 1).reshape(1, 3, 4)
    got = engine.create_execution_context().run({"x": a})
    same(got["out0"], b.sum(1))
    same(got["out1"], np.concatenate([b, b], 2)[:, :, 2::3][:, :, :2])
    same(got["out2"], b.max(2, keepdims=True))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_bindings_of_several_profiles() -> None:
    builder = v8.Builder(v8.Logger())
    net = builder.create_network(1 << int(v8.NetworkDefinitionCreationFlag.EXPLICIT_BATCH))
    net.mark_output(net.add_identity(net.add_input("x", v8.float32, (-1, 2))).get_output(0))
    config = builder.create_builder_config()
    config.max_workspace_size = 1 << 20
    for low, high in ((1, 2), (3, 9)):
        profile = builder.create_optimization_profile()
        profile.set_shape("x", (low, 2), (high, 2), (high, 2))
        config.add_optimization_profile(profile)
    engine = builder.build_engine(net, config)
    assert (engine.num_bindings, engine.get_binding_name(2)) == (4, "x [profile 1]")
    assert engine.get_binding_index("x [profile 1]") == 2
    assert engine.get_profile_shape(1, 0) == [(3, 2), (9, 2), (9, 2)]
    context = engine.create_execution_context()
    assert not context.set_binding_shape(0, (5, 2))
    context.active_optimization_profile = 1
    assert context.set_binding_shape(2, (5, 2))
    assert context.get_binding_shape(3) == (5, 2)
    x, y = np.ones((5, 2), np.float32), np.zeros((5, 2), np.float32)
    assert context.execute_async_v2([0, 0, x.ctypes.data, y.ctypes.data], 0)
    assert (y == x).all()


def test_old_methods_warn_and_name_what_to_use() -> None:
    builder = v8.Builder(v8.Logger())
    net = builder.create_network(1)
    x = net.add_input("x", v8.float32, (1, 1, 4, 4))
    with pytest.warns(DeprecationWarning, match="add_pooling_nd"):
        net.add_pooling(x, v8.PoolingType.MAX, (2, 2))
    x10 = trt.Builder(trt.Logger()).create_network().add_input("x", trt.float32, (1,))
    with pytest.warns(DeprecationWarning, match="dtype is deprecated"):
        x10.dtype = trt.float16
    net7 = v7.Builder(v7.Logger()).create_network(1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net7.add_pooling(net7.add_input("x", v7.float32, (1, 1, 4, 4)), v7.PoolingType.MAX, (2, 2))


def test_the_builder_of_seven() -> None:
    builder = v7.Builder(v7.Logger())
    builder.fp16_mode = False
    builder.max_workspace_size = 1 << 20
    net = builder.create_network(1)
    net.mark_output(net.add_unary(net.add_input("x", v7.float32, (2,)), v7.UnaryOperation.NEG).get_output(0))
    engine = builder.build_cuda_engine(net)
    got = engine.create_execution_context().run({"x": np.array([1, 2], np.float32)})
    assert next(iter(got.values())).tolist() == [-1, -2]
    with pytest.raises(AttributeError):
        trt.Builder(trt.Logger()).fp16_mode = True  # type: ignore[attr-defined]


def test_shape_is_32_bit_until_eight() -> None:
    for module, wanted in ((v8, v8.int32), (trt, trt.int64)):
        net = module.Builder(module.Logger()).create_network(1)
        layer = net.add_shape(net.add_input("x", module.float32, (1, 2)))
        assert layer.get_output(0).dtype == wanted


def test_objects_of_one_dialect_are_taken_by_another() -> None:
    net = trt.Builder(v8.Logger()).create_network()  # type: ignore[arg-type]
    x = net.add_input("x", v8.DataType.HALF, v8.Dims((1, 2)))  # type: ignore[arg-type]
    assert x.dtype == trt.float16
    assert net.add_activation(x, v11.ActivationType.RELU).type == trt.ActivationType.RELU  # type: ignore[arg-type]


def test_names_of_one_dialect_only() -> None:
    assert not hasattr(v11.BuilderFlag, "FP16")
    assert not hasattr(v11.Builder, "platform_has_fast_fp16")
    assert not hasattr(v8, "IPluginV3")
    assert hasattr(v7.Builder, "build_cuda_engine")
    assert not hasattr(v8.Builder, "build_cuda_engine")
    assert not hasattr(v11.Builder, "max_workspace_size")
    assert v7.IConvolutionLayer.__module__ == "minirt.v7"
    assert issubclass(v7.IConvolutionLayer, v7.ILayer)
    assert v11.ITensor.dtype.fset is None  # type: ignore[attr-defined]
    assert trt.ITensor.dtype.fset is not None  # type: ignore[attr-defined]


def _lstm_step(x: Any, h: Any, c: Any, w: dict[str, Any], r: dict[str, Any], b: dict[str, Any]) -> tuple[Any, Any]:
    """Return the next states of an LSTM cell."""
    z = {g: x @ w[g].T + h @ r[g].T + b[g] for g in w}
    i, f, o = (1 / (1 + np.exp(-z[g])) for g in ("INPUT", "FORGET", "OUTPUT"))
    c = f * c + i * np.tanh(z["CELL"])
    return o * np.tanh(c), c


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("module", [v7, v8])
def test_an_lstm_of_two_levels(module: Any) -> None:
    gates = ("INPUT", "FORGET", "CELL", "OUTPUT")
    sizes = (3, 5)
    x = RNG.normal(size=(2, 4, 3)).astype(np.float32)
    w = [{g: RNG.normal(size=(5, n)).astype(np.float32) for g in gates} for n in sizes]
    r = [{g: RNG.normal(size=(5, 5)).astype(np.float32) for g in gates} for _ in sizes]
    b = [{g: RNG.normal(size=5).astype(np.float32) for g in gates} for _ in sizes]
    builder = module.Builder(module.Logger(module.Logger.ERROR))
    net = builder.create_network(1 << int(module.NetworkDefinitionCreationFlag.EXPLICIT_BATCH))
    layer = net.add_rnn_v2(net.add_input("x", module.float32, x.shape), 2, 5, 4, module.RNNOperation.LSTM)
    for level in range(2):
        for gate in gates:
            kind = getattr(module.RNNGateType, gate)
            layer.set_weights_for_gate(level, kind, True, w[level][gate])
            layer.set_weights_for_gate(level, kind, False, r[level][gate])
            layer.set_bias_for_gate(level, kind, True, b[level][gate])
    assert (layer.get_weights_for_gate(0, module.RNNGateType.CELL, True) == w[0]["CELL"].reshape(-1)).all()
    assert (layer.num_layers, layer.hidden_size, layer.data_length, layer.num_outputs) == (2, 5, 3, 3)
    for i in range(3):
        layer.get_output(i).name = f"out{i}"
        net.mark_output(layer.get_output(i))
    engine = builder.build_engine(net, builder.create_builder_config())
    got = engine.create_execution_context().run({"x": x})
    states, sequence = [], x
    for level in range(2):
        h, c, rows = np.zeros((2, 5)), np.zeros((2, 5)), []
        for t in range(4):
            h, c = _lstm_step(sequence[:, t], h, c, w[level], r[level], b[level])
            rows.append(h)
        sequence = np.stack(rows, 1)
        states.append((h, c))
    same(got["out0"], sequence, 1e-4)
    same(got["out1"], np.stack([h for h, _ in states], 1), 1e-4)
    same(got["out2"], np.stack([c for _, c in states], 1), 1e-4)


def test_tensorrt_8_has_no_64_bit_integers() -> None:
    ids = onnx.helper.make_tensor_value_info("ids", onnx.TensorProto.INT64, ["n", 3])
    out = onnx.helper.make_tensor_value_info("out", onnx.TensorProto.INT64, ["n", 3])
    nodes = [onnx.helper.make_node("Add", ["ids", "ids"], ["twice"]), onnx.helper.make_node("Neg", ["twice"], ["out"])]
    model = onnx.helper.make_model(onnx.helper.make_graph(nodes, "g", [ids], [out]))
    for module, wanted in ((v8, np.int32), (trt, np.int64)):
        log = module.Logger(module.Logger.ERROR)
        builder = module.Builder(log)
        net = builder.create_network(1 << int(module.NetworkDefinitionCreationFlag.EXPLICIT_BATCH))
        assert module.OnnxParser(net, log).parse(model.SerializeToString())
        assert module.nptype(net.get_input(0).dtype) is module.nptype(net.get_layer(0).get_output(0).dtype) is wanted
        config, profile = builder.create_builder_config(), builder.create_optimization_profile()
        profile.set_shape("ids", (1, 3), (2, 3), (4, 3))
        config.add_optimization_profile(profile)
        engine = module.Runtime(log).deserialize_cuda_engine(builder.build_serialized_network(net, config))
        assert [module.nptype(engine.get_tensor_dtype(n)) for n in ("ids", "out")] == [wanted, wanted]
        x = np.arange(6, dtype=wanted).reshape(2, 3)
        found = engine.create_execution_context().run({"ids": x})["out"]
        assert found.dtype == wanted and (found == -2 * x).all()
