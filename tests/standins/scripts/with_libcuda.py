"""A script that asks libcuda, by ctypes, what GPU there is; compilers of kernels are told that there is none."""

import ctypes
import ctypes.util

import numba.cuda
import pycuda.compiler
import pycuda.driver

assert ctypes.util.find_library("cuda") == "libcuda.so.1"
cuda = ctypes.CDLL("libcuda.so.1")
assert cuda.cuInit(0) == 0
count, device, version = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
assert cuda.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value == 1
assert cuda.cuDeviceGet(ctypes.byref(device), 0) == 0 and device.value == 0
assert cuda.cuDeviceGet(ctypes.byref(device), 3) == 101
assert cuda.cuDriverGetVersion(ctypes.byref(version)) == 0 and version.value >= 12000
name = ctypes.create_string_buffer(100)
assert cuda.cuDeviceGetName(name, len(name), device) == 0 and name.value == b"minirt host memory"
assert cuda.cuDeviceGetName(name, 7, device) == 0 and name.value == b"minirt"
major, minor = ctypes.c_int(), ctypes.c_int()
assert cuda.cuDeviceComputeCapability(ctypes.byref(major), ctypes.byref(minor), device) == 0 and major.value >= 7
context, free, total = ctypes.c_void_p(), ctypes.c_size_t(), ctypes.c_size_t()
assert cuda.cuCtxCreate_v2(ctypes.byref(context), 0, device) == 0 and context.value
assert cuda.cuMemGetInfo_v2(ctypes.byref(free), ctypes.byref(total)) == 0 and 0 < free.value <= total.value
memory = ctypes.c_void_p()
assert cuda.cuMemAlloc_v2(ctypes.byref(memory), ctypes.c_size_t(16)) == 0 and memory.value
there, back = ctypes.create_string_buffer(b"0123456789abcde"), ctypes.create_string_buffer(16)
assert cuda.cuMemcpyHtoD_v2(memory, there, ctypes.c_size_t(16)) == 0
assert cuda.cuMemcpyDtoH_v2(back, memory, ctypes.c_size_t(16)) == 0 and back.raw == there.raw
assert cuda.cuMemFree_v2(memory) == 0
text = ctypes.c_char_p()
assert cuda.cuGetErrorString(1, ctypes.byref(text)) == 0 and text.value == b"CUDA_ERROR_INVALID_VALUE"
assert cuda.cuCtxDetach(context) == 0
assert not numba.cuda.is_available()  # type: ignore[no-untyped-call]
try:
    pycuda.compiler.SourceModule("__global__ void f() {}")
except pycuda.driver.Error as error:
    assert "cannot run on the CPU" in str(error), error
print("right")
