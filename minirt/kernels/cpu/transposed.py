"""Transposed convolutions on the CPU: for each phase of the strides one plain convolution.

Results at positions p, p + stride, ... read the same taps, so they are a convolution of stride 1 by those taps.  Where
every phase has one tap and windows do not overlap it is stored in place; else in a scratch buffer, which is then
interleaved into the result.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import gcd

import numpy as np

from minirt.kernels.cpu.compile import CpuUnit
from minirt.kernels.cpu.convolution import (
    FLOATS,
    Image,
    Tiled,
    channels_last,
    image_moves,
    image_of,
    paired,
    tiled_launch,
    unplaced,
    widened,
    zeros_pack,
)
from minirt.kernels.cpu.finishing import Finish, finish_with, unfinished
from minirt.kernels.cpu.gemm import Orders, matrix_source
from minirt.kernels.cpu.matrix import TAPS, MatrixSpec, pack_weights, pick_vectors
from minirt.kernels.cpu.movement import Move, copy_launch
from minirt.kernels.cpu.nest import same
from minirt.kernels.kernel import Kernel, Problem, Target, pack
from minirt.ops.convolution import ConvTranspose
from minirt.plan.launch import Address, Launch, Launches, Pack, Spec
from minirt.types.dim import Dim, ceil, divide, mul
from minirt.types.dtype import Array


@dataclass(frozen=True)
class Phase:
    """One axis of one phase: first result, taps in order of what they read, what lies before x, and the dilation."""

    start: int
    taps: tuple[int, ...]
    begin: int
    dilation: int


def phases(kernel: int, stride: int, begin: int, dilation: int) -> list[Phase]:
    """The phases of an axis; one without taps reads nothing."""
    found = []
    step = stride // gcd(stride, dilation)
    for start in range(min(stride, 1 << 16)):
        taps = [k for k in range(kernel) if (start + begin - k * dilation) % stride == 0]
        first = (start + begin - taps[-1] * dilation) // stride if taps else 0
        found.append(Phase(start, tuple(reversed(taps)), -first, max(1, step * dilation // stride)))
    return found


@dataclass(frozen=True)
class _Read:
    """A transposed convolution's static numbers."""

    kernel: tuple[int, int]
    strides: tuple[int, int]
    begins: tuple[int, int]
    dilations: tuple[int, int]
    columns: int
    depth: int

    def phases(self) -> list[tuple[Phase, Phase]]:
        """All phases of both axes."""
        axes = zip(self.kernel, self.strides, self.begins, self.dilations, strict=True)
        rows, pixels = (phases(*axis) for axis in axes)
        return [(a, b) for a in rows for b in pixels]


