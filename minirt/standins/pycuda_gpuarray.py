"""Stands in for `pycuda.gpuarray`: arrays whose memory is the host's, without arithmetic."""

from __future__ import annotations

from typing import Any

import numpy as np

from minirt.types.dtype import Array


class GPUArray:
    """An array with an address."""

    def __init__(self, shape: Any, dtype: Any, order: Any = "C") -> None:
        self._array = np.empty(shape, dtype, order)
        self.shape, self.dtype, self.strides = self._array.shape, self._array.dtype, self._array.strides
        self.size, self.nbytes, self.ndim = self._array.size, self._array.nbytes, self._array.ndim

    @property
    def ptr(self) -> int:
        """The address."""
        return int(self._array.ctypes.data)

    @property
    def gpudata(self) -> int:
        """The address."""
        return self.ptr

    def __int__(self) -> int:
        return self.ptr

    def __len__(self) -> int:
        return len(self._array)

    def set(self, ary: Array) -> None:
        """Copy a host array of the same shape in."""
        self._array[...] = ary.reshape(self.shape)

    def set_async(self, ary: Array, stream: Any = None) -> None:
        """Copy a host array of the same shape in now."""
        self.set(ary)

    def get(self, ary: Array | None = None) -> Array:
        """Return what it holds, in `ary` if there is one."""
        made = np.empty_like(self._array) if ary is None else ary
        made[...] = self._array
        return made

    def get_async(self, stream: Any = None, ary: Array | None = None) -> Array:
        """Return what it holds."""
        return self.get(ary)

    def fill(self, value: Any, stream: Any = None) -> GPUArray:
        """Set all elements."""
        self._array.fill(value)
        return self


def empty(shape: Any, dtype: Any, order: Any = "C") -> GPUArray:
    """Return a new array."""
    return GPUArray(shape, dtype, order)


def zeros(shape: Any, dtype: Any = np.float64, order: Any = "C") -> GPUArray:
    """Return a new array of zeros."""
    return GPUArray(shape, dtype, order).fill(0)


def to_gpu(ary: Array) -> GPUArray:
    """Return a new array with what a host array holds."""
    made = GPUArray(ary.shape, ary.dtype)
    made.set(ary)
    return made


def to_gpu_async(ary: Array, stream: Any = None) -> GPUArray:
    """Return a new array with what a host array holds."""
    return to_gpu(ary)


def empty_like(other: Any) -> GPUArray:
    """Return a new array of the same shape and dtype."""
    return GPUArray(other.shape, other.dtype)


def zeros_like(other: Any) -> GPUArray:
    """Return a new array of zeros of the same shape and dtype."""
    return empty_like(other).fill(0)


def __getattr__(name: str) -> Any:
    raise AttributeError(f"minirt's stand-in of pycuda.gpuarray, for machines without a GPU, has no '{name}'")
