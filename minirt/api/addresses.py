"""Addresses of whatever a script hands in: ints, pointers, and arrays of any library."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import numpy as np

from minirt.errors import ApiError

LOWEST = 1 << 16
"""No memory is below this address: a number there is a handle, a size or a mistake."""

_CAPSULE_NAMES = (b"dltensor", b"dltensor_versioned")


class DLTensor(ctypes.Structure):
    """The head of what a DLPack capsule points to."""

    _fields_ = [  # noqa: RUF012 - the form that ctypes asks for
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


class _Versioned(ctypes.Structure):
    """What a versioned DLPack capsule points to."""

    _fields_ = [  # noqa: RUF012
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("context", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
        ("flags", ctypes.c_uint64),
        ("tensor", DLTensor),
    ]


@dataclass(frozen=True)
class Place:
    """Where an array lies: its address, its shape where it told one, and whether it is row-major."""

    address: int
    shape: tuple[int, ...] | None = None
    dense: bool = True


def place_of(memory: Any) -> Place:
    """Return where memory lies: an int, a pointer of ctypes, pycuda or cuda.bindings, or an array.

    Raises ApiError for an object that has no address, and for a number that is none.
    """
    if isinstance(memory, int | np.integer):
        if not 0 <= memory < 1 << 64:
            raise ApiError(f"{memory} is no address")
        return Place(int(memory))
    for name in ("__cuda_array_interface__", "__array_interface__"):
        found = getattr(memory, name, None)
        if isinstance(found, dict):
            return _interface(found)
    if hasattr(memory, "__dlpack__"):
        return _dlpack(memory)
    if isinstance(memory, ctypes.c_void_p):
        return Place(memory.value or 0)
    if not isinstance(memory, float) and (hasattr(memory, "__int__") or hasattr(memory, "__index__")):
        return Place(int(memory))
    raise ApiError(f"a {type(memory).__name__} has no address", fix="pass an int or an array")


def argument_place(memory: Any) -> Place:
    """Return where memory that a script passes lies; raises TypeError for what is no address."""
    try:
        return place_of(memory)
    except ApiError as error:
        raise TypeError(str(error)) from error


def _interface(found: dict[str, Any]) -> Place:
    shape = tuple(int(n) for n in found["shape"])
    strides = found.get("strides")
    item = int(found["typestr"][2:])
    return Place(int(found["data"][0]), shape, strides is None or _row_major(shape, strides, item))


def _row_major(shape: tuple[int, ...], strides: Any, item: int) -> bool:
    step = item
    for size, stride in zip(reversed(shape), reversed(list(strides)), strict=True):
        if size != 1 and stride != step and 0 not in shape:
            return False
        step *= size
    return True


def _dlpack(memory: Any) -> Place:
    capsule = memory.__dlpack__()
    api = ctypes.pythonapi
    api.PyCapsule_IsValid.argtypes = [ctypes.py_object, ctypes.c_char_p]
    api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    api.PyCapsule_GetPointer.restype = ctypes.c_void_p
    name = next(n for n in _CAPSULE_NAMES if api.PyCapsule_IsValid(capsule, n))
    pointer = api.PyCapsule_GetPointer(capsule, name)
    tensor = DLTensor.from_address(pointer) if name == b"dltensor" else _Versioned.from_address(pointer).tensor
    shape = tuple(tensor.shape[i] for i in range(tensor.ndim))
    dense = not tensor.strides or _row_major(shape, [tensor.strides[i] for i in range(tensor.ndim)], 1)
    return Place((tensor.data or 0) + tensor.byte_offset, shape, dense)
