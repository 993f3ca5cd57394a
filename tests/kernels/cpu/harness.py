"""Runs one op through its CPU kernel on NumPy arrays, with guard bytes around every result."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np

from minirt.build.select import satisfies
from minirt.ir.graph import Input
from minirt.ir.op import Op, apply, apply_all
from minirt.kernels.cpu.compile import address
from minirt.kernels.families import candidates
from minirt.kernels.kernel import KERNELS, PACKS, Kernel, Operand, Problem, Target
from minirt.ops.evaluate import run_node
from minirt.plan.launch import Address, Arg, Integer, Launch, Real
from minirt.types.dtype import Array, from_numpy
from minirt.types.evaluate import Evaluator
from minirt.types.tensor import Tensor

_GUARD = 64
CPU = Target("cpu")
_pieces = np.random.default_rng(5)


def fenced(shape: tuple[int, ...], dtype: np.dtype[Any], order: Sequence[int] | None = None) -> tuple[Array, Array]:
    """An array in the given memory order of axes inside a byte buffer, with a guard on both sides; array and buffer."""
    order = tuple(order) if order else tuple(range(len(shape)))
    size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
    raw = np.full(size + 2 * _GUARD, 0xA5, np.uint8)
    inside = raw[_GUARD : _GUARD + size].view(dtype).reshape([shape[a] for a in order])
    return inside.transpose(np.argsort(order)) if shape else inside, raw


def check_guard(raw: Array) -> None:
    """Fails where a kernel wrote outside its result."""
    assert (raw[:_GUARD] == 0xA5).all() and (raw[-_GUARD:] == 0xA5).all(), "a kernel wrote outside its result"


def operand(array: Array, layout: tuple[int, ...] = (), constant: bool = False) -> Operand:
    """What a kernel sees of an array."""
    kind = Tensor(from_numpy(array.dtype), array.shape, layout)
    strides = tuple(s // array.dtype.itemsize for s in array.strides) if array.size else kind.strides
    return Operand(kind, strides, constant)


def problem_of(
    op: Op,
    inputs: Sequence[Array],
    outputs: Sequence[Array],
    layouts: Sequence[tuple[int, ...]] = (),
    constants: Sequence[int] = (),
) -> Problem:
    """The op on these arrays as a problem."""
    layouts = layouts or [()] * len(outputs)
    outs = tuple(operand(a, layout) for a, layout in zip(outputs, layouts, strict=True))
    ins = tuple(operand(a, constant=i in constants) for i, a in enumerate(inputs))
    return Problem(op, ins, outs, CPU)


def pick(problem: Problem, name: str = "") -> Kernel:
    """The first CPU kernel that takes the problem (or the one of that name)."""
    refusals = []
    for kernel in candidates(CPU, problem.op):
        if name and kernel.name != name:
            continue
        wrong = [
            i
            for i, (o, order) in enumerate(zip(problem.inputs, kernel.orders(problem)[0], strict=True))
            if order is not None and not satisfies(o.shape, o.strides, order)
        ]
        if wrong:
            refusals.append(f"{kernel.name}: operands {wrong} lie in another order")
            continue
        reason = kernel.rejects(problem)
        if not reason:
            return kernel
        refusals.append(f"{kernel.name}: {reason}")
    raise AssertionError(f"no kernel for {problem.op}: {refusals}")


def launch_all(
    kernel: Kernel, problem: Problem, tactic: dict[str, Any], inputs: Sequence[Array], outputs: Sequence[Array]
) -> None:
    """Runs the launches, each in uneven pieces."""
    launches = kernel.launch(problem, tactic)
    sizes = Evaluator({})
    work = [np.full(sizes.integer(w) + 64, 0x5A, np.uint8) for w in launches.work]
    packs = [
        np.ascontiguousarray(PACKS[p.function](np.ascontiguousarray(inputs[p.operand]), p.spec)) for p in launches.packs
    ]
    places = {"in": inputs, "out": outputs, "work": work, "pack": packs}
    for launch in launches.steps:
        _run(launch, places, sizes)


def _run(launch: Launch, places: dict[str, Any], sizes: Evaluator) -> None:
    values = [_number(a, places, sizes) for a in launch.args]
    args = np.array(values, dtype=np.int64)
    call = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)(
        address(KERNELS[launch.unit.kernel].source(launch.unit.spec, CPU))
    )
    count = sizes.integer(launch.grid[0])
    grain = sizes.integer(launch.grid[1])
    inner = [int(c) for c in _pieces.integers(0, count + 1, 2)] if grain < max(count, 2) else []  # else in one piece
    cuts = sorted({0, count, *inner})
    for low, high in reversed(list(zip(cuts, cuts[1:], strict=False))):
        call(low, high, args.ctypes.data)


def _number(arg: Arg, places: dict[str, Any], sizes: Evaluator) -> int:
    if isinstance(arg, Address):
        return int(places[arg.of][arg.index].ctypes.data) + sizes.integer(arg.offset)
    if isinstance(arg, Integer):
        return sizes.integer(arg.value)
    assert isinstance(arg, Real)
    return int(np.float64(arg.value).view(np.int64))


def reference(op: Op, inputs: Sequence[Array], wide: bool = False) -> list[Array]:
    """The op's own reference on the arrays; in float64 where ``wide``."""
    values = [apply(Input(f"x{i}", Tensor(from_numpy(a.dtype), a.shape))) for i, a in enumerate(inputs)]
    node = apply_all(op, *values)[0].node
    feeds = [a.astype(np.float64) if wide and from_numpy(a.dtype).is_float else a for a in inputs]
    return run_node(node, feeds, wide)


