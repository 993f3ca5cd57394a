"""Debugging what fusion leaves: which tensors of a network still exist once it is lowered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from minirt.build.build import lower, optimize
from minirt.build.freeze import freeze
from minirt.build.network import NetworkCells, TensorCell
from minirt.build.options import Options
from minirt.types.tensor import Tensor

WANTED = "debug unfused"


def unfused(network: NetworkCells, options: Options) -> list[TensorCell]:
    """Return the tensors inside a network that a step of the first target's plan computes, in the order of layers."""
    lowered = lower(optimize(freeze(network)), options.targets[0], options)
    last = {node.origin[-1] for node in lowered.graph.nodes if node.origin}
    found = [t for layer in network.layers if layer.name in last for t in layer.outputs]
    typed, seen = network.typed, set(network.outputs)
    return [t for t in found if t in typed and t not in seen and isinstance(typed[t].type, Tensor)]


@contextmanager
def unfused_watched(network: NetworkCells, options: Options) -> Iterator[list[str]]:
    """While inside, a debug listener may see what fusion leaves, if the network asks for it; yields the names."""
    before = dict(network.debug)
    found = [t for t in unfused(network, options) if t not in before] if network.extras.get(WANTED) else []
    network.debug.update(dict.fromkeys(found))
    try:
        yield [t.name for t in found]
    finally:
        network.debug.clear()
        network.debug.update(before)
