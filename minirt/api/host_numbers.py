"""Inputs that hold sizes: their numbers are given by a script, or read on the host where it says that they lie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minirt.build.load import Binding
from minirt.errors import ApiError, ShapeError
from minirt.runtime.cpu.backend import bytes_at
from minirt.runtime.device.memory import is_device_memory
from minirt.types.tensor import Tensor


class HostNumbers:
    """The numbers of a context's inputs that hold sizes; ``dims`` are what the engine calls them, by input."""

    def __init__(self, dims: Mapping[str, Sequence[str]], names: Mapping[str, Binding], host_target: bool) -> None:
        self.dims = dims
        self._names = names
        self._host_target = host_target
        self._given: dict[str, tuple[int, ...]] = {}

    def give(self, name: str, numbers: Sequence[Any]) -> None:
        """Take an input's numbers; raises ApiError for an input that holds no sizes, ShapeError for another count."""
        if name not in self.dims:
            what = "the engine reads no sizes from it"
            raise ApiError(what, f"tensor '{name}'", "bound its numbers by IOptimizationProfile.set_shape_input")
        if hasattr(numbers, "__cuda_array_interface__"):
            raise ApiError("the host reads it, and it lies in device memory", f"input '{name}'", "pass a host array")
        found = tuple(int(n) for n in np.ravel(np.asarray(numbers)))
        if len(found) != len(self.dims[name]):
            raise ShapeError(f"{len(found)} numbers are not {len(self.dims[name])}", f"input '{name}'")
        self._given[name] = found

    def take_back(self, name: str) -> None:
        """Read an input where it lies from now on."""
        self._given.pop(name, None)

    def missing(self, addresses: Mapping[str, int]) -> list[str]:
        """Return the inputs whose numbers cannot be known yet."""
        return [name for name in self.dims if name not in self._given and not addresses.get(name)]

    def of(self, name: str, addresses: Mapping[str, int]) -> tuple[int, ...]:
        """Return an input's numbers; raises ApiError where they are not set, or lie in device memory."""
        if name in self._given:
            return self._given[name]
        address = addresses.get(name)
        if not address:
            raise ApiError("its numbers are sizes, and not set", f"input '{name}'", "call set_tensor_address")
        if not self._host_target and is_device_memory(address):
            what = "its numbers are sizes, which the host reads, and it lies in device memory"
            raise ApiError(what, f"input '{name}'", "pass the address of host memory")
        kind = self._names[name].type
        assert isinstance(kind, Tensor)
        raw = bytes_at(address, kind.dtype.nbytes(len(self.dims[name])))
        return tuple(int(n) for n in raw.view(kind.dtype.numpy))

    def sizes(self, addresses: Mapping[str, int]) -> dict[str, int]:
        """Return what the numbers are now, by the engine's names for them."""
        found: dict[str, int] = {}
        for name, dims in self.dims.items():
            found.update(zip(dims, self.of(name, addresses), strict=True))
        return found
