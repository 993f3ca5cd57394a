"""Inputs that mean something to trained models: pictures, pages of text, speech, tokens; deterministic by seed."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.generic]
Floats = NDArray[np.float32]
Feeds = dict[str, Array]
Rng = np.random.Generator

# Seven rows of five pixels for each letter, a byte a row.
GLYPHS = {
    "A": "0e11111f111111", "B": "1e11111e11111e", "C": "0f10101010100f", "D": "1e11111111111e",
    "E": "1f10101e10101f", "F": "1f10101e101010", "H": "1111111f111111", "I": "0e04040404040e",
    "L": "1010101010101f", "N": "11191513111111", "O": "0e11111111110e", "R": "1e11111e141211",
    "S": "0f10100e01011e", "T": "1f040404040404", "X": "11110a040a1111", "0": "0e11131519110e",
    "1": "040c040404040e", "2": "0e11010204081f", "3": "1f02040201110e", "5": "1f101e0101110e",
    "7": "1f010204080808", " ": "00000000000000",
}  # fmt: skip
PAGE = ("TENSOR 2025", "ONNX 100", "LINES OF TEXT", "ABC DEHI LNOR", "1235 70 ROLES")


def picture(rng: Rng, *shape: int, low: float = -1.0, high: float = 1.0) -> Floats:
    """Return smooth fields over the last two axes: low frequencies and a little noise, as in photographs."""
    height, width = shape[-2:]
    y, x = np.mgrid[0:height, 0:width]
    planes = []
    for _ in range(int(np.prod(shape[:-2]))):
        down, across, phase, size = rng.uniform([0, 0, 0, -1], [6, 6, 2 * np.pi, 1], (12, 4)).T[..., None, None]
        plane = (size * np.cos(2 * np.pi * (down * y / height + across * x / width) + phase)).sum(0)
        plane = plane / np.abs(plane).max() + 0.05 * rng.normal(size=plane.shape)
        planes.append(low + (high - low) * (np.clip(plane, -1, 1) + 1) / 2)
    return np.stack(planes).reshape(shape).astype(np.float32)


def _glyph(letter: str) -> Floats:
    rows = bytes.fromhex(GLYPHS[letter])
    return np.array([[row >> (4 - column) & 1 for column in range(5)] + [0] for row in rows], np.float32)


def page(rng: Rng, batch: int, height: int, width: int, lines: tuple[str, ...] = PAGE, scale: int = 0) -> Floats:
    """Return white pages with dark text, [batch, 3, height, width] in -1..1, for detectors and readers of text."""
    scale = scale or max(1, height // 160)
    pages = np.zeros((batch, height, width))
    first = int(rng.integers(len(lines)))
    for index in range(batch):
        top = max(2, height // 16)
        turn = (first + index) % len(lines)
        for line in lines[turn:] + lines[:turn]:
            text = np.kron(np.concatenate([_glyph(letter) for letter in line], 1), np.ones((scale, scale)))
            if top + text.shape[0] + 2 > height:
                break
            text = text[:, : width - 8]
            pages[index, top : top + text.shape[0], 4 : 4 + text.shape[1]] = text
            top += text.shape[0] + max(6, height // 12)
    pages = np.clip(1 - 0.9 * pages + 0.02 * rng.normal(size=pages.shape), 0, 1)
    return np.repeat(2 * pages[:, None] - 1, 3, 1).astype(np.float32)


def speech(rng: Rng, batch: int, samples: int, rate: int = 16000) -> Floats:
    """Return voiced-speech-like sound, [batch, samples]: a gliding tone with harmonics, in syllables, and noise."""
    time = np.arange(samples) / rate
    waves = []
    for _ in range(batch):
        pitch = 120 + 40 * np.sin(2 * np.pi * rng.uniform(0.5, 1.0) * time)
        phase = 2 * np.pi * np.cumsum(pitch) / rate
        voice = np.sum([np.sin(k * phase) / k for k in range(1, 12)], axis=0)
        syllables = 0.5 + 0.5 * np.sin(2 * np.pi * 3 * time + rng.uniform(0, 3))
        waves.append(0.2 * voice * syllables + 0.01 * rng.normal(size=samples))
    return np.stack(waves).astype(np.float32)


def tokens(rng: Rng, *shape: int, high: int, low: int = 1, dtype: type[np.generic] = np.int64) -> Array:
    """Return whole numbers from low up to but without high."""
    return rng.integers(low, high, shape).astype(dtype)


def file_heads(rng: Rng, batch: int, size: int) -> NDArray[np.int32]:
    """Return the bytes of files of several kinds, [batch, size]: a script, a page, data, an archive, in turn."""
    names = ["".join(rng.choice(list("abcdefgh_"), 6)) for _ in range(size // 4)]
    script = "import os\n" + "".join(f"def {name}(x):\n    return x + {i}\n" for i, name in enumerate(names))
    markup = "<!DOCTYPE html><html><body>" + "".join(f"<p class='{name}'>{name}</p>" for name in names)
    data = "{" + ", ".join(f'"{name}": [{i}, null]' for i, name in enumerate(names)) + "}"
    archive = b"PK\x03\x04\x14\x00\x00\x00\x08\x00" + rng.bytes(size)
    kinds = [script.encode(), markup.encode(), data.encode(), archive]
    first = int(rng.integers(len(kinds)))
    heads = [kinds[(first + row) % len(kinds)][:size] for row in range(batch)]
    return np.stack([np.frombuffer(head, np.uint8) for head in heads]).astype(np.int32)


def noise(rng: Rng, *shape: int, scale: float = 1.0) -> Floats:
    """Return normal noise of the given standard deviation."""
    return (scale * rng.normal(size=shape)).astype(np.float32)


def uniform(rng: Rng, *shape: int, low: float = 0.0, high: float = 1.0) -> Floats:
    """Return uniform noise from low to high."""
    return rng.uniform(low, high, shape).astype(np.float32)


def coin(rng: Rng, *shape: int, chance: float) -> Floats:
    """Return ones with the given chance, zeros elsewhere, as float32."""
    return (rng.uniform(size=shape) < chance).astype(np.float32)


def zeros(*shape: int) -> Floats:
    """Return float32 zeros, as a first state of a recurrent net."""
    return np.zeros(shape, np.float32)


def lengths(batch: int, longest: int) -> NDArray[np.int64]:
    """Return a length for each of a padded batch: the first is full, each next one an eighth shorter."""
    return np.array([longest - longest // 8 * (index % 7) for index in range(batch)], np.int64)


def sentences(rng: Rng, batch: int, length: int, vocabulary: int, types: bool = True) -> Feeds:
    """Return input_ids, attention_mask and perhaps token_type_ids of a padded batch, each [batch, length] int64."""
    mask = np.arange(length) < lengths(batch, length)[:, None]
    feeds: Feeds = {
        "input_ids": tokens(rng, batch, length, low=5, high=vocabulary) * mask,
        "attention_mask": mask.astype(np.int64),
    }
    if types:
        feeds["token_type_ids"] = np.zeros((batch, length), np.int64)
    return feeds
