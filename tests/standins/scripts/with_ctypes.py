"""A script that loads libcudart by ctypes."""

import ctypes
import ctypes.util

import numpy as np
import relu_network

lib = ctypes.CDLL(ctypes.util.find_library("cudart") or "libcudart.so")
assert ctypes.cdll.LoadLibrary("libcudart.so.13").cudaFree(None) == 0
lib.cudaMalloc.argtypes = [ctypes.POINTER(ctypes.c_void_p), ctypes.c_size_t]
lib.cudaMalloc.restype = ctypes.c_int
lib.cudaMemcpyAsync.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_void_p]

engine = relu_network.engine_of((7,))
context = engine.create_execution_context()
stream, dx, dy = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()
x = np.random.default_rng(2).standard_normal(7).astype(np.float32)
y = np.empty_like(x)
assert lib.cudaStreamCreate(ctypes.byref(stream)) == 0 and stream.value
for pointer in (dx, dy):
    assert lib.cudaMalloc(ctypes.byref(pointer), x.nbytes) == 0 and (pointer.value or 1) % 256 == 0
assert lib.cudaMemcpyAsync(dx, x.ctypes.data, x.nbytes, 1, stream) == 0
context.set_tensor_address("x", dx.value)
context.set_tensor_address("y", dy.value)
assert context.execute_async_v3(stream.value)
assert lib.cudaMemcpy(y.ctypes.data_as(ctypes.c_void_p), dy, y.nbytes, 2) == 0
assert lib.cudaStreamSynchronize(stream) == 0
np.testing.assert_array_equal(y, relu_network.expected(x))
assert lib.cudaMemcpy(y.ctypes.data, dy, 1000, 2) == 1  # more than was allocated
lib.cudaGetErrorString.restype = ctypes.c_char_p
assert lib.cudaGetErrorString(1) == b"cudaErrorInvalidValue"
assert [lib.cudaFree(dx), lib.cudaFree(dy), lib.cudaFree(dx), lib.cudaStreamDestroy(stream)] == [0, 0, 1, 0]
assert ctypes.CDLL(None).getpid() > 0  # other libraries are what they were
print("right")
