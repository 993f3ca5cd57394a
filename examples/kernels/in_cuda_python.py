"""CUDA C++ through cuda.bindings: NVRTC, and the driver."""

from __future__ import annotations

import ctypes
from functools import lru_cache
from typing import Any

import numpy as np
from cuda.bindings import driver, nvrtc

from examples.kernels.memory import TEXT, THREADS, blocks


def checked(result: Any) -> Any:
    """Return what a call gave; raises RuntimeError for another status than success."""
    if int(result[0]):
        raise RuntimeError(str(result[0]))
    return result[1] if len(result) > 1 else None


@lru_cache
def shrink() -> Any:
    """Return the kernel, compiled for the device that is current."""
    device, kinds = checked(driver.cuCtxGetDevice()), driver.CUdevice_attribute
    major = checked(driver.cuDeviceGetAttribute(kinds.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, device))
    minor = checked(driver.cuDeviceGetAttribute(kinds.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, device))
    program = checked(nvrtc.nvrtcCreateProgram(TEXT.encode(), b"shrink.cu", 0, [], []))
    checked(nvrtc.nvrtcCompileProgram(program, 1, [f"--gpu-architecture=sm_{major}{minor}".encode()]))
    cubin = bytes(checked(nvrtc.nvrtcGetCUBINSize(program)))
    checked(nvrtc.nvrtcGetCUBIN(program, cubin))
    module = checked(driver.cuModuleLoadData(np.frombuffer(cubin, np.uint8).ctypes.data))
    return checked(driver.cuModuleGetFunction(module, b"shrink"))


def run(x: int, y: int, count: int, limit: float, stream: int) -> None:
    """Launch on the stream."""
    kinds = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_float)
    size = (blocks(count), 1, 1, THREADS, 1, 1, 0)
    checked(driver.cuLaunchKernel(shrink(), *size, stream, ((x, y, count, limit), kinds), 0))
