"""The door to CUDA: loads CuPy and cuda.bindings on first use, and turns their errors into DeviceError.

Nothing is imported until something is asked, so that a machine without a GPU, or without these packages, imports minirt
and pays nothing.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

from minirt.errors import DeviceError

_FIX = "install minirt[cuda] on a machine with an NVIDIA driver of CUDA 13, or choose the target cpu"


@dataclass(frozen=True)
class Driver:
    """The modules that reach CUDA; all are untyped.

    `runtime` and `launcher` are CuPy's thin wrappers of the CUDA runtime and driver (the cheapest calls from Python),
    `cuda` the cuda.bindings driver for what CuPy lacks.
    """

    cupy: Any
    runtime: Any
    launcher: Any
    cuda: Any


@lru_cache(maxsize=1)
def _load() -> Driver | str:
    """Return the modules, or a sentence that says why there are none."""
    try:
        cupy = importlib.import_module("cupy")
        runtime = importlib.import_module("cupy_backends.cuda.api.runtime")
        launcher = importlib.import_module("cupy_backends.cuda.api.driver")
        cuda = importlib.import_module("cuda.bindings.driver")
    except ImportError as error:
        return f"the CUDA packages cannot be imported: {error}"
    try:
        count = runtime.getDeviceCount()
    except Exception as error:  # CUDARuntimeError, whose class exists only once CuPy is imported
        return f"the CUDA driver does not answer: {error}"
    return Driver(cupy, runtime, launcher, cuda) if count else "no CUDA device is visible"


def why_unavailable() -> str:
    """A sentence that says why no CUDA device can be used; "" when one can."""
    found = _load()
    return found if isinstance(found, str) else ""


def available() -> bool:
    """True when a CUDA driver answers and shows at least one device."""
    return isinstance(_load(), Driver)


def driver() -> Driver:
    """The modules that reach CUDA; raises DeviceError where there is no usable device."""
    found = _load()
    if isinstance(found, str):
        raise DeviceError(found, fix=_FIX)
    return found


def check(result: tuple[Any, ...], doing: str) -> Any:
    """The value of a cuda.bindings call, whose result is (status, value...); raises DeviceError naming the deed."""
    if int(result[0]):
        raise DeviceError(f"{doing}: {_describe(result[0])}")
    if len(result) == 1:
        return None
    return result[1] if len(result) == 2 else result[1:]


def fail(error: Exception, doing: str, where: str = "") -> NoReturn:
    """Raise the DeviceError that stands for an exception of CuPy."""
    raise DeviceError(f"{doing}: {error}", where) from error


def _describe(status: Any) -> str:
    failed, text = driver().cuda.cuGetErrorString(status)
    return f"{status.name}: {text.decode()}" if not int(failed) and text else str(status)
