"""A script that writes a custom node with ONNX GraphSurgeon, and gives it to Polygraphy with a plugin of its name.

The plugin, in NumPy on host memory, gives an output whose size only the data tells; its field is text.
"""

import ctypes
from typing import Any

import numpy as np
import onnx
import onnx_graphsurgeon as gs
import tensorrt as trt
from polygraphy.backend.trt import CreateConfig, EngineFromNetwork, NetworkFromOnnxPath, TrtRunner


def array_at(address: int, shape: Any, dtype: Any) -> Any:
    """Return the array at an address."""
    count = int(np.prod(shape))
    raw = (ctypes.c_uint8 * (count * np.dtype(dtype).itemsize)).from_address(address)
    return np.frombuffer(raw, dtype, count).reshape(tuple(shape))


class WherePlugin(trt.IPluginV3, trt.IPluginV3OneCore, trt.IPluginV3OneBuild, trt.IPluginV3OneRuntime):  # type: ignore[misc]
    """The indices of elements, of a matrix, that are above or below 0."""

    def __init__(self, side: Any = None) -> None:
        for base in WherePlugin.__bases__:
            base.__init__(self)
        self.num_outputs, self.plugin_namespace, self.plugin_name, self.plugin_version = 2, "", "WherePlugin", "1"
        self.side = "above" if side is None else side.tobytes().decode("utf-8")

    def get_capability_interface(self, type: Any) -> Any:
        """All of them."""
        return self

    def get_output_data_types(self, input_types: Any) -> Any:
        """Indices and their count."""
        return [trt.DataType.INT32, trt.DataType.INT32]

    def get_output_shapes(self, inputs: Any, shape_inputs: Any, builder: Any) -> Any:
        """As many rows as the second output says, of two."""
        outputs = [trt.DimsExprs(2), trt.DimsExprs(0)]
        most = builder.operation(trt.DimensionOperation.PROD, inputs[0][0], inputs[0][1])
        usual = builder.operation(trt.DimensionOperation.FLOOR_DIV, most, builder.constant(2))
        outputs[0][0] = builder.declare_size_tensor(1, usual, most)
        outputs[0][1] = builder.constant(2)
        return outputs

    def get_fields_to_serialize(self) -> Any:
        """The side."""
        field = trt.PluginField("side", self.side.encode(), trt.PluginFieldType.CHAR)
        return trt.PluginFieldCollection([field])

    def supports_format_combination(self, pos: int, in_out: Any, num_inputs: int) -> bool:
        """Row-major; float32 to int32."""
        wanted = trt.DataType.FLOAT if pos == 0 else trt.DataType.INT32
        return bool(in_out[pos].desc.format == trt.TensorFormat.LINEAR and in_out[pos].desc.type == wanted)

    def configure_plugin(self, inp: Any, out: Any) -> None:
        """Nothing to do."""

    def on_shape_change(self, inp: Any, out: Any) -> None:
        """Nothing to do."""

    def set_tactic(self, tactic: int) -> None:
        """There is one."""

    def attach_to_context(self, context: Any) -> Any:
        """A copy for each context."""
        return self.clone()

    def clone(self) -> Any:
        """A copy."""
        cloned = WherePlugin()
        cloned.__dict__.update(self.__dict__)
        return cloned

    def enqueue(
        self, input_desc: Any, output_desc: Any, inputs: Any, outputs: Any, workspace: int, stream: int
    ) -> None:
        """Find them."""
        x = array_at(inputs[0], input_desc[0].dims, trt.nptype(input_desc[0].type))
        found = np.argwhere(x > 0 if self.side == "above" else x < 0).astype(np.int32)
        array_at(outputs[0], (x.size, 2), np.int32)[: len(found)] = found
        array_at(outputs[1], (1,), np.int32)[0] = len(found)


class WhereCreator(trt.IPluginCreatorV3One):  # type: ignore[misc]
    """Makes the plugin of a node's attributes."""

    def __init__(self) -> None:
        trt.IPluginCreatorV3One.__init__(self)
        self.name, self.plugin_namespace, self.plugin_version = "WherePlugin", "", "1"
        self.field_names = trt.PluginFieldCollection([trt.PluginField("side", np.array([]), trt.PluginFieldType.CHAR)])

    def create_plugin(self, name: str, fc: Any, phase: Any) -> Any:
        """With the side that a field says; text may end in a zero byte."""
        side = next((f.data for f in fc if f.name == "side"), None)
        return WherePlugin(side if side is None or side[-1] else side[:-1])


trt.get_plugin_registry().register_creator(WhereCreator(), "")
x = gs.Variable("X", np.float32, (64, 32))
indices, count = gs.Variable("Y", np.int32), gs.Variable("Y_num", np.int32)
node = gs.Node("WherePlugin", "where", {"side": "below"}, [x], [indices, count])
onnx.save(gs.export_onnx(gs.Graph([node], [x], [indices], opset=16)), "where.onnx")
data = np.random.default_rng(0).standard_normal((64, 32)).astype(np.float32)
with TrtRunner(EngineFromNetwork(NetworkFromOnnxPath("where.onnx"), CreateConfig())) as runner:
    np.testing.assert_array_equal(runner.infer({"X": data})["Y"], np.argwhere(data < 0))
print("all of it is right")
