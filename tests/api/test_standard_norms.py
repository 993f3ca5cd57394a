"""TensorRT's plugins that normalize and that read regions, against NumPy and onnxruntime; fields of many numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import minirt as trt
from tests.api.nets import Keeper, same

F32, I32 = np.float32, np.int32
RNG = np.random.default_rng(12)
X = RNG.normal(size=(2, 6, 5, 4)).astype(F32)
SCALE, BIAS = RNG.normal(size=(2, 6)).astype(F32)


@pytest.fixture(autouse=True)
def _cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIRT_TARGET", "cpu")


def normal(x: Any, groups: int, epsilon: float) -> Any:
    """Groups of channels less their mean, over their deviation, by SCALE and BIAS."""
    parts = x.astype(np.float64).reshape(x.shape[0], groups, -1)
    parts = (parts - parts.mean(2, keepdims=True)) / np.sqrt(parts.var(2, keepdims=True) + epsilon)
    by_channel = (1, -1) + (1,) * (x.ndim - 2)
    return parts.reshape(x.shape) * SCALE.reshape(by_channel) + BIAS.reshape(by_channel)


def creator(name: str, version: str = "1") -> Any:
    found = trt.get_plugin_registry().get_creator(name, version, "")
    assert (found.name, found.plugin_version) == (name, version)
    return found


def made(maker: Any, **given: tuple[Any, Any]) -> Any:
    """The plugin of a creator with fields name=(numbers, type)."""
    types = {F32: trt.PluginFieldType.FLOAT32, I32: trt.PluginFieldType.INT32}
    fields = [trt.PluginField(n, np.array(v, t), types[t]) for n, (v, t) in given.items()]
    collection = trt.PluginFieldCollection(fields)
    if isinstance(maker, trt.IPluginCreator):
        return maker.create_plugin("p", collection)
    return maker.create_plugin("p", collection, trt.TensorRTPhase.BUILD)


def computed(plugin: Any, *arrays: Any) -> Any:
    """What a plugin gives for arrays, by an engine."""
    logger = Keeper()
    builder = trt.Builder(logger)
    net = builder.create_network()
    types = {np.dtype(F32): trt.float32, np.dtype(I32): trt.int32}
    ins = [net.add_input(f"x{i}", types[a.dtype], a.shape) for i, a in enumerate(arrays)]
    third = isinstance(plugin, trt.IPluginV3)
    layer = net.add_plugin_v3(ins, [], plugin) if third else net.add_plugin_v2(ins, plugin)
    layer.get_output(0).name = "y"
    net.mark_output(layer.get_output(0))
    engine = trt.Runtime(logger).deserialize_cuda_engine(
        builder.build_serialized_network(net, builder.create_builder_config())
    )
    return engine.create_execution_context().run({f"x{i}": a for i, a in enumerate(arrays)})["y"]


def kept(maker: Any, plugin: Any) -> Any:
    """A copy of a plugin; one of the second generation by its serialized form."""
    if isinstance(plugin, trt.IPluginV3):
        return plugin.clone()
    return maker.deserialize_plugin("p", plugin.serialize()).clone()


@pytest.mark.parametrize("version", ["1", "2", "3"])
def test_instance_normalization(version: str) -> None:
    maker = creator("InstanceNormalization_TRT", version)
    wanted = normal(X, 6, 1e-3)
    affine = {"scales": (SCALE, F32), "bias": (BIAS, F32)}
    plain = made(maker, epsilon=(1e-3, F32), **affine)
    same(computed(plain, X), wanted, 1e-4)
    leaky = kept(maker, made(maker, epsilon=([1e-3], F32), **affine, relu=(1, I32), alpha=(0.25, F32)))
    same(computed(leaky, X), np.where(wanted > 0, wanted, 0.25 * wanted), 1e-4)
    volume = RNG.normal(size=(1, 6, 3, 2, 4)).astype(F32)
    by_inputs = made(maker, epsilon=(1e-5, F32))
    same(computed(by_inputs, volume, SCALE, BIAS), normal(volume, 6, 1e-5), 1e-4)
    refused(by_inputs, "'scales'")


def refused(plugin: Any, why: str) -> None:
    """Assert that nothing is built of a plugin of one input, and that the error says why."""
    logger = Keeper()
    builder = trt.Builder(logger)
    net = builder.create_network()
    x = net.add_input("x", trt.float32, X.shape)
    third = isinstance(plugin, trt.IPluginV3)
    net.mark_output((net.add_plugin_v3([x], [], plugin) if third else net.add_plugin_v2([x], plugin)).get_output(0))
    assert builder.build_serialized_network(net, builder.create_builder_config()) is None
    assert why in logger.errors[-1]


@pytest.mark.parametrize("shape", [(6,), (1, 6, 1, 1)])
def test_group_normalization(shape: tuple[int, ...]) -> None:
    maker = creator("GroupNormalizationPlugin")
    plugin = kept(maker, made(maker, eps=(1e-3, F32), num_groups=(3, I32)))
    same(computed(plugin, X, SCALE.reshape(shape), BIAS.reshape(shape)), normal(X, 3, 1e-3), 1e-4)


ROIS = np.array([[0, 0, 8, 8], [1.5, 2.25, 9, 11], [3, 3, 3.2, 3.1], [2, 0, 20, 20]], F32)
IMAGES = np.array([0, 1, 1, 0], I32)
PICTURE = RNG.normal(size=(2, 3, 12, 12)).astype(F32)


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize(("mean", "half", "ratio"), [(1, 1, 2), (1, 0, 0), (0, 1, 1), (0, 0, 1)])
def test_regions(version: str, mean: int, half: int, ratio: int) -> None:
    sizes: dict[str, Any] = {"output_height": 3, "output_width": 4, "sampling_ratio": ratio}
    maker = creator("ROIAlign_TRT", version)
    whole = {n: (v, I32) for n, v in (sizes | {"mode": mean, "coordinate_transformation_mode": half}).items()}
    got = computed(kept(maker, made(maker, spatial_scale=(0.5, F32), **whole)), PICTURE, ROIS, IMAGES)
    words: dict[str, Any] = {"mode": "avg" if mean else "max", "coordinate_transformation_mode": "half_pixel"}
    if not half:
        words["coordinate_transformation_mode"] = "output_half_pixel"
    node = helper.make_node("RoiAlign", ["x", "r", "i"], ["y"], spatial_scale=0.5, **sizes, **words)
    kinds = {"x": TensorProto.FLOAT, "r": TensorProto.FLOAT, "i": TensorProto.INT64}
    ins = [helper.make_tensor_value_info(n, k, None) for n, k in kinds.items()]
    graph = helper.make_graph([node], "g", ins, [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 16)], ir_version=8)
    feeds = {"x": PICTURE, "r": ROIS, "i": IMAGES.astype(np.int64)}
    same(got, onnxruntime.InferenceSession(model.SerializeToString()).run(None, feeds)[0], 1e-4)


@pytest.mark.parametrize("domain", ["", "of.its.own"])
def test_nodes_of_models(domain: str) -> None:
    cases: tuple[tuple[str, dict[str, Any], int], ...] = (
        ("InstanceNormalization_TRT", {"epsilon": 1e-3, "scales": SCALE.tolist(), "bias": BIAS.tolist()}, 6),
        ("InstanceNormalization_TRT", {"epsilon": 1e-3, "plugin_version": "3"}, 6),
        ("GroupNormalizationPlugin", {"eps": 1e-3, "num_groups": 3}, 3),
    )
    for op, attributes, wanted in cases:
        held = [] if "scales" in attributes else [("s", SCALE), ("b", BIAS)]
        node = helper.make_node(op, ["x", *(n for n, _ in held)], ["y"], domain=domain, **attributes)
        value = helper.make_tensor_value_info("x", TensorProto.FLOAT, X.shape)
        out = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
        graph = helper.make_graph([node], "g", [value], [out], [numpy_helper.from_array(a, n) for n, a in held])
        opsets = [helper.make_opsetid("", 17), *([helper.make_opsetid(domain, 1)] if domain else [])]
        builder = trt.Builder(Keeper())
        net = builder.create_network()
        parser = trt.OnnxParser(net, Keeper())
        assert parser.parse(helper.make_model(graph, opset_imports=opsets).SerializeToString())
        data = builder.build_serialized_network(net, builder.create_builder_config())
        engine = trt.Runtime(Keeper()).deserialize_cuda_engine(data)
        same(engine.create_execution_context().run({"x": X})["y"], normal(X, wanted, 1e-3), 1e-4)
