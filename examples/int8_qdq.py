"""A network in INT8: quantize and dequantize layers around a product, checked integer by integer in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

import minirt as trt

rng = np.random.default_rng(3)
W = rng.normal(size=(16, 8)).astype(np.float32)
X = rng.normal(size=(4, 16)).astype(np.float32)
X_SCALE = np.float32(np.abs(X).max() / 127)
W_SCALES = (np.abs(W).max(0) / 127).astype(np.float32)


def add_qdq(network: Any, x: Any, scale: Any, axis: int = -1) -> Any:
    """Add a quantize layer to INT8 and the dequantize layer that undoes it."""
    scale = np.asarray(scale, np.float32)
    held = network.add_constant(scale.shape, np.ascontiguousarray(scale)).get_output(0)
    down = network.add_quantize(x, held, trt.int8)
    up = network.add_dequantize(down.get_output(0), held, trt.float32)
    if axis >= 0:
        down.axis = up.axis = axis
    return up.get_output(0)


def quantized(x: Any, scale: Any) -> Any:
    """Return whole numbers of -128 to 127, rounded half to even."""
    return np.clip(np.rint(x / scale), -128, 127).astype(np.int32)


def main() -> None:
    """Build, run, compare with the integer product."""
    logger = trt.Logger(trt.Logger.WARNING)
    builder = trt.Builder(logger)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    x = add_qdq(network, network.add_input("x", trt.float32, X.shape), X_SCALE.reshape(()))
    w = add_qdq(network, network.add_constant(W.shape, W).get_output(0), W_SCALES, axis=1)
    none = trt.MatrixOperation.NONE
    out = network.add_matrix_multiply(x, none, w, none).get_output(0)
    out.name = "y"
    network.mark_output(out)
    config = builder.create_builder_config()
    config.clear_flag(trt.BuilderFlag.TF32)  # full float32 products, so that the check can be tight
    data = builder.build_serialized_network(network, config)
    got = trt.Runtime(logger).deserialize_cuda_engine(data).create_execution_context().run({"x": X})["y"]
    exact = (quantized(X, X_SCALE) @ quantized(W, W_SCALES)) * (X_SCALE * W_SCALES).astype(np.float64)
    np.testing.assert_allclose(got, exact, rtol=1e-4, atol=1e-4)
    print("largest difference to float32:", float(np.abs(got - X @ W).max()))


if __name__ == "__main__":
    main()
