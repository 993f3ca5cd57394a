"""Recurrent weights of 8 bits written out, for targets whose kernels multiply by floats."""

from __future__ import annotations

from collections.abc import Sequence

from minirt.ir.match import P
from minirt.ir.op import Value, apply, apply_all, op_of
from minirt.ir.scalar import Body, arg, call, cast
from minirt.ops.movement import reshaped
from minirt.ops.pointwise import Map
from minirt.ops.recurrent import Recurrent
from minirt.optimize.rewrite import Rule, rule
from minirt.types.dtype import f32, i8


@rule(P(Recurrent, bind="root"))
def recurrence_reads_plain_weights(root: Value) -> Sequence[Value] | None:
    """recurrence(x, codes, ..., scales) = recurrence(x, codes * scales, ...)."""
    op = op_of(root, Recurrent)
    if not op.coded:
        return None
    x, codes, *rest, scales = root.node.inputs
    body = Body((i8, f32), (call("mul", cast(arg(0, i8), f32), arg(1, f32)),))
    weights = apply(Map(body), codes, reshaped(scales, (*scales.shape, 1)))
    return apply_all(op.replace(coded=False), x, weights, *rest)


CODED: tuple[Rule, ...] = (recurrence_reads_plain_weights,)
