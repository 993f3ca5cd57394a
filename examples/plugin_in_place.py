"""Aliased I/O by IPluginV3: a plugin that sorts its rows in place, and whose output is that memory."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

import minirt as trt
from examples.device import ON_GPU, view, xp


class SortRows(trt.IPluginV3, trt.IPluginV3OneCore, trt.IPluginV3OneBuildV2, trt.IPluginV3OneRuntime):
    """Sorts each row of a table in its own memory."""

    def __init__(self) -> None:
        trt.IPluginV3.__init__(self)
        trt.IPluginV3OneCore.__init__(self)
        trt.IPluginV3OneBuildV2.__init__(self)
        trt.IPluginV3OneRuntime.__init__(self)
        self.plugin_name, self.plugin_version, self.plugin_namespace = "SortRows", "1", "examples"
        self.num_outputs = 1

    def get_capability_interface(self, type: Any) -> Any:
        """One object has all three capabilities."""
        return self

    def get_aliased_input(self, output_index: int) -> int:
        """The output is input 0."""
        return 0

    def get_output_data_types(self, input_types: Any) -> Any:
        """Return the type of what comes in."""
        return [input_types[0]]

    def get_output_shapes(self, inputs: Any, shape_inputs: Any, expr_builder: Any) -> Any:
        """Return the shape of what comes in."""
        return [trt.DimsExprs(inputs[0])]

    def supports_format_combination(self, pos: int, in_out: Any, num_inputs: int) -> bool:
        """Row-major float32."""
        return bool(in_out[pos].desc.type == trt.float32 and in_out[pos].desc.format == trt.TensorFormat.LINEAR)

    def configure_plugin(self, inp: Any, out: Any) -> None:
        """Hear the ranges of shapes."""

    def on_shape_change(self, inp: Any, out: Any) -> None:
        """Hear the shapes of the next run."""

    def get_fields_to_serialize(self) -> Any:
        """Nothing is needed to make it again."""
        return trt.PluginFieldCollection([])

    def enqueue(self, input_desc: Any, output_desc: Any, inputs: Any, outputs: Any, space: int, stream: int) -> None:
        """Sort."""
        assert inputs[0] == outputs[0]
        with xp.cuda.ExternalStream(stream) if ON_GPU else contextlib.nullcontext():
            view(inputs[0], input_desc[0].dims, np.float32).sort(axis=1)


class SortRowsCreator(trt.IPluginCreatorV3One):
    """Makes SortRows out of engines."""

    def __init__(self) -> None:
        trt.IPluginCreatorV3One.__init__(self)
        self.name, self.plugin_version, self.plugin_namespace = "SortRows", "1", "examples"
        self.field_names = trt.PluginFieldCollection([])

    def create_plugin(self, name: str, fields: Any, phase: Any) -> SortRows:
        """Return a plugin."""
        return SortRows()


def main() -> None:
    """Build -sort(2 x), run, compare."""
    logger = trt.Logger(trt.Logger.WARNING)
    assert trt.get_plugin_registry().register_creator(SortRowsCreator(), "examples")
    builder = trt.Builder(logger)
    network = builder.create_network()
    x = network.add_input("x", trt.float32, (6, 20))
    double = network.add_elementwise(x, x, trt.ElementWiseOperation.SUM).get_output(0)
    ordered = network.add_plugin_v3([double], [], SortRows()).get_output(0)
    out = network.add_unary(ordered, trt.UnaryOperation.NEG).get_output(0)
    out.name = "y"
    network.mark_output(out)
    config = builder.create_builder_config()
    config.set_preview_feature(trt.PreviewFeature.ALIASED_PLUGIN_IO_10_03, True)
    data = builder.build_serialized_network(network, config)
    context = trt.Runtime(logger).deserialize_cuda_engine(data).create_execution_context()
    a = np.random.default_rng(16).normal(size=(6, 20)).astype(np.float32)
    np.testing.assert_array_equal(context.run({"x": a})["y"], -np.sort(2 * a, 1))
    print("sorted in place")


if __name__ == "__main__":
    main()
