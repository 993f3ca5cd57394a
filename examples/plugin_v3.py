"""A plugin in Python by IPluginV3: hard clipping with a serialized limit, in NumPy on the CPU and CuPy on a GPU."""

from __future__ import annotations

from typing import Any

import numpy as np

import minirt as trt
from examples.device import ON_GPU, view, xp


class Clip(trt.IPluginV3, trt.IPluginV3OneCore, trt.IPluginV3OneBuild, trt.IPluginV3OneRuntime):
    """Clips to plus and minus a limit; works on float32 and float16."""

    def __init__(self, limit: float) -> None:
        trt.IPluginV3.__init__(self)
        trt.IPluginV3OneCore.__init__(self)
        trt.IPluginV3OneBuild.__init__(self)
        trt.IPluginV3OneRuntime.__init__(self)
        self.plugin_name, self.plugin_version, self.plugin_namespace = "Clip", "1", "examples"
        self.num_outputs = 1
        self.limit = limit

    def get_capability_interface(self, type: Any) -> Any:
        """One object has all three capabilities."""
        return self

    def get_output_data_types(self, input_types: Any) -> Any:
        """Return the type of what comes in."""
        return [input_types[0]]

    def get_output_shapes(self, inputs: Any, shape_inputs: Any, expr_builder: Any) -> Any:
        """Return the shape of what comes in."""
        return [trt.DimsExprs(inputs[0])]

    def supports_format_combination(self, pos: int, in_out: Any, num_inputs: int) -> bool:
        """Row-major floats, the output of the input's type."""
        desc = in_out[pos].desc
        known = desc.type in (trt.float32, trt.float16) and desc.type == in_out[0].desc.type
        return bool(known and desc.format == trt.TensorFormat.LINEAR)

    def configure_plugin(self, inp: Any, out: Any) -> None:
        """Hear the ranges of shapes."""

    def on_shape_change(self, inp: Any, out: Any) -> None:
        """Hear the shapes of the next run."""

    def attach_to_context(self, resource_context: Any) -> Any:
        """Return a plugin for one context."""
        return Clip(self.limit)

    def get_fields_to_serialize(self) -> Any:
        """Return what the creator needs."""
        field = trt.PluginField("limit", np.array([self.limit], np.float32), trt.PluginFieldType.FLOAT32)
        return trt.PluginFieldCollection([field])

    def enqueue(self, input_desc: Any, output_desc: Any, inputs: Any, outputs: Any, space: int, stream: int) -> None:
        """Compute, on addresses."""
        kind = trt.nptype(input_desc[0].type)
        x, y = (view(at, input_desc[0].dims, kind) for at in (inputs[0], outputs[0]))
        if ON_GPU:
            with xp.cuda.ExternalStream(stream):
                xp.clip(x, -self.limit, self.limit, out=y)
        else:
            np.clip(x, -self.limit, self.limit, out=y)


class ClipCreator(trt.IPluginCreatorV3One):
    """Makes Clip plugins, for networks and out of engines."""

    def __init__(self) -> None:
        trt.IPluginCreatorV3One.__init__(self)
        self.name, self.plugin_version, self.plugin_namespace = "Clip", "1", "examples"
        limit = trt.PluginField("limit", np.array([]), trt.PluginFieldType.FLOAT32)
        self.field_names = trt.PluginFieldCollection([limit])

    def create_plugin(self, name: str, fields: Any, phase: Any) -> Clip:
        """Return a plugin with the limit of the fields."""
        return Clip(float(fields[0].data[0]))


def main() -> None:
    """Register, build with the creator, save, load, run at two shapes."""
    logger = trt.Logger(trt.Logger.WARNING)
    registry = trt.get_plugin_registry()
    assert registry.register_creator(ClipCreator(), "examples")
    creator = registry.get_creator("Clip", "1", "examples")
    field = trt.PluginField("limit", np.array([0.75], np.float32), trt.PluginFieldType.FLOAT32)
    plugin = creator.create_plugin("clip", trt.PluginFieldCollection([field]), trt.TensorRTPhase.BUILD)

    builder = trt.Builder(logger)
    network = builder.create_network()
    x = network.add_input("x", trt.float32, (-1, 4))
    inner = network.add_plugin_v3([x], [], plugin).get_output(0)
    out = network.add_unary(inner, trt.UnaryOperation.ABS).get_output(0)
    out.name = "y"
    network.mark_output(out)
    config = builder.create_builder_config()
    profile = builder.create_optimization_profile()
    profile.set_shape("x", (1, 4), (2, 4), (8, 4))
    config.add_optimization_profile(profile)
    data = bytes(builder.build_serialized_network(network, config))
    context = trt.Runtime(logger).deserialize_cuda_engine(data).create_execution_context()
    for rows in (2, 8):
        a = np.random.default_rng(rows).normal(size=(rows, 4)).astype(np.float32)
        np.testing.assert_array_equal(context.run({"x": a})["y"], np.minimum(abs(a), np.float32(0.75)))
    print("clipped at", plugin.limit)


if __name__ == "__main__":
    main()
