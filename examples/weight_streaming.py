"""An engine whose weights stay in host memory until they are needed: less memory of the device, the same numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

import minirt as trt

WIDTH, DEPTH = 512, 6
rng = np.random.default_rng(8)
LAYERS = [(rng.normal(size=(WIDTH, WIDTH)) * np.sqrt(2 / WIDTH)).astype(np.float32) for _ in range(DEPTH)]
X = rng.normal(size=(4, WIDTH)).astype(np.float32)


def build(logger: Any) -> Any:
    """Return an engine of dense layers that may stream its weights."""
    builder = trt.Builder(logger)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    x = network.add_input("x", trt.float32, X.shape)
    none = trt.MatrixOperation.NONE
    for weights in LAYERS:
        w = network.add_constant(weights.shape, weights).get_output(0)
        x = network.add_matrix_multiply(x, none, w, none).get_output(0)
        x = network.add_activation(x, trt.ActivationType.RELU).get_output(0)
    x.name = "y"
    network.mark_output(x)
    config = builder.create_builder_config()
    config.clear_flag(trt.BuilderFlag.TF32)  # full float32 products, so that the check can be tight
    config.set_flag(trt.BuilderFlag.WEIGHT_STREAMING)
    return trt.Runtime(logger).deserialize_cuda_engine(builder.build_serialized_network(network, config))


def main() -> None:
    """Run with all, half and none of the weights on the device."""
    logger = trt.Logger(trt.Logger.WARNING)
    engine = build(logger)
    size = engine.streamable_weights_size
    assert size >= 4 * WIDTH * WIDTH * DEPTH
    print(f"{size} bytes can be streamed; chosen by itself: {engine.get_weight_streaming_automatic_budget()}")
    wanted = X.astype(np.float64)
    for weights in LAYERS:
        wanted = np.maximum(wanted @ weights, 0)
    found = []
    for budget in (size, size // 2, 0):
        engine.weight_streaming_budget_v2 = budget
        assert engine.weight_streaming_budget_v2 == budget
        print(f"budget {budget}: scratch memory {engine.weight_streaming_scratch_memory_size}")
        context = engine.create_execution_context()
        found.append(context.run({"x": X})["y"])
        np.testing.assert_allclose(found[-1], wanted, rtol=1e-3, atol=1e-3)
        del context  # a budget is set while no context uses the weights
    assert all((other == found[0]).all() for other in found)


if __name__ == "__main__":
    main()
