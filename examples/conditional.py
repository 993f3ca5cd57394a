"""A conditional by the network API: one of two branches runs, as a value in the data says."""

from __future__ import annotations

import numpy as np

import minirt as trt


def main() -> None:
    """Normalise x where its sum is large, negate it otherwise."""
    logger = trt.Logger(trt.Logger.WARNING)
    builder = trt.Builder(logger)
    network = builder.create_network()
    x = network.add_input("x", trt.float32, (2, 3))
    total = network.add_reduce(x, trt.ReduceOperation.SUM, 0b11, False).get_output(0)
    ten = network.add_constant((), np.full(1, 10, np.float32)).get_output(0)
    large = network.add_elementwise(total, ten, trt.ElementWiseOperation.GREATER).get_output(0)
    conditional = network.add_if_conditional()
    conditional.set_condition(large)
    inside = conditional.add_input(x).get_output(0)
    soft = network.add_softmax(inside)
    soft.axes = 1 << 1
    negative = network.add_unary(inside, trt.UnaryOperation.NEG).get_output(0)
    out = conditional.add_output(soft.get_output(0), negative).get_output(0)
    out.name = "y"
    network.mark_output(out)
    data = builder.build_serialized_network(network, builder.create_builder_config())
    context = trt.Runtime(logger).deserialize_cuda_engine(data).create_execution_context()
    small = np.arange(6, dtype=np.float32).reshape(2, 3) / 10
    np.testing.assert_allclose(context.run({"x": small})["y"], -small)
    large_x = small * 100
    e = np.exp(large_x - large_x.max(1, keepdims=True))
    np.testing.assert_allclose(context.run({"x": large_x})["y"], e / e.sum(1, keepdims=True), atol=1e-6)
    print("both branches are right")


if __name__ == "__main__":
    main()
