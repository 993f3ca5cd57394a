"""Sequences and optionals: lists of tensors on the host, mostly taken apart again while a model is imported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minirt.errors import MinirtError
from minirt.ir.op import DataDependent, Op, Value
from minirt.types.dim import Dim, Expr, symbol
from minirt.types.dtype import DTYPES, DType, i64
from minirt.types.tensor import Sequence as SequenceType
from minirt.types.tensor import Tensor, Type

VARIES = symbol("varies")
"""The dim of a sequence's elements where they differ."""
NOTHING = symbol("nothing")
"""The only dim of the elements of a sequence that has none yet: those that follow may be of any rank."""
_EVERY = tuple(DTYPES.values())


def common(types: Sequence[Type]) -> Tensor:
    """The type of elements that have these types; raises MinirtError where types or ranks differ."""
    first = next((t for t in types if not (isinstance(t, Tensor) and t.shape == (NOTHING,))), types[0])
    if not isinstance(first, Tensor):
        raise MinirtError(f"sequences hold tensors, not {first}")
    shape = list(first.shape)
    for other in types:
        if isinstance(other, Tensor) and other.dtype is first.dtype and other.shape == (NOTHING,):
            continue
        if not isinstance(other, Tensor) or other.dtype is not first.dtype or other.rank != first.rank:
            raise MinirtError(f"one sequence does not hold {first} and {other}")
        shape = [a if _same(a, b) else VARIES for a, b in zip(shape, other.shape, strict=True)]
    return Tensor(first.dtype, tuple(shape))


def _same(a: Dim, b: Dim) -> bool:
    return a is b or (not isinstance(a, Expr) and not isinstance(b, Expr) and a == b)


def element_of(value: Value) -> Tensor:
    """The type of a sequence's elements."""
    if not isinstance(value.type, SequenceType) or not isinstance(value.type.element, Tensor):
        raise MinirtError(f"a sequence of tensors is needed, not {value.type}")
    return value.type.element


class SequenceConstruct(Op):
    """A list of the operands."""

    dtypes = _EVERY

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """A sequence of what the operands have in common."""
        return (SequenceType(common([v.type for v in inputs])),)

    def reference(self, *arrays: Any) -> Any:
        """The list."""
        return list(arrays)


class SequenceOfSlices(Op):
    """A list of the slices of the operand along its first axis."""

    dtypes = _EVERY

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """A sequence of slices of one type."""
        return (SequenceType(Tensor(inputs[0].dtype, inputs[0].shape[1:])),)

    def reference(self, *arrays: Any) -> Any:
        """The list."""
        return list(arrays[0])


class SequenceEmpty(Op):
    """A list of nothing, for elements of type ``dtype`` and of rank ``rank``; 0 leaves the rank open."""

    dtype: DType
    rank: int = 0

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """A sequence of unknown sizes."""
        return (SequenceType(Tensor(self.dtype, (VARIES,) * self.rank or (NOTHING,))),)

    def reference(self, *arrays: Any) -> Any:
        """The empty list."""
        return []


class SequenceInsert(Op):
    """The list with operand 1 put before place operand 2 (i64 []; without it, at the end)."""

    dtypes = _EVERY

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """A sequence of what old and new elements have in common."""
        return (SequenceType(common([element_of(inputs[0]), inputs[1].type])),)

    def reference(self, *arrays: Any) -> Any:
        """A new list."""
        items = list(arrays[0])
        place = int(arrays[2]) if len(arrays) > 2 else len(items)
        items.insert(_checked(place, len(items) + 1) if place < 0 else place, arrays[1])
        return items


class SequenceErase(Op):
    """The list without the element at place operand 1 (i64 []; without it, the last)."""

    dtypes = _EVERY

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """The same sequence."""
        return (inputs[0].type,)

    def reference(self, *arrays: Any) -> Any:
        """A new list."""
        items = list(arrays[0])
        del items[_checked(int(arrays[1]) if len(arrays) > 1 else -1, len(items))]
        return items


def _checked(place: int, count: int) -> int:
    if not -count <= place < count:
        raise MinirtError(f"a sequence of {count} elements has no place {place}")
    return place % count


class SequenceAt(DataDependent):
    """The element of a list at place operand 1 (i64 [])."""

    dtypes = _EVERY

    def unknowns(self, *inputs: Value) -> int:
        """Sizes in which the elements differ."""
        return sum(d is VARIES for d in element_of(inputs[0]).shape)

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """What the elements have in common."""
        names, element = list(self.dims), element_of(inputs[0])
        return (Tensor(element.dtype, tuple(symbol(names.pop(0)) if d is VARIES else d for d in element.shape)),)

    def reference(self, *arrays: Any) -> Any:
        """The element."""
        items = arrays[0]
        return items[_checked(int(arrays[1]), len(items))]


class SequenceLength(Op):
    """How many elements a list has, i64 []."""

    dtypes = _EVERY

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """i64 []."""
        element_of(inputs[0])
        return (Tensor(i64, ()),)

    def reference(self, *arrays: Any) -> Any:
        """The length."""
        return np.int64(len(arrays[0]))


class ConcatFromSequence(DataDependent):
    """The elements of a list joined along ``axis``, which is a new one where ``new_axis``."""

    dtypes = _EVERY

    axis: int
    new_axis: bool = False

    def unknowns(self, *inputs: Value) -> int:
        """The axis, and sizes in which the elements differ."""
        return element_of(inputs[0]).rank + int(self.new_axis)

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """The elements' type with the axis of unknown size."""
        element = element_of(inputs[0])
        shape: list[Dim] = list(element.shape)
        if self.new_axis:
            shape.insert(self.axis, VARIES)
        else:
            shape[self.axis] = VARIES
        return (
            Tensor(
                element.dtype, tuple(symbol(n) if d is VARIES else d for n, d in zip(self.dims, shape, strict=True))
            ),
        )

    def reference(self, *arrays: Any) -> Any:
        """One array."""
        return np.stack(arrays[0], self.axis) if self.new_axis else np.concatenate(arrays[0], self.axis)


class SplitToSequence(Op):
    """A list of pieces of operand 0 along ``axis``: of the sizes in operand 1 (i64 [pieces], or [] for equal ones)."""

    dtypes = _EVERY

    axis: int

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """Pieces of unknown size along the axis."""
        x = inputs[0]
        return (SequenceType(Tensor(x.dtype, tuple(VARIES if i == self.axis else d for i, d in enumerate(x.shape)))),)

    def reference(self, *arrays: Any) -> Any:
        """The pieces."""
        x, sizes = np.asarray(arrays[0]), np.asarray(arrays[1])
        ends = np.arange(int(sizes), x.shape[self.axis], int(sizes)) if sizes.ndim == 0 else np.cumsum(sizes)[:-1]
        return list(np.split(x, ends, axis=self.axis))
