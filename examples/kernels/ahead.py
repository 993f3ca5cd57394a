"""A kernel as PTX, for plugins that are compiled while an engine is built: by NVRTC, which needs no GPU."""

from __future__ import annotations

from cuda.bindings import nvrtc

from examples.kernels.in_cuda_python import checked

TEXT = """extern "C" __global__ void axpy(const float* x, const float* y, int n, float* out) {
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) out[i] = FACTOR * x[i] + y[i];
}"""


def axpy_ptx(factor: float) -> bytes:
    """Return the PTX of factor * x + y, for sm_80 and everything later."""
    text = f"#define FACTOR {float(factor)!r}f\n{TEXT}"
    program = checked(nvrtc.nvrtcCreateProgram(text.encode(), b"axpy.cu", 0, [], []))
    checked(nvrtc.nvrtcCompileProgram(program, 1, [b"--gpu-architecture=compute_80"]))
    ptx = bytes(checked(nvrtc.nvrtcGetPTXSize(program)))
    checked(nvrtc.nvrtcGetPTX(program, ptx))
    return ptx.rstrip(b"\0")
