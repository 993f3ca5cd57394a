"""Stands in for `pycuda.tools`: contexts and pools of memory, on host memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minirt.standins.pycuda_driver import Context, Device, DeviceAllocation, pagelocked_empty
from minirt.types.dtype import Array


def make_default_context(ctx_maker: Callable[[Device], Context] | None = None) -> Context:
    """Return the one context."""
    return Context() if ctx_maker is None else ctx_maker(Device(0))


def clear_context_caches() -> None:
    """Do nothing."""


class DeviceMemoryPool:
    """Gives device memory; it keeps none back."""

    def allocate(self, size: int) -> DeviceAllocation:
        """Allocate bytes."""
        return DeviceAllocation(size)

    def free_held(self) -> None:
        """Do nothing."""

    def stop_holding(self) -> None:
        """Do nothing."""


class PageLockedMemoryPool:
    """Gives host arrays; it keeps none back."""

    def allocate(self, shape: Any, dtype: Any, order: Any = "C") -> Array:
        """Return a host array."""
        return pagelocked_empty(shape, dtype, order)

    def free_held(self) -> None:
        """Do nothing."""

    def stop_holding(self) -> None:
        """Do nothing."""


def __getattr__(name: str) -> Any:
    raise AttributeError(f"minirt's stand-in of pycuda.tools, for machines without a GPU, has no '{name}'")
