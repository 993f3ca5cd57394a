"""A perceptron of three layers, added to a network one operation at a time, with weights from NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

import minirt as trt

SIZES = (16, 32, 32, 4)
rng = np.random.default_rng(0)
WEIGHTS = [rng.normal(size=(n, m)).astype(np.float32) / 4 for m, n in zip(SIZES, SIZES[1:], strict=False)]
BIASES = [rng.normal(size=(1, n)).astype(np.float32) for n in SIZES[1:]]


def add_dense(network: Any, x: Any, weight: Any, bias: Any, name: str) -> Any:
    """Add x @ weight.T + bias."""
    w = network.add_constant(weight.shape, weight).get_output(0)
    b = network.add_constant(bias.shape, bias).get_output(0)
    product = network.add_matrix_multiply(x, trt.MatrixOperation.NONE, w, trt.MatrixOperation.TRANSPOSE)
    product.name = name
    return network.add_elementwise(product.get_output(0), b, trt.ElementWiseOperation.SUM).get_output(0)


def build(logger: Any) -> Any:
    """Return the engine's bytes."""
    builder = trt.Builder(logger)
    network = builder.create_network()
    x = network.add_input("x", trt.float32, (8, SIZES[0]))
    for i, (weight, bias) in enumerate(zip(WEIGHTS, BIASES, strict=True)):
        if i:
            x = network.add_activation(x, trt.ActivationType.RELU).get_output(0)
        x = add_dense(network, x, weight, bias, f"dense{i}")
    out = network.add_softmax(x)
    out.axes = 1 << 1
    out.get_output(0).name = "probabilities"
    network.mark_output(out.get_output(0))
    config = builder.create_builder_config()
    config.clear_flag(trt.BuilderFlag.TF32)  # full float32 products, so that the check can be tight
    return builder.build_serialized_network(network, config)


def reference(x: Any) -> Any:
    """Compute the same in float64."""
    x = x.astype(np.float64)
    for i, (weight, bias) in enumerate(zip(WEIGHTS, BIASES, strict=True)):
        x = (np.maximum(x, 0) if i else x) @ weight.T + bias
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def main() -> None:
    """Build, run, compare."""
    logger = trt.Logger(trt.Logger.WARNING)
    engine = trt.Runtime(logger).deserialize_cuda_engine(build(logger))
    x = rng.normal(size=(8, SIZES[0])).astype(np.float32)
    got = engine.create_execution_context().run({"x": x})["probabilities"]
    np.testing.assert_allclose(got, reference(x), atol=1e-5)
    np.testing.assert_allclose(got.sum(1), 1, atol=1e-5)
    print("classes:", got.argmax(1).tolist())


if __name__ == "__main__":
    main()
