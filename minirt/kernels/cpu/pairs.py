"""Products and convolutions of 16-bit integers on the CPU, summed in int32: centred 8-bit numbers are multiplied so.

They run in the matrix kernel, two numbers along the depth at a time (`pair_product`). Sums are exact modulo 2^32.
"""

from __future__ import annotations

import numpy as np

from minirt.kernels.cpu.compile import CpuUnit
from minirt.kernels.cpu.convolution import (
    Tiled,
    channels_last,
    extra_orders,
    image_moves,
    image_of,
    paired,
    read_convolution,
    tiled_launch,
    unplaced,
    window_args,
    window_launch,
    window_source,
    zeros_pack,
)
from minirt.kernels.cpu.finishing import finish_with, unfinished
from minirt.kernels.cpu.gemm import GemmTiled, Orders, pack_loops, packed_batch, packed_strides, pieces, read_product
from minirt.kernels.cpu.host import word_lanes
from minirt.kernels.cpu.matrix import TAPS, MatrixSpec, pick_vectors
from minirt.kernels.cpu.nest import is_one
from minirt.kernels.cpu.window import pack_depthwise
from minirt.kernels.kernel import KERNELS, Kernel, Problem, Target, pack
from minirt.ops.convolution import Conv
from minirt.ops.gemm import Gemm
from minirt.plan.launch import Address, Arg, Integer, Launch, Launches, Pack, Spec, Unit
from minirt.types.dim import Dim
from minirt.types.dtype import Array, i16, i32


def _spec(columns: int) -> MatrixSpec:
    return MatrixSpec(pick_vectors(columns, word_lanes()), word_lanes())


class GemmPairs(GemmTiled):
    """Batched products of 16-bit integers with an epilogue, by register tiles of int32."""

    ops = (Gemm,)
    rank = 40

    def rejects(self, problem: Problem) -> str:
        """Other element types, more than two batch loops, epilogues that the tiles cannot finish."""
        assert isinstance(problem.op, Gemm)
        dtype = problem.inputs[0].type.dtype
        if dtype is not i16:
            return f"products of {dtype} are not made of pairs of 16-bit integers"
        return self.misplaced(problem) or unfinished(problem.op.body(dtype), i32)

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """Packing where b is computed, then the product."""
        assert isinstance(problem.op, Gemm)
        b, found = problem.inputs[1], read_product(problem)
        steps: list[Launch] = []
        work: list[Dim] = []
        packs: list[Pack] = []
        spec = _spec(problem.likely(found.sizes[1]))
        blocks, stored = pieces(found.sizes[1], spec.width), pieces(found.sizes[2], 2)
        each = blocks * stored * spec.width
        if b.constant and b.dense:
            packs.append(Pack(1, "pack_product_pairs", {"width": spec.width, "transposed": problem.op.trans_b}))
            place, outer = Address("pack", 0), packed_batch(b, found, each)
        else:
            count, loops = pack_loops(found)
            place, outer = Address("work", 0), packed_strides(loops, each)
            work.append(count * each * 4)
            (first, first_step), (inner, second_step) = loops
            values: list[Dim] = [inner, blocks, found.sizes[2], found.sizes[1], first_step, second_step, *found.b]
            args: tuple[Arg, ...] = (Address("in", 1), place, *map(Integer, values))
            steps.append(Launch(Unit("PackPairs", {"width": spec.width}), args, (first * inner * blocks, 1, 1)))
        finish = finish_with(problem.op.body(i16), found.moves, 2, steps, work)
        steps.append(self.product(problem, found, spec, (Address("in", 0), place), outer, stored, finish))
        return Launches(tuple(steps), tuple(work), tuple(packs))


