"""The names by which scripts import CUDA, answered by the stand-ins."""

from __future__ import annotations

import contextlib
import importlib
import sys

from minirt.standins import c_loading
from minirt.standins.finder import StandinFinder, installed_path, module_called, package

_HERE = "minirt.standins"
_DRIVER, _RUNTIME, _NVRTC = (module_called(f"{_HERE}.{name}") for name in ("cuda_driver", "cuda_runtime", "nvrtc"))
_AUTOINIT = module_called(f"{_HERE}.pycuda_autoinit")

_FINDER = StandinFinder(
    {
        "cuda": package("cuda", __version__="13.0.0"),
        "cuda.bindings": package("cuda.bindings", __version__="13.0.0"),
        "cuda.bindings.driver": _DRIVER,
        "cuda.bindings.runtime": _RUNTIME,
        "cuda.bindings.nvrtc": _NVRTC,
        "cuda.cuda": _DRIVER,
        "cuda.cudart": _RUNTIME,
        "cuda.nvrtc": _NVRTC,
        "cudart": _RUNTIME,
        "pycuda": package("pycuda", VERSION=(2026, 1), VERSION_TEXT="2026.1", __version__="2026.1"),
        "pycuda.driver": module_called(f"{_HERE}.pycuda_driver"),
        "pycuda.autoinit": _AUTOINIT,
        "pycuda.autoprimaryctx": _AUTOINIT,
        "pycuda.compiler": module_called(f"{_HERE}.pycuda_compiler"),
        "pycuda.tools": module_called(f"{_HERE}.pycuda_tools"),
        "pycuda.gpuarray": module_called(f"{_HERE}.pycuda_gpuarray"),
    }
)


def install() -> None:
    """Answer `cuda`, `cudart`, `pycuda` and, by ctypes, libcudart and libcuda, in this process from now on."""
    if not installed():
        if not installed_path("cuda.core"):
            _FINDER.table |= dict.fromkeys(("cuda.core", "cuda.core.experimental"), module_called(f"{_HERE}.cuda_core"))
        for name in ("driver", "runtime", "nvrtc"):  # loaded now, as their names are taken below
            with contextlib.suppress(ImportError):
                importlib.import_module(f"cuda.bindings.{name}")
        _FINDER.install()
        c_loading.install()


_OLD_NAMES = StandinFinder(
    {
        f"cuda.{old}": module_called(f"cuda.bindings.{new}")
        for old, new in (("cuda", "driver"), ("cudart", "runtime"), ("nvrtc", "nvrtc"))
    }
)


def answer_old_names() -> None:
    """Let `cuda.cuda`, `cuda.cudart` and `cuda.nvrtc` be those of `cuda.bindings`, where the installed one lacks them.

    CUDA Python 13 took these names away; scripts of before have them.
    """
    if _OLD_NAMES not in sys.meta_path:
        sys.meta_path.append(_OLD_NAMES)


def installed() -> bool:
    """Return whether the stand-ins answer."""
    return _FINDER.installed
