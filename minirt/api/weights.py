"""Weights: a view of a user's numbers, from a NumPy array without a copy, or from an address."""

from __future__ import annotations

import ctypes
import sys
from typing import Any

import numpy as np

from minirt.api.declare import attr
from minirt.api.dialect import Api, dialect_of
from minirt.api.enum import member
from minirt.api.enums import DataType
from minirt.types.dtype import DTYPES, Array, DType

_NUMPY = {"f4": "FLOAT", "f2": "HALF", "i1": "INT8", "i4": "INT32", "b1": "BOOL", "u1": "UINT8", "i8": "INT64"}
_SINCE = {"u1": 8, "i8": 10}
_CORE = {d.trt: d for d in DTYPES.values() if d.trt}
_PLAIN = frozenset(_NUMPY.values())


def core_dtype(dtype: Any) -> DType:
    """Return the core's element type for a DataType member of any dialect."""
    return _CORE[dtype.name]


def api_dtype(dtype: DType, owner: object) -> Any:
    """Return the DataType member for a core element type, in the dialect of the object that answers with it.

    Raises TypeError for a type that DataType has no member for.
    """
    if not dtype.trt:
        raise TypeError(f"DataType has no member for {dtype}: IExecutionContext.run takes and returns arrays of it")
    return member(DataType, dtype.trt, dialect_of(owner))


def numpy_name(dtype: Any, dialect: int) -> str:
    """Return the DataType member's name for a NumPy type that a dialect takes; raise ValueError for another."""
    code = np.dtype(dtype).str.lstrip("<=|")
    if code not in _NUMPY or dialect < _SINCE.get(code, 0):
        message = f"Could not implicitly convert NumPy data type: {np.dtype(dtype)} to TensorRT."
        print(f"[TRT] {message}", file=sys.stderr)
        raise ValueError(message)
    return _NUMPY[code]


class _Numbers:
    """What a Weights object holds: the element type, the flat array (None where there is none), and the owner."""

    __slots__ = ("array", "count", "dtype", "keep", "name")

    def __init__(self, dtype: DType, array: Array | None, count: int, keep: Any = None) -> None:
        self.dtype = dtype
        self.array = array
        self.count = count
        self.keep = keep
        self.name = ""


class Weights(Api):
    """Numbers of a layer: flat, typed, and not copied; the array that they come from is kept alive."""

    _state: _Numbers

    def __init__(self, *args: Any, **named: Any) -> None:
        values = [*args, *named.values()]
        first = values[0] if values else member(DataType, "FLOAT", dialect_of(self))
        if DataType.takes(first):
            address, count = (int(values[1]), int(values[2])) if len(values) == 3 else (0, 0)
            self._state = _at_address(core_dtype(first), address, count)
        elif isinstance(first, np.ndarray) and len(values) == 1:
            self._state = self._of_array(first)
        else:
            raise TypeError(f"Weights take a DataType, a DataType with an address and a count, or an array: {values!r}")

    def _of_array(self, array: Array) -> _Numbers:
        dtype = _CORE[numpy_name(array.dtype, dialect_of(self))]
        if not array.flags.c_contiguous:
            raise ValueError("Weights need a C-contiguous array; pass numpy.ascontiguousarray(array)")
        return _Numbers(dtype, array.reshape(-1), array.size, array)

    @classmethod
    def _implicit(cls, value: Any) -> Weights:
        """Convert an array where Weights are asked for."""
        if not isinstance(value, np.ndarray):
            raise TypeError("not Weights or a numpy.ndarray")
        return cls(value)

    dtype = attr(lambda self: api_dtype(self._state.dtype, self), doc="The type of the numbers.")
    size = attr(lambda self: self._state.count, doc="How many numbers there are.")
    nbytes = attr(lambda self: self._state.dtype.nbytes(self._state.count), doc="Their size in bytes.")

    def numpy(self) -> Any:
        """Return the numbers as a flat array, or these weights themselves where NumPy lacks their type."""
        if self._state.dtype.trt not in _PLAIN:
            return self
        return np.empty(0, self._state.dtype.numpy) if self._state.array is None else self._state.array

    def __len__(self) -> int:
        return self._state.count


def same_memory(a: Array | None, b: Array | None) -> bool:
    """Return whether two arrays are as many numbers in the same place, as those of one Weights read twice are."""
    if a is None or b is None:
        return False
    return a is b or (a.size > 0 and a.nbytes == b.nbytes and a.ctypes.data == b.ctypes.data)


def _at_address(dtype: DType, address: int, count: int) -> _Numbers:
    """View `count` numbers at a host address; four-bit types are unpacked, low half first."""
    if not count or not address:
        return _Numbers(dtype, None, count)
    raw = np.ctypeslib.as_array((ctypes.c_uint8 * dtype.nbytes(count)).from_address(address))
    if dtype.bits < 8:
        halves = np.stack([raw & 15, raw >> 4], axis=-1).reshape(-1)[:count]
        return _Numbers(dtype, _nibbles(halves, dtype), count)
    return _Numbers(dtype, raw.view(dtype.numpy), count)


def _nibbles(halves: Array, dtype: DType) -> Array:
    """Return four-bit patterns as numbers of their type."""
    if dtype.is_integer:
        signed = ((halves.astype(np.int8) ^ 8) - 8) if dtype.kind == "i" else halves
        return signed.astype(dtype.numpy)
    return halves.astype(np.uint8).view(dtype.numpy)


def weights_of(array: Array | None, dtype: DType, owner: object) -> Any:
    """Return stored numbers as a layer's attribute reads: a flat array, or Weights where NumPy lacks the type."""
    if array is None:
        return np.empty(0, np.float32)
    if dtype.trt in _PLAIN:
        return array.reshape(-1)
    made = Weights(member(DataType, dtype.trt, dialect_of(owner)))
    made._state = _Numbers(dtype, array.reshape(-1), array.size, array)
    return made
