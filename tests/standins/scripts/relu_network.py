"""A small network made by hand, of the scripts that run on the stand-ins: y = relu(x) + 1."""

from typing import Any

import numpy as np
import tensorrt as trt


def engine_of(shape: tuple[int, ...]) -> Any:
    """Build and load the engine."""
    logger = trt.Logger(trt.Logger.WARNING)
    builder = trt.Builder(logger)
    network = builder.create_network()
    x = network.add_input("x", trt.float32, shape)
    one = network.add_constant((1,) * len(shape), np.ones((1,) * len(shape), np.float32)).get_output(0)
    act = network.add_activation(x, trt.ActivationType.RELU).get_output(0)
    y = network.add_elementwise(act, one, trt.ElementWiseOperation.SUM).get_output(0)
    y.name = "y"
    network.mark_output(y)
    data = builder.build_serialized_network(network, builder.create_builder_config())
    return trt.Runtime(logger).deserialize_cuda_engine(data)


def expected(x: Any) -> Any:
    """What the engine computes, by NumPy."""
    return np.maximum(x, 0) + 1
