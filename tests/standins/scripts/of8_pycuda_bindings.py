"""A script of TensorRT 8: PyCUDA buffers by bindings, a calibrator, execute_async_v2, and build_engine."""

import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pycuda.autoinit  # noqa: F401 - makes the context
import pycuda.driver as cuda
import tensorrt as trt

TRT_LOGGER = trt.Logger(trt.Logger.ERROR)
CACHE = str(Path(tempfile.mkdtemp()) / "calibration.cache")


class HostDeviceMem:
    """A host array and a device allocation."""

    def __init__(self, host_mem: Any, device_mem: Any) -> None:
        self.host = host_mem
        self.device = device_mem

    def __repr__(self) -> str:
        return "Host:\n" + str(self.host) + "\nDevice:\n" + str(self.device)


class Calibrator(trt.IInt8EntropyCalibrator2):  # type: ignore[misc]
    """Two random batches, of numbers up to 4."""

    def __init__(self) -> None:
        trt.IInt8EntropyCalibrator2.__init__(self)
        self.device = cuda.mem_alloc(4 * 12)
        self.left = 2

    def get_batch_size(self) -> int:
        """One."""
        return 1

    def get_batch(self, names: list[str]) -> list[int] | None:
        """Return an address, or None at the end."""
        if not self.left:
            return None
        self.left -= 1
        cuda.memcpy_htod(self.device, (4 * np.random.default_rng(self.left).random(12)).astype(np.float32))
        return [int(self.device)]

    def read_calibration_cache(self) -> bytes | None:
        """Return what is kept, if anything is."""
        if os.path.exists(CACHE):
            with open(CACHE, "rb") as f:
                return f.read()
        return None

    def write_calibration_cache(self, cache: Any) -> None:
        """Keep it."""
        with open(CACHE, "wb") as f:
            f.write(cache)


def build_engine() -> Any:
    """Build it by the attributes that TensorRT 8 has."""
    flag = 1 << int(trt.NetworkDefinitionCreationFlag.EXPLICIT_BATCH)
    with (
        trt.Builder(TRT_LOGGER) as builder,
        builder.create_network(flag) as network,
        builder.create_builder_config() as config,
    ):
        config.max_workspace_size = 1 << 28
        builder.max_batch_size = 1
        config.set_flag(trt.BuilderFlag.INT8)
        config.int8_calibrator = Calibrator()
        x = network.add_input("x", trt.float32, (1, 3, 2, 2))
        pooled = network.add_pooling(x, trt.PoolingType.MAX, (2, 2))
        pooled.stride = (2, 2)
        dense = network.add_fully_connected(
            pooled.get_output(0), 2, np.arange(6, dtype=np.float32), np.ones(2, np.float32)
        )
        dense.get_output(0).name = "y"
        network.mark_output(dense.get_output(0))
        return builder.build_engine(network, config)


def allocate_buffers(engine: Any) -> Any:
    """Return buffers in the order of the bindings."""
    inputs: list[Any] = []
    outputs: list[Any] = []
    bindings: list[int] = []
    stream = cuda.Stream()
    for binding in engine:
        size = trt.volume(engine.get_binding_shape(binding)) * engine.max_batch_size
        dtype = trt.nptype(engine.get_binding_dtype(binding))
        host_mem = cuda.pagelocked_empty(size, dtype)
        device_mem = cuda.mem_alloc(host_mem.nbytes)
        bindings.append(int(device_mem))
        (inputs if engine.binding_is_input(binding) else outputs).append(HostDeviceMem(host_mem, device_mem))
    return inputs, outputs, bindings, stream


def do_inference_v2(context: Any, bindings: Any, inputs: Any, outputs: Any, stream: Any) -> list[Any]:
    """Copy there, run, copy back."""
    [cuda.memcpy_htod_async(inp.device, inp.host, stream) for inp in inputs]
    context.execute_async_v2(bindings=bindings, stream_handle=stream.handle)
    [cuda.memcpy_dtoh_async(out.host, out.device, stream) for out in outputs]
    stream.synchronize()
    return [out.host for out in outputs]


engine = build_engine()
assert len(engine) == engine.num_bindings == 2 and engine[0] == "x" and engine["y"] == 1
with trt.Runtime(TRT_LOGGER) as runtime:
    engine = runtime.deserialize_cuda_engine(engine.serialize())
inputs, outputs, bindings, stream = allocate_buffers(engine)
with engine.create_execution_context() as context:
    data = np.random.default_rng(0).standard_normal((1, 3, 2, 2)).astype(np.float32)
    np.copyto(inputs[0].host, data.ravel())
    (found,) = do_inference_v2(context, bindings, inputs, outputs, stream)
np.testing.assert_allclose(found, data.max((0, 2, 3)) @ np.arange(6.0).reshape(2, 3).T + 1, atol=0.5)
assert Path(CACHE).read_bytes().startswith(b"TRT-8601-EntropyCalibration2")
print("right")
