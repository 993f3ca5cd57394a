"""Matrix products."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minirt.errors import MinirtError
from minirt.ir.op import Value, apply, broadcast, same_dim
from minirt.ir.scalar import Body, Scalar, arg, call, cast, const
from minirt.ops.epilogue import Accumulates, accumulator
from minirt.ops.importer import OnnxNode, Result, importer
from minirt.ops.movement import Reshape
from minirt.types.dim import Dim
from minirt.types.tensor import Tensor, Type


class Gemm(Accumulates):
    """a @ b over the last two axes, leading axes broadcast; ``trans_a``, ``trans_b`` swap those two first."""

    trans_a: bool = False
    trans_b: bool = False
    epilogue: Body | None = None

    def _epilogue(self) -> Body | None:
        return self.epilogue

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """[..., M, N] for a [..., M, K] and b [..., K, N]."""
        a, b = inputs[0].shape, inputs[1].shape
        if len(a) < 2 or len(b) < 2:
            raise MinirtError(f"a product needs operands of rank 2 or more, not {len(a)} and {len(b)}")
        m, k = (a[-1], a[-2]) if self.trans_a else (a[-2], a[-1])
        k2, n = (b[-1], b[-2]) if self.trans_b else (b[-2], b[-1])
        same_dim(k, k2, "inner dims of the product")
        return self.finish((*broadcast(a[:-2], b[:-2]), m, n), inputs)

    def flops(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Dim:
        """Two for each number that is summed."""
        return outputs[0].size * 2 * inputs[0].shape[-2 if self.trans_a else -1]

    def reference(self, *arrays: Any) -> Any:
        """The product."""
        a, b = (np.swapaxes(x, -1, -2) if t else x for x, t in zip(arrays, (self.trans_a, self.trans_b), strict=False))
        return np.matmul(a, b)


def matmul(a: Value, b: Value, trans_b: bool = False, epilogue: Body | None = None) -> Value:
    """NumPy's matmul: operands of rank 1 are rows or columns whose axis is taken out of the result."""
    left = a if a.rank > 1 else apply(Reshape((1, *a.shape)), a)
    right = b if b.rank > 1 else apply(Reshape((*b.shape, 1)), b)
    out = apply(Gemm(trans_b=trans_b, epilogue=epilogue), left, right)
    if a.rank > 1 and b.rank > 1:
        return out
    shape = out.shape[:-2] + (out.shape[-2:-1] if a.rank > 1 else ()) + (out.shape[-1:] if b.rank > 1 else ())
    return apply(Reshape(shape), out)


@importer("MatMul")
def _matmul(node: OnnxNode) -> Result:
    return matmul(node.input(0), node.input(1))


def _scaled(x: Scalar, by: float) -> Scalar:
    if by == 1.0:
        return x
    if x.dtype.is_integer:
        return call("mul", x, const(int(by), x.dtype))
    return call("mul", x, const(by, x.dtype))


@importer("Gemm")
def _gemm(node: OnnxNode) -> Result:
    a, b, c = node.input(0), node.input(1), node.optional(2)
    alpha, beta = (float(node.attributes.get(name, 1.0)) for name in ("alpha", "beta"))
    if a.rank != 2 or b.rank != 2:
        raise MinirtError(f"Gemm takes matrices, not ranks {a.rank} and {b.rank}")
    total = accumulator(a.dtype)
    result = _scaled(arg(0, total), alpha)
    extras: tuple[Value, ...] = ()
    if c is not None and beta != 0.0:
        extras = (c,)
        result = call("add", result, _scaled(cast(arg(1, c.dtype), total), beta))
    body = None if result.fn == "arg" else Body((total, *(v.dtype for v in extras)), (cast(result, a.dtype),))
    fields = {name: bool(node.attributes.get(key, 0)) for name, key in (("trans_a", "transA"), ("trans_b", "transB"))}
    return apply(Gemm(**fields, epilogue=body), a, b, *extras)
