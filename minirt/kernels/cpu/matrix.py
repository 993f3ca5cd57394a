"""Matrix products and channels-last convolutions: one kernel text, generic in shape.

Both are the same loop: for every row m (output pixel) and column c (output channel), a sum over taps and depth of
x[...] * weights[tap, k, c]. A task of the range is (image, group, block of rows, run of column blocks), the last
fastest; `task_count` gives n; any grain is right. int64 arguments (strides in elements; C names of a convolution in
brackets):

    0 x   1 weights   2 zeros: address of at least `depth` float32 zeros (padding; any address where none is needed)
    3 images   4 groups   5 rows [OH * OW]   6 row width [OW]; a product gives 1 << 40
    7 columns [OC / groups]   8 depth [IC / groups]
    9, 10 taps [KH, KW]   11, 12 strides   13, 14 dilations   15, 16 leading pads   17, 18 input size [H, W]
    19 x per image   20 per group   21 per row [input row]   22 per pixel   23 per depth (1 in a convolution)
    24 weights per image   25 per group   26 per column block   27 per depth
    28 rows of a task   29 column blocks of a task
    30 y   31 per image   32 per group   33 per row [pixel]     y is contiguous along columns
    34 + 4 i: operand i of the epilogue: address, per image, per group, per row

Numbers are float32; or int16, summed in int32, and then weights come in pairs along the depth (`pair_product`), so that
24 to 27 count words of 32 bits and a block has half as many rows.

Weights come packed by `pack_weights`: [group][block][tap][depth][width] with width = vectors * lanes, zero-filled to
whole blocks, so weights-per-depth is `width`. A row-major [K, N] matrix whose N is a multiple of `width` may be read
in place: per block = width, per depth = N. x is read with any strides and never out of bounds; y is written only
where it is.

A product A[M, K] @ B[K, N] is taps 1, strides 1, dilations 1, pads 0, size (1, 1 << 40), pixel stride = A's row
stride, depth stride = A's column stride; two batch dims are images and groups. `product_args` and `conv_args` fill
the list.
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

CHUNK = 256
"""Products of a convolution that are added before their sum goes into the tile."""
TAPS = 1024
"""Largest number of taps: KH * KW."""

_FAR = 1 << 40
_OUTPUT = 30


@dataclass(frozen=True)
class MatrixSpec:
    """What is compiled: vectors of columns in a tile (1 to 4), lanes of a vector, epilogue.

    `dense_depth`: argument 23 is 1. `packed`: argument 27 is `width`. Without them the strides are taken at run time,
    and the loop is slower.
    """

    vectors: int = 2
    lanes: int = field(default_factory=lanes)
    dense_depth: bool = True
    packed: bool = True
    epilogue: Epilogue = Epilogue()
    chunk: int = CHUNK
    """Products that are added one after another before their sum goes into the tile, where sums are float32."""

    @property
    def pairs(self) -> bool:
        """True for int16 numbers, summed in int32."""
        return self.epilogue.sums == "i32"

    @property
    def width(self) -> int:
        """Columns of a tile."""
        return self.vectors * self.lanes

    @property
    def heights(self) -> tuple[int, ...]:
        """Rows of the tiles, tallest first: as many sums as the registers hold, then what remainders need."""
        tallest = _TALLEST[self.lanes == 16][self.vectors]
        return tuple(dict.fromkeys((tallest, max(tallest // 2, 1), 2, 1))) if tallest > 4 else (tallest, 1)


_TALLEST = {True: {1: 14, 2: 14, 3: 9, 4: 6}, False: {1: 8, 2: 6, 3: 4, 4: 3}}


def pick_vectors(columns: int, lane_count: int | None = None) -> int:
    """Vectors of a tile (1, 2 or 3) that waste the least on so many columns; 2 where equal."""
    wide = lane_count or lanes()

    def cost(vectors: int) -> tuple[float, int]:
        blocks = -(-columns // (vectors * wide))
        return blocks * vectors * (1.15 if vectors == 1 else 1.05 if vectors == 3 else 1.0), -vectors

    return min((2, 3, 1), key=cost)


def matrix_unit(spec: MatrixSpec) -> CpuUnit:
    """The source of a matrix kernel."""
    return CpuUnit("matrix", matrix_text(spec))


def matrix_text(spec: MatrixSpec) -> str:
    """The kernel's Python text."""
    heights = spec.heights
    tallest = heights[0]
    parts = [
        IMPORTS,
        finish_text(spec.epilogue, ("contract",), spec.lanes),
        "from minirt.kernels.cpu.tile import stack_f32, stack_i32, stack_i64, tap_starts, tile_product\n",
        "from minirt.kernels.cpu.pair_tile import pair_product\n" if spec.pairs else "",
    ]
    size, made = (2, "pair_product") if spec.pairs else (4, "tile_product")
    steps = f"{size * spec.dense_depth}, {4 * spec.width * spec.packed}"
    steps += "" if spec.pairs else f", chunk={spec.chunk}"
    parts += [f"product{t} = {made}({t}, {spec.vectors}, {spec.lanes}, {steps})\n" for t in heights]
    parts += [f"tile_stack = stack_{spec.epilogue.sums}({tallest * spec.width})\nrows_stack = stack_i64(48)\n"]
    parts += [f"starts_stack = stack_i64({16 * TAPS})\n"]
    parts += [_HEAD]
    parts += [start_text(spec.epilogue, _OUTPUT, 8), "        while m0 < m_end:\n", *_choose(heights)]
    parts += [_ROWS]
    parts += [_TABLE.replace("$WHOLE", "(depth % 2 == 0)" if spec.pairs else "True")]
    parts += [_COLUMNS]
    parts += _call(spec)
    parts += [store_text(spec.epilogue, spec.width, 16), _TAIL]
    return "".join(parts).replace("$WIDTH", str(spec.width)).replace("$X", str(size))


