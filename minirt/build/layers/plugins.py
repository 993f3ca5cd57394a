"""Plugin layers: a user's plugin tells the types of its results, and becomes a call."""

from __future__ import annotations

from minirt.build.layers.emit import Layer, cast, translates
from minirt.ir.op import Value, apply_all
from minirt.ops.user_call import TypesRefused
from minirt.types.dtype import bf16, f16, f32

_INSTEAD = ((f32, f16), (f16, f32), (bf16, f32), (f32, bf16))
"""Types of operands, and what a plugin may take instead where types are not strong."""


@translates("PLUGIN_V2", "PLUGIN_V3")
def plugin(layer: Layer) -> tuple[Value, ...]:
    """What the plugin computes; the layer's `describe` asks it."""
    operands = [layer.operand(i) for i in range(len(layer.operands))]
    try:
        return apply_all(layer["describe"](operands), *operands)
    except TypesRefused as refusal:
        found = None if "STRONGLY_TYPED" in layer.cell.network.flags else _in_other_types(layer, operands)
        if found is None:
            raise refusal
        return found


def _in_other_types(layer: Layer, operands: list[Value]) -> tuple[Value, ...] | None:
    """What it computes of operands in other floating-point types, in the operands' own; None where it takes none."""
    for own, other in _INSTEAD:
        if not any(v.dtype is own for v in operands):
            continue
        moved = [cast(v, other) if v.dtype is own else v for v in operands]
        try:
            made = apply_all(layer["describe"](moved), *moved)
        except TypesRefused:
            continue
        return tuple(cast(v, own) if v.dtype is other else v for v in made)
    return None
