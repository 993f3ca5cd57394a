"""A quick plugin: two decorated functions become a layer, in NumPy on the CPU and CuPy on a GPU."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

import minirt as trt
import minirt.plugin as trtp
from examples.device import ON_GPU, xp


@trtp.register("examples::bias_gelu")
def bias_gelu_desc(x: trtp.TensorDesc, bias: npt.NDArray[np.float32], scale: float) -> trtp.TensorDesc:
    """Say what comes out: something like what comes in."""
    return x.like()


@trtp.impl("examples::bias_gelu")
def bias_gelu(
    x: trtp.Tensor, bias: npt.NDArray[np.float32], scale: float, outputs: tuple[trtp.Tensor], stream: int
) -> None:
    """Compute scale * gelu(x + bias), by the approximation with tanh."""
    with xp.cuda.ExternalStream(stream) if ON_GPU else np.errstate():
        v = xp.asarray(x) + xp.asarray(bias)
        xp.asarray(outputs[0])[...] = scale * 0.5 * v * (1 + xp.tanh(0.7978845608 * (v + 0.044715 * v**3)))


def main() -> None:
    """Build two such layers, run at several shapes."""
    logger = trt.Logger(trt.Logger.WARNING)
    builder = trt.Builder(logger)
    network = builder.create_network()
    x = network.add_input("x", trt.float32, (-1, 8))
    biases = [np.linspace(-1, 1, 8, dtype=np.float32), np.ones(8, np.float32)]
    for bias in biases:
        x = network.add_plugin(trtp.op.examples.bias_gelu(x, bias=bias, scale=1.5)).get_output(0)
    x.name = "y"
    network.mark_output(x)
    config = builder.create_builder_config()
    profile = builder.create_optimization_profile()
    profile.set_shape("x", (1, 8), (4, 8), (16, 8))
    config.add_optimization_profile(profile)
    data = builder.build_serialized_network(network, config)
    context = trt.Runtime(logger).deserialize_cuda_engine(data).create_execution_context()
    for rows in (1, 16):
        a = np.random.default_rng(rows).normal(size=(rows, 8)).astype(np.float32)
        wanted = a.astype(np.float64)
        for bias in biases:
            v = wanted + bias
            wanted = 0.75 * v * (1 + np.tanh(0.7978845608 * (v + 0.044715 * v**3)))
        np.testing.assert_allclose(context.run({"x": a})["y"], wanted, rtol=1e-5, atol=1e-5)
    print("right at 1 and 16 rows")


if __name__ == "__main__":
    main()
