"""A UNet of residual blocks with group normalization and SiLU, as diffusion models have, without attention or time."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

GROUPS = 32


class Residual(nn.Module):
    """Twice normalize, activate and convolve, around a shortcut."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        groups = min(GROUPS, inputs // 4)
        self.first = nn.Sequential(nn.GroupNorm(groups, inputs), nn.SiLU(), nn.Conv2d(inputs, outputs, 3, padding=1))
        groups = min(GROUPS, outputs // 4)
        self.second = nn.Sequential(nn.GroupNorm(groups, outputs), nn.SiLU(), nn.Conv2d(outputs, outputs, 3, padding=1))
        self.shortcut = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """The block."""
        return self.second(self.first(x)) + self.shortcut(x)  # type: ignore[no-any-return]


class UNet(nn.Module):
    """Widths from the finest level to the coarsest; skips by concatenation, nearest-neighbour upsampling."""

    def __init__(self, widths: Sequence[int] = (128, 256, 512), channels: int = 4) -> None:
        super().__init__()
        self.stem = nn.Conv2d(channels, widths[0], 3, padding=1)
        self.down = nn.ModuleList(Residual(w, w) for w in widths)
        self.shrink = nn.ModuleList(
            nn.Conv2d(a, b, 3, 2, 1) for a, b in zip(widths[:-1], widths[1:], strict=True)
        )  # fmt: skip
        self.middle = Residual(widths[-1], widths[-1])
        self.up = nn.ModuleList(Residual(2 * w, w) for w in reversed(widths))
        self.grow = nn.ModuleList(
            nn.Conv2d(b, a, 3, padding=1) for a, b in reversed(list(zip(widths[:-1], widths[1:], strict=True)))
        )
        self.head = nn.Sequential(
            nn.GroupNorm(min(GROUPS, widths[0] // 4), widths[0]),
            nn.SiLU(),
            nn.Conv2d(widths[0], channels, 3, padding=1),
        )

    def forward(self, image: Tensor) -> Tensor:
        """Return an image of the same size."""
        x, skips = self.stem(image), []
        for level, block in enumerate(self.down):
            x = block(x)
            skips.append(x)
            if level < len(self.shrink):
                x = self.shrink[level](x)
        x = self.middle(x)
        for level, block in enumerate(self.up):
            x = block(torch.cat([x, skips.pop()], 1))
            if level < len(self.grow):
                x = self.grow[level](nn.functional.interpolate(x, scale_factor=2.0, mode="nearest"))
        return self.head(x)  # type: ignore[no-any-return]
