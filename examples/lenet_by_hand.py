"""LeNet-5, layer by layer: convolutions, pooling and dense layers with weights from NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np

import minirt as trt

rng = np.random.default_rng(1)


def random(*shape: int) -> Any:
    """Return weights of a scale that keeps activations near one."""
    return (rng.normal(size=shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)


W = {
    "conv1": (random(6, 1, 5, 5), random(6)),
    "conv2": (random(16, 6, 5, 5), random(16)),
    "fc1": (random(120, 400), random(1, 120)),
    "fc2": (random(84, 120), random(1, 84)),
    "fc3": (random(10, 84), random(1, 10)),
}


def define(network: Any) -> None:
    """Add the layers."""
    x = network.add_input("image", trt.float32, (2, 1, 28, 28))
    for name, padding in (("conv1", 2), ("conv2", 0)):
        kernel, bias = W[name]
        conv = network.add_convolution_nd(x, len(bias), kernel.shape[2:], trt.Weights(kernel), trt.Weights(bias))
        conv.name, conv.padding_nd = name, (padding, padding)
        active = network.add_activation(conv.get_output(0), trt.ActivationType.TANH)
        pool = network.add_pooling_nd(active.get_output(0), trt.PoolingType.AVERAGE, (2, 2))
        pool.stride_nd = (2, 2)
        x = pool.get_output(0)
    flat = network.add_shuffle(x)
    flat.reshape_dims = (2, -1)
    x = flat.get_output(0)
    for name in ("fc1", "fc2", "fc3"):
        w, b = (network.add_constant(a.shape, a).get_output(0) for a in W[name])
        x = network.add_matrix_multiply(x, trt.MatrixOperation.NONE, w, trt.MatrixOperation.TRANSPOSE).get_output(0)
        x = network.add_elementwise(x, b, trt.ElementWiseOperation.SUM).get_output(0)
        if name != "fc3":
            x = network.add_activation(x, trt.ActivationType.TANH).get_output(0)
    x.name = "logits"
    network.mark_output(x)


def reference(x: Any) -> Any:
    """Compute the same in float64."""
    x = x.astype(np.float64)
    for name, padding in (("conv1", 2), ("conv2", 0)):
        kernel, bias = W[name]
        x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
        windows = np.lib.stride_tricks.sliding_window_view(x, (5, 5), (2, 3))
        x = np.tanh(np.einsum("nchwij,ocij->nohw", windows, kernel) + bias[:, None, None])
        n, c, h, w = x.shape
        x = x.reshape(n, c, h // 2, 2, w // 2, 2).mean((3, 5))
    x = x.reshape(len(x), -1)
    for name in ("fc1", "fc2"):
        x = np.tanh(x @ W[name][0].T + W[name][1])
    return x @ W["fc3"][0].T + W["fc3"][1]


def main() -> None:
    """Build, run, compare."""
    logger = trt.Logger(trt.Logger.WARNING)
    builder = trt.Builder(logger)
    network = builder.create_network()
    define(network)
    config = builder.create_builder_config()
    config.clear_flag(trt.BuilderFlag.TF32)  # full float32 products, so that the check can be tight
    data = builder.build_serialized_network(network, config)
    context = trt.Runtime(logger).deserialize_cuda_engine(data).create_execution_context()
    image = rng.normal(size=(2, 1, 28, 28)).astype(np.float32)
    logits = context.run({"image": image})["logits"]
    np.testing.assert_allclose(logits, reference(image), atol=1e-5)
    print("digits:", logits.argmax(1).tolist())


if __name__ == "__main__":
    main()
