"""BERT (Devlin et al., 2019), ViT (Dosovitskiy et al., 2021) and GPT-2 (Radford et al., 2019)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention


class Attention(nn.Module):
    """Attention of a sequence to itself: three projections, heads, one projection."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: Tensor, mask: Tensor | None = None, causal: bool = False) -> Tensor:
        """``mask`` is True where a key may be read, [batch, 1, 1, keys]."""
        batch, length, width = x.shape
        q, k, v = (
            p(x).view(batch, length, self.heads, width // self.heads).transpose(1, 2)
            for p in (self.query, self.key, self.value)
        )
        mixed = scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)
        return self.out(mixed.transpose(1, 2).reshape(batch, length, width))  # type: ignore[no-any-return]


class Feed(nn.Module):
    """A pixel's or token's own net: four times as wide inside."""

    def __init__(self, width: int, approximate: str = "none") -> None:
        super().__init__()
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.approximate = approximate

    def forward(self, x: Tensor) -> Tensor:
        """The net's result."""
        return self.narrow(nn.functional.gelu(self.wide(x), approximate=self.approximate))  # type: ignore[no-any-return]


class Block(nn.Module):
    """Attention and the feed-forward net around shortcuts; normalized before each (``first``), or after each sum."""

    def __init__(self, width: int, heads: int, first: bool, epsilon: float, approximate: str = "none") -> None:
        super().__init__()
        self.attention, self.feed = Attention(width, heads), Feed(width, approximate)
        self.norms = nn.ModuleList(nn.LayerNorm(width, epsilon) for _ in range(2))
        self.first = first

    def forward(self, x: Tensor, mask: Tensor | None = None, causal: bool = False) -> Tensor:
        """The block."""
        if self.first:
            x = x + self.attention(self.norms[0](x), mask, causal)
            return x + self.feed(self.norms[1](x))  # type: ignore[no-any-return]
        x = self.norms[0](x + self.attention(x, mask, causal))
        return self.norms[1](x + self.feed(x))  # type: ignore[no-any-return]


class Bert(nn.Module):
    """An encoder with a mask of padding; gives the last hidden state and the pooled one."""

    def __init__(
        self, width: int = 768, layers: int = 12, heads: int = 12, vocabulary: int = 30522, positions: int = 512
    ) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(vocabulary, width), nn.Embedding(positions, width)
        self.kinds = nn.Embedding(2, width)
        self.norm = nn.LayerNorm(width, 1e-12)
        self.blocks = nn.ModuleList(Block(width, heads, False, 1e-12) for _ in range(layers))
        self.pool = nn.Linear(width, width)

    def forward(self, tokens: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """``tokens`` and ``mask`` are [batch, length]; the mask is 0 at padding."""
        x = self.norm(self.words(tokens) + self.places.weight[: tokens.shape[1]] + self.kinds.weight[0])
        seen = (mask != 0)[:, None, None, :]
        for block in self.blocks:
            x = block(x, seen)
        return x, torch.tanh(self.pool(x[:, 0]))


class Vit(nn.Module):
    """Patches as tokens behind one class token, whose last state is classified."""

    def __init__(
        self, width: int = 768, layers: int = 12, heads: int = 12, image: int = 224, patch: int = 16,
        classes: int = 1000,
    ) -> None:  # fmt: skip
        super().__init__()
        self.patches = nn.Conv2d(3, width, patch, patch)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.places = nn.Parameter(torch.zeros(1, (image // patch) ** 2 + 1, width))
        self.blocks = nn.ModuleList(Block(width, heads, True, 1e-6) for _ in range(layers))
        self.norm, self.head = nn.LayerNorm(width, 1e-6), nn.Linear(width, classes)

    def forward(self, image: Tensor) -> Tensor:
        """Return the logits."""
        x = self.patches(image).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.places
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)[:, 0])  # type: ignore[no-any-return]


class Gpt2(nn.Module):
    """A decoder over a whole prompt; gives the logits of every token, by the embedding's own weights."""

    def __init__(
        self, width: int = 768, layers: int = 12, heads: int = 12, vocabulary: int = 50257, positions: int = 1024
    ) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(vocabulary, width), nn.Embedding(positions, width)
        self.blocks = nn.ModuleList(Block(width, heads, True, 1e-5, "tanh") for _ in range(layers))
        self.norm = nn.LayerNorm(width, 1e-5)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return [batch, length, vocabulary] for tokens [batch, length]."""
        x = self.words(tokens) + self.places.weight[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x, None, True)
        return nn.functional.linear(self.norm(x), self.words.weight)
