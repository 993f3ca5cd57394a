"""Normalization over axes, and the ONNX ops that are made of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minirt.errors import MinirtError
from minirt.ir.op import Op, Value, broadcast
from minirt.ir.scalar import Body, arg, cast
from minirt.ir.scalar_numpy import run_body
from minirt.types.dtype import FLOATS, DType
from minirt.types.tensor import Tensor, Type


class Normalization(Op):
    """x over ``axes`` with mean 0 and variance 1 ("layer"), or with mean square 1 ("rms"), then the epilogue.

    Statistics are of the population and at least f32.  The epilogue reads the normalized number as argument 0, in
    its compute type, and the operands after the first, broadcast to the result.
    """

    dtypes = FLOATS
    axes: tuple[int, ...]
    kind: str = "layer"
    epsilon: float = 1e-5
    epilogue: Body | None = None

    def finish(self, dtype: DType) -> Body:
        """The epilogue, written out."""
        total = dtype.compute
        return self.epilogue or Body((total,), (cast(arg(0, total), dtype),))

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """The operand's shape."""
        x = inputs[0].tensor
        if not self.axes or any(not 0 <= a < x.rank for a in self.axes):
            raise MinirtError(f"axes {self.axes} do not fit rank {x.rank}")
        if self.kind not in ("layer", "rms"):
            raise MinirtError(f"{self.kind!r} is not layer or rms")
        body = self.finish(x.dtype)
        if body.args != (x.dtype.compute, *(v.dtype for v in inputs[1:])):
            raise MinirtError(f"the epilogue takes {body.args}, not the operands' types")
        broadcast(x.shape, *(v.shape for v in inputs[1:]))
        return tuple(Tensor(d, x.shape) for d in body.dtypes)

    def run(self, arrays: Sequence[Any], types: Sequence[Type], wide: bool) -> tuple[Any, ...]:
        """In float64, then the epilogue."""
        assert isinstance(types[0], Tensor)
        dtype = types[0].dtype
        x = np.asarray(arrays[0]).astype(np.float64)
        if self.kind == "layer":
            x = x - x.mean(axis=self.axes, keepdims=True)
        out = x / np.sqrt(np.square(x).mean(axis=self.axes, keepdims=True) + self.epsilon)
        held = out if wide else out.astype(dtype.compute.numpy)
        return run_body(self.finish(dtype), [held, *arrays[1:]], wide)
