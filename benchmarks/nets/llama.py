"""One step of decoding with a Llama of grouped queries (Touvron et al., 2023), by default of a billion weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention, silu

THETA = 500_000.0


class GroupedAttention(nn.Module):
    """Attention of one token to a cache and to itself; ``group`` query heads share a key head."""

    def __init__(self, width: int, heads: int, shared: int) -> None:
        super().__init__()
        self.heads, self.shared, self.size = heads, shared, width // heads
        self.query, self.out = nn.Linear(width, width, bias=False), nn.Linear(width, width, bias=False)
        self.key, self.value = (nn.Linear(width, shared * self.size, bias=False) for _ in range(2))
        self.repeat = False
        """Writes each key head once a query head, as exporters without grouped queries need it."""

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor], keys: Tensor, values: Tensor) -> tuple[Tensor, ...]:
        """``x`` [batch, 1, width], the caches [batch, shared, past, size]; also gives the caches with the token."""
        batch = x.shape[0]
        q, k, v = (p(x).view(batch, 1, -1, self.size).transpose(1, 2) for p in (self.query, self.key, self.value))
        q, k = (rotated(t, *turn) for t in (q, k))
        longer = torch.cat([keys, k], 2), torch.cat([values, v], 2)
        read = [self._repeated(t) for t in longer] if self.repeat else longer
        mixed = scaled_dot_product_attention(q, *read, enable_gqa=not self.repeat)
        return self.out(mixed.transpose(1, 2).reshape(batch, 1, -1)), longer[0], longer[1]

    def _repeated(self, x: Tensor) -> Tensor:
        batch, shared, length, size = x.shape
        group = self.heads // shared
        return x[:, :, None].expand(batch, shared, group, length, size).reshape(batch, self.heads, length, size)


def rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """X turned by its position: pairs are the two halves."""
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat([-second, first], -1) * sin


class Block(nn.Module):
    """Attention, then the gated net, each normalized before and added to its input."""

    def __init__(self, width: int, heads: int, shared: int, hidden: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(nn.RMSNorm(width, 1e-5) for _ in range(2))
        self.attention = GroupedAttention(width, heads, shared)
        self.gate, self.up = (nn.Linear(width, hidden, bias=False) for _ in range(2))
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor], keys: Tensor, values: Tensor) -> tuple[Tensor, ...]:
        """The block, and the caches with the token."""
        mixed, k, v = self.attention(self.norms[0](x), turn, keys, values)
        x = x + mixed
        y = self.norms[1](x)
        return x + self.down(silu(self.gate(y)) * self.up(y)), k, v


class LlamaStep(nn.Module):
    """Token and position to logits, from the caches of each layer to those with the token's keys and values."""

    def __init__(
        self, width: int = 2048, layers: int = 16, heads: int = 32, shared: int = 8, hidden: int = 8192,
        vocabulary: int = 128256, positions: int = 2048,
    ) -> None:  # fmt: skip
        super().__init__()
        self.words = nn.Embedding(vocabulary, width)
        self.blocks = nn.ModuleList(Block(width, heads, shared, hidden) for _ in range(layers))
        self.norm = nn.RMSNorm(width, 1e-5)
        size = width // heads
        angles = torch.outer(torch.arange(positions), THETA ** (-torch.arange(0, size, 2) / size))
        self.register_buffer("cos", torch.cat([angles, angles], 1).cos())
        self.register_buffer("sin", torch.cat([angles, angles], 1).sin())

    def forward(self, token: Tensor, position: Tensor, *caches: Tensor) -> tuple[Tensor, ...]:
        """``token`` [batch, 1], ``position`` [1], then keys and values of each layer in turn."""
        x, turn = self.words(token), (self.cos[position], self.sin[position])
        added: list[Tensor] = []
        for i, block in enumerate(self.blocks):
            x, k, v = block(x, turn, caches[2 * i], caches[2 * i + 1])
            added += [k, v]
        return nn.functional.linear(self.norm(x), self.words.weight), *added
