"""Sampling at places that the data give: GridSample, deformable convolution, and pooling at given or found places."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minirt.errors import MinirtError
from minirt.ir.op import Op, Value, apply, same_dim
from minirt.ops.gemm import Gemm
from minirt.ops.importer import OnnxNode, Result, importer
from minirt.ops.movement import reshaped
from minirt.types.dim import divide, mul
from minirt.types.dtype import FLOATS, Array
from minirt.types.tensor import Tensor, Type

_MODES = {"bilinear": "linear", "linear": "linear", "nearest": "nearest", "bicubic": "cubic", "cubic": "cubic"}
_PADDING = ("zeros", "border", "reflection")
_CUBIC_A = -0.75


class GridSample(Op):
    """x [N, C, spatial...] read at grid [N, out..., rank] (x first, from -1 to 1): y [N, C, out...] (GridSample-22).

    ``mode`` is nearest, linear or cubic (two spatial axes), ``padding`` what lies outside x; with ``align_corners`` -1
    and 1 are centres of the outermost elements, else their outer edges.
    """

    dtypes = FLOATS

    mode: str = "linear"
    padding: str = "zeros"
    align_corners: bool = False

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """[N, C, out...]."""
        x, grid = inputs
        rank = x.rank - 2
        if rank < 1 or grid.rank != x.rank or grid.shape[-1] != rank:
            raise MinirtError(f"a grid of {grid.type} does not sample {x.type}")
        if self.mode not in _MODES.values() or self.padding not in _PADDING:
            raise MinirtError(f"mode {self.mode!r} or padding {self.padding!r} is not known")
        if self.mode == "cubic" and rank != 2:
            raise MinirtError("cubic sampling takes two spatial axes")
        same_dim(x.shape[0], grid.shape[0], "batches of the operand and the grid")
        return (Tensor(x.dtype, (*x.shape[:2], *grid.shape[1:-1])),)

    def reference(self, *arrays: Any) -> Any:
        """Sums of weighted neighbours."""
        x, grid = (np.asarray(a) for a in arrays)
        sizes = x.shape[2:]
        wide = np.float64 if x.dtype == np.float64 else np.float32
        places = [self._unnormalised(grid[..., ~i].astype(wide), n) for i, n in enumerate(sizes)]
        if self.mode == "nearest":
            return self._read(
                x, [np.rint(self._inside(p, n)).astype(np.int64) for p, n in zip(places, sizes, strict=True)]
            )
        if self.mode == "linear":
            places = [self._inside(p, n) for p, n in zip(places, sizes, strict=True)]
        out = np.zeros((*x.shape[:2], *grid.shape[1:-1]), dtype=wide)
        taps = (0, 1) if self.mode == "linear" else (-1, 0, 1, 2)
        base = [np.floor(p).astype(np.int64) for p in places]
        for tap in np.ndindex(*(len(taps),) * len(sizes)):
            at = [b + taps[t] for b, t in zip(base, tap, strict=True)]
            weight = np.ones(grid.shape[:-1], dtype=wide)
            for p, a in zip(places, at, strict=True):
                distance = np.abs(p - a)
                weight = weight * (1 - distance if self.mode == "linear" else _cubic(distance))
            out += weight[:, None] * self._read(x, at)
        return out.astype(x.dtype)

    def _unnormalised(self, place: Array, size: int) -> Array:
        if self.align_corners:
            return (place + 1) / 2 * (size - 1)
        return ((place + 1) * size - 1) / 2

    def _inside(self, place: Array, size: int) -> Array:
        """The place moved into x as ``padding`` says."""
        if self.padding == "border":
            return np.clip(place, 0, size - 1)
        if self.padding == "reflection":
            low, high = (0.0, size - 1.0) if self.align_corners else (-0.5, size - 0.5)
            return np.clip(_reflected(place, low, high), 0, size - 1)
        return place

    def _read(self, x: Array, at: Sequence[Array]) -> Array:
        """x at whole places [N, out...]: [N, C, out...]; 0 outside where padding is zeros."""
        inside = np.ones(at[0].shape, dtype=bool)
        index: list[Array] = []
        for a, n in zip(at, x.shape[2:], strict=True):
            moved = a if self.padding == "zeros" else self._inside(a.astype(np.float64), n).astype(np.int64)
            inside &= (moved >= 0) & (moved < n)
            index.append(np.clip(moved, 0, n - 1))
        batch = np.arange(x.shape[0]).reshape(-1, *[1] * (at[0].ndim - 1))
        places: Any = (batch, slice(None), *index)
        found = np.moveaxis(x[places], -1, 1)
        return np.where(inside[:, None], found, 0).astype(x.dtype)


def _cubic(d: Array) -> Array:
    near = ((_CUBIC_A + 2) * d - (_CUBIC_A + 3)) * d * d + 1
    far = ((d - 5) * d + 8) * d * _CUBIC_A - 4 * _CUBIC_A
    return np.where(d <= 1, near, np.where(d < 2, far, 0))


def _reflected(place: Array, low: float, high: float) -> Array:
    width = high - low
    if width <= 0:
        return np.zeros_like(place)
    away = np.abs(place - low)
    folds = np.floor(away / width)
    rest = away - folds * width
    return np.where(folds % 2 == 0, rest + low, high - rest)


@importer("GridSample")
def _grid_sample(node: OnnxNode) -> Result:
    mode = str(node.attributes.get("mode", "bilinear"))
    if mode not in _MODES:
        raise MinirtError(f"mode is {mode!r}")
    padding = str(node.attributes.get("padding_mode", "zeros"))
    op = GridSample(_MODES[mode], padding, bool(node.attributes.get("align_corners", 0)))
    return apply(op, node.input(0), node.input(1))


class DeformConv(Op):
    """A convolution whose taps are moved by offsets that the data give.

    Operands: x [N, C, H, W], w [O, C / groups, kh, kw], offset [N, og * kh * kw * 2, oh, ow].  The offsets of each of
    ``offset_groups`` are (y, x) pairs; operand 3, if given, weighs each tap: [N, og * kh * kw, oh, ow].  Taps between
    elements are read bilinearly, outside x as 0 (DeformConv-22).
    """

    dtypes = FLOATS

    strides: tuple[int, ...]
    pads: tuple[int, ...]
    dilations: tuple[int, ...]
    groups: int = 1
    offset_groups: int = 1

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """[N, O, oh, ow], as the offsets say."""
        x, w, offset = inputs[:3]
        if x.rank != 4 or w.rank != 4 or offset.rank != 4:
            raise MinirtError("deformable convolution takes two spatial axes")
        same_dim(x.shape[1], w.shape[1] * self.groups, "channels of the input and of the weights (times groups)")
        taps = w.shape[2] * w.shape[3] * self.offset_groups
        same_dim(offset.shape[1], taps * 2, "offsets")
        if len(inputs) > 3:
            same_dim(inputs[3].shape[1], taps, "tap weights")
        return (Tensor(x.dtype, (x.shape[0], w.shape[0], *offset.shape[2:])),)

    def decompose(self, *inputs: Value) -> Value:
        """The taps, and one product for each group."""
        x, w, offset, *masks = inputs
        (n, c), (o, _, kh, kw), places = x.shape[:2], w.shape, offset.shape[2:]
        g = self.groups
        kernel = (kh, kw)
        taps = apply(DeformTaps(self.strides, self.pads, self.dilations, kernel, self.offset_groups), x, offset, *masks)  # type: ignore[arg-type]
        columns = reshaped(taps, (n, g, divide(mul(mul(c, kh), kw), g), mul(*places)))
        matrix = reshaped(w, (g, divide(o, g), mul(mul(w.shape[1], kh), kw)))
        return reshaped(apply(Gemm(), matrix, columns), (n, o, *places))

    def reference(self, *arrays: Any) -> Any:
        """Every tap of every place read, then one product."""
        x, w, offset = (np.asarray(a) for a in arrays[:3])
        reader = DeformTaps(self.strides, self.pads, self.dilations, w.shape[2:], self.offset_groups)
        taps, g = reader.reference(x, offset, *arrays[3:]), self.groups
        product = np.matmul(w.reshape(g, w.shape[0] // g, -1), taps.reshape(x.shape[0], g, -1, taps[0, 0, 0].size))
        return product.reshape(x.shape[0], w.shape[0], *offset.shape[2:])


class DeformTaps(Op):
    """What the taps of a DeformConv read: x [N, C, H, W], offsets, tap weights -> [N, C, kh * kw, oh, ow]."""

    dtypes = FLOATS

    strides: tuple[int, ...]
    pads: tuple[int, ...]
    dilations: tuple[int, ...]
    kernel: tuple[int, ...]
    offset_groups: int = 1

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """[N, C, kh * kw, oh, ow]."""
        x, offset = inputs[:2]
        if x.rank != 4 or offset.rank != 4 or len(self.kernel) != 2:
            raise MinirtError("deformable convolution takes two spatial axes")
        taps = self.kernel[0] * self.kernel[1]
        same_dim(offset.shape[1], taps * self.offset_groups * 2, "offsets")
        return (Tensor(x.dtype, (*x.shape[:2], taps, *offset.shape[2:])),)

    def reference(self, *arrays: Any) -> Any:
        """Tap by tap."""
        x, offset = (np.asarray(a) for a in arrays[:2])
        (n, c), (kh, kw), (oh, ow) = x.shape[:2], self.kernel, offset.shape[2:]
        og = self.offset_groups
        moves = offset.reshape(n, og, kh * kw, 2, oh, ow)
        rows = np.arange(oh)[:, None] * self.strides[0] - self.pads[0]
        columns = np.arange(ow)[None, :] * self.strides[1] - self.pads[1]
        taps = np.empty((n, c, kh * kw, oh, ow), dtype=x.dtype)
        reader = GridSample()
        for group, tap in np.ndindex(og, kh * kw):
            y = rows + (tap // kw) * self.dilations[0] + moves[:, group, tap, 0]
            z = columns + (tap % kw) * self.dilations[1] + moves[:, group, tap, 1]
            part = slice(group * (c // og), (group + 1) * (c // og))
            taps[:, part, tap] = _bilinear(reader, x[:, part], y, z)
        if len(arrays) > 2:
            weight = np.asarray(arrays[2]).reshape(n, og, 1, kh * kw, oh, ow)
            taps = (taps.reshape(n, og, c // og, kh * kw, oh, ow) * weight).reshape(taps.shape)
        return taps


def _bilinear(reader: GridSample, x: Array, y: Array, z: Array) -> Array:
    top, left = np.floor(y), np.floor(z)
    out: Any = 0
    for i, j in np.ndindex(2, 2):
        weight = (1 - np.abs(y - top - i)) * (1 - np.abs(z - left - j))
        places = [(top + i).astype(np.int64), (left + j).astype(np.int64)]
        out = out + weight[:, None] * reader._read(x, places)
    result: Array = out
    return result
