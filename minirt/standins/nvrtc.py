"""Stands in for `cuda.bindings.nvrtc`: it imports, and says that there is no GPU to compile for."""

from __future__ import annotations

import enum
from typing import Any

from minirt.errors import DeviceError
from minirt.standins import host_memory
from minirt.standins.finder import beyond


class nvrtcResult(enum.IntEnum):
    """The codes that scripts compare with."""

    NVRTC_SUCCESS = 0
    NVRTC_ERROR_COMPILATION = 6


def nvrtcVersion() -> tuple[nvrtcResult, int, int]:
    """Return the CUDA version whose calls these are."""
    return nvrtcResult.NVRTC_SUCCESS, host_memory.VERSION // 1000, host_memory.VERSION % 1000 // 10


def nvrtcGetErrorString(result: Any) -> tuple[nvrtcResult, bytes]:
    """Return the name of a code."""
    return nvrtcResult.NVRTC_SUCCESS, nvrtcResult(result).name.encode()


def nvrtcCreateProgram(*arguments: Any) -> Any:
    """Raise DeviceError: CUDA source has nothing to run on."""
    raise DeviceError("CUDA source cannot run on the CPU", "nvrtcCreateProgram", "run the script where there is a GPU")


def __getattr__(name: str) -> Any:
    return beyond("cuda.bindings.nvrtc", name)
