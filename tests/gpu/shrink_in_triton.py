"""A kernel in Triton to compile ahead of time: its arguments are inputs, numbers, outputs; Triton reads this file."""

from __future__ import annotations

import triton
import triton.language as tl

SIGNATURE = {"x_at": "*fp32", "count": "i32", "y_at": "*fp32", "BLOCK": "constexpr"}


@triton.jit  # type: ignore[untyped-decorator]
def shrink(x_at, count, y_at, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201, N803
    """Move every number toward zero by a half."""
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = at < count
    x = tl.load(x_at + at, mask=inside)
    clipped = tl.minimum(tl.maximum(x, -0.5), 0.5)
    tl.store(y_at + at, x - clipped, mask=inside)
