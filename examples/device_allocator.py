"""All memory of an engine from an allocator of one's own, counted, and all of it given back."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np

import minirt as trt
from examples.device import ON_GPU, xp


class Counting(trt.IGpuAsyncAllocator):
    """Gives arrays as memory, and knows what is still held."""

    def __init__(self) -> None:
        trt.IGpuAsyncAllocator.__init__(self)
        self.held: dict[int, Any] = {}
        self.peak = 0

    def allocate_async(self, size: int, alignment: int, stream: int, flags: int) -> int:
        """Return the address of `size` bytes."""
        block = xp.empty(size + alignment, xp.uint8)
        start = block.data.ptr if ON_GPU else block.ctypes.data
        address = int(start) + -int(start) % max(alignment, 1)
        self.held[address] = block
        self.peak = max(self.peak, sum(b.nbytes for b in self.held.values()))
        return address

    def deallocate_async(self, memory: int, stream: int) -> bool:
        """Take an address back."""
        return self.held.pop(memory, None) is not None


def main() -> None:
    """Build, then load and run with the allocator."""
    logger = trt.Logger(trt.Logger.WARNING)
    builder = trt.Builder(logger)
    network = builder.create_network()
    w = np.random.default_rng(8).normal(size=(64, 64)).astype(np.float32)
    x = network.add_input("x", trt.float32, (64, 64))
    held = network.add_constant(w.shape, w).get_output(0)
    none = trt.MatrixOperation.NONE
    soft = network.add_softmax(network.add_matrix_multiply(x, none, held, none).get_output(0))
    soft.axes = 1 << 1
    out = network.add_matrix_multiply(soft.get_output(0), none, held, none).get_output(0)
    out.name = "y"
    network.mark_output(out)
    config = builder.create_builder_config()
    config.clear_flag(trt.BuilderFlag.TF32)  # full float32 products, so that the check can be tight
    data = builder.build_serialized_network(network, config)
    runtime, allocator = trt.Runtime(logger), Counting()
    runtime.gpu_allocator = allocator
    engine = runtime.deserialize_cuda_engine(data)
    context = engine.create_execution_context()
    a = np.random.default_rng(9).normal(size=(64, 64)).astype(np.float32)
    e = np.exp(a @ w - (a @ w).max(1, keepdims=True))
    np.testing.assert_allclose(context.run({"x": a})["y"], e / e.sum(1, keepdims=True) @ w, atol=1e-4)
    print("peak bytes:", allocator.peak, "of them scratch:", engine.device_memory_size_v2)
    assert allocator.peak >= w.nbytes
    del context, engine
    gc.collect()
    assert not allocator.held, "memory was not given back"


if __name__ == "__main__":
    main()
