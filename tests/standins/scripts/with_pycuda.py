"""A classic script: PyCUDA's memory, copies, stream and events."""

import numpy as np
import pycuda.autoinit  # noqa: F401 - makes the context
import pycuda.driver as cuda
import pycuda.gpuarray as gpuarray
import relu_network
import tensorrt as trt

engine = relu_network.engine_of((2, 5))
context = engine.create_execution_context()
stream = cuda.Stream()
hosts, devices = {}, {}
for i in range(engine.num_io_tensors):
    name = engine.get_tensor_name(i)
    size = trt.volume(engine.get_tensor_shape(name))
    hosts[name] = cuda.pagelocked_empty(size, trt.nptype(engine.get_tensor_dtype(name)))
    devices[name] = cuda.mem_alloc(hosts[name].nbytes)
    context.set_tensor_address(name, int(devices[name]))
hosts["x"][:] = np.random.default_rng(0).standard_normal(10)
start, end = cuda.Event(), cuda.Event()
start.record(stream)
cuda.memcpy_htod_async(devices["x"], hosts["x"], stream)
assert context.execute_async_v3(stream_handle=stream.handle)
cuda.memcpy_dtoh_async(hosts["y"], devices["y"], stream)
end.record(stream)
stream.synchronize()
np.testing.assert_array_equal(hosts["y"], relu_network.expected(hosts["x"]))
assert end.time_since(start) > 0
y = gpuarray.empty((2, 5), np.float32)
context.set_tensor_address("y", y.ptr)
assert context.execute_async_v3(stream.handle)
np.testing.assert_array_equal(y.get().ravel(), hosts["y"])
print("right")