def run(
    op: Op,
    inputs: Sequence[Array],
    orders: Sequence[Sequence[int]] = (),
    kernel: str = "",
    tactic: int = 0,
    constants: Sequence[int] = (),
) -> list[Array]:
    """The op's results by a CPU kernel; ``orders`` are the results' memory orders, ``constants`` known operands."""
    inputs = [np.asarray(a) for a in inputs]
    with np.errstate(all="ignore"):
        expected = reference(op, inputs)
    made = [fenced(e.shape, e.dtype, orders[i] if orders else None) for i, e in enumerate(expected)]
    outputs = [m[0] for m in made]
    problem = problem_of(op, inputs, outputs, [tuple(o) for o in orders], constants)
    chosen = pick(problem, kernel)
    launch_all(chosen, problem, chosen.tactics(problem)[tactic], inputs, outputs)
    for _, raw in made:
        check_guard(raw)
    return outputs


def check(
    op: Op,
    inputs: Sequence[Array],
    tolerance: float = 1e-6,
    orders: Sequence[Sequence[int]] = (),
    kernel: str = "",
    constants: Sequence[int] = (),
) -> None:
    """Compares a kernel with the reference in float64: within ``tolerance`` of scale for floats, exactly else."""
    inputs = [np.asarray(a) for a in inputs]
    got = run(op, inputs, orders, kernel, 0, constants)
    with np.errstate(all="ignore"):
        wide = reference(op, inputs, True)
    for mine, wanted in zip(got, wide, strict=True):
        assert mine.shape == wanted.shape
        kind = from_numpy(mine.dtype)
        if not kind.is_float:
            np.testing.assert_array_equal(mine, wanted)
            continue
        mine, wanted = mine.astype(np.float64), wanted.astype(kind.numpy).astype(np.float64)
        np.testing.assert_array_equal(np.isnan(mine), np.isnan(wanted))
        finite = np.isfinite(wanted)
        np.testing.assert_array_equal(mine[~finite & ~np.isnan(wanted)], wanted[~finite & ~np.isnan(wanted)])
        if finite.any():
            scale = max(1e-30, float(np.abs(wanted[finite]).max()))
            worst = float(np.abs(mine[finite] - wanted[finite]).max()) / scale
            assert worst <= tolerance, f"{op}: {worst} > {tolerance}"
