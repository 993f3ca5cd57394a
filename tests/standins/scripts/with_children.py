"""A script whose child processes build and run engines: by multiprocessing, each way, and as subprocesses."""

import multiprocessing
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import relu_network
import tensorrt as trt

CHILD = "import tensorrt, pycuda.driver, cuda.bindings.runtime as r; print(tensorrt.__version__, r.cudaMalloc(0)[0])"


def infer(seed: int) -> Any:
    """Run an engine on random numbers, by PyCUDA's memory."""
    import pycuda.autoinit  # noqa: F401, PLC0415 - the child makes its own context
    import pycuda.driver as cuda  # noqa: PLC0415

    x = np.random.default_rng(seed).standard_normal((2, 3)).astype(np.float32)
    context = relu_network.engine_of((2, 3)).create_execution_context()
    dx, y = cuda.to_device(x), np.empty_like(x)
    dy = cuda.mem_alloc(y.nbytes)
    context.set_tensor_address("x", int(dx))
    context.set_tensor_address("y", int(dy))
    assert context.execute_async_v3(0)
    cuda.memcpy_dtoh(y, dy)
    return x, y, trt.Builder.__module__


if __name__ == "__main__":
    for way in ("spawn", "forkserver", "fork"):
        with multiprocessing.get_context(way).Pool(2) as pool:
            for x, y, module in pool.map(infer, range(2)):
                np.testing.assert_array_equal(y, relu_network.expected(x))
                assert module == "tensorrt.tensorrt"
    done = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == (f"{trt.__version__} 0\n", ""), done
    quick = subprocess.run([sys.executable, "-c", "import sys; print('minirt' in sys.modules)"], capture_output=True)
    assert quick.stdout == b"False\n"
    alone = subprocess.run([sys.executable, "-I", "-c", "import tensorrt"], capture_output=True, text=True)
    assert "No module named 'tensorrt'" in alone.stderr
    neighbour = subprocess.run([sys.executable, Path(__file__).with_name("with_pycuda.py")], capture_output=True)
    assert neighbour.stdout == b"right\n", neighbour
    print("right")
