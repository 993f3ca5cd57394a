"""Stands in for `pycuda.gpuarray`: arrays whose memory is the host's, with the arithmetic of pre-processing."""

from __future__ import annotations

from typing import Any

import numpy as np

from minirt.types.dtype import Array


class GPUArray:
    """An array with an address."""

    def __init__(self, shape: Any, dtype: Any, order: Any = "C") -> None:
        self._hold(np.empty(shape, dtype, order))

    def _hold(self, array: Array) -> None:
        self._array = array
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

    def __getitem__(self, index: Any) -> GPUArray:
        return _of(self._array[index])

    def __add__(self, other: Any) -> GPUArray:
        return _of(self._array + _host(other))

    def __sub__(self, other: Any) -> GPUArray:
        return _of(self._array - _host(other))

    def __mul__(self, other: Any) -> GPUArray:
        return _of(self._array * _host(other))

    def __truediv__(self, other: Any) -> GPUArray:
        return _of(self._array / _host(other))

    __radd__, __rmul__ = __add__, __mul__

    def __rsub__(self, other: Any) -> GPUArray:
        return _of(_host(other) - self._array)

    def reshape(self, *shape: Any) -> GPUArray:
        """Return the same memory in another shape."""
        return _of(self._array.reshape(*shape))

    def ravel(self) -> GPUArray:
        """Return the same memory as a row."""
        return _of(self._array.reshape(-1))

    def astype(self, dtype: Any, stream: Any = None) -> GPUArray:
        """Return a copy of another dtype."""
        return _of(self._array.astype(dtype))

    def copy(self) -> GPUArray:
        """Return a copy."""
        return _of(self._array.copy())

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


def _of(array: Any) -> GPUArray:
    made = GPUArray.__new__(GPUArray)
    made._hold(np.asarray(array))
    return made


def _host(value: Any) -> Any:
    return value._array if isinstance(value, GPUArray) else value


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
