"""Copies on the CPU: any strides to any strides, blocked where rows of the source run across rows of the result."""

from __future__ import annotations

from dataclasses import dataclass

from minirt.ir.scalar import Body, arg, encode
from minirt.kernels.cpu.compile import CpuUnit
from minirt.kernels.cpu.nest import (
    Nest,
    NestText,
    collapse,
    function_text,
    is_one,
    nest_args,
    operand_args,
    same,
    spread,
)
from minirt.kernels.cpu.pointwise import MOST_LOOPS, region_line
from minirt.kernels.kernel import Kernel, Order, Problem, Target
from minirt.ops.layout import Relayout
from minirt.ops.movement import Concat, Expand, Reshape, Slice, Transpose
from minirt.plan.launch import Address, Launch, Launches, Spec, Unit
from minirt.types.dim import Dim, mul
from minirt.types.dtype import DType, u8, u16, u32, u64
from minirt.types.tensor import Tensor

HOLDER = {8: u8, 16: u16, 32: u32, 64: u64}
_TILE = 32
GRAIN_BYTES = 128 * 1024

Orders = tuple[tuple[Order | None, ...], tuple[Order | None, ...]]


def unmovable(dtype: DType) -> str:
    """Why elements of a type cannot be copied one by one; "" where they can."""
    return "" if dtype.bits in HOLDER else f"elements of {dtype.bits} bits are not copied"


@dataclass(frozen=True)
class Move:
    """Elements of ``shape`` to copy: strides, and byte offsets from the operands' addresses."""

    shape: tuple[Dim, ...]
    order: tuple[int, ...]
    source: tuple[Dim, ...]
    result: tuple[Dim, ...]
    source_offset: Dim = 0
    result_offset: Dim = 0


