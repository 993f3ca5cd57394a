"""A script that captures an inference into a CUDA graph and launches it on new contents: runtime, driver and ctypes."""

import ctypes
from typing import Any

import numpy as np
import relu_network
from cuda.bindings import driver, runtime


def check(result: Any) -> Any:
    """Return what follows the code, which must be that of success."""
    code, *values = result
    assert int(code) == 0, code
    return values[0] if len(values) == 1 else tuple(values)


engine = relu_network.engine_of((3, 4))
context = engine.create_execution_context()
stream = check(runtime.cudaStreamCreate())
x, y = np.zeros((3, 4), np.float32), np.zeros((3, 4), np.float32)
dx, dy = check(runtime.cudaMalloc(x.nbytes)), check(runtime.cudaMalloc(y.nbytes))
context.set_tensor_address("x", dx)
context.set_tensor_address("y", dy)
kinds = runtime.cudaMemcpyKind


def work() -> None:
    """What the graph holds: copy there, infer, copy back."""
    check(runtime.cudaMemcpyAsync(dx, x.ctypes.data, x.nbytes, kinds.cudaMemcpyHostToDevice, stream))
    assert context.execute_async_v3(stream)
    check(runtime.cudaMemcpyAsync(y.ctypes.data, dy, y.nbytes, kinds.cudaMemcpyDeviceToHost, stream))


work()
check(runtime.cudaStreamSynchronize(stream))
np.testing.assert_array_equal(y, 1)
check(runtime.cudaStreamBeginCapture(stream, runtime.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal))
assert check(runtime.cudaStreamIsCapturing(stream)) == runtime.cudaStreamCaptureStatus.cudaStreamCaptureStatusActive
x[:] = 5
work()
assert int(runtime.cudaStreamSynchronize(stream)[0]) == 900  # not while it is captured
graph = check(runtime.cudaStreamEndCapture(stream))
executable = check(runtime.cudaGraphInstantiate(graph, 0))
check(runtime.cudaGraphDestroy(graph))
np.testing.assert_array_equal(y, 1)  # nothing of it was done yet
other = np.zeros((3, 4), np.float32)
context.set_tensor_address("y", other.ctypes.data)  # the graph keeps the addresses that it was captured with
for seed in range(3):
    x[:] = np.random.default_rng(seed).standard_normal((3, 4))
    check(runtime.cudaGraphLaunch(executable, stream))
    check(runtime.cudaStreamSynchronize(stream))
    np.testing.assert_array_equal(y, relu_network.expected(x))
assert not other.any()
assert context.execute_async_v3(stream)
np.testing.assert_array_equal(other, relu_network.expected(x))
check(runtime.cudaGraphExecDestroy(executable))
assert int(runtime.cudaGraphLaunch(executable, stream)[0]) == 1

check(driver.cuStreamBeginCapture(stream, driver.CUstreamCaptureMode.CU_STREAM_CAPTURE_MODE_GLOBAL))
check(driver.cuMemsetD8Async(dy, 1, 4, stream))
executable = check(driver.cuGraphInstantiate(check(driver.cuStreamEndCapture(stream)), 0))
check(driver.cuGraphLaunch(executable, stream))
check(driver.cuMemcpyDtoH(y.ctypes.data, dy, y.nbytes))
assert y.view(np.uint8).ravel()[:5].tolist() == [1, 1, 1, 1, y.view(np.uint8).ravel()[4]]

lib = ctypes.CDLL("libcudart.so")
handle, c_graph, c_executable = ctypes.c_void_p(int(stream)), ctypes.c_void_p(), ctypes.c_void_p()
assert lib.cudaStreamBeginCapture(handle, 0) == 0
assert lib.cudaMemsetAsync(ctypes.c_void_p(int(dy)), 0, 4, handle) == 0
assert lib.cudaStreamEndCapture(handle, ctypes.byref(c_graph)) == 0
assert lib.cudaGraphInstantiate(ctypes.byref(c_executable), c_graph, ctypes.c_ulonglong(0)) == 0
assert lib.cudaGraphLaunch(c_executable, handle) == 0
check(driver.cuMemcpyDtoH(y.ctypes.data, dy, 4))
assert not y.view(np.uint8).ravel()[:4].any()
print("right")
