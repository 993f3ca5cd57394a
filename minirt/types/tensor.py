"""Types of values: tensors with symbolic shapes, sequences and optionals of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from minirt.types.dim import Dim, product
from minirt.types.dtype import DType

Shape = tuple[Dim, ...]


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
