"""Convolutions on the CPU: channels-last tiles of float32 over packed weights, and depthwise windows.

One spatial axis counts as two, the first of size 1.  Narrow floats are widened first; weights are packed at load where
they are constant, else by launches of their own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from minirt.ir.scalar import Body
from minirt.kernels.cpu.compile import CpuUnit
from minirt.kernels.cpu.finishing import Finish, Moves, epilogue_of, finish_with, moved_args, unfinished, unmoved
from minirt.kernels.cpu.gemm import THREADS, Orders, matrix_source, matrix_spec, pieces, widen_launch
from minirt.kernels.cpu.matrix import TAPS, MatrixSpec, blocking, pack_weights, pick_vectors, task_grain
from minirt.kernels.cpu.nest import is_one, same, spread
from minirt.kernels.cpu.window import WindowSpec, pack_depthwise, pick_window_vectors, window_unit
from minirt.kernels.kernel import Kernel, Operand, Order, Problem, Target, pack
from minirt.ops.convolution import Conv
from minirt.plan.launch import Address, Arg, Integer, Launch, Launches, Pack, Spec, Unit
from minirt.types.dim import Dim, mul
from minirt.types.dtype import Array, bf16, f16, f32

FLOATS = (f32, f16, bf16)


@dataclass(frozen=True)
class Image:
    """A tensor [N, C, W] or [N, C, H, W]: sizes of rows and pixels, strides per image, channel, row and pixel."""

    size: tuple[Dim, Dim]
    strides: tuple[Dim, Dim, Dim, Dim]

    @property
    def flat(self) -> bool:
        """True where rows follow each other as pixels do."""
        (h, w), (_, _, row, pixel) = self.size, self.strides
        return is_one(h) or is_one(w) or same(row, mul(w, pixel))

    @property
    def step(self) -> Dim:
        """From one pixel to the next of a flat image."""
        return self.strides[2] if is_one(self.size[1]) else self.strides[3]


def image_of(shape: tuple[Dim, ...], strides: tuple[Dim, ...]) -> Image:
    """The tensor as images; one spatial axis becomes a row."""
    if len(shape) == 3:
        return Image((1, shape[2]), (strides[0], strides[1], 0, strides[2]))
    return Image((shape[2], shape[3]), (strides[0], strides[1], strides[2], strides[3]))


def paired(values: tuple[Dim, ...], filler: int) -> tuple[Dim, Dim]:
    """Numbers of rows and columns, from those of the spatial axes."""
    return (values[0], values[1]) if len(values) == 2 else (filler, values[0])


def channels_last(rank: int, pitched: bool = True) -> Order:
    """The memory order of channels-last images."""
    return Order((0, *range(2, rank), 1), pitched)


def extra_images(problem: Problem, first: int) -> list[Image]:
    """The operands from ``first`` on, broadcast to the result."""
    shape = problem.outputs[0].shape
    return [image_of(shape, spread(e, shape)) for e in problem.inputs[first:]]


def extra_orders(problem: Problem, first: int) -> list[Order | None]:
    """Operands of an epilogue: as they are where their rows run as pixels, channels contiguous or constant."""
    found: list[Order | None] = []
    for operand, image in zip(problem.inputs[first:], extra_images(problem, first), strict=True):
        channel = image.strides[1]
        plain = image.flat and (is_one(channel) or same(channel, 0))
        found.append(None if plain or operand.type.rank < 3 else channels_last(operand.type.rank, False))
    return found


def image_moves(problem: Problem, first: int, each: Dim) -> Moves:
    """How an epilogue's operands move along image, group of ``each`` channels, pixel and channel."""
    images, single = extra_images(problem, first), is_one(problem.outputs[0].shape[0])
    return tuple((0 if single else i.strides[0], mul(i.strides[1], each), i.step, i.strides[1]) for i in images)


