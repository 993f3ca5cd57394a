"""ConvNeXt (Liu et al., 2022)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

TINY_DEPTHS, TINY_WIDTHS = (3, 3, 9, 3), (96, 192, 384, 768)


class ChannelNorm(nn.LayerNorm):
    """Layer normalization over the channels of [N, C, H, W]."""

    def forward(self, x: Tensor) -> Tensor:
        """X normalized at each pixel."""
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)  # type: ignore[no-any-return]


class Block(nn.Module):
    """A 7x7 convolution of each channel, then a pixel's own two-layer net, scaled, around a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mix = nn.Conv2d(width, width, 7, padding=3, groups=width)
        self.norm = nn.LayerNorm(width, 1e-6)
        self.wide, self.narrow = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
        self.layer_scale = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """The block."""
        y = self.norm(self.mix(x).permute(0, 2, 3, 1))
        y = self.narrow(nn.functional.gelu(self.wide(y))) * self.layer_scale
        return x + y.permute(0, 3, 1, 2)  # type: ignore[no-any-return]


class ConvNeXt(nn.Module):
    """Four stages of blocks behind strided convolutions."""

    def __init__(
        self, depths: Sequence[int] = TINY_DEPTHS, widths: Sequence[int] = TINY_WIDTHS, classes: int = 1000
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, widths[0], 4, 4), ChannelNorm(widths[0], 1e-6)]
        for i, (depth, width) in enumerate(zip(depths, widths, strict=True)):
            if i:
                layers += [ChannelNorm(widths[i - 1], 1e-6), nn.Conv2d(widths[i - 1], width, 2, 2)]
            layers += [Block(width) for _ in range(depth)]
        self.body = nn.Sequential(*layers)
        self.norm, self.head = nn.LayerNorm(widths[-1], 1e-6), nn.Linear(widths[-1], classes)

    def forward(self, image: Tensor) -> Tensor:
        """Return the logits."""
        return self.head(self.norm(self.body(image).mean((2, 3))))  # type: ignore[no-any-return]
