"""Images cut into patches (the first layer of vision transformers): a product of rows, each the numbers of a patch."""

from __future__ import annotations

from collections.abc import Sequence

from minirt.ir.graph import is_constant
from minirt.ir.match import P
from minirt.ir.op import Value, apply, op_of
from minirt.ir.scalar import uses_index
from minirt.ops.arithmetic import Add
from minirt.ops.convolution import Conv
from minirt.ops.gemm import Gemm
from minirt.ops.movement import Concat, Reshape, Slice, Transpose
from minirt.optimize.excite import as_rows
from minirt.optimize.rewrite import rule
from minirt.types.dim import product

_FEW = 8
"""Channels of an image that are too few for its pixels to be copied to matrix units one by one."""


@rule(P(Conv, "x", "w", bind="root", open=True))
def patches_are_rows(x: Value, w: Value, root: Value) -> Value | None:
    """conv(x, w) with windows side by side = rows(x) @ w, where x has few channels; exact, a sum in another order."""
    op = op_of(root, Conv)
    channels, *space = x.shape[1:]
    taps = w.shape[2:]
    if not isinstance(channels, int) or channels >= _FEW or not _side_by_side(op, taps):
        return None
    if any(s != n * t for s, n, t in zip(space, root.shape[2:], taps, strict=True)):
        return None
    numbers = product([channels, *taps])
    if not isinstance(numbers, int) or numbers < channels * _FEW:
        return None
    if len(root.node.outputs) > 1 or (op.epilogue is not None and uses_index(op.epilogue.results)):
        return None
    extras = [as_rows(e, root.shape) for e in root.node.inputs[2:]]
    if any(e is None for e in extras):
        return None
    batch, counts, rank = x.shape[0], root.shape[2:], len(taps)
    pairs = [d for pair in zip(counts, taps, strict=True) for d in pair]
    cut = apply(Reshape((batch, channels, *pairs)), x)
    order = (0, *range(2, 2 + 2 * rank, 2), 1, *range(3, 3 + 2 * rank, 2))
    rows = apply(Reshape((batch, product(counts), numbers)), apply(Transpose(order), cut))
    weights = apply(Reshape((w.shape[0], numbers)), w)
    made = apply(Gemm(trans_b=True, epilogue=op.epilogue), rows, weights, *(e for e in extras if e is not None))
    spread = apply(Reshape((batch, *counts, w.shape[0])), made)
    return apply(Transpose((0, rank + 1, *range(1, rank + 1))), spread)


def _side_by_side(op: Conv, taps: tuple[object, ...]) -> bool:
    """True for windows that neither overlap nor leave anything out."""
    plain = op.groups == 1 and all(d == 1 for d in op.dilations) and all(p == 0 for p in op.pads)
    return plain and tuple(op.strides) == tuple(taps)


@rule(P(Add, P(Concat, bind="joined", once=True), "places", bind="root", either=True))
def places_are_added_before_tokens_join(joined: Value, places: Value, root: Value) -> Sequence[Value] | None:
    """[t x] + p = [t + p1, x + p2] for constants t and p: what makes x adds its part, and writes where it is wanted."""
    axis, parts = op_of(joined, Concat).axis, joined.node.inputs
    sizes = [v.shape[axis] for v in parts]
    if not is_constant(places) or sum(not is_constant(v) for v in parts) != 1 or joined.type != root.type:
        return None
    if places.rank != joined.rank or places.shape[axis] != joined.shape[axis]:
        return None
    added: list[Value] = []
    start = 0
    for value, size in zip(parts, sizes, strict=True):
        if not isinstance(size, int):
            return None
        at = tuple(start if i == axis else 0 for i in range(places.rank))
        shape = tuple(size if i == axis else d for i, d in enumerate(places.shape))
        added.append(apply(Add(), value, apply(Slice(at, shape, (1,) * places.rank), places)))
        start += size
    return (apply(joined.op, *added),)


PATCHES = (patches_are_rows,)
