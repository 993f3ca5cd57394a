"""Operations of PyTorch, into memory that is there: new memory could not be part of a CUDA graph."""

from __future__ import annotations

import torch

from examples.kernels.memory import Flat


def stream_of(handle: int) -> torch.cuda.Stream:
    """Return PyTorch's stream of a handle; its ExternalStream(0) would be a new stream, not the default one."""
    return torch.cuda.ExternalStream(handle) if handle else torch.cuda.default_stream()


def run(x: int, y: int, count: int, limit: float, stream: int) -> None:
    """Launch on the stream."""
    a, b = (torch.as_tensor(Flat(place, count), device="cuda") for place in (x, y))
    with torch.cuda.stream(stream_of(stream)):
        torch.clamp(a, -limit, limit, out=b)
        torch.sub(a, b, out=b)
