"""An ONNX model with an op of one's own: a plugin of its name computes it, in NumPy on the CPU and CuPy on a GPU."""

from __future__ import annotations

import numpy as np
import onnx

import minirt as trt
import minirt.plugin as trtp
from examples.device import ON_GPU, xp

MODEL = """<ir_version: 10, opset_import: ["": 20, "examples": 1]>
model (float[N, 8] x) => (float[N, 8] y) {
  half = Constant <value = float {0.5}> ()
  inner = examples.Wave <frequency = 3.0, count = 2> (x)
  y = Mul (inner, half)
}"""


@trtp.register("examples::Wave")
def wave_desc(x: trtp.TensorDesc, frequency: float, count: int) -> trtp.TensorDesc:
    """Say what comes out: something like what comes in. Attributes of the node come by their names."""
    return x.like()


@trtp.impl("examples::Wave")
def wave(x: trtp.Tensor, frequency: float, count: int, outputs: tuple[trtp.Tensor], stream: int) -> None:
    """Compute the sine, `count` times."""
    with xp.cuda.ExternalStream(stream) if ON_GPU else np.errstate():
        y = xp.asarray(outputs[0])
        xp.sin(frequency * xp.asarray(x), out=y)
        for _ in range(count - 1):
            xp.sin(frequency * y, out=y)


def main() -> None:
    """Parse, build, run, compare."""
    logger = trt.Logger(trt.Logger.WARNING)
    builder = trt.Builder(logger)
    network = builder.create_network()
    parser = trt.OnnxParser(network, logger)
    assert parser.parse(onnx.parser.parse_model(MODEL).SerializeToString()), parser.get_error(0)
    config = builder.create_builder_config()
    profile = builder.create_optimization_profile()
    profile.set_shape("x", (1, 8), (4, 8), (16, 8))
    config.add_optimization_profile(profile)
    data = builder.build_serialized_network(network, config)
    context = trt.Runtime(logger).deserialize_cuda_engine(data).create_execution_context()
    for rows in (1, 16):
        x = np.random.default_rng(rows).normal(size=(rows, 8)).astype(np.float32)
        wanted = 0.5 * np.sin(3 * np.sin(3 * x.astype(np.float64)))
        np.testing.assert_allclose(context.run({"x": x})["y"], wanted, rtol=1e-5, atol=1e-5)
    print("right at 1 and 16 rows")


if __name__ == "__main__":
    main()
