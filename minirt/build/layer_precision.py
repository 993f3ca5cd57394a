"""Types that single layers are to compute in, in networks whose types are not all declared."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from minirt.build.layers.emit import cast
from minirt.build.network import LayerCell, NetworkCells
from minirt.ir.op import Value
from minirt.types.dtype import DType, bf16, f16, f32

_HONOURED = "honoured precisions"
NARROW = (f16, bf16)


@contextmanager
def honoured(network: NetworkCells, types: Collection[DType]) -> Iterator[None]:
    """While inside, layers compute in the narrow type that was set for them, where it is one of these."""
    if not types or not any(layer.extras.get("precision") in types for layer in network.layers):
        yield
        return
    network.changed()
    network.extras[_HONOURED] = types
    try:
        yield
    finally:
        del network.extras[_HONOURED]
        network.changed()


def wide_layers(network: NetworkCells) -> tuple[str, ...]:
    """Return the names of layers that are to compute in float32, whatever is permitted."""
    return tuple(layer.name for layer in network.layers if layer.extras.get("precision") is f32)


def wished(layer: LayerCell) -> DType | None:
    """Return the type that a layer is to compute in, None where it computes in those of its operands."""
    found: DType | None = layer.extras.get("precision")
    return found if found in layer.network.extras.get(_HONOURED, ()) else None


def given(layer: LayerCell, operands: Sequence[Value | None]) -> list[Value | None]:
    """Return a layer's operands in the type that it is to compute in."""
    dtype = wished(layer)
    if dtype is None:
        return list(operands)
    return [cast(v, dtype) if v is not None and v.dtype is f32 else v for v in operands]


def returned(layer: LayerCell, operands: Sequence[Value | None], made: list[Value]) -> list[Value]:
    """Return a layer's results in the types that they have without a wish: float32 where an operand was."""
    dtype = wished(layer)
    if dtype is None or not any(v is not None and v.dtype is f32 for v in operands):
        return made
    return [cast(v, f32) if v.dtype is dtype else v for v in made]
