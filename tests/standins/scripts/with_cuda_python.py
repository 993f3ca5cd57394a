"""A script of today: cuda.bindings' runtime and driver."""

import sys
from typing import Any

import numpy as np
import relu_network
from cuda import cudart as older
from cuda.bindings import driver, runtime


def check(result: Any) -> Any:
    """Return what follows the code, which must be that of success."""
    code, *values = result
    assert int(code) == 0, code
    return values[0] if len(values) == 1 else tuple(values)


assert older.cudaMalloc is runtime.cudaMalloc
engine = relu_network.engine_of((3, 4))
context = engine.create_execution_context()
stream = check(runtime.cudaStreamCreate())
x = np.random.default_rng(1).standard_normal((3, 4)).astype(np.float32)
y = np.empty_like(x)
dx, dy = check(runtime.cudaMalloc(x.nbytes)), check(driver.cuMemAlloc(y.nbytes))
start, end = check(runtime.cudaEventCreate()), check(runtime.cudaEventCreate())
kinds = runtime.cudaMemcpyKind
check(runtime.cudaEventRecord(start, stream))
check(runtime.cudaMemcpyAsync(dx, x.ctypes.data, x.nbytes, kinds.cudaMemcpyHostToDevice, stream))
context.set_tensor_address("x", dx)
context.set_tensor_address("y", int(dy))
assert context.execute_async_v3(stream)
check(runtime.cudaMemcpyAsync(y.ctypes.data, dy, y.nbytes, kinds.cudaMemcpyDeviceToHost, stream))
check(runtime.cudaEventRecord(end, stream))
check(runtime.cudaStreamSynchronize(stream))
np.testing.assert_array_equal(y, relu_network.expected(x))
assert check(runtime.cudaEventElapsedTime(start, end)) > 0
check(runtime.cudaFree(dx))
assert runtime.cudaFree(dx)[0] == runtime.cudaError_t.cudaErrorInvalidValue
check(driver.cuMemFree(dy))
check(runtime.cudaStreamDestroy(stream))
print("right", *sys.argv[1:])
