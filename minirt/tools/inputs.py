"""Inputs for a model that nobody has fed yet: random, repeatable, of the engine's shapes and types."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import minirt as trt
from minirt.errors import MinirtError
from minirt.types.dtype import Array

Shape = tuple[int, ...]
SMALL_INTEGERS = 2  # indices and flags that are 0 or 1 fit most models


def parse_shapes(texts: Sequence[str]) -> dict[str, Shape]:
    """Shapes by name from texts like ``image:1x3x224x224`` (``name:`` is a scalar); raises MinirtError for others."""
    shapes: dict[str, Shape] = {}
    for text in texts:
        name, mark, sizes = text.rpartition(":")
        parts = sizes.split("x") if sizes else []
        if not mark or not all(p.isdecimal() for p in parts):
            raise MinirtError(f"{text!r} is not NAME:1x3x224x224", "--shapes")
        shapes[name] = tuple(int(p) for p in parts)
    return shapes


def check_names(shapes: Mapping[str, Shape], inputs: Sequence[str]) -> None:
    """Raises MinirtError where a shape is given for a name that no input has."""
    for name in shapes:
        if name not in inputs:
            raise MinirtError(f"no input is called {name!r}; inputs: {', '.join(inputs)}", "--shapes")


def feeds_for(engine: Any, shapes: Mapping[str, Shape], seed: int) -> dict[str, Array]:
    """Random inputs: normal floats, small whole numbers, random bools; dims that are free and not given are 1."""
    rng = np.random.default_rng(seed)
    feeds: dict[str, Array] = {}
    for i in range(engine.num_io_tensors):
        name = engine.get_tensor_name(i)
        if engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT:
            shape = shapes.get(name, tuple(1 if d < 0 else d for d in engine.get_tensor_shape(name)))
            feeds[name] = _random(rng, shape, np.dtype(trt.nptype(engine.get_tensor_dtype(name))))
    return feeds


def _random(rng: np.random.Generator, shape: Shape, dtype: np.dtype[Any]) -> Array:
    if dtype.kind == "f":
        return rng.normal(size=shape).astype(dtype)
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    return rng.integers(0, SMALL_INTEGERS, shape).astype(dtype)