def _read(problem: Problem) -> _Read | str:
    op, w = problem.op, problem.inputs[1].shape
    assert isinstance(op, ConvTranspose)
    rank = len(w) - 2
    if rank not in (1, 2):
        return f"{rank} spatial axes are not taken"
    kernel, begins = paired(tuple(w[2:]), 1), paired(op.pads[:rank], 0)
    strides, dilations = paired(op.strides, 1), paired(op.dilations, 1)
    known = [*kernel, *begins, w[0], w[1]]
    if not all(isinstance(n, int) for n in known):
        return "weights or pads of unknown size"
    numbers = [n for n in (*kernel, *strides, *begins, *dilations) if isinstance(n, int)]
    pairs = [(numbers[i], numbers[i + 1]) for i in range(0, 8, 2)]
    assert isinstance(w[0], int) and isinstance(w[1], int)
    return _Read(pairs[0], pairs[1], pairs[2], pairs[3], w[1], w[0] // op.groups)


class ConvTransposePhases(Kernel):
    """Transposed convolutions with constant weights and an epilogue that is the same for every pixel."""

    ops = (ConvTranspose,)
    rank = 40

    def orders(self, problem: Problem) -> Orders:
        """Channels-last images."""
        rank = problem.outputs[0].type.rank
        x = channels_last(rank)
        return (x, *(None,) * (len(problem.inputs) - 1)), (channels_last(rank),)

    def rejects(self, problem: Problem) -> str:
        """Weights computed at run time, more spatial axes, residuals."""
        found, op = _read(problem), problem.op
        assert isinstance(op, ConvTranspose)
        if isinstance(found, str):
            return found
        dtype = problem.inputs[0].type.dtype
        if dtype not in FLOATS or not problem.inputs[1].constant:
            return f"transposed convolutions of {dtype}, or with weights that are not constant"
        if found.kernel[0] * found.kernel[1] > TAPS or not all(a.taps and b.taps for a, b in found.phases()):
            return "too many taps, or strides longer than the kernel"
        bad = unfinished(op.body(dtype)) or unplaced(problem, 2)
        moves = image_moves(problem, 2, found.columns)
        return bad or ("" if all(same(m[2], 0) for m in moves) else "extra operands that differ between pixels")

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """The phases one after another."""
        op, found = problem.op, _read(problem)
        assert isinstance(op, ConvTranspose) and isinstance(found, _Read)
        x, place, steps, work = widened(problem)
        source = image_of(x.shape, x.strides)
        spec = MatrixSpec(pick_vectors(found.columns))
        packs = [zeros_pack(found.depth)]
        moves = image_moves(problem, 2, found.columns)
        finish = finish_with(op.body(problem.inputs[0].type.dtype), moves, 2, steps, work)
        alike = all(same(m[0], 0) for m in moves)
        for number, (a, b) in enumerate(found.phases()):
            kept = [[i, j] for i in a.taps for j in b.taps]
            packs.append(Pack(1, "pack_phase", {"groups": op.groups, "width": spec.width, "taps": kept}))
            steps += self._phase(problem, found, spec, (a, b), (x.shape[0], source, place), finish, work, number, alike)
        return Launches(tuple(steps), tuple(work), tuple(packs))

    def _phase(
        self,
        problem: Problem,
        found: _Read,
        spec: MatrixSpec,
        phase: tuple[Phase, Phase],
        given: tuple[Dim, Image, Address],
        finish: Finish,
        work: list[Dim],
        number: int,
        alike: bool,
    ) -> list[Launch]:
        op, y, (a, b) = problem.op, problem.outputs[0], phase
        assert isinstance(op, ConvTranspose)
        images, source, place = given
        result = image_of(y.shape, y.strides)
        size = tuple(ceil(divide(n - p.start, s)) for n, p, s in zip(result.size, phase, found.strides, strict=True))
        image, _, row, pixel = result.strides
        bits = y.type.dtype.bits // 8
        offset = (row * a.start + pixel * b.start) * bits
        sparse = (image, 1, mul(row, found.strides[0]), mul(pixel, found.strides[1]))
        taps, channels = (len(a.taps), len(b.taps)), op.groups * found.columns
        begins, dilations = (a.begin, b.begin), (a.dilation, b.dilation)
        places = (place, Address("pack", number + 1), Address("pack", 0))
        if alike and self._by_rows(source, size, taps, begins, sparse):  # every row of x is an image of its own
            rows = Image((1, source.size[1]), (source.strides[2], source.strides[1], 0, source.strides[3]))
            stored = Image((1, size[1]), (sparse[2], 1, 0, sparse[3]))
            tiled = Tiled(
                mul(images, source.size[0]), op.groups, found.columns, found.depth, taps, (1, 1), dilations, begins,
                rows, stored,
            )  # fmt: skip
            return [tiled_launch(problem, tiled, spec, (*places, Address("out", 0, offset)), finish)]
        dense = Image((size[0], size[1]), (mul(mul(*size), channels), 1, mul(size[1], channels), channels))
        work.append(mul(mul(images, mul(*size)), channels * bits))
        to = Address("work", len(work) - 1)
        tiled = Tiled(images, op.groups, found.columns, found.depth, taps, (1, 1), dilations, begins, source, dense)
        move = Move((images, channels, *size), (0, 2, 3, 1), dense.strides, sparse, 0, offset)
        store = tiled_launch(problem, tiled, spec, (*places, to), finish)
        return [store, copy_launch(move, y.type.dtype, 0, to)]

    def _by_rows(
        self,
        source: Image,
        size: tuple[Dim, ...],
        taps: tuple[int, int],
        begins: tuple[int, int],
        sparse: tuple[Dim, Dim, Dim, Dim],
    ) -> bool:
        """True where rows of x and of the phase correspond, and follow each other across images."""
        rows, (image, _, row, _) = source.size[0], source.strides
        aligned = taps[0] == 1 and begins[0] == 0 and same(size[0], rows)
        return aligned and same(image, mul(rows, row)) and same(sparse[0], mul(rows, sparse[2]))

    def source(self, spec: Spec, target: Target) -> CpuUnit:
        """The matrix kernel with this epilogue."""
        return matrix_source(spec)


@pack
def pack_phase(weights: Array, spec: Spec) -> Array:
    """Taps of a phase of [C, O / groups, kernel...], as pack_convolution packs [O, C / groups, taps]."""
    groups, taps = spec["groups"], spec["taps"]
    plane = (weights if weights.ndim == 4 else weights[:, :, None, :]).astype(np.float32)
    kept = np.stack([plane[:, :, i, j] for i, j in taps], axis=-1)
    channels, each, count = kept.shape
    turned = kept.reshape(groups, channels // groups, each, count).transpose(0, 2, 1, 3)
    return pack_weights(
        np.ascontiguousarray(turned).reshape(groups * each, channels // groups, count), groups, spec["width"]
    )
