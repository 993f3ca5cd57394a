"""Kernels and short forms for the tests of the device package."""

from __future__ import annotations

import functools
import itertools
from typing import Any

import numpy as np

from minirt.kernels.cuda.compile import CudaSource, compile_cubin
from minirt.runtime import device as dev

TEXT = """
struct alignas(64) TMap { unsigned long long o[16]; };
extern "C" __global__ void affine(float* y, const float* x, int n, float a, double b, long long c) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] = a * x[i] + (float)b + (float)c;
}
extern "C" __global__ void nothing(float* y, const float* x, float* z, int n) {}
extern "C" __global__ void reverse(float* y, const float* x, int n) {
  extern __shared__ float s[];
  for (int i = threadIdx.x; i < n; i += blockDim.x) s[i] = x[i];
  __syncthreads();
  for (int i = threadIdx.x; i < n; i += blockDim.x) y[i] = s[n - 1 - i];
}
extern "C" __global__ void chained(float* y, const float* x, int n) {
#if __CUDA_ARCH__ >= 900
  asm volatile("griddepcontrol.wait;" ::: "memory");
  asm volatile("griddepcontrol.launch_dependents;");
#endif
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) y[i] = x[i] + 1.0f;
}
extern "C" __global__ void ranks(int* out) {
  unsigned rank = 0, size = 1;
#if __CUDA_ARCH__ >= 900
  asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
  asm("mov.u32 %0, %%cluster_nctarank;" : "=r"(size));
#endif
  if (threadIdx.x == 0) out[blockIdx.x] = rank * 100 + size;
}
extern "C" __global__ void spin(long long cycles) { long long t = clock64(); while (clock64() - t < cycles); }
#if __CUDA_ARCH__ >= 900
__device__ unsigned at(void* p) { return (unsigned)__cvta_generic_to_shared(p); }
__device__ void arrive(unsigned bar, int bytes) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], 1; fence.mbarrier_init.release.cluster;" :: "r"(bar) : "memory");
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" :: "r"(bar), "r"(bytes) : "memory");
}
__device__ void wait(unsigned bar) {
  asm volatile("{.reg .pred p; L: mbarrier.try_wait.parity.shared::cta.b64 p, [%0], 0; @p bra D; bra L; D: }"
               :: "r"(bar) : "memory");
}
extern "C" __global__ void tile(const __grid_constant__ TMap map, unsigned short* y, int column, int row) {
  __shared__ alignas(1024) unsigned short s[64 * 32];
  __shared__ alignas(8) unsigned long long bar;
  if (threadIdx.x == 0) {
    arrive(at(&bar), sizeof(s));
    asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.tile.mbarrier::complete_tx::bytes"
      " [%0], [%1, {%2, %3}], [%4];"
      :: "r"(at(s)), "l"(&map), "r"(column), "r"(row), "r"(at(&bar)) : "memory");
  }
  __syncthreads();
  wait(at(&bar));
  for (int i = threadIdx.x; i < 64 * 32; i += blockDim.x) y[i] = s[i];
}
extern "C" __global__ void columns(const __grid_constant__ TMap map, unsigned short* y, int w, int h, int fw, int fh) {
  __shared__ alignas(1024) unsigned short s[64 * 64];
  __shared__ alignas(8) unsigned long long bar;
  if (threadIdx.x == 0) {
    arrive(at(&bar), sizeof(s));
    unsigned short ow = fw, oh = fh;
    asm volatile("cp.async.bulk.tensor.4d.shared::cluster.global.im2col.mbarrier::complete_tx::bytes"
      " [%0], [%1, {%2, %3, %4, %5}], [%6], {%7, %8};"
      :: "r"(at(s)), "l"(&map), "r"(0), "r"(w), "r"(h), "r"(0), "r"(at(&bar)), "h"(ow), "h"(oh) : "memory");
  }
  __syncthreads();
  wait(at(&bar));
  for (int i = threadIdx.x; i < 64 * 64; i += blockDim.x) y[i] = s[i];
}
#endif
"""
AFFINE: list[dev.Kind] = ["ptr", "ptr", "i32", "f32", "f64", "i64"]
STEP: list[dev.Kind] = ["ptr", "ptr", "i32"]
DEVICE = dev.Device(0)


@functools.lru_cache(maxsize=1)
def module() -> dev.Module:
    """The kernels above, loaded."""
    return dev.Module(DEVICE, compile_cubin(CudaSource(TEXT, "device_test"), DEVICE.arch))


def put(array: np.ndarray[Any, Any]) -> dev.DeviceMemory:
    memory = dev.DeviceMemory(DEVICE, array.nbytes)
    memory.upload(array)
    return memory


def random(*shape: int, dtype: str = "float32") -> np.ndarray[Any, Any]:
    return np.random.default_rng().standard_normal(shape).astype(dtype)


def launch(entry: str, kinds: list[dev.Kind], *values: object, **more: Any) -> dev.PackedLaunch:
    kernel = dev.Kernel(module(), entry, more.pop("shared", 0))
    grid, block = more.pop("grid", (8, 1, 1)), more.pop("block", (128, 1, 1))
    return dev.PackedLaunch(kernel, grid, block, kinds, values, **more)


def chain(length: int, **more: Any) -> tuple[list[dev.PackedLaunch], list[dev.DeviceMemory]]:
    """Launches that add one, `length` times, from the first memory into the last."""
    memories = [put(np.zeros(1000, np.float32)) for _ in range(length + 1)]
    steps = [
        launch("chained", STEP, after.address, before.address, 1000, **more)
        for before, after in itertools.pairwise(memories)
    ]
    return steps, memories
