"""Small networks made by hand: adding inputs from arrays, and computing outputs by engines."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

import minirt as trt
from minirt.build.build import build
from minirt.build.freeze import freeze
from minirt.build.options import Options, Profile
from minirt.build.targets import default_target
from minirt.ops import families
from minirt.ops.importer import IMPORTERS

Array = Any
_TYPES = {
    np.dtype(np.float32): trt.float32,
    np.dtype(np.float16): trt.float16,
    np.dtype(np.int32): trt.int32,
    np.dtype(np.int64): trt.int64,
    np.dtype(np.int8): trt.int8,
    np.dtype(np.bool_): trt.bool,
}


FAMILIES = families


def needs(op: str) -> pytest.MarkDecorator:
    """Skip a test while the core lacks an op."""
    return pytest.mark.skipif(("", op) not in IMPORTERS, reason=f"the core has no {op} yet")


class Keeper(trt.ILogger):  # type: ignore[misc]
    """A logger that keeps what it hears."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[tuple[Any, str]] = []

    def log(self, severity: Any, msg: str) -> None:
        self.messages.append((severity, msg))

    @property
    def errors(self) -> list[str]:
        """The texts of errors."""
        return [text for severity, text in self.messages if severity == trt.Logger.ERROR]


def network(flags: int = 0) -> Any:
    """Return an empty network with a logger that keeps."""
    return trt.Builder(Keeper()).create_network(flags)


def inputs(net: Any, *arrays: Array, dynamic: bool = False) -> list[Any]:
    """Add an input a, b, ... for each array."""
    made = []
    for letter, array in zip("abcdefgh", arrays, strict=False):
        shape = (-1,) * array.ndim if dynamic else array.shape
        made.append(net.add_input(letter, _TYPES[array.dtype], shape))
    return made


def engine_of(net: Any, feeds: Mapping[str, Array]) -> Any:
    """Return an engine of a network for the target that MINIRT_TARGET names, TF32 off, of exactly these shapes."""
    profile = Profile({n: (a.shape, a.shape, a.shape) for n, a in feeds.items()})
    data = build(freeze(net._state), Options((default_target(),), (profile,), tf32=False))
    return trt.Runtime(Keeper()).deserialize_cuda_engine(data)


def outputs(net: Any, layer: Any, *arrays: Array) -> list[Array]:
    """Mark a layer's outputs and return what they are, by an engine of the network."""
    made = [layer.get_output(i) for i in range(layer.num_outputs)]
    for tensor in made:
        net.mark_output(tensor)
    named = dict(zip("abcdefgh", arrays, strict=False))
    feeds = {t.name: named[t.name] for t in net._state.inputs}
    found = engine_of(net, feeds).create_execution_context().run(feeds)
    return [np.asarray(found[tensor.name]) for tensor in made]


def compute(add: Callable[..., Any], *arrays: Array, dynamic: bool = False) -> Array:
    """Return the first output of the layer that `add(network, *tensors)` adds."""
    net = network()
    return outputs(net, add(net, *inputs(net, *arrays, dynamic=dynamic)), *arrays)[0]


def same(got: Array, wanted: Array, tolerance: float = 1e-5) -> None:
    """Assert that two arrays have one shape and nearly equal numbers."""
    assert got.shape == np.shape(wanted)
    np.testing.assert_allclose(got, wanted, rtol=tolerance, atol=tolerance)
