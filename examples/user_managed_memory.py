"""One block of scratch memory for two engines that never run at once, given by the script."""

from __future__ import annotations

from typing import Any

import numpy as np

import minirt as trt
from examples.device import ON_GPU, xp


def build(logger: Any, size: int) -> Any:
    """Return an engine of softmax(softmax(x @ x) @ x)."""
    builder = trt.Builder(logger)
    network = builder.create_network()
    a = x = network.add_input("x", trt.float32, (size, size))
    none = trt.MatrixOperation.NONE
    for _ in range(2):
        soft = network.add_softmax(network.add_matrix_multiply(x, none, a, none).get_output(0))
        soft.axes = 1 << 1
        x = soft.get_output(0)
    x.name = "y"
    network.mark_output(x)
    config = builder.create_builder_config()
    config.clear_flag(trt.BuilderFlag.TF32)  # full float32 products, so that the check can be tight
    data = builder.build_serialized_network(network, config)
    return trt.Runtime(logger).deserialize_cuda_engine(data)


def reference(a: Any) -> Any:
    """Compute the same in float64."""
    x = a.astype(np.float64)
    for _ in range(2):
        x = x @ a
        e = np.exp(x - x.max(1, keepdims=True))
        x = e / e.sum(1, keepdims=True)
    return x


def main() -> None:
    """Make contexts without memory, give both the same."""
    logger = trt.Logger(trt.Logger.WARNING)
    engines = {size: build(logger, size) for size in (32, 96)}
    most = max(engine.device_memory_size_v2 for engine in engines.values())
    assert most > 0
    block = xp.empty(most + 256, xp.uint8)
    start = int(block.data.ptr if ON_GPU else block.ctypes.data)
    address = start + -start % 256
    for size, engine in engines.items():
        context = engine.create_execution_context(trt.ExecutionContextAllocationStrategy.USER_MANAGED)
        need = context.update_device_memory_size_for_shapes()
        assert need <= most
        context.set_device_memory(address, most)
        a = np.random.default_rng(size).normal(size=(size, size)).astype(np.float32) / 8
        np.testing.assert_allclose(context.run({"x": a})["y"], reference(a), atol=1e-5)
        print(f"{size} x {size}: {need} of {most} bytes")


if __name__ == "__main__":
    main()