class ConvPairs(Kernel):
    """Convolutions of 16-bit integers with an epilogue: rows of a tile are pixels, columns output channels."""

    ops = (Conv,)
    rank = 40

    def orders(self, problem: Problem) -> Orders:
        """Channels-last images."""
        rank = problem.outputs[0].type.rank
        if isinstance(read_convolution(problem), str):
            return (None,) * len(problem.inputs), (None,)
        return (channels_last(rank), None, *extra_orders(problem, 2)), (channels_last(rank),)

    def rejects(self, problem: Problem) -> str:
        """Other element types, more spatial axes, too many taps, weights computed at run time."""
        found, op, dtype = read_convolution(problem), problem.op, problem.inputs[0].type.dtype
        assert isinstance(op, Conv)
        if isinstance(found, str):
            return found
        if found.taps[0] * found.taps[1] > TAPS:
            return f"{found.taps[0] * found.taps[1]} taps are more than {TAPS}"
        if dtype is not i16:
            return f"convolutions of {dtype} are not made of pairs of 16-bit integers"
        if not problem.inputs[1].constant:
            return "weights that are not constant"
        return unfinished(op.body(dtype), i32) or unplaced(problem, 2)

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch over packed weights."""
        op, found, x, y = problem.op, read_convolution(problem), problem.inputs[0], problem.outputs[0]
        assert isinstance(op, Conv) and not isinstance(found, str)
        rank, spec = y.type.rank - 2, _spec(found.columns)
        steps: list[Launch] = []
        work: list[Dim] = []
        packs = (Pack(1, "pack_convolution_pairs", {"groups": op.groups, "width": spec.width}), zeros_pack(found.depth))
        finish = finish_with(op.body(i16), image_moves(problem, 2, found.columns), 2, steps, work)
        tiled = Tiled(
            x.shape[0], op.groups, found.columns, found.depth, found.taps, paired(op.strides, 1),
            paired(op.dilations, 1), paired(op.pads[:rank], 0), image_of(x.shape, x.strides),
            image_of(y.shape, y.strides), -(-found.depth // 2),
        )  # fmt: skip
        places = (Address("in", 0), Address("pack", 0), Address("pack", 1), Address("out", 0))
        steps.append(tiled_launch(problem, tiled, spec, places, finish))
        return Launches(tuple(steps), tuple(work), packs)


class ConvDepthwiseShorts(Kernel):
    """One filter of 16-bit integers for each channel, with an epilogue."""

    ops = (Conv,)
    rank = 30

    def orders(self, problem: Problem) -> Orders:
        """Channels-last images."""
        rank = problem.outputs[0].type.rank
        if isinstance(read_convolution(problem), str):
            return (None,) * len(problem.inputs), (None,)
        return (channels_last(rank), None, *extra_orders(problem, 2)), (channels_last(rank),)

    def rejects(self, problem: Problem) -> str:
        """Other element types, and anything but one input and one output channel a group."""
        op, found, (x, w) = problem.op, read_convolution(problem), problem.inputs[:2]
        assert isinstance(op, Conv)
        if isinstance(found, str):
            return found
        if found.depth != 1 or found.columns != 1 or found.groups == 1:
            return "groups have more than one channel"
        if x.type.dtype is not i16:
            return f"convolutions of {x.type.dtype} are not sums of 16-bit integers"
        if not w.constant:
            return "weights that are not constant"
        if not is_one(image_of(x.shape, x.strides).strides[1]):
            return "the input is not channels-last"
        return unfinished(op.body(i16), i32) or unplaced(problem, 2)

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch over packed weights."""
        op, x, y = problem.op, problem.inputs[0], problem.outputs[0]
        assert isinstance(op, Conv)
        steps: list[Launch] = []
        work: list[Dim] = []
        finish = finish_with(op.body(i16), image_moves(problem, 2, 1), 2, steps, work)
        taps = paired(tuple(problem.inputs[1].shape[2:]), 1)
        args = window_args(x, y, taps, op.strides, op.dilations, op.pads[: y.type.rank - 2], [0] * 4)
        args[0], args[1] = Address("in", 0), Address("pack", 0)
        steps.append(window_launch(problem, "shorts", self.name, args + list(finish.args), finish.spec, taps))
        return Launches(tuple(steps), tuple(work), (Pack(1, "pack_depthwise_shorts", {}),))

    def source(self, spec: Spec, target: Target) -> CpuUnit:
        """The window kernel with this epilogue."""
        return window_source(spec)


