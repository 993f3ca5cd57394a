"""How much work a choice does at the least: bytes moved and matrix arithmetic, as expressions over dims."""

from __future__ import annotations

from collections.abc import Sequence

from minirt.kernels.kernel import Operand, Problem
from minirt.types.dim import Dim, Expr, ceil, divide, minimum, mul, product


def work_of(problem: Problem) -> tuple[Dim, Dim]:
    """Bytes, each element read and written once, and floating-point operations of matrix units."""
    types = [o.type for o in problem.inputs], [o.type for o in problem.outputs]
    read = problem.op.elements_read(*types)
    counts = [minimum(n, _distinct(o)) for n, o in zip(read, problem.inputs, strict=True)]
    counts += [o.type.size for o in problem.outputs]
    operands = (*problem.inputs, *problem.outputs)
    total = _sum([mul(n, o.type.dtype.held_bits) for n, o in zip(counts, operands, strict=True)])
    return ceil(divide(total, 8)), problem.op.flops(*types)


def _distinct(operand: Operand) -> Dim:
    """Elements that lie apart: an axis of stride 0 repeats the same ones."""
    axes = zip(operand.shape, operand.strides, strict=True)
    return product([d for d, s in axes if isinstance(s, Expr) or s != 0])


def _sum(values: Sequence[Dim]) -> Dim:
    total: Dim = 0
    for value in values:
        total = total + value
    return total
