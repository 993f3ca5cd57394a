"""Packs the right operand of a matrix product at run time, where it is no constant: what `pack_matrix` does at load.

A task of the range is (image, group, column block); `pack_count` gives n. int64 arguments, strides in elements:

    0 source   1 target   2 images   3 groups   4 depth K   5 columns N
    6 source per image   7 per group   8 per depth   9 per column
    target: [image, group, block, K, width] float32, dense and written whole (zeros past column N)
"""

from __future__ import annotations

from collections.abc import Sequence

from minirt.kernels.cpu.compile import CpuUnit


def pack_unit(width: int) -> CpuUnit:
    """The source of the packing kernel for matrix kernels of this width."""
    return CpuUnit("pack", _TEXT.replace("$WIDTH", str(width)))


def pack_count(args: Sequence[int], width: int) -> int:
    """n of the range for these arguments."""
    return args[2] * args[3] * -(-args[5] // width)


def pack_floats(args: Sequence[int], width: int) -> int:
    """Size of the target in floats."""
    return pack_count(args, width) * args[4] * width


_TEXT = """
from numba import float32
from minirt.kernels.cpu.pointers import f32
def kernel(lo, hi, args):
    groups, depth, all_columns, step, column = args[3], args[4], args[5], args[8], args[9]
    blocks = (all_columns + $WIDTH - 1) // $WIDTH
    for task in range(lo, hi):
        outer = task // blocks
        block = task - outer * blocks
        image = outer // groups
        group = outer - image * groups
        c0 = block * $WIDTH
        columns = min($WIDTH, all_columns - c0)
        source = f32(args[0] + 4 * (image * args[6] + group * args[7] + c0 * column))
        target = f32(args[1] + 4 * task * depth * $WIDTH)
        if columns < $WIDTH:
            for i in range(depth * $WIDTH):
                target[i] = float32(0)
        if column == 1:
            for k in range(depth):
                for j in range(columns):
                    target[k * $WIDTH + j] = source[k * step + j]
        elif step == 1:
            for k0 in range(0, depth, 16):
                for j in range(columns):
                    for k in range(k0, min(k0 + 16, depth)):
                        target[k * $WIDTH + j] = source[k + j * column]
        else:
            for k in range(depth):
                for j in range(columns):
                    target[k * $WIDTH + j] = source[k * step + j * column]
"""
