"""Plugin layers: a user's plugin tells the types of its results, and becomes a call."""

from __future__ import annotations

from minirt.build.layers.emit import Layer, translates
from minirt.ir.op import Value, apply_all


@translates("PLUGIN_V2", "PLUGIN_V3")
def plugin(layer: Layer) -> tuple[Value, ...]:
    """What the plugin computes; the layer's `describe` asks it."""
    operands = [layer.operand(i) for i in range(len(layer.operands))]
    return apply_all(layer["describe"](operands), *operands)
