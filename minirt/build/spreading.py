"""Products whose operands repeat along other axes each: copied in full, so that all batch axes are one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from minirt.build.drafts import Place
from minirt.build.select import Chosen, Setting, Source, choose
from minirt.build.views import Placement
from minirt.ir.op import Node, Value
from minirt.types.dim import Dim, Expr
from minirt.types.tensor import Tensor


class Builder(Protocol):
    """What the copies need of a lowering."""

    setting: Setting

    def _fresh(self, kind: str, tensor: Tensor) -> Place:
        """Memory for a tensor."""
        ...

    def _copy(self, source: Place, target: Place, value: Value) -> None:
        """Copy a value."""
        ...


def spread(lowering: Builder, node: Node, inputs: list[Place]) -> tuple[list[Place], Chosen | None]:
    """Where a product's operands lie when they are copied in full, and the kernel that takes them so, if one does."""
    whole = _whole(lowering, node, inputs)
    wanted = [node.outputs[0].tensor]
    found, _ = choose(node.op, [Source(p.at) for p in whole], wanted, lowering.setting, node.label, True)
    return (inputs, None) if found is None else (whole, found)


def _whole(lowering: Builder, node: Node, inputs: Sequence[Place]) -> list[Place]:
    """The operands of a batched product, row-major, with every batch axis of the result (extra operands: every axis).

    Operands without batch axes stay, as any kernel takes those.
    """
    (result,) = node.outputs
    batch = result.shape[:-2]
    made = []
    for i, (value, place) in enumerate(zip(node.inputs, inputs, strict=True)):
        shape = (*batch, *value.shape[-2:]) if i < 2 else result.shape
        own = value.shape[: max(0, value.rank - 2)]
        if all(_is(d, 1) for d in own) or _lies(place.at, shape):
            made.append(place)
            continue
        lead = len(shape) - value.rank
        strides: list[Dim] = [0] * lead
        for have, want, stride in zip(value.shape, shape[lead:], place.at.strides, strict=True):
            strides.append(0 if _is(have, 1) and not _is(want, 1) else stride)
        whole = Tensor(value.dtype, shape)
        target = lowering._fresh("arena", whole)
        lowering._copy(Place(place.buffer, Placement(whole, tuple(strides), place.at.offset)), target, value)
        made.append(target)
    return made


def _is(dim: Dim, size: int) -> bool:
    return not isinstance(dim, Expr) and dim == size


def _lies(at: Placement, shape: Sequence[Dim]) -> bool:
    return at.type.shape == tuple(shape) and at.dense and not at.type.layout
