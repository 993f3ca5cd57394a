"""A script that edits a model with ONNX GraphSurgeon, builds it, and asks the engine inspector and a profiler."""

import json
from typing import Any

import numpy as np
import onnx
import onnx_graphsurgeon as gs
import pycuda.autoinit  # noqa: F401 - makes the context
import pycuda.driver as cuda
import tensorrt as trt


@gs.Graph.register()  # type: ignore[untyped-decorator]
def replace_with_clip(self: Any, inputs: Any, outputs: Any) -> Any:
    """Put a Clip in the place of what lies between."""
    for tensor in inputs:
        tensor.outputs.clear()
    for tensor in outputs:
        tensor.inputs.clear()
    return self.layer(op="Clip", name="clip", inputs=inputs, outputs=outputs)


def model() -> onnx.ModelProto:
    """y = min(max(x * scale, 0), 2), as GraphSurgeon writes it; then with a Clip."""
    scale = gs.Constant("scale", np.full((1, 4), 3, np.float32))
    low, high = gs.Constant("low", np.array(0, np.float32)), gs.Constant("high", np.array(2, np.float32))
    x, y = gs.Variable("x", np.float32, ("batch", 4)), gs.Variable("y", np.float32, ("batch", 4))
    a, b = gs.Variable("a"), gs.Variable("b")
    nodes = [
        gs.Node("Mul", inputs=[x, scale], outputs=[a]),
        gs.Node("Max", inputs=[a, low], outputs=[b]),
        gs.Node("Min", inputs=[b, high], outputs=[y]),
    ]
    graph = gs.import_onnx(gs.export_onnx(gs.Graph(nodes, [x], [y], opset=17)))
    tensors = graph.tensors()
    graph.replace_with_clip([tensors["a"], tensors["low"], tensors["high"]], [tensors["y"]])
    graph.cleanup().toposort()
    made = gs.export_onnx(graph)
    made.ir_version = 10
    assert [node.op_type for node in made.graph.node] == ["Mul", "Clip"]
    return onnx.shape_inference.infer_shapes(made)


class Times(trt.IProfiler):  # type: ignore[misc]
    """Keeps each layer's time."""

    def __init__(self) -> None:
        trt.IProfiler.__init__(self)
        self.times: dict[str, float] = {}

    def report_layer_time(self, layer_name: str, ms: float) -> None:
        """Keep one."""
        self.times[layer_name] = ms


logger = trt.Logger(trt.Logger.WARNING)
builder = trt.Builder(logger)
network = builder.create_network()
parser = trt.OnnxParser(network, logger)
if not parser.parse(model().SerializeToString()):
    raise SystemExit("\n".join(str(parser.get_error(i)) for i in range(parser.num_errors)))
config = builder.create_builder_config()
config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
config.builder_optimization_level = 5
profile = builder.create_optimization_profile()
shapes = [(n,) + tuple(network.get_input(0).shape)[1:] for n in (1, 4, 8)]
profile.set_shape(network.get_input(0).name, *shapes)
config.add_optimization_profile(profile)
engine = trt.Runtime(logger).deserialize_cuda_engine(builder.build_serialized_network(network, config))
inspector = engine.create_engine_inspector()
layers = json.loads(inspector.get_engine_information(trt.LayerInformationFormat.JSON))["Layers"]
context = engine.create_execution_context()
context.profiler = Times()
x = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)
y = np.empty_like(x)
dx, dy = cuda.to_device(x), cuda.mem_alloc(y.nbytes)
context.set_input_shape("x", x.shape)
assert context.infer_shapes() == [] and tuple(context.get_tensor_shape("y")) == (5, 4)
assert context.execute_v2([int(dx), int(dy)])
cuda.memcpy_dtoh(y, dy)
np.testing.assert_allclose(y, np.clip(3 * x, 0, 2), rtol=1e-6)
assert len(layers) == len(context.profiler.times) == engine.num_layers and all(
    t > 0 for t in context.profiler.times.values()
)
print("right")
