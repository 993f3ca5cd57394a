"""Nodes of ONNX models that no importer takes are plugins, where a creator of the op's name is registered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
import pytest

import minirt as trt
import minirt.plugin as trtp
from minirt.plugin import _lib
from tests.api.nets import Keeper, same
from tests.api.test_plugins import Pad, PadCreator, Twice, TwiceCreator

X = np.random.default_rng(9).normal(size=(3, 4)).astype(np.float32)


class FieldsCreator(PadCreator):
    """Takes the fields that it declares."""

    heard: dict[str, Any] = {}

    def __init__(self, version: str = "1") -> None:
        super().__init__()
        kinds = trt.PluginFieldType
        self.plugin_version = version
        self.field_names = trt.PluginFieldCollection(
            [
                trt.PluginField("count", np.array([]), kinds.INT32),
                trt.PluginField("value", np.array([]), kinds.FLOAT32),
                trt.PluginField("mode", np.array([]), kinds.CHAR),
                trt.PluginField("absent", np.array([]), kinds.INT32),
            ]
        )

    def create_plugin(self, name: str, fields: Any, phase: Any) -> Pad:
        values = {f.name: f.data for f in fields}
        if phase == trt.TensorRTPhase.BUILD:
            self.heard.update(values, name=name, version=self.plugin_version)
        return Pad(int(values["count"][0]), float(values["value"][0]))


class ScaleCreator(TwiceCreator):
    """Takes a factor as an attribute."""

    def __init__(self) -> None:
        super().__init__()
        self.field_names = trt.PluginFieldCollection([trt.PluginField("factor")])

    def create_plugin(self, name: str, fields: Any) -> Twice:
        return Twice(float(fields[0].data[0]))


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MINIRT_TARGET", "cpu")
    creators: list[Any] = [FieldsCreator(), FieldsCreator("2"), ScaleCreator()]
    for creator in creators:
        assert trt.get_plugin_registry().register_creator(creator, creator.plugin_namespace)
    yield
    for creator in creators:
        trt.get_plugin_registry().deregister_creator(creator)


def parsed(body: str) -> tuple[Any, Any, Keeper]:
    """Return the network of a model, its parser, and what they said."""
    text = f"""<ir_version: 10, opset_import: ["": 20, "mine": 1]>
    custom (float[N, 4] x) => (float[N, M] y) {{ {body} }}"""
    logger = Keeper()
    network = trt.Builder(logger).create_network()
    parser = trt.OnnxParser(network, logger)
    parser.parse(onnx.parser.parse_model(text).SerializeToString())
    return network, parser, logger


def run(network: Any, logger: Keeper) -> Any:
    builder = trt.Builder(logger)
    data = builder.build_serialized_network(network, builder.create_builder_config())
    assert data is not None, logger.errors
    return trt.Runtime(logger).deserialize_cuda_engine(data).create_execution_context().run({"x": X})["y"]


def test_nodes_are_plugins_with_their_attributes() -> None:
    network, parser, logger = parsed(
        """
        a = Neg (x)
        b = mine.Pad <count = 2, value = 7.5, mode = "edge", plugin_namespace = "test"> (a)
        y = Twice <factor = 3.0, plugin_version = "2"> (b)
        """
    )
    assert parser.num_errors == 0, logger.errors
    kinds = [network.get_layer(i).type for i in range(network.num_layers)]
    assert kinds[1:] == [trt.LayerType.PLUGIN_V3, trt.LayerType.PLUGIN_V2]
    assert network.get_layer(1).get_output(0).shape == (-1, 6)
    heard = FieldsCreator.heard
    assert (heard["count"].dtype, heard["value"].dtype, heard["version"]) == (np.int32, np.float32, "1")
    assert bytes(heard["mode"]) == b"edge"
    assert "absent" not in heard
    same(run(network, logger), 3 * np.concatenate([-X, np.full((3, 2), 7.5, np.float32)], 1))


def test_a_quick_plugin_by_domain_and_name() -> None:
    @trtp.register("mine::Shift")
    def shift_desc(inp: trtp.TensorDesc, by: int, scale: float) -> trtp.TensorDesc:
        return inp.like()

    @trtp.impl("mine::Shift")
    def shift(inp: trtp.Tensor, by: int, scale: float, outputs: Any, stream: int) -> None:
        np.asarray(outputs[0])[...] = np.asarray(inp) * scale + by

    try:
        network, parser, logger = parsed("y = mine.Shift <by = 2, scale = 0.5> (x)")
        assert parser.num_errors == 0, logger.errors
        same(run(network, logger), X * 0.5 + 2)
        _, parser, logger = parsed("y = mine.Shift <by = 2.5, scale = 0.5> (x)")
        assert parser.num_errors == 1
    finally:
        _lib.QDP_REGISTRY.clear()


def test_the_version_tells_creators_apart() -> None:
    attributes = 'count = 1, value = 1.0, plugin_version = "2", plugin_namespace = "test"'
    network, parser, logger = parsed(f"y = mine.Pad <{attributes}> (x)")
    assert parser.num_errors == 0, logger.errors
    assert FieldsCreator.heard["version"] == "2"
    assert run(network, logger).shape == (3, 5)


def test_without_a_creator_the_op_is_named() -> None:
    _, parser, logger = parsed('y = mine.Pad <count = 1, value = 1.0, plugin_namespace = "other"> (x)')
    assert parser.num_errors == 1
    assert "Pad" in logger.errors[-1]


def test_a_creator_that_raises_is_an_error_of_the_node() -> None:
    _, parser, logger = parsed('y = mine.Pad <value = 1.0, plugin_namespace = "test"> (x)')
    assert parser.num_errors == 1
    assert "KeyError" in logger.errors[-1]