_HEAD = """
def kernel(lo, hi, args):
    tile = tile_stack()
    rows = rows_stack()
    starts = starts_stack()
    for t in range(48):
        rows[t] = 0
    x, weights, zeros = args[0], args[1], args[2]
    groups, all_rows, row_width, all_columns, depth = args[4], args[5], args[6], args[7], args[8]
    kh, kw, sh, sw, dh, dw, ph, pw, h, w = (
        args[9], args[10], args[11], args[12], args[13], args[14], args[15], args[16], args[17], args[18])
    x_row, x_pixel, x_step = args[21], args[22], args[23]
    block_rows, run = args[28], args[29]
    blocks = (all_columns + $WIDTH - 1) // $WIDTH
    runs = (blocks + run - 1) // run
    row_blocks = (all_rows + block_rows - 1) // block_rows
    for task in range(lo, hi):
        rest = task // runs
        first_block = (task - rest * runs) * run
        last_block = min(first_block + run, blocks)
        outer = rest // row_blocks
        m0 = (rest - outer * row_blocks) * block_rows
        m_end = min(m0 + block_rows, all_rows)
        image = outer // groups
        group = outer - image * groups
        x0 = x + $X * (image * args[19] + group * args[20])
        w0 = weights + 4 * (image * args[24] + group * args[25])
        oh = m0 // row_width
        ow = m0 - oh * row_width
"""


def _choose(heights: Sequence[int]) -> list[str]:
    """The tile's height: the tallest that fits what is left of the block."""
    lines = ["            left = m_end - m0\n"]
    for i, height in enumerate(heights):
        word = "else" if height == 1 else f"{'el' if i else ''}if left >= {height}"
        lines += [f"            {word}:\n", f"                count = {height}\n"]
    return lines


_ROWS = """
            for t in range(count):
                top = oh * sh - ph
                side = ow * sw - pw
                rows[t] = x0 + $X * (top * x_row + side * x_pixel)
                rows[16 + t] = top
                rows[32 + t] = side
                ow += 1
                if ow == row_width:
                    ow = 0
                    oh += 1
"""

_TABLE = """
            taps, deep = kh * kw, depth
            inside = (dw == 1) & (kw > 1) & (x_pixel == depth) & ((x_step == 1) | (depth == 1))
            inside &= (rows[16] >= 0) & (rows[15 + count] + (kh - 1) * dh < h) & $WHOLE
            for t in range(count):
                inside &= (rows[32 + t] >= 0) & (rows[32 + t] + kw <= w)
            if inside:
                taps, deep = kh, kw * depth
                for a in range(kh):
                    for t in range(16):
                        starts[16 * a + t] = rows[t] + $X * a * dh * x_row
            else:
                for a in range(kh):
                    for b in range(kw):
                        at = 16 * (a * kw + b)
                        offset = $X * (a * dh * x_row + b * dw * x_pixel)
                        tap_starts(rows, a * dh, b * dw, h, w, offset, zeros, starts, at)
"""

_COLUMNS = """
            for block in range(first_block, last_block):
                c0 = block * $WIDTH
                columns = min($WIDTH, all_columns - c0)
                wb = w0 + 4 * block * args[26]
"""


def _call(spec: MatrixSpec) -> list[str]:
    """The micro-kernel of the tile's height."""
    given = "taps, deep, $X * x_step, wb"
    lines = []
    for i, height in enumerate(spec.heights):
        word = "else" if height == 1 else f"{'el' if i else ''}if count == {height}"
        lines += [f"                {word}:\n"]
        lines += [f"                    product{height}(starts, {given}, 4 * args[27], tile)\n"]
    return lines


_TAIL = "            m0 += count\n"


