"""Products of a few rows that normalize them, or join two products, as cases for the CUDA kernels."""

from __future__ import annotations

import numpy as np

from minirt.ir.scalar import Body, arg, call, cast, const
from minirt.ops.row_gemm import RowGemm
from minirt.types.dtype import DType, bf16, f16, f32
from tests.kernels.cuda.matrix_cases import MatrixCase, numbers

_KINDS = {"": (), "rms": ("scale",), "layer": ("scale", "shift"), "plain": ()}


def scaled(dtype: DType, count: int) -> Body:
    """A normalized number times the first operand, if any, plus the second."""
    total = arg(0, f32)
    if count:
        total = call("mul", total, cast(arg(1, dtype), f32))
    if count > 1:
        total = call("add", total, cast(arg(2, dtype), f32))
    return Body((f32, *[dtype] * count), (cast(total, dtype),))


def joined(dtype: DType, gated: bool, extras: int) -> Body:
    """One sum, or sigmoid(first) * second, plus the extra operands."""
    total = arg(0, f32)
    if gated:
        below = call("add", const(1.0, f32), call("exp", call("neg", total)))
        total = call("mul", call("div", total, below), cast(cast(arg(1, f32), dtype), f32))
    for i in range(extras):
        total = call("add", total, cast(arg(1 + gated + i, dtype), f32))
    return Body((*[f32] * (1 + gated), *[dtype] * extras), (cast(total, dtype),))


def rows(
    dtype: DType, m: tuple[int, ...], k: int, n: int, kind: str, gated: bool = False, trans_b: bool = False,
    extras: tuple[tuple[int, ...], ...] = (), fixed: bool = True,
) -> MatrixCase:  # fmt: skip
    """One case: rows of k numbers with a mean of their own, times one matrix or two."""
    name = f"{kind or 'no norm'}-{'x'.join(map(str, m))}-{k}-{n}{'-gated' * gated}{'-t' * trans_b}-{dtype}"
    rng = np.random.default_rng(k + n)
    sides = len(_KINDS[kind])
    a = (numbers(rng, (*m, k), dtype).astype(np.float32) * 3 + 0.5).astype(dtype.numpy)
    matrices = [numbers(rng, (n, k) if trans_b else (k, n), dtype, k**-0.5) for _ in range(1 + gated)]
    more = [numbers(rng, e, dtype) for e in extras] + [numbers(rng, (k,), dtype) for _ in range(sides)]
    body, real = joined(dtype, gated, len(extras)), {"plain": "rms"}.get(kind, kind)
    op = RowGemm(trans_b, gated, real, 1e-5 if real else 0.0, scaled(dtype, sides) if real else None, body)
    known = range(1, 2 + gated), range(2 + gated + len(extras), 2 + gated + len(extras) + sides)
    return MatrixCase(name, op, [a, *matrices, *more], constants=(*known[0], *(known[1] if fixed else ())))


def cases() -> list[MatrixCase]:
    """Every number of rows, both normalizations, one matrix or two, lengths that vectors divide or not."""
    found: list[MatrixCase] = []
    for dtype in (f16, bf16, f32):
        found += [
            rows(dtype, (1,), 2048, 96, "rms", extras=((96,),)),
            rows(dtype, (1, 1), 2048, 200, "rms", True),
            rows(dtype, (1,), 4096, 33, "layer", True, True),
            rows(dtype, (2, 1), 512, 40, "layer", False, True, ((2, 1, 40),)),
            rows(dtype, (3,), 1000, 50, "rms", True, False, ((1, 50),)),
            rows(dtype, (8,), 1024, 64, "rms"),
            rows(dtype, (5,), 96, 17, "layer", True),
            rows(dtype, (2, 2), 101, 30, "rms", True, True),
            rows(dtype, (1,), 37, 9, "plain"),
            rows(dtype, (4,), 768, 130, "", True, False, ((130,), (4, 130))),
            rows(dtype, (1,), 768, 130, "rms", True, fixed=False),
        ]
    return found
