"""ResNet-50 (He et al., 2015; strides in the 3x3 convolutions), written out: torchvision is not everywhere."""

from __future__ import annotations

from torch import Tensor, nn

STAGES = ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2))
EXPANSION = 4


def _conv(inputs: int, outputs: int, size: int, stride: int = 1) -> nn.Sequential:
    made = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)
    return nn.Sequential(made, nn.BatchNorm2d(outputs))


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions around a shortcut."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = EXPANSION * width
        self.first, self.second = _conv(inputs, width, 1), _conv(width, width, 3, stride)
        self.third = _conv(width, outputs, 1)
        self.shortcut = nn.Identity() if inputs == outputs and stride == 1 else _conv(inputs, outputs, 1, stride)
        self.relu = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """The block."""
        y = self.relu(self.second(self.relu(self.first(x))))
        return self.relu(self.third(y) + self.shortcut(x))  # type: ignore[no-any-return]


def resnet50(classes: int = 1000) -> nn.Module:
    """The net, with fresh weights."""
    blocks: list[nn.Module] = []
    channels = 64
    for width, count, stride in STAGES:
        for i in range(count):
            blocks.append(Bottleneck(channels, width, stride if i == 0 else 1))
            channels = EXPANSION * width
    stem = [_conv(3, 64, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes)]
    return nn.Sequential(*stem, *blocks, *head)
