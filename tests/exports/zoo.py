"""The exported nets: their sizes, and inputs at two shapes each. Needs no PyTorch; `make` exports them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tests.models.inputs import Feeds, Rng, lengths, noise, picture, tokens
from tests.models.wheels import store

TINY = Path(__file__).parents[1] / "data"
"""The folder of the tiny exports, which are kept with the tests."""


@dataclass(frozen=True)
class Export:
    """One net at one size."""

    name: str
    sizes: Mapping[str, int]
    """What its maker in `nets` is called with."""
    feeder: Callable[..., Feeds]
    """Gives inputs for (random generator, batch, *sizes)."""
    dims: tuple[tuple[int, ...], ...]
    """Sizes of the inputs: those that the net is exported at, then others."""
    dynamic: Mapping[str, Mapping[int, str]]
    """Names of the dynamic axes, by input."""
    outputs: tuple[str, ...]

    @property
    def variants(self) -> range:
        """Return the numbers of the shapes that the net can be fed at."""
        return range(len(self.dims))

    def feeds(self, variant: int = 0, seed: int = 0, batch: int = 0) -> Feeds:
        """Return inputs by name, at one of the net's shapes, and at its own batch if none is given."""
        usual, *sizes = self.dims[variant]
        return self.feeder(np.random.default_rng([seed, variant]), batch or usual, *sizes)

    @property
    def net(self) -> str:
        """Return the name of the net without its size."""
        return self.name.rpartition("-")[0]


def _bert(vocabulary: int) -> Callable[..., Feeds]:
    def feed(rng: Rng, batch: int, length: int) -> Feeds:
        mask = (np.arange(length) < lengths(batch, length)[:, None]).astype(np.int64)
        return {"input_ids": tokens(rng, batch, length, high=vocabulary), "attention_mask": mask}

    return feed


def _gpt2(vocabulary: int) -> Callable[..., Feeds]:
    return lambda rng, batch, length: {"input_ids": tokens(rng, batch, length, high=vocabulary)}


def _image(rng: Rng, batch: int, height: int, width: int) -> Feeds:
    return {"image": picture(rng, batch, 3, height, width, low=-2.0, high=2.0)}


def _recurrent(features: int) -> Callable[..., Feeds]:
    return lambda rng, batch, length: {"sequence": noise(rng, batch, length, features)}


TEXT_AXES = {0: "batch", 1: "sequence"}
IMAGE_AXES = {"image": {0: "batch", 2: "height", 3: "width"}}
BERT_AXES = {"input_ids": TEXT_AXES, "attention_mask": TEXT_AXES}


def _transformers(size: str, width: int, layers: int, heads: int, vocabulary: int, length: int) -> list[Export]:
    sizes = {"width": width, "layers": layers, "heads": heads, "vocabulary": vocabulary, "positions": length * 4}
    dims = ((2, length), (1, length // 2 + 3))
    return [
        Export(f"bert-{size}", sizes, _bert(vocabulary), dims, BERT_AXES, ("hidden", "pooled")),
        Export(f"gpt2-{size}", sizes, _gpt2(vocabulary), dims, {"input_ids": TEXT_AXES}, ("logits",)),
    ]


def _vit(size: str, width: int, layers: int, heads: int, image: int, patch: int) -> Export:
    sizes = {"width": width, "layers": layers, "heads": heads, "image": image, "patch": patch, "classes": 10 * heads}
    return Export(
        f"vit-{size}", sizes, _image, ((2, image, image), (1, image, image)), {"image": {0: "batch"}}, ("logits",)
    )


def _mobilenet(size: str, percent: int, image: int, classes: int) -> Export:
    sizes = {"percent": percent, "classes": classes}
    dims = ((2, image, image), (1, image + 32, image))
    return Export(f"mobilenetv3-{size}", sizes, _image, dims, IMAGE_AXES, ("logits",))


def _unet(size: str, width: int, levels: int, image: int) -> Export:
    dims = ((2, image, image), (1, image + 2**levels, image))
    return Export(f"unet-{size}", {"width": width, "levels": levels}, _image, dims, IMAGE_AXES, ("mask",))


def _lstm_gru(size: str, features: int, hidden: int, length: int) -> Export:
    sizes = {"features": features, "hidden": hidden}
    dims = ((2, length), (5, length))
    return Export(
        f"lstm-gru-{size}", sizes, _recurrent(features), dims, {"sequence": {0: "batch"}}, ("scores", "state")
    )


EXPORTS = {
    export.name: export
    for export in (
        *_transformers("tiny", 48, 2, 3, 200, 16),
        _vit("tiny", 48, 2, 3, 32, 8),
        _mobilenet("tiny", 20, 64, 10),
        _unet("tiny", 8, 2, 32),
        _lstm_gru("tiny", 12, 20, 9),
        *_transformers("small", 256, 4, 4, 3000, 64),
        _vit("small", 192, 4, 3, 224, 16),
        _mobilenet("small", 100, 96, 100),
        _unet("small", 16, 3, 128),
        _lstm_gru("small", 64, 96, 40),
        *_transformers("full", 768, 12, 12, 30522, 128),
        _vit("full", 768, 12, 12, 224, 16),
        _mobilenet("full", 100, 224, 1000),
        _unet("full", 64, 4, 256),
        _lstm_gru("full", 128, 256, 100),
    )
}
"""The exports by name: tiny (kept under tests/data), small and full size."""


def export_path(name: str) -> Path:
    """Return where an export lies: tests/data for a tiny one, or else `exports` in the store of models."""
    return (TINY if name.endswith("-tiny") else store() / "exports") / f"{name}.onnx"
