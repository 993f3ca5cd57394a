"""What 7 and 8 name and minirt cannot do says so, and what to use instead."""

from __future__ import annotations

from typing import Any

import pytest

import minirt
from minirt import v7, v8
from minirt.errors import ApiError

trt7: Any = v7
trt8: Any = v8


@pytest.mark.parametrize("trt", [trt7, trt8])
def test_parsers_refuse_and_name_onnx(trt: Any) -> None:
    network = trt.Builder(trt.Logger()).create_network(1)
    with pytest.raises(ApiError, match="OnnxParser"):
        trt.CaffeParser().parse(deploy="d", model="m", network=network, dtype=trt.float32)
    uff = trt.UffParser()
    assert uff.register_input("x", (3, 4, 4)) and uff.register_output("y")
    with pytest.raises(ApiError, match="OnnxParser"):
        uff.parse("model.uff", network)


def test_first_generation_layers_refuse() -> None:
    network = trt7.Builder(trt7.Logger()).create_network(1)
    x = network.add_input("x", trt7.float32, (1, 2, 8))
    for add in (network.add_plugin, network.add_plugin_ext):
        with pytest.raises(ApiError, match="add_plugin_v2"):
            add(inputs=[x], plugin=None)
    assert network.num_layers == 0


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_first_calls_for_plugins_take_those_of_the_second_generation() -> None:
    class Plugin(minirt.IPluginV2DynamicExt):  # type: ignore[misc]
        num_outputs = 2

        def __init__(self) -> None:
            minirt.IPluginV2DynamicExt.__init__(self)

    network = trt7.Builder(trt7.Logger()).create_network(1)
    x = network.add_input("x", trt7.float32, (1, 2, 8))
    plugin = Plugin()
    layers = [network.add_plugin([x], plugin), network.add_plugin_ext(inputs=[x], plugin=plugin)]
    assert [type(layer) for layer in layers] == [trt7.IPluginV2Layer] * 2
    assert [layer.num_outputs for layer in layers] == [2, 2]
    assert layers[0].plugin is plugin
