"""Tensors of running plugins: addresses that NumPy, CuPy, Numba and torch take as arrays without a copy."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from minirt.api.addresses import DLTensor
from minirt.api.dialect import DEFAULT
from minirt.api.enum import member
from minirt.api.enums import DataType, TensorFormat
from minirt.ops.user_call import Row

_LINEAR = member(TensorFormat, "LINEAR", DEFAULT)
_KINDS = {"i": 0, "u": 1, "f": 2, "b": 6}
_BFLOAT = 4
_CPU, _CUDA = 1, 2


@dataclass(eq=False)
class Tensor:
    """A tensor while a plugin runs; `numpy.asarray` takes it on the CPU, `cupy` and `torch` on a CUDA target."""

    data_ptr: int = 0
    shape: tuple[int, ...] = ()
    dtype: Any = None
    strides: tuple[int, ...] = ()
    format: Any = _LINEAR
    scale: float = 1.0
    typestr: str = "<f4"
    on_device: bool = False
    is_data_dependent: bool = False
    _aliased: Tensor | None = field(default=None, repr=False)

    @property
    def ndim(self) -> int:
        """Return the number of axes."""
        return len(self.shape)

    @property
    def is_aliased(self) -> bool:
        """Return whether it shares an input's memory."""
        return self._aliased is not None

    def numel(self) -> int:
        """Return the number of elements."""
        count = 1
        for size in self.shape:
            count *= size
        return count

    def get_aliased(self) -> Tensor | None:
        """Return the input whose memory it shares, None for none."""
        return self._aliased

    def aliased(self, shape: Sequence[int] | None = None) -> Tensor:
        """Return the same memory, perhaps in another shape."""
        kept = self.shape if shape is None else tuple(shape)
        return Tensor(
            self.data_ptr, kept, self.dtype, row_major(kept), self.format, self.scale, self.typestr, self.on_device
        )

    def __dlpack_device__(self) -> tuple[int, int]:
        return (_CUDA if self.on_device else _CPU), 0

    def __dlpack__(self, **_: Any) -> Any:
        """Return a DLPack capsule; it is used on the stream that the plugin was given, so none is waited for."""
        return _capsule(self)

    def _interface(self) -> dict[str, Any]:
        pointer = (self.data_ptr, False)
        return {"shape": self.shape, "typestr": self.typestr, "data": pointer, "version": 3, "strides": None}

    def __getattr__(self, name: str) -> Any:
        wanted = "__cuda_array_interface__" if self.on_device else "__array_interface__"
        if name == wanted:
            return self._interface()
        raise AttributeError(name)


def tensor_at(row: Row, on_device: bool) -> Tensor:
    """Return a running plugin's tensor."""
    kind = member(DataType, row.dtype.trt, DEFAULT)
    return Tensor(row.address, row.shape, kind, row_major(row.shape), typestr=row.dtype.numpy.str, on_device=on_device)


def row_major(shape: Sequence[int]) -> tuple[int, ...]:
    """Return the strides of a dense tensor, in elements."""
    strides, step = [1] * len(shape), 1
    for axis in range(len(shape) - 1, -1, -1):
        strides[axis] = step
        step *= shape[axis]
    return tuple(strides)


class _Managed(ctypes.Structure):
    """What a DLPack capsule points to."""

    _fields_ = [  # noqa: RUF012 - the form that ctypes asks for
        ("tensor", DLTensor),
        ("context", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
    ]


_live: dict[int, Any] = {}
"""What capsules that are still in use point to, by address."""


def _delete(address: int) -> None:
    _live.pop(address, None)


def _destruct(capsule: int) -> None:
    """Free what nobody took out of a capsule."""
    if _valid(capsule, b"dltensor"):
        _live.pop(_pointer(capsule, b"dltensor"), None)


_valid = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p)(("PyCapsule_IsValid", ctypes.pythonapi))
_pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi)
)
_new = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)(
    ("PyCapsule_New", ctypes.pythonapi)
)


_DELETE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(_delete)
_DESTRUCT = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)(_destruct)


def _capsule(tensor: Tensor) -> Any:
    code, bits = _type_code(tensor)
    shape = (ctypes.c_int64 * max(1, tensor.ndim))(*tensor.shape)
    strides = (ctypes.c_int64 * max(1, tensor.ndim))(*row_major(tensor.shape))
    inner = DLTensor(
        tensor.data_ptr, *tensor.__dlpack_device__(), tensor.ndim, code, bits, 1,
        ctypes.cast(shape, ctypes.POINTER(ctypes.c_int64)), ctypes.cast(strides, ctypes.POINTER(ctypes.c_int64)), 0,
    )  # fmt: skip
    made = _Managed(inner, None, ctypes.cast(_DELETE, ctypes.c_void_p))
    address = ctypes.addressof(made)
    _live[address] = (made, shape, strides)
    return _new(address, b"dltensor", ctypes.cast(_DESTRUCT, ctypes.c_void_p))


def _type_code(tensor: Tensor) -> tuple[int, int]:
    if tensor.dtype.name == "BF16":
        return _BFLOAT, 16
    kind, size = tensor.typestr[1], int(tensor.typestr[2:])
    if kind not in _KINDS:
        raise BufferError(f"elements of type {tensor.dtype.name} cannot be passed on by DLPack")
    return _KINDS[kind], 8 * size
