"""Where are the non-zero elements? How many there are only the data tells, so an output allocator gives the memory."""

from __future__ import annotations

from typing import Any

import numpy as np

import minirt as trt
from examples.device import ON_GPU, host, xp


class Output(trt.IOutputAllocator):
    """Memory that grows with what is asked for."""

    def __init__(self) -> None:
        trt.IOutputAllocator.__init__(self)
        self.block: Any = xp.empty(0, xp.uint8)
        self.shape: tuple[int, ...] = ()

    def reallocate_output_async(self, tensor_name: str, memory: int, size: int, alignment: int, stream: int) -> int:
        """Return the address of `size` bytes."""
        if size > self.block.nbytes:
            self.block = xp.empty(size, xp.uint8)
        return int(self.block.data.ptr if ON_GPU else self.block.ctypes.data)

    def notify_shape(self, tensor_name: str, shape: Any) -> None:
        """Hear the shape that came out."""
        self.shape = tuple(shape)

    def array(self, dtype: Any) -> Any:
        """Return what was written."""
        count = int(np.prod(self.shape))
        return host(self.block)[: count * np.dtype(dtype).itemsize].view(dtype).reshape(self.shape)


def main() -> None:
    """Build a network of one NonZero layer and run it on arrays of different density."""
    logger = trt.Logger(trt.Logger.WARNING)
    builder = trt.Builder(logger)
    network = builder.create_network()
    found = network.add_non_zero(network.add_input("x", trt.float32, (6, 7))).get_output(0)
    found.name = "indices"
    network.mark_output(found)
    data = builder.build_serialized_network(network, builder.create_builder_config())
    engine = trt.Runtime(logger).deserialize_cuda_engine(data)
    assert engine.get_tensor_shape("indices") == (2, -1)
    context, output = engine.create_execution_context(), Output()
    assert context.set_output_allocator("indices", output)
    for share in (0.0, 0.3, 1.0):
        rng = np.random.default_rng(10)
        x = (rng.normal(size=(6, 7)) * (rng.random((6, 7)) < share)).astype(np.float32)
        source = xp.asarray(x)
        context.set_tensor_address("x", source)
        assert context.execute_async_v3(0)
        if ON_GPU:
            xp.cuda.runtime.deviceSynchronize()
        got = output.array(trt.nptype(engine.get_tensor_dtype("indices")))
        np.testing.assert_array_equal(got, np.nonzero(x))
        print(got.shape)


if __name__ == "__main__":
    main()
