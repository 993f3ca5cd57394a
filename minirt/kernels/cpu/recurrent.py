"""Recurrences on the CPU: every step of a direction and a few sequences in one task."""

from __future__ import annotations

import numpy as np

from minirt.kernels.cpu.compile import CpuUnit
from minirt.kernels.cpu.gemm import THREADS, Orders, pieces
from minirt.kernels.cpu.host import lanes
from minirt.kernels.cpu.nest import is_one
from minirt.kernels.cpu.recurrent_steps import (
    BLOCK,
    GATES,
    RecurrentSpec,
    pack_recurrent,
    packed_blocks,
    packing_unit,
    steps_unit,
)
from minirt.kernels.kernel import Kernel, Order, Problem, Target, pack
from minirt.ops.recurrent import ACTIVATIONS, Recurrent
from minirt.plan.launch import Address, Arg, Integer, Launch, Launches, Pack, Spec, Unit
from minirt.types.dim import Dim, mul
from minirt.types.dtype import Array, f32

_WIDE = {16: 8, 8: 4, 4: 4}
"""Vectors of a tile for one or two sequences, by the lanes of a vector."""


class RecurrentTiled(Kernel):
    """LSTM, GRU and plain recurrences of float32; recurrent weights are packed at load, or first where computed."""

    ops = (Recurrent,)

    def orders(self, problem: Problem) -> Orders:
        """Dense states and weights; rows of the inputs and of y are contiguous."""

        def dense(rank: int, pitched: bool = False) -> Order:
            return Order(tuple(range(rank)), pitched)

        inputs = [dense(o.type.rank, i == 0) for i, o in enumerate(problem.inputs)]
        outputs = [dense(o.type.rank, i == 0) for i, o in enumerate(problem.outputs)]
        return tuple(inputs), tuple(outputs)

    def rejects(self, problem: Problem) -> str:
        """Other element types, directions with functions of their own."""
        op, xg = problem.op, problem.inputs[0]
        assert isinstance(op, Recurrent)
        if xg.type.dtype is not f32:
            return f"recurrences of {xg.type.dtype} are not taken"
        if not is_one(problem.outputs[0].strides[3]):
            return "rows of the result have gaps"
        if op.coded and not problem.inputs[1].constant:
            return "coded weights that are computed are not taken"
        each = len(ACTIVATIONS[op.kind])
        functions = list(zip(op.activations, op.alphas, op.betas, strict=True))
        if any(functions[i] != functions[i % each] for i in range(len(functions))):
            return "directions with different activations are not taken"
        return ""

    def launch(self, problem: Problem, tactic: Spec) -> Launches:
        """One launch over directions and blocks of sequences, after one that packs weights that are computed."""
        op, xg, y = problem.op, problem.inputs[0], problem.outputs[0]
        assert isinstance(op, Recurrent)
        count, sequences, hidden = len(op.directions), xg.shape[1], op.hidden
        block = min(BLOCK, max(1, -(-problem.likely(sequences) * count // THREADS)))
        tasks = mul(pieces(sequences, block), count)
        packed = Address("pack", 0) if problem.inputs[1].constant else Address("work", 1)
        places = {**_operands(op), 1: packed}
        states = 2 if op.kind == "lstm" else 1
        args: list[Arg] = [places.get(i, Address("in", 0)) for i in range(7)]
        args += [Address("out", 0), Address("out", 1), Address("out", states), Address("work", 0)]
        backwards = sum(1 << d for d, reverse in enumerate(op.directions) if reverse)
        values: list[Dim] = [xg.shape[0], sequences, count, hidden, block, backwards]
        values += [xg.strides[0], xg.strides[1], y.strides[0], y.strides[1], y.strides[2]]
        args += [Integer(v) for v in values]
        args.append(Address("in", len(problem.inputs) - 1) if op.coded else Integer(0))
        spec = _spec(op, block)
        work = mul(tasks, BLOCK * (GATES[op.kind] + 1) * hidden * 4)
        launch = Launch(Unit(self.name, spec), tuple(args), (tasks, 1, 1))
        if problem.inputs[1].constant:
            return Launches((launch,), (work,), (Pack(1, "pack_recurrence", spec),))
        blocks = packed_blocks(hidden, _compiled(spec))
        packing: tuple[Arg, ...] = (Address("in", 1), packed, Integer(hidden), Integer(blocks))
        first = Launch(Unit(self.name, {**spec, "packs": True}), packing, (count * blocks, 1, 1))
        return Launches((first, launch), (work, count * blocks * hidden * _compiled(spec).width * 4))

    def source(self, spec: Spec, target: Target) -> CpuUnit:
        """All steps, or the packing of weights."""
        return packing_unit(_compiled(spec)) if spec.get("packs") else steps_unit(_compiled(spec))


def _operands(op: Recurrent) -> dict[int, Address]:
    """The kernel's arguments 0 to 6, from the op's operands in order."""
    names = [0, 1] + [2] * (op.kind == "gru") + [3] + [4] * (op.kind == "lstm")
    names += [5] * op.has_lengths + [6] * op.has_peephole
    return {name: Address("in", i) for i, name in enumerate(names)}


def _spec(op: Recurrent, block: int) -> Spec:
    """What is compiled for tasks of so many sequences: of few, many columns at a time keep the multipliers busy."""
    wide = lanes()
    each = len(ACTIVATIONS[op.kind])
    functions = zip(op.activations[:each], op.alphas[:each], op.betas[:each], strict=True)
    return {
        "kind": op.kind, "activations": [list(f) for f in functions], "clip": op.clip,
        "input_forget": op.input_forget, "linear": op.linear_before_reset, "lengths": op.has_lengths,
        "peephole": op.has_peephole, "lanes": wide, "vectors": _WIDE[wide] if block < 3 else 2, "coded": op.coded,
    }  # fmt: skip


def _compiled(spec: Spec) -> RecurrentSpec:
    functions = tuple((str(name), float(a), float(b)) for name, a, b in spec["activations"])
    return RecurrentSpec(
        spec["kind"], functions, spec["clip"], spec["input_forget"], spec["linear"], spec["lengths"],
        spec["peephole"], spec["lanes"], spec["vectors"], spec["coded"],
    )  # fmt: skip


@pack
def pack_recurrence(weights: Array, spec: Spec) -> Array:
    """Recurrent weights [D, G * H, H] in blocks as wide as a tile."""
    return pack_recurrent(weights if spec["coded"] else weights.astype(np.float32), _compiled(spec))
