"""Types of values: tensors with symbolic shapes, sequences and optionals of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from minirt.errors import MinirtError
from minirt.types.dim import Dim, Expr, product
from minirt.types.dtype import DType

Shape = tuple[Dim, ...]
MOST_BYTES = 1 << 62
"""A tensor has fewer: offsets and strides are 64-bit numbers."""
MOST_AXES = 64
"""NumPy has no more."""


@dataclass(frozen=True)
class Tensor:
    """A dense tensor: element type, logical shape, and memory order of its axes.

    ``layout`` lists the logical axes from outermost to innermost in memory; ``()`` means row-major.  Before lowering
    every layout is ``()``.
    """

    dtype: DType
    shape: Shape
    layout: tuple[int, ...] = ()

    @property
    def rank(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> Dim:
        """Number of elements."""
        return product(self.shape)

    @property
    def order(self) -> tuple[int, ...]:
        """Axes from outermost to innermost in memory."""
        return self.layout or tuple(range(self.rank))

    @property
    def strides(self) -> Shape:
        """Elements between neighbours along each logical axis, for a dense tensor in its layout."""
        steps: list[Dim] = [1] * self.rank
        step: Dim = 1
        for axis in reversed(self.order):
            steps[axis] = step
            step = step * self.shape[axis]
        return tuple(steps)

    def with_shape(self, shape: Shape) -> Tensor:
        """The same element type with another shape, row-major."""
        return Tensor(self.dtype, shape)

    def check(self) -> None:
        """Raises MinirtError where no tensor can be so: a dim below 0 or not whole, or more than 64 bits tell."""
        if self.rank > MOST_AXES:
            raise MinirtError(f"a tensor of {self.rank} axes is not supported (at most {MOST_AXES})")
        known = [d for d in self.shape if not isinstance(d, Expr)]
        if any(d != int(d) for d in known):
            raise MinirtError(f"{self} has a dim that is not whole")
        if any(d < 0 for d in known):
            raise MinirtError(f"{self} has a dim below 0")
        if math.prod(d or 1 for d in known) * self.dtype.bits >= 8 * MOST_BYTES:
            raise MinirtError(f"{self} has more elements than there can be")

    def with_dtype(self, dtype: DType) -> Tensor:
        """The same shape with another element type."""
        return replace(self, dtype=dtype)

    def __repr__(self) -> str:
        order = f"@{''.join(map(str, self.layout))}" if self.layout else ""
        return f"{self.dtype}[{','.join(map(str, self.shape))}]{order}"


@dataclass(frozen=True)
class Sequence:
    """A list of values of one type; lives on the host."""

    element: Type

    def __repr__(self) -> str:
        return f"seq({self.element})"


@dataclass(frozen=True)
class Optional:
    """A value or nothing; lives on the host."""

    element: Type

    def __repr__(self) -> str:
        return f"optional({self.element})"


Type = Tensor | Sequence | Optional
