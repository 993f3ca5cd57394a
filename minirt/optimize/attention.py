"""Attention spelled out in products and a softmax, found again; for targets whose kernels keep scores out of memory."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from minirt.ir.graph import array_of, is_constant
from minirt.ir.match import P
from minirt.ir.op import Value, apply, op_of
from minirt.ops.arithmetic import Add, Div, Mul
from minirt.ops.attention import Attention
from minirt.ops.cast import Cast
from minirt.ops.gemm import Gemm
from minirt.ops.logic import Equal, IsNaN, Not, Where
from minirt.ops.movement import Expand, Reshape, Transpose
from minirt.ops.reduce import Reduce
from minirt.ops.softmax import Softmax
from minirt.optimize.masks import Mask, is_mask, known
from minirt.optimize.rewrite import Rule, rule
from minirt.types.dim import Dim, divide
from minirt.types.dtype import DType, bf16, f16, f32

LARGEST_HEAD = 256
Uses = Mapping[Value, int]


@dataclass
class _Scores:
    """What stands between the first product and the softmax, read from the softmax down."""

    shape: Value
    uses: Uses
    scale: float = 1.0
    mask: Mask = field(default_factory=Mask)
    parts: list[Value] = field(default_factory=list)
    """The masks, as they stand there."""

    def read(self, value: Value) -> Value | None:
        """The product; None where something else is there."""
        while True:
            if self.uses.get(value, 1) > 1:
                return None
            if isinstance(value.op, Gemm):
                return value if value.op.epilogue is None and not value.op.trans_a else None
            below = self._step(value)
            if below is None:
                return None
            value = below

    def _step(self, value: Value) -> Value | None:
        op, inputs = value.op, value.node.inputs
        if isinstance(op, Cast):
            return inputs[0] if inputs[0].dtype.is_float else None
        if isinstance(op, Mul | Div):
            return self._scaled(value)
        if self.scale != 1.0:
            return None  # the mask would be scaled too
        if isinstance(op, Add):
            for scores, number in (inputs, inputs[::-1]):
                if scores is not number and self._leads(scores) and is_mask(number, self.shape.tensor):
                    self.parts.append(number)
                    return scores if self.mask.add(number) else None
            return None
        if isinstance(op, Where) and is_mask(inputs[0], self.shape.tensor):
            for scores, other, condition in ((inputs[1], inputs[2], inputs[0]), (inputs[2], inputs[1], None)):
                hidden = number_of(other)
                if hidden is not None and hidden <= -1e4 and self._leads(scores):
                    self.parts.append(inputs[0])
                    seen = condition if condition is not None else apply(Not(), inputs[0])
                    return scores if self.mask.hide(seen, hidden) else None
        return None

    def _leads(self, value: Value) -> bool:
        """True where the value is made, one step after the other, of a product of the scores' shape."""
        for _ in range(8):
            if value.shape != self.shape.shape:
                return False
            if isinstance(value.op, Gemm):
                return True
            if isinstance(value.op, Where):
                return any(self._leads(v) for v in value.node.inputs[1:])
            if not isinstance(value.op, Cast | Mul | Div | Add):
                return False
            if isinstance(value.op, Add):
                return any(self._leads(v) for v in value.node.inputs)
            value = max(value.node.inputs, key=lambda v: v.rank)
        return False

    def _scaled(self, value: Value) -> Value | None:
        found = scaled(value)
        if found is None:
            return None
        self.scale *= found[1]
        return found[0]


def number_of(value: Value) -> float | None:
    """The one number of a constant."""
    if isinstance(value.op, Expand):
        return number_of(value.node.inputs[0])
    if not is_constant(value) or value.tensor.size != 1 or not value.dtype.is_float:
        return None
    return float(array_of(value).reshape(()))


def scaled(value: Value) -> tuple[Value, float] | None:
    """x and c of x * c or x / c, for a positive number c."""
    if not isinstance(value.op, Mul | Div):
        return None
    a, b = value.node.inputs
    if isinstance(value.op, Mul) and number_of(b) is None:
        a, b = b, a
    by = number_of(b)
    if by is None or not by > 0 or not math.isfinite(by) or a.shape != value.shape:
        return None
    return a, by if isinstance(value.op, Mul) else 1.0 / by


