"""Convolutions over three spatial axes or more, as convolutions over one axis less.

What the taps along the first spatial axis read is laid side by side as channels, and each place along that axis becomes
an image of its own; so the sum over those taps is part of the sum over channels.  Images are kept channels last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from minirt.ir.op import Op, Value, apply
from minirt.ir.scalar import Body, arg, uses_index
from minirt.ops.arithmetic import Add
from minirt.ops.epilogue import accumulator
from minirt.ops.gemm import Gemm
from minirt.ops.importer import number
from minirt.ops.movement import Concat, Expand, Pad, reshaped, sliced, transposed
from minirt.ops.pointwise import Map
from minirt.types.dim import Dim, ceil, divide, maximum, mul, product
from minirt.types.dtype import DType


class Windowed(Protocol):
    """What Conv and ConvTranspose have in common."""

    @property
    def strides(self) -> tuple[int, ...]:
        """Distance between windows along each spatial axis."""

    @property
    def pads(self) -> tuple[Dim, ...]:
        """Begins, then ends."""

    @property
    def dilations(self) -> tuple[int, ...]:
        """Distance between taps along each spatial axis."""

    @property
    def groups(self) -> int:
        """Groups of channels."""

    @property
    def epilogue(self) -> Body | None:
        """What is run on each sum."""

    def replace(self, **fields: Any) -> Op:
        """The op with other fields."""

    def body(self, dtype: DType) -> Body:
        """The epilogue for operands of this type, written out."""


def channels_last(x: Value) -> Value:
    """[N, C, spatial...] as [N, spatial..., C]."""
    return transposed(x, (0, *range(2, x.rank), 1))


def channels_second(x: Value) -> Value:
    """[N, spatial..., C] as [N, C, spatial...]."""
    return transposed(x, (0, x.rank - 1, *range(1, x.rank - 1)))


def padded_depth(x: Value, before: Dim, after: Dim) -> Value:
    """x [N, D, ..., C] with zeros along axis 1."""
    if before == 0 and after == 0:
        return x
    rest = (0,) * (x.rank - 2)
    return apply(Pad((0, before, *rest), (0, after, *rest)), x, number(0, x.dtype))


def side_by_side(x: Value, starts: Sequence[Dim], count: Dim, step: int, inner: bool) -> Value:
    """x [N, D, ..., C] as images [N * count, taps * C, ...]: for each place what every tap reads, a step apart.

    Channels are (tap, channel), or (channel, tap) where ``inner``.
    """
    parts = [sliced(x, 1, start, count, step) for start in starts]
    if inner:
        parts = [reshaped(p, (*p.shape, 1)) for p in parts]
    whole = parts[0] if len(parts) == 1 else apply(Concat(parts[0].rank - 1), *parts)
    places = whole.shape[2 : x.rank - 1]
    return channels_second(reshaped(whole, (mul(x.shape[0], count), *places, mul(x.shape[-1], len(parts)))))


def taps_as_channels(w: Value, taps: Sequence[int], at: int, inner: bool) -> Value:
    """Weights [A, B, K, rest...], taps along K merged into axis ``at`` (0 or 1) in ``side_by_side``'s order."""
    if list(taps) != list(range(len(taps))) or w.shape[2] != len(taps):
        parts = [sliced(w, 2, tap, 1) for tap in taps]
        w = parts[0] if len(parts) == 1 else apply(Concat(2), *parts)
    order = [0, 1]
    order.insert(at + 1 if inner else at, 2)
    shape = [w.shape[0], w.shape[1], *w.shape[3:]]
    shape[at] = mul(shape[at], len(taps))
    return reshaped(transposed(w, (*order, *range(3, w.rank))), shape)


def as_images(extra: Value, images: Dim, places: Dim, rank: int) -> Value:
    """An epilogue's operand, broadcast to [N, O, D, rest...] (rank axes), as one broadcast to [N * D, O, rest...]."""
    full = reshaped(extra, ((1,) * (rank - extra.rank)) + tuple(extra.shape))
    n, channels, depth, *rest = full.shape
    if n == 1 and depth == 1:
        return reshaped(full, (1, channels, *rest))
    spread = apply(Expand((images, channels, places, *rest)), full)
    turned = transposed(spread, (0, 2, 1, *range(3, rank)))
    return reshaped(turned, (mul(images, places), channels, *rest))


def from_images(y: Value, images: Dim, places: Dim) -> Value:
    """[N * D, O, rest...] as [N, D, rest..., O]."""
    last = channels_last(y)
    return reshaped(last, (images, places, *last.shape[1:]))


def convolved(op: Windowed, out: Sequence[Dim], inputs: Sequence[Value]) -> Value | None:
    """A Conv without its first spatial axis, its result of shape ``out``; None where that cannot be taken away."""
    x, w, *extras = inputs
    taps, rank, inner = w.shape[2], len(op.strides), op.groups > 1
    if not _peelable(op, taps):
        return None
    assert isinstance(taps, int)
    if w.shape[1] == 1 and inner and taps > 1:
        return _by_channel(op, out, inputs, taps)
    wide = padded_depth(channels_last(x), op.pads[0], op.pads[rank])
    starts = [tap * op.dilations[0] for tap in range(taps)]
    images = side_by_side(wide, starts, out[2], op.strides[0], inner)
    more = [as_images(e, x.shape[0], out[2], x.rank) for e in extras]
    y = apply(_narrower(op), images, taps_as_channels(w, range(taps), 1, inner), *more)
    return channels_second(from_images(y, x.shape[0], out[2]))


