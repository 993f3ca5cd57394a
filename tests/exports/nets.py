"""MobileNetV3 and UNet by hand, a stack of recurrent layers, and the transformers of `transformers`, in PyTorch."""

from collections.abc import Callable

import torch
import transformers
from torch import Tensor, nn


def _round_to_8(channels: float) -> int:
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


def _conv(
    inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, act: type | None = None
) -> nn.Module:
    conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), *([act()] if act else []))


class SqueezeExcite(nn.Module):
    """Scales channels by a small net on their means (Hu et al. 2018), with a hard sigmoid as in MobileNetV3."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        squeezed = _round_to_8(channels / 4)
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, squeezed, 1), nn.ReLU(),
            nn.Conv2d(squeezed, channels, 1), nn.Hardsigmoid(),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """Return x scaled."""
        return x * self.gate(x)


class InvertedResidual(nn.Module):
    """Expand, depthwise convolution, squeeze-excite, project (Howard et al. 2019, section 3)."""

    def __init__(
        self, inputs: int, kernel: int, expanded: int, outputs: int, excite: bool, act: type, stride: int
    ) -> None:
        super().__init__()
        self.residual = stride == 1 and inputs == outputs
        self.body = nn.Sequential(
            *([_conv(inputs, expanded, 1, act=act)] if expanded != inputs else []),
            _conv(expanded, expanded, kernel, stride, expanded, act),
            *([SqueezeExcite(expanded)] if excite else []),
            _conv(expanded, outputs, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output."""
        return x + self.body(x) if self.residual else self.body(x)


# MobileNetV3-Large, table 1 of Howard et al. 2019: kernel, expanded, outputs, squeeze-excite, hard swish, stride.
MOBILENET_BLOCKS = (
    (3, 16, 16, 0, 0, 1), (3, 64, 24, 0, 0, 2), (3, 72, 24, 0, 0, 1), (5, 72, 40, 1, 0, 2), (5, 120, 40, 1, 0, 1),
    (5, 120, 40, 1, 0, 1), (3, 240, 80, 0, 1, 2), (3, 200, 80, 0, 1, 1), (3, 184, 80, 0, 1, 1), (3, 184, 80, 0, 1, 1),
    (3, 480, 112, 1, 1, 1), (3, 672, 112, 1, 1, 1), (5, 672, 160, 1, 1, 2), (5, 960, 160, 1, 1, 1),
    (5, 960, 160, 1, 1, 1),
)  # fmt: skip


def mobilenetv3(percent: int, classes: int) -> nn.Module:
    """Return MobileNetV3-Large, its channels scaled by percent."""

    def scaled(channels: int) -> int:
        return _round_to_8(channels * percent / 100)

    layers, inputs = [_conv(3, scaled(16), 3, 2, act=nn.Hardswish)], scaled(16)
    for kernel, expanded, outputs, excite, swish, stride in MOBILENET_BLOCKS:
        act = nn.Hardswish if swish else nn.ReLU
        sizes = inputs, kernel, scaled(expanded), scaled(outputs)
        layers.append(InvertedResidual(*sizes, bool(excite), act, stride))
        inputs = scaled(outputs)
    last, hidden = scaled(960), scaled(1280)
    layers += [_conv(inputs, last, 1, act=nn.Hardswish), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(last, hidden), nn.Hardswish(), nn.Linear(hidden, classes))


class UNet(nn.Module):
    """Two convolutions a level, max pooling down, transposed convolution up, skips by concatenation."""

    def __init__(self, width: int, levels: int) -> None:
        super().__init__()
        widths = [width << level for level in range(levels + 1)]
        self.down = nn.ModuleList(_pair(a, b) for a, b in zip([3, *widths[:-1]], widths, strict=True))
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * w, w, 2, 2) for w in reversed(widths[:-1]))
        self.merge = nn.ModuleList(_pair(2 * w, w) for w in reversed(widths[:-1]))
        self.head = nn.Conv2d(width, 1, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Return one logit a pixel."""
        x, skips = self.down[0](image), []
        for level in self.down[1:]:
            skips.append(x)
            x = level(nn.functional.max_pool2d(x, 2))
        for up, merge in zip(self.up, self.merge, strict=True):
            x = merge(torch.cat([skips.pop(), up(x)], 1))
        return self.head(x)


def _pair(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(_conv(inputs, outputs, 3, act=nn.ReLU), _conv(outputs, outputs, 3, act=nn.ReLU))


class LstmGru(nn.Module):
    """A two-layer bidirectional LSTM, then a GRU, then a score for each step; gives the scores and the last state."""

    def __init__(self, features: int, hidden: int) -> None:
        super().__init__()
        self.lstm = nn.LSTM(features, hidden, 2, batch_first=True, bidirectional=True)
        self.gru = nn.GRU(2 * hidden, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 16)

    def forward(self, sequence: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores, [batch, length, 16], and the last state, [1, batch, hidden]."""
        steps, state = self.gru(self.lstm(sequence)[0])
        return self.head(steps), state


class Bert(nn.Module):
    """A BERT encoder with its pooler."""

    def __init__(self, config: transformers.BertConfig) -> None:
        super().__init__()
        self.model = transformers.BertModel(config)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> tuple[Tensor, Tensor]:
        """Return the last hidden state, [batch, length, width], and the pooled one, [batch, width]."""
        given = self.model(input_ids=input_ids, attention_mask=attention_mask)
        return given.last_hidden_state, given.pooler_output


class Logits(nn.Module):
    """A model of `transformers` with one input, of which only the logits are wanted."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, value: Tensor) -> Tensor:
        """Return the logits."""
        return self.model(value).logits


def bert(width: int, layers: int, heads: int, vocabulary: int, positions: int) -> nn.Module:
    """Return a BERT encoder with its pooler."""
    config = transformers.BertConfig(
        vocab_size=vocabulary, hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads,
        intermediate_size=4 * width, max_position_embeddings=positions,
    )  # fmt: skip
    return Bert(config)


def gpt2(width: int, layers: int, heads: int, vocabulary: int, positions: int) -> nn.Module:
    """Return GPT-2 with its language head, without a cache."""
    config = transformers.GPT2Config(
        vocab_size=vocabulary, n_embd=width, n_layer=layers, n_head=heads, n_positions=positions, use_cache=False,
        bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    return Logits(transformers.GPT2LMHeadModel(config))


def vit(width: int, layers: int, heads: int, image: int, patch: int, classes: int) -> nn.Module:
    """Return a vision transformer with its classifier."""
    config = transformers.ViTConfig(
        hidden_size=width, num_hidden_layers=layers, num_attention_heads=heads, intermediate_size=4 * width,
        image_size=image, patch_size=patch, num_labels=classes,
    )  # fmt: skip
    return Logits(transformers.ViTForImageClassification(config))


NETS: dict[str, Callable[..., nn.Module]] = {
    "bert": bert,
    "gpt2": gpt2,
    "vit": vit,
    "mobilenetv3": mobilenetv3,
    "unet": UNet,
    "lstm-gru": LstmGru,
}
