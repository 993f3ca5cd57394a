"""New weights for an engine that is already built: by layer and role, and by a name given to the weights."""

from __future__ import annotations

from typing import Any

import numpy as np

import minirt as trt

rng = np.random.default_rng(4)
KERNEL = rng.normal(size=(4, 3, 1, 1)).astype(np.float32)
BIAS = rng.normal(size=4).astype(np.float32)
FACTOR = rng.normal(size=(1, 4, 1, 1)).astype(np.float32)
X = rng.normal(size=(1, 3, 5, 5)).astype(np.float32)


def reference(kernel: Any, bias: Any, factor: Any) -> Any:
    """Compute what the network computes."""
    return (np.einsum("nchw,oc->nohw", X, kernel[:, :, 0, 0]) + bias[:, None, None]) * factor


def build(logger: Any) -> Any:
    """Return a refittable engine of a convolution times a constant."""
    builder = trt.Builder(logger)
    network = builder.create_network()
    x = network.add_input("x", trt.float32, X.shape)
    conv = network.add_convolution_nd(x, 4, (1, 1), KERNEL, BIAS)
    conv.name = "conv"
    weights = trt.Weights(FACTOR)
    factor = network.add_constant(FACTOR.shape, weights).get_output(0)
    network.set_weights_name(weights, "factor")
    out = network.add_elementwise(conv.get_output(0), factor, trt.ElementWiseOperation.PROD).get_output(0)
    out.name = "y"
    network.mark_output(out)
    config = builder.create_builder_config()
    config.set_flag(trt.BuilderFlag.REFIT)
    config.clear_flag(trt.BuilderFlag.TF32)  # full float32 products, so that the check can be tight
    return trt.Runtime(logger).deserialize_cuda_engine(builder.build_serialized_network(network, config))


def main() -> None:
    """Refit twice; the context goes on working with the new weights."""
    logger = trt.Logger(trt.Logger.WARNING)
    engine = build(logger)
    context = engine.create_execution_context()
    np.testing.assert_allclose(context.run({"x": X})["y"], reference(KERNEL, BIAS, FACTOR), atol=1e-4)
    refitter = trt.Refitter(engine, logger)
    print("by role:", list(zip(*refitter.get_all(), strict=True)), "by name:", refitter.get_all_weights())
    kernel, bias = -2 * KERNEL, BIAS + 1
    assert refitter.set_weights("conv", trt.WeightsRole.KERNEL, kernel)
    assert refitter.set_weights("conv", trt.WeightsRole.BIAS, bias)
    assert refitter.refit_cuda_engine()
    np.testing.assert_allclose(context.run({"x": X})["y"], reference(kernel, bias, FACTOR), atol=1e-4)
    factor = FACTOR * 3
    assert refitter.get_weights_prototype("factor").size == factor.size
    assert refitter.set_named_weights("factor", factor)
    assert refitter.get_missing_weights() == []
    assert refitter.refit_cuda_engine_async(0)
    np.testing.assert_allclose(context.run({"x": X})["y"], reference(kernel, bias, factor), atol=1e-4)
    again = trt.Runtime(logger).deserialize_cuda_engine(engine.serialize())  # holds the new weights
    found = again.create_execution_context().run({"x": X})["y"]
    np.testing.assert_allclose(found, reference(kernel, bias, factor), atol=1e-4)
    assert not refitter.set_named_weights("factor", BIAS[:2]), "weights of another size are refused"


if __name__ == "__main__":
    main()
