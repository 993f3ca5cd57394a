"""Plugin layers: a user's plugin tells the types of its results, and becomes a call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from minirt.build.layers.emit import Layer, cast, translates
from minirt.ir.op import Value, apply_all
from minirt.ops.user_call import TypesRefused
from minirt.types.dtype import DType, bf16, f16, f32

_CHOICES = {f32: (f32, f16, bf16), f16: (f16, f32), bf16: (bf16, f32)}
"""Types of operands, and what a plugin may take instead where types are not strong."""
_MOST = 100
"""Combinations that are asked for: IPluginV3OneBuild.DEFAULT_FORMAT_COMBINATION_LIMIT."""


@translates("PLUGIN_V2", "PLUGIN_V3")
def plugin(layer: Layer) -> tuple[Value, ...]:
    """What the plugin computes; the layer's `describe` asks it, or its `meaning` says it in ops."""
    operands = [layer.operand(i) for i in range(len(layer.operands))]
    if layer.get("meaning") is not None:
        made: tuple[Value, ...] = layer["meaning"](operands)
        return made
    try:
        return apply_all(layer["describe"](operands), *operands)
    except TypesRefused as refusal:
        found = None if "STRONGLY_TYPED" in layer.cell.network.flags else _in_other_types(layer, operands)
        if found is None:
            raise refusal
        return found


def _in_other_types(layer: Layer, operands: list[Value]) -> tuple[Value, ...] | None:
    """What it computes of operands in other floating-point types, in the operands' own; None where it takes none."""
    for types in _combinations([v.dtype for v in operands]):
        moved = [cast(v, t) for v, t in zip(operands, types, strict=True)]
        try:
            made = apply_all(layer["describe"](moved), *moved)
        except TypesRefused:
            continue
        own = {v.dtype for v in operands}
        back = {t: v.dtype for v, t in zip(operands, types, strict=True) if t is not v.dtype and t not in own}
        return tuple(cast(v, back.get(v.dtype, v.dtype)) for v in made)
    return None


def _combinations(own: Sequence[DType]) -> Iterator[tuple[DType, ...]]:
    """Types for operands of these types: all of one type changed alike first, then each by itself."""
    kinds = [k for k in dict.fromkeys(own) if k in _CHOICES]
    alike = [dict(zip(kinds, taken, strict=True)) for taken in product(*(_CHOICES[k] for k in kinds))]
    uniform = [tuple(taken.get(k, k) for k in own) for taken in alike]
    apart = [_CHOICES.get(k, (k,)) for k in own]
    single = [tuple(t) for t in product(*apart)] if len(own) <= 4 else []
    changes = sorted(single, key=lambda types: sum(a is not b for a, b in zip(types, own, strict=True)))
    found = [types for types in dict.fromkeys([*uniform, *changes]) if types != tuple(own)]
    yield from found[:_MOST]
