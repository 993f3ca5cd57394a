"""What the attention kernels ask of a problem: how rows lie, what the caches hold, who sees whom."""

from __future__ import annotations

import math

from minirt.kernels.cuda.nest import is_one, same
from minirt.kernels.kernel import Operand, Problem
from minirt.ops.attention import Attention
from minirt.types.dim import Dim, ceil, divide, mul

_FINITE, _LEAST = 3.0e38, 3.4e38
_CACHED = 24 << 20


def up(size: Dim, each: int) -> Dim:
    """How many pieces of ``each`` make up ``size``, the last perhaps not full."""
    return ceil(divide(size, each))


def piece(operand: Operand) -> int:
    """Numbers in 16 bytes."""
    return 128 // operand.type.dtype.bits


def aligned(problem: Problem, operand: Operand) -> bool:
    """True where rows are contiguous and each starts on 16 bytes."""
    last = is_one(operand.shape[-1]) or same(operand.strides[-1], 1)
    rows = (s for s, d in zip(operand.strides[:-1], operand.shape[:-1], strict=True) if not is_one(d))
    return operand.aligned and last and all(problem.divisible(s, piece(operand)) for s in rows)


def vectors(problem: Problem, operand: Operand) -> bool:
    """True where rows are made of 16-byte pieces."""
    return aligned(problem, operand) and problem.divisible(operand.shape[-1], piece(operand))


def exponent(hidden: float) -> float:
    """The score of what a mask hides, in units of base-2 exponents; minus infinity as the least number there is."""
    return -_LEAST if hidden == -math.inf else max(hidden * math.log2(math.e), -_FINITE)


def all_see(problem: Problem) -> bool:
    """True where every query surely sees a key."""
    op = problem.op
    assert isinstance(op, Attention)
    return len(problem.inputs) == 3 and (not op.causal or problem.bounds(op.offset)[0] >= 0)


def group(problem: Problem) -> int:
    """How many heads' keys and values the second-level cache holds."""
    k, v = problem.inputs[1:3]
    each = problem.likely(mul(k.shape[-2], k.shape[-1] + v.shape[-1])) * k.type.dtype.bits // 8
    return max(1, min(_CACHED // max(each, 1), 1 << 14))


def cached(problem: Problem) -> bool:
    """True where the second-level cache holds operands and result."""
    operands = (*problem.inputs[:3], problem.outputs[0])
    return sum(problem.likely(o.type.size) * o.type.dtype.bits // 8 for o in operands) <= 2 * _CACHED
