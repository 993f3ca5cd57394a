"""A script in the manner of the samples of TensorRT 10: pinned pairs of buffers, a profile, cuda-python throughout."""

import ctypes
from typing import Any

import numpy as np
import tensorrt as trt
from cuda.bindings import driver as cuda
from cuda.bindings import runtime as cudart


def cuda_call(call: Any) -> Any:
    """Return what a call gave; raise where it failed."""
    err, res = call[0], call[1:]
    if isinstance(err, cuda.CUresult) and err != cuda.CUresult.CUDA_SUCCESS:
        raise RuntimeError(f"Cuda Error: {err}")
    if isinstance(err, cudart.cudaError_t) and err != cudart.cudaError_t.cudaSuccess:
        raise RuntimeError(f"Cuda Runtime Error: {err}")
    return res[0] if len(res) == 1 else res


class HostDeviceMem:
    """Pinned host memory, and as much device memory."""

    def __init__(self, size: int, dtype: Any) -> None:
        nbytes = size * dtype.itemsize
        host = cuda_call(cudart.cudaMallocHost(nbytes))
        pointer = ctypes.cast(host, ctypes.POINTER(np.ctypeslib.as_ctypes_type(dtype)))
        self._host = np.ctypeslib.as_array(pointer, (size,))
        self.device = cuda_call(cudart.cudaMalloc(nbytes))
        self.nbytes = nbytes

    @property
    def host(self) -> Any:
        """The host's array."""
        return self._host

    @host.setter
    def host(self, data: Any) -> None:
        if data.size > self.host.size:
            raise ValueError("too large")
        np.copyto(self.host[: data.size], data.flat, casting="safe")

    def free(self) -> None:
        """Free both."""
        cuda_call(cudart.cudaFree(self.device))
        cuda_call(cudart.cudaFreeHost(self.host.ctypes.data))


def allocate(engine: Any, profile: int) -> Any:
    """Return inputs and outputs for the greatest shapes of a profile."""
    inputs: list[Any] = []
    outputs: list[Any] = []
    bindings: list[int] = []
    for name in [engine.get_tensor_name(i) for i in range(engine.num_io_tensors)]:
        is_input = engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT
        shape = engine.get_tensor_shape(name)
        if is_input:
            shape = engine.get_tensor_profile_shape(name, profile)[-1]
        size = abs(trt.volume(shape)) if is_input else 1000
        if engine.has_implicit_batch_dimension:
            size *= engine.max_batch_size
        memory = HostDeviceMem(size, np.dtype(trt.nptype(engine.get_tensor_dtype(name))))
        bindings.append(int(memory.device))
        (inputs if is_input else outputs).append(memory)
    return inputs, outputs, bindings, cuda_call(cudart.cudaStreamCreate())


def main() -> None:
    """Build an engine with a dynamic batch, save it to bytes, and infer."""
    logger = trt.Logger(trt.Logger.WARNING)
    trt.init_libnvinfer_plugins(logger, namespace="")
    weights = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
    builder = trt.Builder(logger)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.EXPLICIT_BATCH))
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, 1 << 28)
    if builder.platform_has_fast_fp16:
        config.set_flag(trt.BuilderFlag.FP16)
    x = network.add_input(name="x", dtype=trt.float32, shape=(-1, 4))
    w = network.add_constant(shape=(4, 3), weights=trt.Weights(weights))
    none = trt.MatrixOperation.NONE
    y = network.add_matrix_multiply(x, none, w.get_output(0), none).get_output(0)
    y.name = "y"
    network.mark_output(tensor=y)
    profile = builder.create_optimization_profile()
    profile.set_shape("x", (1, 4), (8, 4), (16, 4))
    config.add_optimization_profile(profile)
    plan = builder.build_serialized_network(network, config)
    with trt.Runtime(logger) as runtime:
        engine = runtime.deserialize_cuda_engine(bytes(plan))
    inputs, outputs, bindings, stream = allocate(engine, 0)
    context = engine.create_execution_context()
    for batch in (2, 16):
        data = np.random.default_rng(batch).standard_normal((batch, 4)).astype(np.float32)
        inputs[0].host = data
        context.set_input_shape("x", data.shape)
        kind = cudart.cudaMemcpyKind
        for memory in inputs:
            cuda_call(
                cudart.cudaMemcpyAsync(memory.device, memory.host, memory.nbytes, kind.cudaMemcpyHostToDevice, stream)
            )
        for i in range(engine.num_io_tensors):
            context.set_tensor_address(engine.get_tensor_name(i), bindings[i])
        assert context.execute_async_v3(stream_handle=stream)
        for memory in outputs:
            cuda_call(
                cudart.cudaMemcpyAsync(memory.host, memory.device, memory.nbytes, kind.cudaMemcpyDeviceToHost, stream)
            )
        cuda_call(cudart.cudaStreamSynchronize(stream))
        shape = tuple(context.get_tensor_shape("y"))
        tolerance = 1e-2 if builder.platform_has_fast_fp16 else 1e-5
        np.testing.assert_allclose(outputs[0].host[: trt.volume(shape)].reshape(shape), data @ weights, atol=tolerance)
    for memory in inputs + outputs:
        memory.free()
    cuda_call(cudart.cudaStreamDestroy(stream))
    print("right")


main()
