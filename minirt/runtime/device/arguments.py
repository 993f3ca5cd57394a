"""Kernel arguments packed as the driver takes them: one block of memory, patched in place."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, Protocol

from minirt.errors import DeviceError

Kind = Literal["ptr", "i32", "u32", "i64", "u64", "f32", "f64", "map"]

_FORMATS: dict[str, tuple[str, int]] = {
    "ptr": ("<Q", 8), "i32": ("<i", 4), "u32": ("<I", 4), "i64": ("<q", 8), "u64": ("<Q", 8),
    "f32": ("<f", 4), "f64": ("<d", 8), "map": ("<128s", 128),
}  # fmt: skip
_MAP_ALIGNMENT = 64  # a tensor map lies on 64 bytes, in the block as on the device


class MapDescription(Protocol):
    """What encodes a 128-byte tensor map once the tensor's address is known."""

    def encode(self, address: int) -> bytes:
        """The tensor map over the tensor at `address`."""
        ...


class ArgumentBlock:
    """The values of one launch's parameters, and the array of their addresses that the driver reads.

    A value is a number, or for kind "map" either 128 bytes or a pair (description, address). Setting a map's value to a
    plain address encodes its description anew.
    """

    def __init__(self, kinds: Sequence[Kind], values: Sequence[object]) -> None:
        if len(kinds) != len(values):
            raise DeviceError(f"{len(values)} arguments for {len(kinds)} parameters")
        self.kinds = tuple(kinds)
        self._descriptions: dict[int, MapDescription] = {}
        layout = _layout(self.kinds)
        self._offsets = layout.offsets
        self._memory = layout.room()
        base = ctypes.addressof(self._memory)
        self._shift = -base % _MAP_ALIGNMENT
        base += self._shift
        self._params = layout.pointers(*[base + offset for offset in self._offsets])
        self.params = ctypes.addressof(self._params)
        packed = list(values)
        for index in layout.maps:
            packed[index] = self._encode(index, packed[index])
        try:
            layout.packer.pack_into(self._memory, self._shift, *packed)
        except struct.error:
            for index, value in enumerate(packed):  # finds which one it is
                self.set(index, value)
            raise

    def set(self, index: int, value: object) -> None:
        """Change one argument in place; launches already made keep the old value."""
        kind = self.kinds[index]
        if kind == "map":
            value = self._encode(index, value)
        form, _ = _FORMATS[kind]
        try:
            struct.pack_into(form, self._memory, self._shift + self._offsets[index], value)
        except struct.error as error:
            raise DeviceError(f"argument {index} ({kind}) cannot be {value!r}: {error}") from None

    def get(self, index: int) -> int | float | bytes:
        """An argument as it is now."""
        form, _ = _FORMATS[self.kinds[index]]
        (value,) = struct.unpack_from(form, self._memory, self._shift + self._offsets[index])
        found: int | float | bytes = value
        return found

    def _encode(self, index: int, value: object) -> bytes:
        if isinstance(value, bytes):
            if len(value) != 128:
                raise DeviceError(f"argument {index} is a tensor map of {len(value)} bytes, not 128")
            return value
        if isinstance(value, tuple):
            description, address = value
            self._descriptions[index] = description
            return self._descriptions[index].encode(int(address))
        if index not in self._descriptions:
            raise DeviceError(f"argument {index} is a tensor map that was never described")
        if not isinstance(value, int):
            raise DeviceError(f"argument {index} is a tensor map; {type(value).__name__} is no address")
        return self._descriptions[index].encode(value)


@dataclass(frozen=True)
class _Layout:
    """Where the parameters of some kinds lie in a block, and what packs them at once."""

    offsets: tuple[int, ...]
    packer: struct.Struct
    room: Any
    pointers: Any
    maps: tuple[int, ...]


@lru_cache(maxsize=4096)
def _layout(kinds: tuple[Kind, ...]) -> _Layout:
    unknown = [kind for kind in kinds if kind not in _FORMATS]
    if unknown:
        raise DeviceError(f"no parameter kind is called {unknown[0]!r}")
    offsets, end, form = [], 0, "<"
    for kind in kinds:
        code, size = _FORMATS[kind]
        gap = -end % min(size, _MAP_ALIGNMENT)
        form += f"{gap}x{code[1:]}" if gap else code[1:]
        offsets.append(end + gap)
        end += gap + size
    maps = tuple(index for index, kind in enumerate(kinds) if kind == "map")
    room = ctypes.c_char * (end + _MAP_ALIGNMENT)
    return _Layout(tuple(offsets), struct.Struct(form), room, ctypes.c_void_p * max(len(kinds), 1), maps)
