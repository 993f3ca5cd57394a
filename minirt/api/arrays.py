"""Arrays that a script hands in and gets back, where a context copies them itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from minirt.api.addresses import place_of
from minirt.build.load import Binding
from minirt.errors import ApiError
from minirt.runtime.control import Result
from minirt.types.dtype import Array
from minirt.types.tensor import Tensor


def input_place(value: Any, binding: Binding, backend: Any) -> tuple[tuple[int, tuple[int, ...]], Any]:
    """Return the address and shape of an input, copied to the target's memory where it is a host array."""
    kind = binding.type
    assert isinstance(kind, Tensor)
    if hasattr(value, "__cuda_array_interface__"):
        place = place_of(value)
        if not place.dense or place.shape is None:
            raise ApiError("it is not contiguous", f"input '{binding.name}'", "pass a contiguous array")
        return (place.address, place.shape), value
    array = np.asarray(value)
    if array.dtype != kind.dtype.numpy:
        raise ApiError(f"it is {array.dtype}, the engine takes {kind.dtype}", f"input '{binding.name}'")
    shape = array.shape
    if binding.format is not None:
        array = binding.format.packed(array)
    array = np.ascontiguousarray(array).reshape(array.shape)
    if backend.host_memory:
        return (int(array.ctypes.data), shape), array
    memory = backend.allocate(max(1, array.nbytes))
    if array.nbytes:
        backend.write(memory.address, array.reshape(-1).view(np.uint8), 0)
    return (memory.address, shape), memory


def host_array(result: Result, binding: Binding, backend: Any, stream: int) -> Array:
    """Return an output as a host array, after the work on the stream."""
    kind = binding.type
    assert isinstance(kind, Tensor)
    count = int(np.prod(result.shape, dtype=np.int64))
    if not count:
        return np.empty(result.shape, kind.dtype.numpy)
    raw = np.array(backend.read(result.address, kind.dtype.nbytes(count), stream))
    array = raw.view(kind.dtype.numpy).reshape(result.shape)
    return array if binding.format is None else binding.format.unpacked(array)
