"""Buffers and places while a plan is being made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from minirt.build.views import Placement
from minirt.ir.op import DataDependent, Op, Value
from minirt.kernels.kernel import Operand
from minirt.types.dim import Dim, ceil, divide, mul, symbols
from minirt.types.tensor import Tensor

LARGEST = 1 << 38
"""Bytes beyond which a buffer is not planned for its upper bound, but made when its size is known."""


@dataclass
class Draft:
    """A buffer while its lifetime is still being found."""

    kind: str
    bytes: Dim
    name: str = ""
    weight: int = -1
    host: bool = False
    first: int = 1 << 30
    last: int = -1
    holders: int = 0

    def touch(self, step: int) -> None:
        """Note that a step reads or writes the buffer."""
        self.first, self.last = min(self.first, step), max(self.last, step)


@dataclass
class Place:
    """Where a value is: a buffer and the placement in it."""

    buffer: int
    at: Placement


def part_of(whole: Place, axis: int, value: Value, start: Dim) -> Place:
    """Where a value lies that is the part of a larger tensor from ``start`` on along an axis."""
    at = whole.at
    part = Tensor(value.dtype, value.shape, at.type.layout)
    return Place(whole.buffer, Placement(part, at.strides, at.offset + start * at.strides[axis]))


def unknown_dims(op: Op, results: Sequence[Value | Operand]) -> tuple[str, ...]:
    """The dims that only running the op tells, of those that its results have."""
    if not isinstance(op, DataDependent):
        return ()
    found = {s for v in results if isinstance(v.type, Tensor) for d in v.type.shape for s in symbols(d)}
    return tuple(d for d in op.dims if d in found)


def bytes_of(tensor: Tensor) -> Dim:
    """Bytes of a dense tensor; narrower elements than a byte take one each."""
    return ceil(divide(mul(tensor.size, tensor.dtype.held_bits), 8))


def byte_offset(elements: Dim, tensor: Tensor) -> Dim:
    """Bytes that so many elements of the tensor take."""
    return divide(mul(elements, tensor.dtype.held_bits), 8)