def task_count(args: Sequence[int], width: int) -> int:
    """n of the range for these arguments."""
    images, groups, rows, columns, block, run = args[3], args[4], args[5], args[7], args[28], args[29]
    blocks = -(-columns // width)
    return images * groups * -(-rows // block) * -(-blocks // run)


def conv_args(
    images: int,
    groups: int,
    channels: tuple[int, int],
    sizes: tuple[tuple[int, int], tuple[int, int]],
    kernel: tuple[int, int],
    strides: tuple[int, int],
    dilations: tuple[int, int],
    pads: tuple[int, int],
    x_strides: tuple[int, int, int],
    y_strides: tuple[int, int],
    spec: MatrixSpec,
    threads: int = 1,
) -> list[int]:
    """Arguments 0 to 33 of a convolution with packed weights; addresses 0, 1, 2 and 30 are 0, for the caller to fill.

    `channels` are (IC, OC) of a group, `sizes` ((H, W), (OH, OW)), `pads` the leading ones, `x_strides` per image, row
    and pixel, `y_strides` per image and pixel; groups lie side by side along the channels of x and y.
    """
    (h, w), (oh, ow) = sizes
    depth, columns = channels
    taps = kernel[0] * kernel[1]
    block = taps * depth * spec.width
    blocks = -(-columns // spec.width)
    args = [0, 0, 0, images, groups, oh * ow, ow, columns, depth, *kernel, *strides, *dilations, *pads, h, w]
    args += [x_strides[0], depth, x_strides[1], x_strides[2], 1, 0, blocks * block, block, spec.width]
    args += [*blocking(spec, images * groups, oh * ow, columns, taps * depth, threads)]
    return [*args, 0, y_strides[0], columns, y_strides[1]]


def product_args(
    batch: tuple[int, int],
    shape: tuple[int, int, int],
    a_strides: tuple[int, int, int, int],
    b_strides: tuple[int, int, int, int],
    y_strides: tuple[int, int, int],
    spec: MatrixSpec,
    threads: int = 1,
) -> list[int]:
    """Arguments 0 to 33 of Y[i, g] = A[i, g] @ B[i, g]; addresses 0, 1, 2 and 30 are 0, for the caller to fill.

    `batch` is (i, g), `shape` (M, N, K); strides in elements: A's per i, g, m, k; B's per i, g, column block, k
    (packed: K * width and width); Y's per i, g, m. A stride of 0 broadcasts.
    """
    rows, columns, depth = shape
    args = [0, 0, 0, *batch, rows, _FAR, columns, depth, 1, 1, 1, 1, 1, 1, 0, 0, 1, _FAR]
    args += [a_strides[0], a_strides[1], 0, a_strides[2], a_strides[3], *b_strides]
    args += [*blocking(spec, batch[0] * batch[1], rows, columns, depth, threads)]
    return [*args, 0, *y_strides]


def blocking(spec: MatrixSpec, outer: int, rows: int, columns: int, depth: int, threads: int) -> tuple[int, int]:
    """Arguments 28 and 29 for `outer` images and groups: rows and column blocks of a task, `depth` with its taps.

    Weights of a task stay in L2, row blocks are equal, and every thread gets several tasks.
    """
    tallest = spec.heights[0]
    blocks = max(-(-columns // spec.width), 1)
    run = max(1, min(blocks, _L2_FLOATS // max(depth * spec.width, 1)))
    tiles = max(-(-rows // tallest), 1)
    cuts = -(-tiles // 8)
    while threads > 1 and outer * cuts * -(-blocks // run) < 4 * threads:
        if run > 1:
            run = -(-run // 2)
        elif cuts < tiles:
            cuts = min(2 * cuts, tiles)
        else:
            break
    return -(-tiles // cuts) * tallest, run


def task_grain(args: Sequence[int], width: int) -> int:
    """Tasks that are worth a thread: about 10 us of them."""
    rows, columns = min(args[5], args[28]), min(args[7], args[29] * width)
    work = rows * columns * args[8] * args[9] * args[10]
    weights = columns * args[8] * args[9] * args[10]
    return max(1, _WORTH // max(work // 10, weights, 1))


_WORTH = 50_000  # weights read, or ten multiply-adds, at about 5 a nanosecond
_L2_FLOATS = 96 * 1024


def pack_weights(weights: NDArray[np.float32], groups: int, width: int) -> NDArray[np.float32]:
    """[OC, IC / groups, *taps] -> [groups, blocks, taps, IC / groups, width], zero-filled to whole blocks."""
    columns, depth = weights.shape[0] // groups, weights.shape[1]
    taps = int(np.prod(weights.shape[2:], dtype=np.int64))
    blocks = -(-columns // width)
    packed = np.zeros((groups, blocks * width, depth, taps), np.float32)
    packed[:, :columns] = weights.reshape(groups, columns, depth, taps)
    turned = packed.reshape(groups, blocks, width, depth, taps).transpose(0, 1, 4, 3, 2)
    return np.ascontiguousarray(turned)


def pack_matrix(matrix: NDArray[Any], width: int) -> NDArray[Any]:
    """[..., K, N] -> [..., blocks, K, width], zero-filled to whole blocks."""
    *batch, depth, columns = matrix.shape
    blocks = -(-columns // width)
    packed = np.zeros((*batch, depth, blocks * width), matrix.dtype)
    packed[..., :columns] = matrix
    return np.ascontiguousarray(np.swapaxes(packed.reshape(*batch, depth, blocks, width), -3, -2))
