"""Compile, load, launch and time single kernels on the current torch device, below minirt's runtime."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from cuda.bindings import driver, nvrtc

from minirt.kernels.cuda.matrix_source import Source

OPTIONS = ("--std=c++17", "--ptxas-options=-v")
FLOAT16 = driver.CUtensorMapDataType.CU_TENSOR_MAP_DATA_TYPE_FLOAT16
MAP_TYPES = {
    torch.float16: FLOAT16,
    torch.bfloat16: driver.CUtensorMapDataType.CU_TENSOR_MAP_DATA_TYPE_BFLOAT16,
    torch.float32: driver.CUtensorMapDataType.CU_TENSOR_MAP_DATA_TYPE_TFLOAT32,
}
SWIZZLES = {
    64: driver.CUtensorMapSwizzle.CU_TENSOR_MAP_SWIZZLE_64B,
    128: driver.CUtensorMapSwizzle.CU_TENSOR_MAP_SWIZZLE_128B,
}


def check(result: tuple[Any, ...]) -> Any:
    """The value of a binding's call; raises RuntimeError on a bad status."""
    if int(result[0]):
        raise RuntimeError(str(result[0]))
    return result[1] if len(result) == 2 else result[1:]


def compile_text(text: str, arch: str) -> tuple[bytes, str]:
    """The cubin of a kernel and the compiler's log."""
    program = check(nvrtc.nvrtcCreateProgram(text.encode(), b"k.cu", 0, None, None))
    options = [f"--gpu-architecture={arch}".encode(), *(o.encode() for o in OPTIONS)]
    status = nvrtc.nvrtcCompileProgram(program, len(options), options)[0]
    log = b" " * check(nvrtc.nvrtcGetProgramLogSize(program))
    nvrtc.nvrtcGetProgramLog(program, log)
    if int(status):
        raise RuntimeError(log.decode())
    cubin = b" " * check(nvrtc.nvrtcGetCUBINSize(program))
    nvrtc.nvrtcGetCUBIN(program, cubin)
    return cubin, log.decode()


class Loaded:
    """A loaded kernel that takes its arguments by name."""

    def __init__(self, source: Source, cubin: bytes) -> None:
        self.source = source
        self.module = check(driver.cuModuleLoadData(cubin))
        self.function = check(driver.cuModuleGetFunction(self.module, source.entry.encode()))
        if source.shared:
            attribute = driver.CUfunction_attribute.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
            check((*driver.cuFuncSetAttribute(self.function, attribute, source.shared), None))

    def bind(self, grid: Sequence[int], values: Mapping[str, Any]) -> Callable[[], None]:
        """A call that launches on torch's current stream; values are ints, tensors or encoded maps."""
        kept: list[Any] = []
        for name, kind in self.source.args:
            value = values[name]
            if kind == "map":
                raw = ctypes.create_string_buffer(192)
                start = (ctypes.addressof(raw) + 63) // 64 * 64
                ctypes.memmove(start, bytes(value), 128)
                kept.append((raw, start))
            else:
                number = value.data_ptr() if isinstance(value, torch.Tensor) else int(value)
                cell = {"ptr": ctypes.c_void_p, "i32": ctypes.c_int, "i64": ctypes.c_int64}[kind](number)
                kept.append((cell, ctypes.addressof(cell)))
        table = (ctypes.c_void_p * len(kept))(*[address for _, address in kept])
        gx, gy, gz = grid
        threads, shared, function, hold = self.source.threads, self.source.shared, self.function, (kept, values)

        def launch() -> None:
            stream = driver.CUstream(torch.cuda.current_stream().cuda_stream)
            check((*driver.cuLaunchKernel(function, gx, gy, gz, threads, 1, 1, shared, stream, ctypes.addressof(table), 0), None))

        launch.hold = hold  # type: ignore[attr-defined]
        return launch


def _encoded(tensor_map: Any) -> bytes:
    return ctypes.string_at(tensor_map.getPtr(), 128)


def tiled_map(x: torch.Tensor, dims: Sequence[int], strides: Sequence[int], box: Sequence[int], swizzle: int = 128) -> bytes:
    """A tiled tensor map; dims and box innermost first, strides in elements without the innermost."""
    u64, u32, size = driver.cuuint64_t, driver.cuuint32_t, x.element_size()
    return _encoded(check(driver.cuTensorMapEncodeTiled(
        MAP_TYPES[x.dtype], len(dims), x.data_ptr(), [u64(d) for d in dims], [u64(s * size) for s in strides],
        [u32(b) for b in box], [u32(1)] * len(dims), driver.CUtensorMapInterleave.CU_TENSOR_MAP_INTERLEAVE_NONE,
        SWIZZLES[swizzle], driver.CUtensorMapL2promotion.CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
        driver.CUtensorMapFloatOOBfill.CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE)))


def im2col_map(x: torch.Tensor, taps: Sequence[int], stride: Sequence[int], pad: Sequence[int], dilation: Sequence[int],
               out: Sequence[int], channels: int, pixels: int, swizzle: int = 128) -> bytes:
    """An im2col tensor map of an NHWC tensor; pairs are (rows, columns)."""
    u64, u32, size = driver.cuuint64_t, driver.cuuint32_t, x.element_size()
    n, h, w, c = x.shape
    upper = [(out[i] - 1) * stride[i] - pad[i] + 1 - x.shape[1 + i] for i in (0, 1)]
    return _encoded(check(driver.cuTensorMapEncodeIm2col(
        MAP_TYPES[x.dtype], 4, x.data_ptr(), [u64(v) for v in (c, w, h, n)], [u64(x.stride(i) * size) for i in (2, 1, 0)],
        [-pad[1], -pad[0]], [upper[1], upper[0]], channels, pixels, [u32(1), u32(stride[1]), u32(stride[0]), u32(1)],
        driver.CUtensorMapInterleave.CU_TENSOR_MAP_INTERLEAVE_NONE, SWIZZLES[swizzle],
        driver.CUtensorMapL2promotion.CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
        driver.CUtensorMapFloatOOBfill.CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE)))


def seconds(launch: Callable[[], Any], calls: int = 20, replays: int = 5) -> float:
    """Median time of one call, from replays of a CUDA graph of ``calls`` calls."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        launch()
        launch()
        graph = torch.cuda.CUDAGraph()
        stream.synchronize()
        with torch.cuda.graph(graph, stream=stream):
            for _ in range(calls):
                launch()
        graph.replay()
        times = []
        for _ in range(replays):
            start, stop = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            start.record(stream)
            graph.replay()
            stop.record(stream)
            stop.synchronize()
            times.append(start.elapsed_time(stop) * 1e-3 / calls)
    return sorted(times)[len(times) // 2]
