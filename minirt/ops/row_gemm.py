"""Products of a few rows, which take in what makes the rows and what joins two products."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, TypeVar

import numpy as np

from minirt.errors import MinirtError
from minirt.ir.op import Value, apply, apply_all, broadcast, same_dim
from minirt.ir.scalar import Body, arg
from minirt.ir.scalar_numpy import numpy_type, run_body
from minirt.ops.epilogue import Accumulates, accumulator
from minirt.ops.gemm import Gemm
from minirt.ops.normalization import Normalization
from minirt.ops.pointwise import Map
from minirt.types.dim import Dim
from minirt.types.dtype import FLOATS, DType
from minirt.types.tensor import Tensor, Type

T = TypeVar("T")


class RowGemm(Accumulates):
    """norm(a) @ b, or with ``gated`` what an epilogue makes of two such products.

    Operands: a [..., M, K], b [K, N] ([N, K] with ``trans_b``) and with ``gated`` another such b, then those of the
    epilogue, then those of the normalization.  With ``kind`` each row of a is normalized first, as ``Normalization``
    does it with ``prologue`` as its epilogue, whose operands have one number, or one for each of K.  With ``gated`` the
    epilogue reads the sums of both products, as its arguments 0 and 1.
    """

    dtypes = FLOATS
    trans_a: ClassVar[bool] = False
    trans_b: bool = False
    gated: bool = False
    kind: str = ""
    epsilon: float = 0.0
    prologue: Body | None = None
    epilogue: Body | None = None

    @property
    def sums(self) -> int:
        """Products that a result is made of."""
        return 1 + self.gated

    def _epilogue(self) -> Body | None:
        return self.epilogue

    def body(self, dtype: DType) -> Body:
        """The epilogue, which is always there with ``gated``."""
        if self.epilogue is None and self.gated:
            raise MinirtError("two products need an epilogue that joins them")
        return super().body(dtype)

    def parts(self, inputs: Sequence[T]) -> tuple[Sequence[T], Sequence[T], Sequence[T]]:
        """What is given for each operand, split: that for a and b, for the epilogue's, for the normalization's."""
        start = 1 + self.sums
        count = start if self.epilogue is None else start + len(self.epilogue.args) - self.sums
        return inputs[:start], inputs[start:count], inputs[count:]

    def norm(self, rank: int) -> Normalization:
        """The normalization of an a of such a rank."""
        return Normalization((rank - 1,), self.kind, self.epsilon, self.prologue)

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """[..., M, N]."""
        (a, *matrices), extras, sides = self.parts(inputs)
        if a.rank < 2 or any(b.rank != 2 for b in matrices):
            raise MinirtError(f"a product of rows needs a matrix or more and matrices, not {[v.rank for v in inputs]}")
        if any(b.dtype is not a.dtype for b in matrices) or any(b.shape != matrices[0].shape for b in matrices):
            raise MinirtError(f"operands must have one element type and shape: {a.type}, {[b.type for b in matrices]}")
        k, columns = matrices[0].shape[::-1] if self.trans_b else matrices[0].shape
        same_dim(a.shape[-1], k, "inner dims of the product")
        body = self.body(a.dtype)
        if body.args != (*[accumulator(a.dtype)] * self.sums, *(v.dtype for v in extras)):
            raise MinirtError(f"the epilogue takes {body.args}, not the sums and the operands' types")
        shape = (*a.shape[:-1], columns)
        if broadcast(shape, *(v.shape for v in extras)) != shape:
            raise MinirtError(f"epilogue operands must broadcast to the result {shape}")
        self._check_norm(a, sides)
        return tuple(Tensor(d, shape) for d in body.dtypes)

    def _check_norm(self, a: Value, sides: Sequence[Value]) -> None:
        if not self.kind and (sides or self.prologue):
            raise MinirtError("operands of a normalization without one")
        if not self.kind:
            return
        (made,) = self.norm(a.rank).infer(a, *sides)
        if made != a.tensor:
            raise MinirtError(f"the normalization gives {made}, not {a.tensor}")
        if any(v.tensor.size != 1 and v.shape[-1:] != (v.tensor.size,) for v in sides):
            raise MinirtError("operands of the normalization must be the same for each row")

    def flops(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Dim:
        """Two for each number that is summed."""
        return outputs[0].size * (2 * self.sums) * inputs[0].shape[-1]

    def run(self, arrays: Sequence[Any], types: Sequence[Type], wide: bool) -> tuple[Any, ...]:
        """The normalization as such, the sums in their type (float64 where ``wide``), then the epilogue."""
        assert isinstance(types[0], Tensor)
        dtype, ((a, *matrices), extras, sides) = types[0].dtype, self.parts(arrays)
        if self.kind:
            (a,) = self.norm(types[0].rank).run([a, *sides], [types[0], *self.parts(types)[2]], wide)
        total = numpy_type(accumulator(dtype), wide)
        held = [np.asarray(b).astype(total, copy=False) for b in matrices]
        x = np.asarray(a).astype(total, copy=False)
        sums = [np.matmul(x, np.swapaxes(b, 0, 1) if self.trans_b else b) for b in held]
        return run_body(self.body(dtype), [*sums, *extras], wide)

    def decompose(self, *inputs: Value) -> Value | Sequence[Value] | None:
        """The normalization, the products, and what joins them."""
        (a, *matrices), extras, sides = self.parts(inputs)
        x = apply(self.norm(a.rank), a, *sides) if self.kind else a
        if not self.gated:
            return apply_all(Gemm(trans_b=self.trans_b, epilogue=self.epilogue), x, *matrices, *extras)
        total = accumulator(a.dtype)
        whole = Body((total,), (arg(0, total),))
        products = [apply(Gemm(trans_b=self.trans_b, epilogue=whole), x, b) for b in matrices]
        return apply_all(Map(self.body(a.dtype)), *products, *extras)
