"""A plugin whose output's size only its data tells: the rows of a table in which nothing is negative."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np

import minirt as trt
from examples.device import ON_GPU, view, xp


class GoodRows(trt.IPluginV3, trt.IPluginV3OneCore, trt.IPluginV3OneBuild, trt.IPluginV3OneRuntime):
    """Gives the rows without negative numbers, and how many there are."""

    def __init__(self) -> None:
        trt.IPluginV3.__init__(self)
        trt.IPluginV3OneCore.__init__(self)
        trt.IPluginV3OneBuild.__init__(self)
        trt.IPluginV3OneRuntime.__init__(self)
        self.plugin_name, self.plugin_version, self.plugin_namespace = "GoodRows", "1", "examples"
        self.num_outputs = 2

    def get_capability_interface(self, type: Any) -> Any:
        """One object has all three capabilities."""
        return self

    def get_output_data_types(self, input_types: Any) -> Any:
        """Rows, and a size: sizes are int64."""
        return [input_types[0], trt.int64]

    def get_output_shapes(self, inputs: Any, shape_inputs: Any, expr_builder: Any) -> Any:
        """As many rows as output 1 says: at most all, half of them as a guess."""
        all_rows = inputs[0][0]
        half = expr_builder.operation(trt.DimensionOperation.CEIL_DIV, all_rows, expr_builder.constant(2))
        count = expr_builder.declare_size_tensor(1, half, all_rows)
        return [trt.DimsExprs([count, inputs[0][1]]), trt.DimsExprs(0)]

    def supports_format_combination(self, pos: int, in_out: Any, num_inputs: int) -> bool:
        """Row-major float32, and the size."""
        return bool(in_out[pos].desc.type == (trt.int64 if pos == 2 else trt.float32))

    def configure_plugin(self, inp: Any, out: Any) -> None:
        """Hear the ranges of shapes."""

    def on_shape_change(self, inp: Any, out: Any) -> None:
        """Hear the shapes of the next run."""

    def get_fields_to_serialize(self) -> Any:
        """Nothing is needed to make it again."""
        return trt.PluginFieldCollection([])

    def enqueue(self, input_desc: Any, output_desc: Any, inputs: Any, outputs: Any, space: int, stream: int) -> None:
        """Write the rows to the start of output 0, which has room for all, and their number to output 1."""
        with xp.cuda.ExternalStream(stream) if ON_GPU else contextlib.nullcontext():
            x = view(inputs[0], input_desc[0].dims, np.float32)
            good = x[(x >= 0).all(1)]
            view(outputs[0], x.shape, np.float32)[: len(good)] = good
            view(outputs[1], (), np.int64)[...] = len(good)


class GoodRowsCreator(trt.IPluginCreatorV3One):
    """Makes GoodRows out of engines."""

    def __init__(self) -> None:
        trt.IPluginCreatorV3One.__init__(self)
        self.name, self.plugin_version, self.plugin_namespace = "GoodRows", "1", "examples"
        self.field_names = trt.PluginFieldCollection([])

    def create_plugin(self, name: str, fields: Any, phase: Any) -> GoodRows:
        """Return a plugin."""
        return GoodRows()


def main() -> None:
    """Build, run on tables of several contents."""
    logger = trt.Logger(trt.Logger.WARNING)
    assert trt.get_plugin_registry().register_creator(GoodRowsCreator(), "examples")
    builder = trt.Builder(logger)
    network = builder.create_network()
    layer = network.add_plugin_v3([network.add_input("x", trt.float32, (10, 3))], [], GoodRows())
    layer.get_output(0).name, layer.get_output(1).name = "rows", "count"
    network.mark_output(layer.get_output(0))
    network.mark_output(layer.get_output(1))
    data = builder.build_serialized_network(network, builder.create_builder_config())
    context = trt.Runtime(logger).deserialize_cuda_engine(data).create_execution_context()
    for shift in (-9, 1, 9):
        x = (np.random.default_rng(12).normal(size=(10, 3)) + shift).astype(np.float32)
        got = context.run({"x": x})
        wanted = x[(x >= 0).all(1)]
        np.testing.assert_array_equal(got["rows"], wanted)
        assert int(got["count"]) == len(wanted)
        print(len(wanted), "of 10 rows")


if __name__ == "__main__":
    main()