@pack
def pack_depthwise_shorts(weights: Array, spec: Spec) -> Array:
    """[C, 1, kernel...] with channels last: [taps..., C]."""
    return pack_depthwise((weights if weights.ndim == 4 else weights[:, :, None, :]).astype(np.int16))


def _in_pairs(rows: Array) -> Array:
    """[..., K, N] as words [..., ceil(K / 2), N] of rows 2 i (low half) and 2 i + 1."""
    *outer, depth, columns = rows.shape
    even = np.zeros((*outer, -(-depth // 2), 2, columns), np.int16)
    even[..., : (depth + 1) // 2, 0, :] = rows[..., 0::2, :]
    even[..., : depth // 2, 1, :] = rows[..., 1::2, :]
    return np.ascontiguousarray(np.moveaxis(even, -2, -1)).astype("<i2").view("<i4")[..., 0]


def _in_blocks(words: Array, width: int) -> Array:
    """[..., K, N] as [..., blocks, K, width], zero-filled."""
    *outer, depth, columns = words.shape
    blocks = -(-columns // width)
    filled = np.zeros((*outer, depth, blocks * width), words.dtype)
    filled[..., :columns] = words
    return np.ascontiguousarray(np.swapaxes(filled.reshape(*outer, depth, blocks, width), -3, -2))


@pack
def pack_product_pairs(matrix: Array, spec: Spec) -> Array:
    """A constant [..., K, N], or transposed [..., N, K], as words of two rows: [..., blocks, ceil(K / 2), width]."""
    return _in_blocks(_in_pairs(np.swapaxes(matrix, -1, -2) if spec["transposed"] else matrix), spec["width"])


@pack
def pack_convolution_pairs(weights: Array, spec: Spec) -> Array:
    """[O, C / groups, kernel...] as words of two channels: [groups, blocks, taps, ceil(C / groups / 2), width]."""
    groups, depth = spec["groups"], weights.shape[1]
    taps = int(np.prod(weights.shape[2:], dtype=np.int64))
    split = weights.reshape(groups, weights.shape[0] // groups, depth, taps)
    words = _in_pairs(split.transpose(0, 3, 2, 1))
    return np.ascontiguousarray(np.swapaxes(_in_blocks(words, spec["width"]), 1, 2))


class PackPairs(Kernel):
    """Copies columns of a matrix of 16-bit integers into blocks as wide as a tile, rows in pairs, filled with zeros."""

    def source(self, spec: Spec, target: Target) -> CpuUnit:
        """A task is a block of a matrix."""
        return CpuUnit(self.name, _PACKING.replace("$WIDTH", str(spec["width"])))


KERNELS["PackPairs"] = PackPairs()

_PACKING = """
from minirt.kernels.cpu.pointers import i16, i32

def kernel(lo, hi, args):
    inner, blocks, depth, columns = args[2], args[3], args[4], args[5]
    first, second, down, across = args[6], args[7], args[8], args[9]
    for task in range(lo, hi):
        rest = task // blocks
        block = task - rest * blocks
        outer = rest // inner
        count = min($WIDTH, columns - block * $WIDTH)
        at = outer * first + (rest - outer * inner) * second + block * $WIDTH * across
        x = i16(args[0] + 2 * at)
        y = i32(args[1] + 4 * task * ((depth + 1) // 2) * $WIDTH)
        for k in range(depth // 2):
            for j in range(count):
                low, high = x[2 * k * down + j * across], x[(2 * k + 1) * down + j * across]
                y[k * $WIDTH + j] = (low & 65535) | (high << 16)
            for j in range(count, $WIDTH):
                y[k * $WIDTH + j] = 0
        if depth % 2:
            k = depth // 2
            for j in range(count):
                y[k * $WIDTH + j] = x[2 * k * down + j * across] & 65535
            for j in range(count, $WIDTH):
                y[k * $WIDTH + j] = 0
"""
