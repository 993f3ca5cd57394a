"""MobileNetV2 (Sandler et al., 2018) and EfficientNet-B0 (Tan and Le, 2019)."""

from __future__ import annotations

from torch import Tensor, nn

# expansion, outputs, blocks, stride: table 2 of Sandler et al.
MOBILENET_STAGES = (
    (1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1),
)  # fmt: skip
# expansion, kernel, outputs, blocks, stride: table 1 of Tan and Le
EFFICIENTNET_STAGES = (
    (1, 3, 16, 1, 1), (6, 3, 24, 2, 2), (6, 5, 40, 2, 2), (6, 3, 80, 3, 2), (6, 5, 112, 3, 1), (6, 5, 192, 4, 2),
    (6, 3, 320, 1, 1),
)  # fmt: skip


def _conv(inputs: int, outputs: int, size: int, stride: int, act: type[nn.Module] | None, groups: int = 1) -> nn.Module:
    made = nn.Conv2d(inputs, outputs, size, stride, size // 2, groups=groups, bias=False)
    return nn.Sequential(made, nn.BatchNorm2d(outputs), *([act()] if act else []))


class SqueezeExcite(nn.Module):
    """Scales channels by a small net on their means (Hu et al., 2018)."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, squeezed, 1), nn.SiLU(), nn.Conv2d(squeezed, channels, 1),
            nn.Sigmoid(),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """X scaled."""
        return x * self.gate(x)  # type: ignore[no-any-return]


class InvertedResidual(nn.Module):
    """Expand by a 1x1 convolution, convolve each channel, perhaps squeeze and excite, project."""

    def __init__(
        self, inputs: int, outputs: int, expansion: int, size: int, stride: int, act: type[nn.Module], excite: bool
    ) -> None:
        super().__init__()
        width = inputs * expansion
        self.residual = stride == 1 and inputs == outputs
        self.body = nn.Sequential(
            *([_conv(inputs, width, 1, 1, act)] if expansion > 1 else []),
            _conv(width, width, size, stride, act, groups=width),
            *([SqueezeExcite(width, max(1, inputs // 4))] if excite else []),
            _conv(width, outputs, 1, 1, None),
        )

    def forward(self, x: Tensor) -> Tensor:
        """The block."""
        return x + self.body(x) if self.residual else self.body(x)  # type: ignore[no-any-return]


def mobilenetv2(classes: int = 1000) -> nn.Module:
    """MobileNetV2 at width 1."""
    layers, inputs = [_conv(3, 32, 3, 2, nn.ReLU6)], 32
    for expansion, outputs, count, stride in MOBILENET_STAGES:
        for i in range(count):
            layers.append(InvertedResidual(inputs, outputs, expansion, 3, stride if i == 0 else 1, nn.ReLU6, False))
            inputs = outputs
    head = [_conv(inputs, 1280, 1, 1, nn.ReLU6), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, classes)]
    return nn.Sequential(*layers, *head)


def efficientnet_b0(classes: int = 1000) -> nn.Module:
    """EfficientNet-B0."""
    layers, inputs = [_conv(3, 32, 3, 2, nn.SiLU)], 32
    for expansion, size, outputs, count, stride in EFFICIENTNET_STAGES:
        for i in range(count):
            layers.append(InvertedResidual(inputs, outputs, expansion, size, stride if i == 0 else 1, nn.SiLU, True))
            inputs = outputs
    head = [_conv(inputs, 1280, 1, 1, nn.SiLU), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, classes)]
    return nn.Sequential(*layers, *head)
