"""Layout moves, made while lowering: the same tensor with its elements in another order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minirt.ir.op import Op, Value
from minirt.types.dtype import DTYPES
from minirt.types.tensor import Tensor, Type


class Relayout(Op):
    """A copy of any strided view into memory of its own: ``layout`` lists the axes from outermost to innermost."""

    dtypes = tuple(DTYPES.values())
    layout: tuple[int, ...] = ()

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """The operand's type in the new layout."""
        (x,) = inputs
        return (Tensor(x.dtype, x.shape, self.layout),)

    def reference(self, *arrays: Any) -> Any:
        """The operand."""
        return arrays[0]
