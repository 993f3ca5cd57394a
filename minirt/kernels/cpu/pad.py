"""Padding on the CPU."""

from __future__ import annotations

from collections.abc import Sequence

from minirt.ir.scalar import Body, arg, encode
from minirt.kernels.cpu.compile import CpuUnit
from minirt.kernels.cpu.movement import GRAIN_BYTES, HOLDER, Move, copy_launch, too_many, unmovable
from minirt.kernels.cpu.nest import Nest, function_text, is_one, nest_args
from minirt.kernels.cpu.pointwise import map_launch, region_line
from minirt.kernels.kernel import Kernel, Operand, Problem, Target
from minirt.ops.movement import Pad
from minirt.plan.launch import Address, Integer, Launch, Launches, Spec, Unit
from minirt.types.dim import Dim, mul
from minirt.types.dtype import DType


class PadConstant(Kernel):
    """Padding with a number: the whole result is filled, then the operand copied inside."""

    ops = (Pad,)
    rank = 40

    def rejects(self, problem: Problem) -> str:
        """Other modes, elements of odd sizes."""
        assert isinstance(problem.op, Pad)
        if problem.op.mode != "constant":
            return f"pad mode {problem.op.mode} is another kernel's"
        return unmovable(problem.outputs[0].type.dtype) or too_many(problem.outputs[0].type.rank)

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """Fill, copy."""
        assert isinstance(problem.op, Pad)
        (x, value), (y,) = problem.inputs, problem.outputs
        holder = HOLDER[y.type.dtype.bits]
        body = Body((holder,), (arg(0, holder),))
        plain = (_as(value, holder), _as(y, holder))
        fill = map_launch(body, plain[:1], plain[1:], (Address("in", 1), Address("out", 0)))
        offset: Dim = 0
        for begin, stride in zip(problem.op.begins, y.strides, strict=True):
            offset = offset + mul(begin, stride)
        move = Move(x.shape, y.type.order, x.strides, y.strides, 0, offset * (holder.bits // 8))
        return Launches((fill, copy_launch(move, y.type.dtype)))

    def source(self, spec: Spec, target: Target) -> CpuUnit:
        """The launches are those of MapStrided and MoveStrided."""
        raise NotImplementedError


def _as(operand: Operand, dtype: DType) -> Operand:
    return Operand(operand.type.with_dtype(dtype), operand.strides)


_PLACES = {
    "edge": ["k = min(max(k, 0), m{d} - 1)"],
    "wrap": ["k = k % m{d}"],
    "reflect": ["turn = max(2 * m{d} - 2, 1)", "k = k % turn", "k = min(k, turn - k) if m{d} > 1 else 0"],
}


class PadMirrored(Kernel):
    """Padding with the operand's own elements: edge, reflect or wrap."""

    ops = (Pad,)

    def rejects(self, problem: Problem) -> str:
        """Constant mode, elements of odd sizes, high ranks."""
        assert isinstance(problem.op, Pad)
        if problem.op.mode not in _PLACES:
            return f"pad mode {problem.op.mode} is another kernel's"
        return unmovable(problem.outputs[0].type.dtype) or too_many(problem.outputs[0].type.rank)

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch over the result, axis by axis in its memory order."""
        assert isinstance(problem.op, Pad)
        x, (y,) = problem.inputs[0], problem.outputs
        order: Sequence[int] = y.type.order or (0,)
        bits = y.type.dtype.bits
        if not y.type.order:
            nest = Nest((1,), ((1,), (1,)), (-1,))
            pairs: list[tuple[Dim, Dim]] = [(1, 0)]
        else:
            dims = tuple(y.shape[a] for a in order)
            strides = tuple(tuple(o.strides[a] for a in order) for o in (x, y))
            nest = Nest(dims, strides, tuple(order))
            pairs = [(x.shape[a], problem.op.begins[a]) for a in order]
        places = ["1" if is_one(nest.strides[i][-1]) else "s" for i in range(2)]
        spec: Spec = {"bits": bits, "rank": nest.rank, "mode": problem.op.mode, "places": places}
        args = nest_args(nest)
        args += [Address("in", 0), *map(Integer, nest.strides[0]), Address("out", 0), *map(Integer, nest.strides[1])]
        args += [Integer(n) for pair in pairs for n in pair]
        return Launches((Launch(Unit(self.name, spec), tuple(args), (nest.size, max(1, GRAIN_BYTES // bits), 1)),))

    def source(self, spec: Spec, target: Target) -> CpuUnit:
        """For each element its place in the operand."""
        return CpuUnit(self.name, _mirrored(spec))


def _mirrored(spec: Spec) -> str:
    """Rows of the result: the operand's row once, then each element's place in it."""
    rank, size, holder = spec["rank"], spec["bits"] // 8, HOLDER[spec["bits"]].name
    last = rank - 1
    names = [f"n{d}" for d in range(rank)]
    names += ["p0", *(f"x{d}" for d in range(rank)), "p1", *(f"y{d}" for d in range(rank))]
    names += [f"{word}{d}" for d in range(rank) for word in "mb"]
    lines = [f"{name} = args[{i}]" for i, name in enumerate(names)] + ["rest = lo"]
    for d in range(last, 0, -1):
        lines += [f"c{d} = rest % n{d}", f"rest = rest // n{d}"]
    lines += [
        "c0 = rest",
        "at = lo",
        "while at < hi:",
        f"    stop = min(n{last}, c{last} + hi - at)",
        "    x = p0",
        "    y = p1",
    ]
    for d in range(last):
        lines += [f"    k = c{d} - b{d}", *(f"    {line.format(d=d)}" for line in _PLACES[spec["mode"]])]
        lines += [f"    x += k * x{d} * {size}", f"    y += c{d} * y{d} * {size}"]
    lines += [
        f"    px, py = {holder}(x), {holder}(y)",
        f"    begin, end = max(c{last}, b{last}), min(stop, b{last} + m{last})",
        f"    for j in range(c{last}, min(stop, begin)):",
        *_placed(spec, last),
        f"    source = x - b{last} * x{last} * {size}",
        "    for j in range(begin, end):",
        f"        move(j, source{_step(spec, 0, last)}, y{_step(spec, 1, last)})",
        "    for j in range(max(begin, end), stop):",
        *_placed(spec, last),
        f"    at += stop - c{last}",
        f"    c{last} = 0",
    ]
    indent = "    "
    for d in range(last - 1, -1, -1):
        lines += [f"{indent}c{d} += 1"]
        if d:
            lines += [f"{indent}if c{d} == n{d}:", f"{indent}    c{d} = 0"]
            indent += "    "
    body = encode(Body((HOLDER[spec["bits"]],), (arg(0, HOLDER[spec["bits"]]),)))
    move = {"body": body, "args": spec["places"][:1], "outs": spec["places"][1:], "coords": []}
    return function_text([f"from minirt.kernels.cpu.pointers import {holder}", region_line("move", move)], lines)


def _step(spec: Spec, operand: int, last: int) -> str:
    return f", {'xy'[operand]}{last}" if spec["places"][operand] == "s" else ""


def _placed(spec: Spec, last: int) -> list[str]:
    """Statements for an element beside the operand: its mirrored place, and the copy."""
    place = [line.format(d=last) for line in _PLACES[spec["mode"]]]
    return [f"        {line}" for line in (f"k = j - b{last}", *place, f"py[j * y{last}] = px[k * x{last}]")]
