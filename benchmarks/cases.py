"""What is compared: nets by name, and the inputs of each at a batch."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.nets.convnext import ConvNeXt
from benchmarks.nets.encoders import Bert, Gpt2, Vit
from benchmarks.nets.llama import GroupedAttention, LlamaStep
from benchmarks.nets.mobile import efficientnet_b0, mobilenetv2
from benchmarks.nets.resnet import resnet50
from benchmarks.nets.unet import UNet
from tests.exports.conditioning import condition

Feeds = dict[str, NDArray[np.generic]]
Rng = np.random.Generator
CALIBRATION_BATCH = 4


TYPES = {"fp32": torch.float32, "tf32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


def device() -> str:
    """Where PyTorch runs: on the GPU if there is one that minirt may use as well."""
    return "cuda" if torch.cuda.is_available() and os.environ.get("MINIRT_TARGET", "") != "cpu" else "cpu"


@dataclass(frozen=True)
class Net:
    """A net, fresh from ``make``, and ``feeds(rng, batch)``.

    ``narrow`` ones are exported in half precision, because float32 weights would not fit a file or are not how such a
    net is kept.
    """

    make: Callable[[], nn.Module]
    feeds: Callable[[Rng, int], Feeds]
    narrow: bool = False


@dataclass(frozen=True)
class Case:
    """A net at a batch."""

    text: str

    @property
    def name(self) -> str:
        """The net's name."""
        return self.text.partition(":")[0]

    @property
    def net(self) -> Net:
        """The net; raises KeyError for a name that there is none of."""
        return NETS[self.name]

    def feeds(self) -> Feeds:
        """Its inputs, the same at each call."""
        return self.net.feeds(np.random.default_rng(1), int(self.text.partition(":")[2] or 1))

    def file(self, precision: str) -> str:
        """The name of its exported model: weights of a narrow net have the precision, others are in float32."""
        kept = f"-{precision}" if self.net.narrow and precision != "fp16" else ""
        return f"{self.text.replace(':', '-')}{kept}.onnx"

    def conditioned(self) -> nn.Module:
        """The net on the device in float32, with the same random weights at each call, in any process."""
        torch.manual_seed(0)
        sample = self.net.feeds(np.random.default_rng(0), CALIBRATION_BATCH)
        with torch.device(device()):
            net = self.net.make()
        inputs = tuple(torch.from_numpy(v).to(device()) for v in sample.values())
        # errors are of the logits as they are
        return condition(net.to(device()), inputs, classifies=False, exact=True)


def inputs_of(feeds: Feeds, dtype: torch.dtype) -> list[Tensor]:
    """Inputs as PyTorch wants them: on the device, floats in a type, images with channels last."""
    held = [torch.from_numpy(v).to(device()) for v in feeds.values()]
    held = [x.to(dtype) if x.is_floating_point() else x for x in held]
    is_image = [x.ndim == 4 and name == "image" for name, x in zip(feeds, held, strict=True)]
    return [x.to(memory_format=torch.channels_last) if i else x for x, i in zip(held, is_image, strict=True)]


def for_export(net: nn.Module) -> nn.Module:
    """The net in the form that exporters write; the caller's net is changed."""
    for module in net.modules():
        if isinstance(module, GroupedAttention):
            module.repeat = True
    return net


def _image(size: int, channels: int = 3) -> Callable[[Rng, int], Feeds]:
    return lambda rng, batch: {"image": rng.normal(size=(batch, channels, size, size)).astype(np.float32)}


def _tokens(length: int, vocabulary: int) -> Callable[[Rng, int], Feeds]:
    return lambda rng, batch: {"tokens": rng.integers(0, vocabulary, (batch, length))}


def _padded(length: int, vocabulary: int) -> Callable[[Rng, int], Feeds]:
    def feeds(rng: Rng, batch: int) -> Feeds:
        lengths = length - np.arange(batch) % max(1, length // 2)
        mask = (np.arange(length) < lengths[:, None]).astype(np.int64)
        return {"tokens": rng.integers(0, vocabulary, (batch, length)), "mask": mask}

    return feeds


def _step(layers: int, shared: int, size: int, past: int, vocabulary: int) -> Callable[[Rng, int], Feeds]:
    def feeds(rng: Rng, batch: int) -> Feeds:
        out: Feeds = {"token": rng.integers(0, vocabulary, (batch, 1)), "position": np.array([past])}
        for i in range(layers):
            for name in ("key", "value"):
                out[f"{name}_{i}"] = rng.standard_normal((batch, shared, past, size), np.float32)
        return out

    return feeds


def _small_step() -> nn.Module:
    return LlamaStep(64, 2, 4, 2, 96, 100, 64)


NETS: dict[str, Net] = {
    "resnet50": Net(resnet50, _image(224)),
    "bert": Net(Bert, _padded(128, 30522)),
    "vit": Net(Vit, _image(224)),
    "mobilenetv2": Net(mobilenetv2, _image(224)),
    "efficientnet": Net(efficientnet_b0, _image(224)),
    "gpt2": Net(Gpt2, _tokens(512, 50257)),
    "convnext": Net(ConvNeXt, _image(224)),
    "unet": Net(UNet, _image(64, 4)),
    "llama": Net(LlamaStep, _step(16, 8, 64, 1023, 128256), narrow=True),
    "mobilenetv2-tiny": Net(lambda: mobilenetv2(10), _image(32)),
    "bert-tiny": Net(lambda: Bert(48, 2, 3, 100, 384), _padded(16, 100)),
    "vit-tiny": Net(lambda: Vit(48, 2, 3, 32, 8, 10), _image(32)),
    "gpt2-tiny": Net(lambda: Gpt2(48, 2, 3, 101, 32), _tokens(16, 101)),
    "convnext-tiny": Net(lambda: ConvNeXt((1, 1), (16, 32), 10), _image(32)),
    "unet-tiny": Net(lambda: UNet((16, 32), 4), _image(16, 4)),
    "llama-tiny": Net(_small_step, _step(2, 2, 16, 15, 100), narrow=True),
}
"""Nets at full size, and at one for tests."""

CASES = (
    "resnet50:1", "bert:1", "vit:1", "resnet50:32", "bert:32", "vit:32", "gpt2:1", "llama:1", "convnext:32",
    "mobilenetv2:1", "mobilenetv2:32", "efficientnet:32", "unet:4",
)  # fmt: skip
"""The cases compared by default, the most telling first."""