def _unscaled(value: Value) -> tuple[Value, float]:
    """The operand without the numbers that it is multiplied by, and their product."""
    total = 1.0
    while True:
        found = scaled(value)
        if found is not None:
            value, total = found[0], total * found[1]
        elif isinstance(value.op, Cast) and value.node.inputs[0].dtype in (f16, bf16):
            value = value.node.inputs[0]
        else:
            return value, total


@dataclass
class _Weights:
    """The softmax that a right-hand product reads, and what is done where its weights are no numbers."""

    softmax: Value | None = None
    guard: bool = False
    bias: Value | None = None
    """Where every number of a row of this is minus infinity, the weights become zero."""

    def read(self, value: Value, uses: Uses) -> bool:
        """Read from the product down; False where something else is there."""
        for _ in range(4):
            if uses.get(value, 1) > (2 if self.guard else 1):
                return False
            op, inputs = value.op, value.node.inputs
            if isinstance(op, Softmax):
                self.softmax = value
                return not op.log and op.axis == value.rank - 1
            if isinstance(op, Cast) and inputs[0].dtype.is_float:
                value = inputs[0]
            elif isinstance(op, Where) and number_of(inputs[1]) == 0.0 and self._zeros(inputs[0], inputs[2]):
                value = inputs[2]
            else:
                return False
        return False

    def _zeros(self, condition: Value, weights: Value) -> bool:
        """True where zeros under the condition are understood."""
        if isinstance(condition.op, IsNaN) and condition.node.inputs[0] is weights:
            self.guard = True
            return True
        if known(condition) is False:
            return True
        if not isinstance(condition.op, Equal) or self.bias is not None:
            return False
        top, low = condition.node.inputs
        last = isinstance(top.op, Reduce) and top.op.kind == "max" and top.op.axes == (top.rank - 1,)
        if not last or op_of(top, Reduce).prologue or op_of(top, Reduce).epilogue or number_of(low) != -math.inf:
            return False
        self.bias = top.node.inputs[0]
        return True

    def fits(self, parts: Sequence[Value]) -> bool:
        """True where a row that the mask hides is one that has zeros."""
        if self.bias is None or [_plain(p) for p in parts] == [_plain(self.bias)]:
            return True
        number = number_of(self.bias)
        if number is None or not math.isfinite(number):
            return False
        self.bias = None
        return True


def _plain(value: Value) -> Value:
    """The value without casts and broadcasts."""
    while isinstance(value.op, Cast | Expand):
        value = value.node.inputs[0]
    return value


def _swapped(x: Value) -> Value:
    rank = x.rank
    return apply(Transpose((*range(rank - 2), rank - 1, rank - 2)), x)


def _shared(x: Value) -> Value:
    """Keys or values without their copies for each head of the queries."""
    if not isinstance(x.op, Reshape) or not isinstance(x.node.inputs[0].op, Expand):
        return x
    source = x.node.inputs[0].node.inputs[0]
    wide, narrow = list(x.node.inputs[0].shape), list(source.shape)
    while len(wide) == len(narrow) > x.rank + 1 and wide[-3] == narrow[-3] == 1:
        del wide[-3], narrow[-3]
    if len(narrow) != len(wide) or len(wide) != x.rank + 1 or narrow[-3] != 1:
        return x
    rest = (*narrow[:-3], *narrow[-2:])
    same = (*wide[:-3], *wide[-2:]) == rest and x.shape == (*wide[:-4], wide[-4] * wide[-3], *wide[-2:])
    return apply(Reshape(rest), source) if same else x


def _fits(q: Value, k: Value, v: Value) -> bool:
    """True where the kernels take heads of these sizes."""
    sizes = (q.shape[-1], v.shape[-1])
    whole = all(isinstance(d, int) and 0 < d <= LARGEST_HEAD for d in sizes)
    ranks = q.rank in (3, 4) and q.rank == k.rank == v.rank
    return whole and ranks and q.shape[:-3] == k.shape[:-3] == v.shape[:-3] and q.dtype is k.dtype is v.dtype


