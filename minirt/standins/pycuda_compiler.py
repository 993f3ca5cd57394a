"""Stands in for `pycuda.compiler`: it imports, and says that there is no GPU to compile for."""

from __future__ import annotations

from typing import Any

from minirt.standins.pycuda_driver import CompileError

DEFAULT_NVCC_FLAGS: list[str] = []


class SourceModule:
    """CUDA source that is compiled and loaded; raises CompileError, as it has nothing to run on."""

    def __init__(self, source: str, *arguments: Any, **options: Any) -> None:
        raise _nothing("SourceModule")


class DynamicSourceModule(SourceModule):
    """CUDA source that may launch kernels itself; raises CompileError."""


def compile(source: str, *arguments: Any, **options: Any) -> bytes:
    """Compile CUDA source; raises CompileError."""
    raise _nothing("compile")


def _nothing(name: str) -> CompileError:
    return CompileError(
        f"pycuda.compiler.{name}: CUDA source cannot run on the CPU; run the script where there is a GPU"
    )


def __getattr__(name: str) -> Any:
    raise AttributeError(f"minirt's stand-in of pycuda.compiler, for machines without a GPU, has no '{name}'")
