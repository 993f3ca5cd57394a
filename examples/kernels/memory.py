"""Device memory as arrays of any library, and what all languages launch."""

from __future__ import annotations

TEXT = """extern "C" __global__ void shrink(const float* x, float* y, int n, float limit) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] = x[i] - fminf(fmaxf(x[i], -limit), limit);
}"""
THREADS = 256


class Flat:
    """Memory of floats that CuPy, Numba and PyTorch take as an array."""

    def __init__(self, address: int, count: int) -> None:
        place = {"data": (address, False), "shape": (count,), "strides": None}
        self.__cuda_array_interface__ = {**place, "typestr": "<f4", "version": 3}


def blocks(count: int) -> int:
    """Return how many blocks have a thread for each element."""
    return -(-count // THREADS)
