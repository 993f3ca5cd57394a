"""Scaled dot-product attention as one op, for targets that have a kernel of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minirt.errors import MinirtError
from minirt.ir.graph import constant
from minirt.ir.op import Op, Value, apply, broadcast_dim, same_dim
from minirt.ops.arithmetic import Add, Mul
from minirt.ops.cast import casted
from minirt.ops.gemm import Gemm
from minirt.ops.logic import Equal, IsNaN, LessOrEqual, where
from minirt.ops.movement import Iota, dims_value, expanded, reshaped
from minirt.ops.reduce import Reduce
from minirt.ops.softmax import Softmax
from minirt.types.dim import Dim, Expr, divide, product
from minirt.types.dtype import FLOATS, Array, DType, bool_, i64
from minirt.types.tensor import Tensor, Type


class Attention(Op):
    """softmax(q @ k^T * scale + mask) @ v, over keys.

    Operands: q [..., H, S, D], k [..., G, T, D], v [..., G, T, E], and perhaps a mask that broadcasts to
    [..., H, S, T]; G divides H, and neighbouring heads of q share one of k and v.  A boolean mask says which keys
    count: a score that does not becomes ``hidden``.  Numbers are added.  ``causal``: query i sees no key after
    i + ``offset``.  ``guard``: a query whose weights are not numbers, as where it sees no key, gets zeros; ``empty``:
    only one that sees no key does.
    """

    dtypes = FLOATS
    scale: float = 1.0
    causal: bool = False
    offset: Dim = 0
    guard: bool = False
    hidden: float = float("-inf")
    empty: bool = False

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """[..., H, S, E]."""
        q, k, v = (x.shape for x in inputs[:3])
        if len({len(q), len(k), len(v)}) > 1 or len(q) < 3:
            raise MinirtError("queries, keys and values must have one rank, 3 or more")
        if {x.dtype for x in inputs[:3]} != {inputs[0].dtype}:
            raise MinirtError("queries, keys and values must have one element type")
        same_dim(q[-1], k[-1], "sizes of a head of queries and keys")
        same_dim(k[-2], v[-2], "numbers of keys and values")
        same_dim(k[-3], v[-3], "heads of keys and values")
        for a, b, c in zip(q[:-3], k[:-3], v[:-3], strict=True):
            same_dim(a, b, "batches of queries and keys")
            same_dim(a, c, "batches of queries and values")
        heads(q, k)
        scores = (*q[:-1], k[-2])
        if len(inputs) > 3:
            _check_mask(inputs[3], scores)
        return (Tensor(inputs[0].dtype, (*q[:-1], v[-1])),)

    def flops(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Dim:
        """Two for each number that is summed in the products; half where causality hides half of the scores."""
        q, v = inputs[0], inputs[2]
        total = product(q.shape[:-1]) * v.shape[-2] * 2 * (q.shape[-1] + v.shape[-1])
        square = self.causal and self.offset == 0 and q.shape[-2] == v.shape[-2]
        return divide(total, 2) if square else total

    def reference(self, *arrays: Any) -> Any:
        """In float64."""
        q, k, v = (np.asarray(x).astype(np.float64) for x in arrays[:3])
        share = q.shape[-3] // max(k.shape[-3], 1)
        k, v = (np.repeat(x, share, axis=-3) for x in (k, v))
        scores = q @ np.swapaxes(k, -1, -2) * self.scale
        if self.causal:
            assert not isinstance(self.offset, Expr)
            seen = np.tri(scores.shape[-2], scores.shape[-1], int(self.offset), dtype=bool)
            scores = np.where(seen, scores, -np.inf)
        if len(arrays) > 3:
            mask = np.asarray(arrays[3])
            number = mask.dtype != np.bool_
            scores = scores + mask.astype(np.float64) if number else np.where(mask, scores, self._fill(scores))
        weights: Array = _softmax(scores)
        if self.guard:
            weights = np.where(np.isnan(weights), 0.0, weights)
        if self.empty:
            weights = np.where(np.all(scores == -np.inf, axis=-1, keepdims=True), 0.0, weights)
        return weights @ v

    def _fill(self, scores: Array) -> Array:
        return np.where(scores == -np.inf, scores, self.hidden)  # causality hides for good

    def decompose(self, *inputs: Value) -> Value:
        """The same by two products and a softmax."""
        q, k, v = inputs[:3]
        share = heads(q.shape, k.shape)
        k, v = _spread(k, share), _spread(v, share)
        dtype = q.dtype
        scores = apply(Gemm(trans_b=True), q, k)
        scores = apply(Mul(), scores, constant(self.scale, dtype))
        nothing = constant(float("-inf"), dtype)
        if len(inputs) > 3:
            mask = inputs[3]
            if mask.dtype is bool_:
                scores = where(mask, scores, constant(_finite(self.hidden, dtype), dtype))
            else:
                scores = apply(Add(), scores, casted(mask, dtype))
        if self.causal:
            scores = where(seen_keys(scores.shape[-2], scores.shape[-1], self.offset), scores, nothing)
        weights = apply(Softmax(scores.rank - 1), scores)
        if self.guard:
            weights = where(apply(IsNaN(), weights), constant(0.0, dtype), weights)
        if self.empty:
            top = apply(Reduce("max", (scores.rank - 1,), True), scores)
            weights = where(apply(Equal(), top, nothing), constant(0.0, dtype), weights)
        return apply(Gemm(), weights, v)


def heads(q: tuple[Dim, ...], k: tuple[Dim, ...]) -> Dim:
    """How many heads of queries share one of keys, by their shapes; raises MinirtError where they do not divide."""
    many, few = q[-3], k[-3]
    share = 1 if many is few else divide(many, few)
    if isinstance(share, int):
        return share
    raise MinirtError(f"{many} heads of queries are not a multiple of {few} of keys")


def seen_keys(queries: Dim, keys: Dim, offset: Dim) -> Value:
    """bool [queries, keys]: which keys each query sees under causality."""
    row = apply(Add(), apply(Iota((queries, 1), 0, i64)), reshaped(dims_value([offset]), (1, 1)))
    return apply(LessOrEqual(), apply(Iota((1, keys), 1, i64)), row)


def _finite(number: float, dtype: DType) -> float:
    if number == float("-inf"):
        return number
    return max(number, -65504.0 if dtype.name == "f16" else -3.0e38)


def _spread(x: Value, share: Dim) -> Value:
    """A head for each head of the queries."""
    if share == 1:
        return x
    *batch, few, length, size = x.shape
    wide = expanded(reshaped(x, (*batch, few, 1, length, size)), (*batch, few, share, length, size))
    return reshaped(wide, (*batch, few * share, length, size))


def _check_mask(mask: Value, scores: tuple[Dim, ...]) -> None:
    if mask.dtype is not bool_ and mask.dtype not in FLOATS:
        raise MinirtError(f"a mask is of booleans or floats, not of {mask.dtype}")
    if mask.rank > len(scores):
        raise MinirtError(f"the mask {mask.type} has more axes than the scores")
    for have, want in zip(reversed(mask.shape), reversed(scores), strict=False):
        broadcast_dim(want, have)
        if want == 1 and not isinstance(have, Expr) and have != 1:
            raise MinirtError(f"the mask {mask.type} does not broadcast to the scores {scores}")


def _softmax(scores: Array) -> Array:
    if not scores.size:
        return scores
    with np.errstate(all="ignore"):
        raised: Array = np.exp(scores - scores.max(axis=-1, keepdims=True))
        return np.asarray(raised / raised.sum(axis=-1, keepdims=True))
