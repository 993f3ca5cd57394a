"""Depthwise convolution and pooling of channels-last images: one kernel text, generic in shape.

A task of the range is (image, output row, run of channels), the last fastest; `window_count` gives n; any grain is
right. `kind` is "depthwise" (one filter a channel; as many outputs as inputs), "shorts" (the same of int16, weights
too, summed in int32), "max" or "average". int64 arguments (strides in elements):

    0 x   1 weights [KH, KW, channels] (`pack_depthwise`; pooling: 0)
    2 images   3 channels   4, 5 output size   6, 7 taps   8, 9 strides   10, 11 dilations   12, 13 leading pads
    14, 15 input size   16 x per image   17 per row   18 per pixel   19 channels of a task
    20, 21 average: ends of the rows and columns that count, 22, 23 their starts: (H, W, 0, 0) leaves out pads,
           (H + bottom, W + right, -top, -left) counts them
    24 y   25 per image   26 (unused: 0)   27 per pixel     y is contiguous along channels
    28 + 4 i: operand i of the epilogue: address, per image, 0, per pixel

x is never read and y never written out of bounds; no padded copy is made: taps outside the image are skipped (in a
convolution they are zeros, so a non-finite weight there has no effect).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from minirt.kernels.cpu.compile import CpuUnit
from minirt.kernels.cpu.epilogue import IMPORTS, Epilogue, finish_text, start_text, store_text
from minirt.kernels.cpu.host import lanes

_OUTPUT = 24


@dataclass(frozen=True)
class WindowSpec:
    """What is compiled: kind, vectors of channels in a tile (1, 2 or 4), lanes of a vector, epilogue."""

    kind: str = "depthwise"
    vectors: int = 4
    lanes: int = field(default_factory=lanes)
    epilogue: Epilogue = Epilogue()

    @property
    def width(self) -> int:
        """Channels of a tile."""
        return self.vectors * self.lanes

    @property
    def size(self) -> int:
        """Bytes of an element."""
        return 2 if self.kind == "shorts" else 4

    @property
    def lengths(self) -> tuple[int, ...]:
        """Pixels of the tiles, longest first."""
        longest = (16 if self.lanes == 16 else 8) // self.vectors
        return tuple(dict.fromkeys((longest, 4, 1) if longest > 4 else (longest, 1)))


def window_unit(spec: WindowSpec) -> CpuUnit:
    """The source of a window kernel."""
    return CpuUnit(spec.kind, window_text(spec))


def window_text(spec: WindowSpec) -> str:
    """The kernel's Python text."""
    kind = {"average": "sum"}.get(spec.kind, spec.kind)
    parts = [IMPORTS, finish_text(spec.epilogue, ("contract",), spec.lanes)]
    stack = f"stack_{spec.epilogue.sums}"
    parts += [f"from minirt.kernels.cpu.tile import {stack}\nfrom minirt.kernels.cpu.window_tile import window_tile\n"]
    for length in spec.lengths:
        for masked in (False, True):
            name, made = f"window{length}{'m' * masked}", f"{kind!r}, {length}, {spec.vectors}, {spec.lanes}, {masked}"
            parts += [f"{name} = window_tile({made})\n"]
    parts += [f"tile_stack = {stack}({spec.lengths[0] * spec.width})\n", _HEAD.replace("$SIZE", str(spec.size))]
    parts += [start_text(spec.epilogue, _OUTPUT, 8)]
    parts += [_COLUMNS.replace("$WIDTH", str(spec.width)), *_choose(spec.lengths)]
    parts += [_SCALE if kind == "sum" else "                scale = float32(1)\n"]
    parts += [_PLACE.replace("$SIZE", str(spec.size)), *_call(spec)]
    parts += [store_text(spec.epilogue, spec.width, 16), "                ow += count\n"]
    return "".join(parts)


_HEAD = """
def kernel(lo, hi, args):
    tile = tile_stack()
    x, weights, channels, oh_all, ow_all = args[0], args[1], args[3], args[4], args[5]
    kh, kw, sh, sw, dh, dw, ph, pw, h, w = (
        args[6], args[7], args[8], args[9], args[10], args[11], args[12], args[13], args[14], args[15])
    x_row, x_pixel, run = args[17], args[18], args[19]
    runs = (channels + run - 1) // run
    group = 0
    inner = (pw + sw - 1) // sw
    inner_end = (w - 1 + pw - (kw - 1) * dw) // sw + 1
    for task in range(lo, hi):
        rest = task // runs
        first = (task - rest * runs) * run
        last = min(first + run, channels)
        image = rest // oh_all
        oh = rest - image * oh_all
        x0 = x + $SIZE * image * args[16]
        top = oh * sh - ph
        a0 = 0 if top >= 0 else (dh - 1 - top) // dh
        a1 = max(min(kh, (h - 1 - top) // dh + 1), a0)
"""