def copy_launch(move: Move, dtype: DType, source: int = 0, place: Address | None = None) -> Launch:
    """The launch of one copy from input ``source``, or what lies at ``place``, into result 0."""
    nest = collapse(move.shape, move.order, [move.source, move.result])
    size = dtype.bits // 8
    across = _across(nest)
    if across >= 0:
        nest = _reordered(nest, across)
    args = nest_args(nest)
    args += operand_args(nest, 0, place or Address("in", source, move.source_offset), size)
    args += operand_args(nest, 1, Address("out", 0, move.result_offset), size)
    spec: Spec = {"bits": dtype.bits, "rank": nest.rank, "places": [nest.place(0), nest.place(1)], "tiled": across >= 0}
    extent, grain = nest.size, max(1, GRAIN_BYTES // size)
    if across >= 0:  # a task is a run of _TILE places along the loop before the innermost
        runs = (nest.dims[-2] + (_TILE - 1)) // _TILE
        outer: Dim = 1
        for d in nest.dims[:-2]:
            outer = mul(outer, d)
        extent, grain = mul(outer, runs), 4
    return Launch(Unit("MoveStrided", spec), tuple(args), (extent, grain, 1))


def _across(nest: Nest) -> int:
    """The loop along which the source is contiguous, where that is not the innermost and the result is there; or -1."""
    if nest.rank < 2 or nest.place(0) != "s" or nest.place(1) != "1":
        return -1
    return next((d for d in range(nest.rank - 1) if is_one(nest.strides[0][d])), -1)


def _reordered(nest: Nest, across: int) -> Nest:
    order = [*(d for d in range(nest.rank - 1) if d != across), across, nest.rank - 1]
    strides = tuple(tuple(s[d] for d in order) for s in nest.strides)
    return Nest(tuple(nest.dims[d] for d in order), strides, tuple(nest.axes[d] for d in order))


class MoveStrided(Kernel):
    """Copies of strided tensors: layouts, and views that have to become dense."""

    ops = (Relayout, Transpose, Slice, Expand, Reshape)

    def orders(self, problem: Problem) -> Orders:
        """A reshaped result is written in row-major order."""
        row_major = Order(tuple(range(problem.outputs[0].type.rank)))
        return (None,), (row_major if isinstance(problem.op, Reshape) else None,)

    def rejects(self, problem: Problem) -> str:
        """Elements of odd sizes, too many loops, reshapes into memory with gaps."""
        result = problem.outputs[0]
        if isinstance(problem.op, Reshape) and not result.dense:
            return "a reshaped result must be dense"
        move = self._move(problem)
        rank = collapse(move.shape, move.order, [move.source, move.result]).rank
        return unmovable(result.type.dtype) or (f"{rank} loops are more than {MOST_LOOPS}" if rank > MOST_LOOPS else "")

    def _move(self, problem: Problem) -> Move:
        op, (x,), (y,) = problem.op, problem.inputs, problem.outputs
        if isinstance(op, Transpose):
            return Move(y.shape, y.type.order, tuple(x.strides[p] for p in op.perm), y.strides)
        if isinstance(op, Slice):
            offset: Dim = 0
            for start, stride in zip(op.starts, x.strides, strict=True):
                offset = offset + mul(start, stride)
            steps = tuple(mul(s, k) for s, k in zip(x.strides, op.steps, strict=True))
            return Move(y.shape, y.type.order, steps, y.strides, offset * (x.type.dtype.bits // 8))
        if isinstance(op, Reshape):
            return Move(x.shape, tuple(range(x.type.rank)), x.strides, Tensor(x.type.dtype, x.shape).strides)
        return Move(y.shape, y.type.order, spread(x, y.shape), y.strides)

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One copy."""
        return Launches((copy_launch(self._move(problem), problem.inputs[0].type.dtype),))

    def source(self, spec: Spec, target: Target) -> CpuUnit:
        """Rows of loads and stores, or tiles of a transposition."""
        holder = HOLDER[spec["bits"]]
        places = spec["places"]
        body = encode(Body((holder,), (arg(0, holder),)))
        loops = NestText(spec["rank"], places)
        if not spec["tiled"]:
            imports = [region_line("move", {"body": body, "args": [places[0]], "outs": [places[1]], "coords": []})]
            row = [f"for j in range(c{loops.last}, stop):", f"    move(j, {loops.address(0)}, {loops.address(1)})"]
            return CpuUnit(self.name, function_text(imports, loops.head() + loops.rows(row)))
        imports = [
            region_line("down", {"body": body, "args": ["1"], "outs": ["s"], "coords": []}),
            region_line("along", {"body": body, "args": ["s"], "outs": ["1"], "coords": []}),
        ]
        return CpuUnit(self.name, function_text(imports, _tiled(spec["rank"], spec["bits"] // 8)))


def _tiled(rank: int, size: int) -> list[str]:
    """Statements of a copy whose source is contiguous along the loop before the innermost.

    A task takes _TILE places of that loop; few innermost places are written one after another, in strides.
    """
    loops = NestText(rank, ["s", "1"])
    head = loops.head()
    cut = head.index("rest = lo")
    outer = range(rank - 3, -1, -1)
    lines = [*head[:cut], f"na, nb = n{rank - 1}, n{rank - 2}", f"runs = (nb + {_TILE - 1}) // {_TILE}"]
    lines += [f"step = p1_{rank - 2} // {size}", "for task in range(lo, hi):"]
    body = ["rest = task // runs", f"b = (task - rest * runs) * {_TILE}", f"stop = min(nb, b + {_TILE}) - b"]
    body += [f"x = p0 + b * {size}", f"y = p1 + b * p1_{rank - 2}"]
    for d in outer:
        body += [f"c = rest % n{d}", f"rest = rest // n{d}", f"x += c * p0_{d}", f"y += c * p1_{d}"]
    body += [
        "if na < 16:",
        "    for a in range(na):",
        "        for j in range(stop):",
        f"            down(j, x + a * s0 * {size}, y + a * {size}, step)",
        "else:",
        f"    for first in range(0, na, {_TILE}):",
        f"        last = min(na, first + {_TILE})",
        "        for i in range(stop):",
        "            for a in range(first, last):",
        f"                along(a, x + i * {size}, s0, y + i * step * {size})",
    ]
    return lines + [f"    {line}" for line in body]


class ConcatStrided(Kernel):
    """Concatenation: one copy for each operand into its part of the result."""

    ops = (Concat,)

    def rejects(self, problem: Problem) -> str:
        """Elements of odd sizes, too many loops."""
        return unmovable(problem.outputs[0].type.dtype) or too_many(problem.outputs[0].type.rank)

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """The copies, in order."""
        assert isinstance(problem.op, Concat)
        axis, result = problem.op.axis, problem.outputs[0]
        size = result.type.dtype.bits // 8
        steps: list[Launch] = []
        before: Dim = 0
        for i, x in enumerate(problem.inputs):
            offset = mul(mul(before, result.strides[axis]), size)
            move = Move(x.shape, result.type.order, x.strides, result.strides, 0, offset)
            before = before + x.shape[axis]
            if not any(same(d, 0) for d in x.shape):
                steps.append(copy_launch(move, x.type.dtype, i))
        return Launches(tuple(steps))

    def source(self, spec: Spec, target: Target) -> CpuUnit:
        """The copies are those of MoveStrided."""
        raise NotImplementedError


def too_many(rank: int) -> str:
    """Why a tensor of this rank is not taken; "" where it is."""
    return f"rank {rank} is more than {MOST_LOOPS}" if rank > MOST_LOOPS else ""
