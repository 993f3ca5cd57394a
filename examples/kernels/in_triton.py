"""Python through Triton, which launches on PyTorch's current stream."""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl

from examples.kernels.in_pytorch import stream_of
from examples.kernels.memory import THREADS, Flat, blocks


@triton.jit  # type: ignore[untyped-decorator]
def shrink(x_at, y_at, count, limit, BLOCK: tl.constexpr):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201, N803
    """Move every number toward zero by a limit."""
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = at < count
    x = tl.load(x_at + at, mask=inside)
    clipped = tl.minimum(tl.maximum(x, -limit), limit)
    tl.store(y_at + at, x - clipped, mask=inside)


def run(x: int, y: int, count: int, limit: float, stream: int) -> None:
    """Launch on the stream."""
    a, b = (torch.as_tensor(Flat(place, count), device="cuda") for place in (x, y))
    launch: Any = shrink[(blocks(count),)]
    with torch.cuda.stream(stream_of(stream)):
        launch(a, b, count, limit, BLOCK=THREADS)