_COLUMNS = """
        for c0 in range(first, last, $WIDTH):
            columns = min($WIDTH, last - c0)
            ow = 0
            while ow < ow_all:
                side = ow * sw - pw
                b0 = 0
                b1 = kw
                count = 1
                left = inner_end - ow
                if ow < inner or left <= 0:
                    b0 = 0 if side >= 0 else (dw - 1 - side) // dw
                    b1 = max(min(kw, (w - 1 - side) // dw + 1), b0)
"""


def _choose(lengths: Sequence[int]) -> list[str]:
    """The tile's length: the longest that fits between the image's edges."""
    lines = []
    for length in lengths[:-1]:
        lines += [f"                elif left >= {length}:\n", f"                    count = {length}\n"]
    return lines


_SCALE = """
                high = min(max((args[20] - 1 - top) // dh + 1, 0), kh) - max((dh - 1 - top + args[22]) // dh, 0)
                wide = min(max((args[21] - 1 - side) // dw + 1, 0), kw) - max((dw - 1 - side + args[23]) // dw, 0)
                scale = float32(1.0 / max(high * wide, 1))
"""

_PLACE = """
                m0 = oh * ow_all + ow
                at = x0 + $SIZE * ((top + a0 * dh) * x_row + (side + b0 * dw) * x_pixel + c0)
                wb = weights + $SIZE * ((a0 * kw + b0) * channels + c0)
                na, nb = a1 - a0, b1 - b0
"""


def _call(spec: WindowSpec) -> list[str]:
    """The micro-kernel of the tile's length, masked where the channels do not fill it."""
    given = (
        "at, $ * sw * x_pixel, na, nb, $ * dh * x_row, $ * dw * x_pixel, wb, $ * kw * channels, $ * channels, scale, "
        "columns, tile"
    ).replace("$", str(spec.size))
    lines = []
    for full in (True, False):
        lines += [f"                {f'if columns == {spec.width}' if full else 'else'}:\n"]
        for i, length in enumerate(spec.lengths):
            word = "else" if length == 1 else f"{'el' if i else ''}if count == {length}"
            lines += [f"                    {word}:\n"]
            lines += [f"                        window{length}{'' if full else 'm'}({given})\n"]
    return lines


def pick_window_vectors(channels: int, lane_count: int | None = None) -> int:
    """Vectors of a tile for so many channels."""
    wide = lane_count or lanes()
    return 4 if channels > 2 * wide else 2 if channels > wide else 1


def window_args(
    images: int,
    channels: int,
    sizes: tuple[tuple[int, int], tuple[int, int]],
    kernel: tuple[int, int],
    strides: tuple[int, int],
    dilations: tuple[int, int],
    pads: tuple[int, int, int, int],
    x_strides: tuple[int, int, int],
    y_strides: tuple[int, int],
    count_pads: bool = False,
) -> list[int]:
    """Arguments 0 to 27; addresses 0, 1 and 24 are 0, for the caller to fill.

    `sizes` are ((H, W), (OH, OW)), `pads` (top, left, bottom, right), `x_strides` per image, row and pixel, `y_strides`
    per image and pixel; `count_pads`: an average counts its padded zeros.
    """
    (h, w), out = sizes
    top, left, bottom, right = pads
    counted = (h + bottom, w + right, -top, -left) if count_pads else (h, w, 0, 0)
    args = [0, 0, images, channels, *out, *kernel, *strides, *dilations, top, left, h, w, *x_strides, channels]
    return [*args, *counted, 0, y_strides[0], 0, y_strides[1]]


def window_count(args: Sequence[int]) -> int:
    """n of the range for these arguments."""
    return args[2] * args[4] * -(-args[3] // args[19])


def pack_depthwise(weights: NDArray[Any]) -> NDArray[Any]:
    """[channels, 1, KH, KW] -> [KH, KW, channels]."""
    return np.ascontiguousarray(weights[:, 0].transpose(1, 2, 0))