def _by_channel(op: Windowed, out: Sequence[Dim], inputs: Sequence[Value], taps: int) -> Value:
    """A depthwise Conv as the sum, over taps along the first spatial axis, of depthwise Convs without that axis."""
    x, w, *extras = inputs
    rank, total = len(op.strides), accumulator(x.dtype)
    wide = padded_depth(channels_last(x), op.pads[0], op.pads[rank])
    plain = _narrower(op, epilogue=Body((total,), (arg(0, total),)))
    parts = []
    for tap in range(taps):
        images = side_by_side(wide, [tap * op.dilations[0]], out[2], op.strides[0], True)
        parts.append(apply(plain, images, taps_as_channels(w, [tap], 1, True)))
    whole = parts[0]
    for part in parts[1:]:
        whole = apply(Add(), whole, part)
    more = [as_images(e, x.shape[0], out[2], x.rank) for e in extras]
    return channels_second(from_images(apply(Map(op.body(x.dtype)), whole, *more), x.shape[0], out[2]))


def _apart(op: Windowed, inputs: Sequence[Value]) -> Value:
    """A ConvTranspose whose windows lie side by side: one product, and its columns moved to their places."""
    x, w, *extras = inputs
    rank, total = len(op.strides), accumulator(x.dtype)
    last = channels_last(x)
    rows = reshaped(last, (product(last.shape[:-1]), last.shape[-1]))
    matrix = reshaped(channels_last(w), (w.shape[0], mul(product(w.shape[2:]), w.shape[1])))
    sums = apply(Gemm(epilogue=Body((total,), (arg(0, total),))), rows, matrix)
    apart = reshaped(sums, (*last.shape[:-1], *w.shape[2:], w.shape[1]))
    axes = [axis for k in range(rank) for axis in (1 + k, 1 + rank + k)]
    places = [mul(n, k) for n, k in zip(x.shape[2:], w.shape[2:], strict=True)]
    y = reshaped(transposed(apart, (0, *axes, 2 * rank + 1)), (x.shape[0], *places, w.shape[1]))
    return apply(Map(op.body(x.dtype)), channels_second(y), *extras)


def spread(op: Windowed, out: Sequence[Dim], inputs: Sequence[Value], more: Sequence[Dim]) -> Value | None:
    """A ConvTranspose without its first spatial axis, its result of shape ``out``; None where that cannot be.

    Results a stride apart read the same taps: they are made together, and interleaved.  ``more`` is the output padding.
    """
    x, w, *extras = inputs
    taps, step, begin, inner = w.shape[2], op.strides[0], op.pads[0], op.groups > 1
    bent = any(e.rank > x.rank - 3 and e.shape[2 - x.rank] != 1 for e in extras)
    if not _peelable(op, taps) or not isinstance(begin, int) or bent:
        return None
    assert isinstance(taps, int)
    if tuple(w.shape[2:]) == op.strides and not inner and not any((*op.pads, *more)) and set(op.dilations) == {1}:
        return _apart(op, inputs)
    count, phases = ceil(divide(out[2], step)), _phases(taps, step, begin, op.dilations[0])
    shifts = [shift for phase in phases for _, shift in phase]
    low = max(0, -min(shifts))
    wide = padded_depth(channels_last(x), low, maximum(count + (max(shifts) - x.shape[2]), 0))
    narrow, made = _narrower(op, output_padding=tuple(more[1:])), []
    for phase in phases:
        images = side_by_side(wide, [low + shift for _, shift in phase] or [low], count, 1, inner)
        weights = taps_as_channels(w, [tap for tap, _ in phase] or [0], 0, inner)
        if not phase:
            weights = apply(Expand(weights.shape), number(0, w.dtype))
        y = apply(narrow, images, weights, *(as_images(e, x.shape[0], count, x.rank) for e in extras))
        turned = from_images(y, x.shape[0], count)
        made.append(reshaped(turned, (*turned.shape[:2], 1, *turned.shape[2:])))
    whole = made[0] if len(made) == 1 else apply(Concat(2), *made)
    joined = reshaped(whole, (whole.shape[0], mul(count, step), *whole.shape[3:]))
    return channels_second(sliced(joined, 1, 0, out[2]))


def _peelable(op: Windowed, taps: Dim) -> bool:
    body = op.epilogue
    simple = body is None or (len(body.results) == 1 and not uses_index(body.results))
    return len(op.strides) > 2 and isinstance(taps, int) and simple


def _narrower(op: Windowed, **more: Any) -> Op:
    rank, pads = len(op.strides), op.pads
    return op.replace(
        strides=op.strides[1:], dilations=op.dilations[1:], pads=(*pads[1:rank], *pads[rank + 1 :]), **more
    )


def _phases(taps: int, step: int, begin: int, dilation: int) -> list[list[tuple[int, int]]]:
    """For each of ``step`` neighbouring results the taps that reach it, and how far from its place each reads."""
    reach = [[(tap, first + begin - tap * dilation) for tap in range(taps)] for first in range(step)]
    return [[(tap, at // step) for tap, at in phase if at % step == 0] for phase in reach]