def _attention(root: Value, uses: Uses, dtypes: tuple[DType, ...]) -> Value | None:
    product = op_of(root, Gemm)
    if product.trans_a or product.epilogue is not None or root.dtype not in dtypes or root.rank not in (3, 4):
        return None
    weights, v = root.node.inputs
    found = _Weights()
    if not found.read(weights, uses) or found.softmax is None:
        return None
    softmax = found.softmax
    scores = _Scores(softmax, uses)
    first = scores.read(softmax.node.inputs[0])
    if first is None or first.shape != softmax.shape or not scores.mask.settle() or not found.fits(scores.parts):
        return None
    q, left = _unscaled(first.node.inputs[0])
    k, right = _unscaled(first.node.inputs[1])
    k = k if op_of(first, Gemm).trans_b else _swapped(k)
    v = _swapped(v) if product.trans_b else v
    if q.dtype is not root.dtype or not _fits(q, k, v):
        return None
    return _made(root, scores, (q, k, v), left * right * scores.scale, found)


def _made(
    root: Value, scores: _Scores, operands: tuple[Value, Value, Value], scale: float, found: _Weights
) -> Value | None:
    q, k, v = operands
    shared = _shared(k), _shared(v)
    if shared[0].shape[-3] == shared[1].shape[-3]:
        k, v = shared
    mask, offset = scores.mask.operand(), scores.mask.offset
    hidden = scores.mask.hidden if scores.mask.hidden is not None else -np.inf
    causal = offset is not None
    if not isinstance(divide(q.shape[-3], k.shape[-3]), int):
        return None
    op = Attention(scale, causal, 0 if offset is None else offset, found.guard, float(hidden), found.bias is not None)
    made = apply(op, q, k, v, *(() if mask is None else (mask,)))
    return made if made.shape == root.shape else None


def _rule(dtypes: tuple[DType, ...]) -> Rule:
    @rule(P(Gemm, bind="root"))
    def softmax_between_products_is_attention(root: Value, uses: Uses) -> Value | None:
        """softmax(q @ k^T * scale + mask) @ v = attention(q, k, v, mask)."""
        return _attention(root, uses, dtypes)

    return softmax_between_products_is_attention


@rule(P(Attention, "q", "k", "v", bind="root", open=True))
def attention_repeats_heads_by_itself(q: Value, k: Value, v: Value, root: Value) -> Value | None:
    """attention(q, repeated(k), repeated(v)) = attention(q, k, v), whose heads are shared."""
    shared = _shared(k), _shared(v)
    if shared == (k, v) or shared[0].shape[-3] != shared[1].shape[-3]:
        return None
    return apply(root.op, q, *shared, *root.node.inputs[3:])


@rule(P(Reshape, P(Transpose, P(Reshape, "x", bind="inner"), bind="move"), bind="root"))
def batches_split_again_never_joined(x: Value, inner: Value, move: Value, root: Value) -> Value | None:
    """split(transpose(join(x))) = transpose(split(x)), where the other axes stay and the first is split, or not."""
    perm = op_of(move, Transpose).perm
    rest = inner.rank - 1
    lead = root.rank - rest
    if lead < 1 or rest < 1 or perm[0] != 0 or x.shape[-rest:] != inner.shape[1:]:
        return None
    kept: tuple[Dim, ...] = tuple(inner.shape[p] for p in perm[1:])
    if root.shape[lead:] != kept:
        return None
    split = apply(Reshape((*root.shape[:lead], *inner.shape[1:])), x)
    return apply(Transpose((*range(lead), *(p + lead - 1 for p in perm[1:]))), split)


HALVES = (_rule((f16, bf16)), attention_repeats_heads_by_itself)
"""For graphs whose own types are narrow."""
ALL = (_rule((f16, bf16, f32)), attention_repeats_heads_by_itself)
"""For graphs whose 32-bit floats will be narrowed, or may be multiplied as TF32."""
