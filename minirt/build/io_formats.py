"""Memory layouts of a network's inputs and outputs other than row-major: channels last, and channels in vectors.

An input or output in such a format is a row-major tensor of other dims in the graph, beside moves that passes fold into
what reads or writes it: [N, C, H, W] in HWC8 is [N, H, W, C rounded up to 8], in CHW4 [N, C/4 rounded up, H, W, 4].
What a script sees has the dims that it declared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from minirt.build.network import NetworkCells, TensorCell
from minirt.build.options import Profile
from minirt.errors import ApiError
from minirt.ir.graph import constant
from minirt.ir.op import Value, apply
from minirt.ops.movement import Pad, Reshape, Slice, Transpose
from minirt.types.dim import Dim
from minirt.types.dtype import Array
from minirt.types.tensor import Tensor

LINEAR = "LINEAR"
_LANES = {"HWC": 1, "DHWC": 1, "HWC8": 8, "HWC16": 16, "DHWC8": 8, "CHW2": 2, "CHW4": 4, "CHW16": 16, "CHW32": 32}
_LANES |= {"CDHW32": 32}
_WIDE = {2: "Two-wide", 4: "Four-wide", 16: "Sixteen-wide", 32: "Thirty-two wide"}


@dataclass(frozen=True)
class IoFormat:
    """A format that is not row-major, by TensorRT's name, for tensors of a number of channels."""

    name: str
    channels: int

    @property
    def lanes(self) -> int:
        """How many channels a vector holds."""
        return _LANES[self.name]

    @property
    def split(self) -> bool:
        """Whether vectors of channels are innermost, planes outermost; else all channels are innermost."""
        return self.name.startswith("C")

    @property
    def spatial(self) -> int:
        """How many axes follow the channels."""
        return 3 if "D" in self.name else 2

    @property
    def blocks(self) -> int:
        """How many vectors the channels fill."""
        return -(-self.channels // self.lanes)

    def axis(self, rank: int) -> int:
        """Return the axis of the channels."""
        return rank - 1 - self.spatial

    def inside(self, shape: Sequence[Dim]) -> tuple[Dim, ...]:
        """Return the dims in memory of a tensor of these dims."""
        dims, at = list(shape), self.axis(len(shape))
        rest = dims[:at] + dims[at + 1 :]
        if self.split:
            return (*dims[:at], self.blocks, *dims[at + 1 :], self.lanes)
        return (*rest, self.blocks * self.lanes)

    def declared(self, shape: Sequence[Dim]) -> tuple[Dim, ...]:
        """Return the dims of a tensor that has these in memory."""
        dims = list(shape)
        if self.split:
            at = self.axis(len(dims) - 1)
            return (*dims[:at], self.channels, *dims[at + 1 : -1])
        at = self.axis(len(dims))
        return (*dims[:at], self.channels, *dims[at:-1])

    def strides(self, shape: Sequence[int]) -> tuple[int, ...]:
        """Return the strides of a tensor of these dims, in vectors."""
        at = self.axis(len(shape))
        others = [axis for axis in range(len(shape)) if axis != at]
        order = list(range(len(shape))) if self.split else [*others, at]
        found, step = [0] * len(shape), 1
        for axis in reversed(order):
            found[axis] = step
            step *= self.blocks if axis == at else shape[axis]
        return tuple(found)

    def describe(self, dtype: str) -> str:
        """Return the format in words."""
        if self.split:
            return f"{_WIDE[self.lanes]} channel vectorized row major {dtype} format (k{self.name})"
        each = f" where channel % {self.lanes} == 0" if self.lanes > 1 else ""
        return f"Channel major {dtype} format{each} (k{self.name})"

    def read(self, value: Value) -> Value:
        """Return the tensor of an input as it lies in memory."""
        rank = value.rank - self.split
        at = self.axis(rank)
        if self.split:
            value = apply(Transpose((*range(at + 1), value.rank - 1, *range(at + 1, value.rank - 1))), value)
            dims = value.shape
            value = apply(Reshape((*dims[:at], self.blocks * self.lanes, *dims[at + 2 :])), value)
        else:
            value = apply(Transpose((*range(at), rank - 1, *range(at, rank - 1))), value)
        sizes = (*value.shape[:at], self.channels, *value.shape[at + 1 :])
        return value if sizes == value.shape else apply(Slice((0,) * rank, sizes, (1,) * rank), value)

    def write(self, value: Value) -> Value:
        """Return a tensor as an output has it in memory; lanes past the channels are zero."""
        rank, at = value.rank, self.axis(value.rank)
        lacking = self.blocks * self.lanes - self.channels
        if lacking:
            ends = tuple(lacking if axis == at else 0 for axis in range(rank))
            value = apply(Pad((0,) * rank, ends), value, constant(np.zeros((), value.dtype.numpy), value.dtype))
        if not self.split:
            return apply(Transpose((*range(at), *range(at + 1, rank), at)), value)
        dims = value.shape
        value = apply(Reshape((*dims[:at], self.blocks, self.lanes, *dims[at + 1 :])), value)
        return apply(Transpose((*range(at + 1), *range(at + 2, rank + 1), at + 1)), value)

    def packed(self, array: Array) -> Array:
        """Return an array of a tensor's dims as it lies in memory."""
        at = self.axis(array.ndim)
        pads = [(0, self.blocks * self.lanes - self.channels if axis == at else 0) for axis in range(array.ndim)]
        padded = np.moveaxis(np.pad(array, pads), at, -1)
        if self.split:
            padded = np.moveaxis(padded.reshape(*padded.shape[:-1], self.blocks, self.lanes), -2, at)
        return np.ascontiguousarray(padded)

    def unpacked(self, array: Array) -> Array:
        """Return what lies in memory as an array of a tensor's dims."""
        if self.split:
            at = self.axis(array.ndim - 1)
            array = np.moveaxis(array, at, -2)
            array = array.reshape(*array.shape[:-2], self.blocks * self.lanes)
        at = self.axis(array.ndim)
        return np.ascontiguousarray(np.moveaxis(array[..., : self.channels], -1, at))


def format_of(tensor: TensorCell, shape: Sequence[Dim]) -> IoFormat | None:
    """Return the format of an input or output of these dims, None for row-major, which is taken where it is allowed.

    Raises ApiError where no allowed format suits the tensor.
    """
    allowed: Iterable[str] | None = tensor.extras.get("formats")
    if allowed is None or LINEAR in allowed:
        return None
    for name in allowed:
        at = IoFormat(name, 0).axis(len(shape)) if name in _LANES else -1
        if at >= 0 and isinstance(channels := shape[at], int):
            return IoFormat(name, channels)
    what = f"none of {', '.join(allowed)} suits {tuple(shape)}"
    raise ApiError(what, f"tensor '{tensor.name}'", "allow LINEAR, or fix the channels")


def formats_in(network: NetworkCells, value_of: Callable[[TensorCell], Value]) -> dict[str, IoFormat]:
    """Return the formats of a network's inputs and outputs that are not row-major, by name."""
    pairs = [(t, format_of(t, value_of(t).shape)) for t in (*network.inputs, *network.outputs) if "formats" in t.extras]
    return {t.name: found for t, found in pairs if found is not None}


def profiles_inside(profiles: Sequence[Profile], formats: Mapping[str, IoFormat]) -> tuple[Profile, ...]:
    """Return profiles with the dims that inputs have in memory."""
    return tuple(_mapped(p, formats, inside=True) for p in profiles)


def profiles_declared(profiles: Sequence[Profile], formats: Mapping[str, IoFormat]) -> tuple[Profile, ...]:
    """Return profiles of dims in memory with the dims that inputs were declared with."""
    return tuple(_mapped(p, formats, inside=False) for p in profiles)


def _mapped(profile: Profile, formats: Mapping[str, IoFormat], inside: bool) -> Profile:
    if not formats:
        return profile
    made = dict(profile.shapes)
    for name, found in formats.items():
        if name in made:
            low, best, high = made[name]
            change = found.inside if inside else found.declared
            made[name] = (change(low), change(best), change(high))  # type: ignore[assignment]
    return Profile(made, profile.values)


def declared_type(kind: Tensor, found: IoFormat | None) -> Tensor:
    """Return the type that a script sees of an input or output."""
    return kind if found is None else Tensor(kind.dtype, found.declared(kind.shape))
