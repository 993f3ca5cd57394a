"""Lets `ctypes` find the stand-ins of libcudart, libcuda and the libraries of TensorRT."""

from __future__ import annotations

import ctypes
import ctypes.util
import sys
from typing import Any

from minirt.standins.libcuda import LibCuda, is_libcuda
from minirt.standins.libcudart import LibCudart, is_cudart
from minirt.standins.libnvinfer import LibNvinfer, is_nvinfer

_LOADERS = ("cuda.pathfinder",)
"""Who loads libcudart itself, for other packages of NVIDIA's to link with."""
_USERS = (*_LOADERS, "cuda", "numba", "cupy", "triton", "torch", "jax", "nvidia", "tensorflow", "pynvml")
"""Who looks by libcuda whether there is a GPU to compile kernels for: there is none."""


def _asking(names: tuple[str, ...]) -> bool:
    module = str(sys._getframe(2).f_globals.get("__name__"))
    return any(module == name or module.startswith(f"{name}.") for name in names)


def install(cuda: bool = True) -> None:
    """Let `ctypes.CDLL`, `ctypes.cdll` and `ctypes.util.find_library` answer for them in this process.

    Without ``cuda`` for the libraries of TensorRT alone: those of CUDA are there.
    """
    if ctypes.CDLL.__module__ == __name__:
        return
    loaded = ctypes.CDLL
    found = ctypes.util.find_library

    class CDLL(loaded):  # type: ignore[misc, valid-type]
        """`ctypes.CDLL`, which knows libcudart, libcuda and the libraries of TensorRT."""

        def __new__(cls, name: Any = None, *args: Any, **kwargs: Any) -> Any:
            if cuda and is_cudart(name) and not _asking(_LOADERS):
                return LibCudart(name)
            if cuda and is_libcuda(name) and not _asking(_USERS):
                return LibCuda(name)
            if is_nvinfer(name) and not _asking(_USERS):
                return LibNvinfer(name)
            return super().__new__(cls)

    def find_library(name: str) -> str | None:
        if name == "cuda" and not _asking(_USERS):
            return "libcuda.so.1"
        return "libcudart.so" if name == "cudart" else found(name)

    CDLL.__qualname__ = "CDLL"
    ctypes.CDLL = CDLL  # type: ignore[misc]
    ctypes.cdll._dlltype = CDLL  # type: ignore[attr-defined]
    if cuda:
        ctypes.util.find_library = find_library