def unplaced(problem: Problem, first: int) -> str:
    """Why the result, or an operand of the epilogue, does not lie as tiles are stored; "" where it does."""
    y = problem.outputs[0]
    result = image_of(y.shape, y.strides)
    if not result.flat or not (is_one(result.strides[1]) or is_one(y.shape[1])):
        return "the result is not channels-last"
    if not all(i.flat for i in extra_images(problem, first)):
        return "an extra operand's rows have gaps"
    return unmoved(image_moves(problem, first, 1))


@dataclass(frozen=True)
class Filters:
    """A convolution's static numbers."""

    groups: int
    columns: int
    depth: int
    taps: tuple[int, int]


def read_convolution(problem: Problem) -> Filters | str:
    """The static numbers of a convolution, or why it has none."""
    op, w = problem.op, problem.inputs[1].shape
    assert isinstance(op, Conv)
    if len(w) not in (3, 4):
        return f"{len(w) - 2} spatial axes are not taken"
    sizes = [n for n in w if isinstance(n, int)]
    if len(sizes) != len(w):
        return "weights of unknown size"
    taps = (1, sizes[2]) if len(w) == 3 else (sizes[2], sizes[3])
    return Filters(op.groups, sizes[0] // op.groups, sizes[1], taps)


def _unsuited(problem: Problem, body: Body) -> str:
    dtype = problem.inputs[0].type.dtype
    if dtype not in FLOATS:
        return f"convolutions of {dtype} are not made of float32 tiles"
    if not problem.inputs[1].constant:
        return "weights that are not constant"
    return unfinished(body)


class ConvTiled(Kernel):
    """Convolutions with an epilogue: rows of a tile are pixels, columns output channels."""

    ops = (Conv,)
    rank = 40

    def orders(self, problem: Problem) -> Orders:
        """Channels-last images."""
        found, rank = read_convolution(problem), problem.outputs[0].type.rank
        if isinstance(found, str):
            return (None,) * len(problem.inputs), (None,)
        narrow = problem.inputs[0].type.dtype is not f32
        x = None if narrow else channels_last(rank)
        return (x, None, *extra_orders(problem, 2)), (channels_last(rank),)

    def rejects(self, problem: Problem) -> str:
        """Other element types, more spatial axes, too many taps, weights computed at run time."""
        found, op = read_convolution(problem), problem.op
        assert isinstance(op, Conv)
        if isinstance(found, str):
            return found
        if found.taps[0] * found.taps[1] > TAPS:
            return f"{found.taps[0] * found.taps[1]} taps are more than {TAPS}"
        return _unsuited(problem, op.body(problem.inputs[0].type.dtype)) or unplaced(problem, 2)

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """The convolution, after its input is widened."""
        op, found = problem.op, read_convolution(problem)
        assert isinstance(op, Conv) and isinstance(found, Filters)
        x, place, steps, work = widened(problem)
        spec = MatrixSpec(pick_vectors(found.columns))
        packs = (Pack(1, "pack_convolution", {"groups": op.groups, "width": spec.width}), zeros_pack(found.depth))
        moves = image_moves(problem, 2, found.columns)
        finish = finish_with(op.body(problem.inputs[0].type.dtype), moves, 2, steps, work)
        steps.append(self._launch(problem, found, spec, x, place, finish))
        return Launches(tuple(steps), tuple(work), packs)

    def _launch(
        self, problem: Problem, found: Filters, spec: MatrixSpec, x: Operand, place: Address, finish: Finish
    ) -> Launch:
        op, y = problem.op, problem.outputs[0]
        assert isinstance(op, Conv)
        rank = y.type.rank - 2
        tiled = Tiled(
            x.shape[0], op.groups, found.columns, found.depth, found.taps, paired(op.strides, 1),
            paired(op.dilations, 1), paired(op.pads[:rank], 0), image_of(x.shape, x.strides),
            image_of(y.shape, y.strides),
        )  # fmt: skip
        places = (place, Address("pack", 0), Address("pack", 1), Address("out", 0))
        return tiled_launch(problem, tiled, spec, places, finish)

    def source(self, spec: Spec, target: Target) -> CpuUnit:
        """The matrix kernel with this epilogue."""
        return matrix_source(spec)


@dataclass(frozen=True)
class Tiled:
    """A convolution for the matrix kernel: images, groups, channels of a group, windows, and where images lie."""

    images: Dim
    groups: int
    columns: int
    depth: int
    taps: tuple[int, int]
    strides: tuple[Dim, Dim]
    dilations: tuple[Dim, Dim]
    begins: tuple[Dim, Dim]
    source: Image
    result: Image
    pairs: int = 0

    def block(self, width: int) -> int:
        """Numbers of a packed block of columns; words, where ``pairs`` of numbers lie along the depth."""
        return self.taps[0] * self.taps[1] * (self.pairs or self.depth) * width


def tiled_launch(
    problem: Problem,
    tiled: Tiled,
    spec: MatrixSpec,
    places: tuple[Address, Address, Address, Address],
    finish: Finish,
) -> Launch:
    """The launch of a convolution whose input, packed weights, row of zeros and result lie at ``places``."""
    per_image, per_channel, per_row, per_pixel = tiled.source.strides
    block, blocks = tiled.block(spec.width), -(-tiled.columns // spec.width)
    size = tiled.result.size
    values: list[Dim] = [tiled.images, tiled.groups, mul(*size), size[1], tiled.columns, tiled.depth]
    values += [*tiled.taps, *tiled.strides, *tiled.dilations, *tiled.begins]
    values += [*tiled.source.size, per_image, mul(per_channel, tiled.depth), per_row, per_pixel, per_channel]
    values += [0, blocks * block, block, spec.width]
    likely = [problem.likely(v) for v in values]
    depth = tiled.depth * tiled.taps[0] * tiled.taps[1]
    rows, run = blocking(spec, likely[0] * likely[1], likely[2], tiled.columns, depth, THREADS)
    args: list[Arg] = [*places[:3], *map(Integer, values), Integer(rows), Integer(run)]
    args += moved_args(places[3], (tiled.result.strides[0], tiled.columns, tiled.result.step, 1))
    args += finish.args
    made = matrix_spec(spec, is_one(per_channel) or tiled.depth == 1, finish.spec)
    tasks = mul(mul(tiled.images, tiled.groups), pieces(mul(*size), rows)) * pieces(blocks, run)
    grain = task_grain([0, 0, 0, *likely, rows, run], spec.width)
    return Launch(Unit("ConvTiled", made), tuple(args), (tasks, grain, 1))


def widened(problem: Problem) -> tuple[Operand, Address, list[Launch], list[Dim]]:
    """Input 0 as float32 channels-last images: as it lies, or copied to a scratch buffer."""
    x = problem.inputs[0]
    if x.type.dtype is f32:
        return x, Address("in", 0), [], []
    order = channels_last(x.type.rank).axes
    launch, wide = widen_launch(x, Address("in", 0), 0, order)
    return wide, Address("work", 0), [launch], [mul(x.type.size, 4)]


def zeros_pack(count: int) -> Pack:
    """A row of zeros, for what is read beside the image."""
    return Pack(1, "zero_row", {"count": count})


@pack
def zero_row(_: Array, spec: Spec) -> Array:
    """So many float32 zeros."""
    return np.zeros(spec["count"], np.float32)


@pack
def pack_convolution(weights: Array, spec: Spec) -> Array:
    """[O, C / groups, kernel...] in blocks of ``width`` channels: [groups, blocks, taps, C / groups, width]."""
    return pack_weights(weights.astype(np.float32), spec["groups"], spec["width"])


@pack
def pack_depthwise_rows(weights: Array, spec: Spec) -> Array:
    """[C, 1, kernel...] with channels last: [taps..., C]."""
    plane = weights if weights.ndim == 4 else weights[:, :, None, :]
    return pack_depthwise(plane.astype(np.float32))


class ConvDepthwiseLanes(Kernel):
    """One filter for each channel, with an epilogue."""

    ops = (Conv,)
    rank = 30

    def orders(self, problem: Problem) -> Orders:
        """Channels-last images."""
        rank = problem.outputs[0].type.rank
        if rank not in (3, 4):
            return (None,) * len(problem.inputs), (None,)
        x = channels_last(rank) if problem.inputs[0].type.dtype is f32 else None
        return (x, None, *extra_orders(problem, 2)), (channels_last(rank),)

    def rejects(self, problem: Problem) -> str:
        """Anything but one input and one output channel a group."""
        op, found = problem.op, read_convolution(problem)
        assert isinstance(op, Conv)
        if isinstance(found, str):
            return found
        if found.depth != 1 or found.columns != 1 or found.groups == 1:
            return "groups have more than one channel"
        return _unsuited(problem, op.body(problem.inputs[0].type.dtype)) or unplaced(problem, 2)

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch, after its input is widened."""
        op = problem.op
        assert isinstance(op, Conv)
        x, place, steps, work = widened(problem)
        rank = problem.outputs[0].type.rank - 2
        finish = finish_with(op.body(problem.inputs[0].type.dtype), image_moves(problem, 2, 1), 2, steps, work)
        taps = paired(tuple(problem.inputs[1].shape[2:]), 1)
        args = window_args(x, problem.outputs[0], taps, op.strides, op.dilations, op.pads[:rank], [0] * 4)
        args[0], args[1] = place, Address("pack", 0)
        args += finish.args
        steps.append(window_launch(problem, "depthwise", "ConvDepthwiseLanes", args, finish.spec, taps))
        return Launches(tuple(steps), tuple(work), (Pack(1, "pack_depthwise_rows", {}),))

    def source(self, spec: Spec, target: Target) -> CpuUnit:
        """The window kernel with this epilogue."""
        return window_source(spec)


def window_args(
    x: Operand,
    y: Operand,
    taps: tuple[Dim, Dim],
    strides: tuple[int, ...],
    dilations: tuple[int, ...],
    begins: tuple[Dim, ...],
    counted: list[Dim],
) -> list[Arg]:
    """Arguments of a window kernel; addresses of x and of weights are for the caller to fill."""
    source, result = image_of(x.shape, x.strides), image_of(y.shape, y.strides)
    channels = y.shape[1]
    values: list[Dim] = [x.shape[0], channels, *result.size, *taps, *paired(strides, 1), *paired(dilations, 1)]
    values += [*paired(begins, 0), *source.size, source.strides[0], *source.strides[2:], channels, *counted]
    args: list[Arg] = [Integer(0), Integer(0), *map(Integer, values)]
    return [*args, *moved_args(Address("out", 0), (result.strides[0], 0, result.step, 1))]


def window_launch(
    problem: Problem, kind: str, name: str, args: list[Arg], epilogue: Spec, taps: tuple[Dim, Dim]
) -> Launch:
    """The launch of a window kernel: a task is an output row of an image."""
    y = problem.outputs[0]
    rows, pixels = image_of(y.shape, y.strides).size
    work = problem.likely(y.shape[1]) * problem.likely(pixels) * problem.likely(mul(*taps))
    spec: Spec = {"kind": kind, "vectors": pick_window_vectors(problem.likely(y.shape[1])), "lanes": MatrixSpec().lanes}
    grain = max(1, 30_000 // max(1, work))
    return Launch(Unit(name, {**spec, **epilogue}), tuple(args), (mul(y.shape[0], rows), grain, 1))


def window_source(spec: Spec) -> CpuUnit:
    """The window kernel of a launch's compile-time spec."""
    return window_unit(WindowSpec(spec["kind"], spec["vectors"], spec["lanes"], epilogue_of(spec)))
