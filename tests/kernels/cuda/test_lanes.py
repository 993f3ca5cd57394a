"""Means of float32 with TF32 off: added in the order of the CPU target, which NumPy emulates, to the bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from minirt.ir.scalar import Body, arg, call
from minirt.kernels.families import candidates
from minirt.kernels.kernel import KERNELS, Problem, Target
from minirt.ops.reduce import Reduce
from minirt.runtime import device as dev
from minirt.types.dtype import f32
from tests.kernels.cpu.harness import run
from tests.kernels.cuda.execution import COMPILED, HOPPER, Array, Case, Runner, compiled
from tests.kernels.cuda.map_cases import channels_last, random

HERE = pytest.mark.skipif(not dev.available(), reason="needs a CUDA device")
KERNEL = KERNELS["ReduceLanes"]
LARGER = Body((f32, f32), (call("max", arg(0, f32), arg(1, f32)),))
TURNED = Body((f32, f32), (call("sub", arg(1, f32), arg(0, f32)),))


def page(*shape: int) -> Array:
    """Mostly one number, as the white of a page, so that the order of addition shows."""
    rng = np.random.default_rng(sum(shape))
    return np.where(rng.random(shape) < 0.95, np.float32(1 / 3), rng.standard_normal(shape)).astype(np.float32)


def planes() -> list[Case]:
    """Planes by channels and by rows: short, long, and of lengths that neither 8 nor a batch divides."""
    op = Reduce("mean", (2, 3))
    out = []
    for shape in ((1, 32, 160, 160), (2, 9, 80, 104), (1, 3, 10, 13), (2, 70, 7, 7), (1, 5, 32, 33), (3, 8, 1, 1)):
        name = "x".join(map(str, shape))
        out.append(Case(f"{name} by channels", op, [channels_last(page(*shape))]))
        out.append(Case(f"{name} by rows", op, [page(*shape)]))
    return out + [
        Case("65536 elements", Reduce("mean", (1,), False), [page(3, 65536)]),
        Case("65536 elements by columns", Reduce("mean", (0,)), [page(65536, 3)]),
        Case("1023 by columns", Reduce("mean", (0,)), [page(1023, 40)]),
        Case("symbolic", op, [channels_last(page(2, 24, 41, 43))], {2: "N", 41: "H", 43: "W"},
             {"N": (1, 4), "H": (1, 200), "W": (1, 200)}),
        Case("symbolic by rows", op, [page(2, 24, 41, 43)], {2: "N", 41: "H", 43: "W"},
             {"N": (0, 4), "H": (0, 200), "W": (0, 200)}),
        Case("one element", Reduce("mean", (0,), False), [page(1)]),
        Case("prologue", Reduce("mean", (2, 3), True, LARGER, TURNED),
             [channels_last(page(1, 12, 50, 50)), page(12, 1, 1), page(12, 1, 1)]),
        Case("prologue by rows", Reduce("mean", (1,), False, LARGER, TURNED), [page(20, 517), page(517), page(20)]),
    ]  # fmt: skip


def problem_of(case: Case, target: Target) -> Problem:
    """The case where TF32 is not allowed."""
    return replace(case.problem(target), tf32=False)


def columns(case: Case) -> bool:
    """True where neighbours in memory belong to different rows."""
    assert isinstance(case.op, Reduce)
    x, axes = case.arrays[0], case.op.axes
    return any(x.strides[a] == 4 and x.shape[a] > 1 for a in range(x.ndim) if a not in axes)


def in_eight(x: Array, to_the_first: bool) -> Array:
    """Sums of rows [rows, length] by eight that take the elements in turn; the rest comes last, or to the first."""
    length = x.shape[1]
    whole = length if to_the_first else length - length % 8
    lanes = np.zeros((len(x), 8), np.float32)
    for k in range(0, whole, 8):
        part = x[:, k : k + 8]
        lanes[:, : part.shape[1]] += part
    for width in (4, 2, 1):
        lanes = lanes[:, :width] + lanes[:, width:]
    total = lanes[:, 0]
    for k in range(whole, length):
        total = total + x[:, k]
    return np.asarray(total)


def wanted(case: Case) -> Array:
    """The mean as emulated, with the prologue before and the epilogue after."""
    op = case.op
    assert isinstance(op, Reduce)
    arrays = list(case.arrays)
    x = np.maximum(arrays[0], arrays[1]) if op.prologue else arrays[0]
    kept = [a for a in range(x.ndim) if a not in op.axes]
    rows = x.transpose([*kept, *op.axes]).reshape(int(np.prod([x.shape[a] for a in kept])), -1)
    mean = in_eight(rows, columns(case)) / np.float32(rows.shape[1])
    found = mean.reshape([1 if a in op.axes else n for a, n in enumerate(x.shape) if op.keepdims or a in kept])
    return np.asarray(arrays[2] - found if op.prologue else found)


@pytest.mark.parametrize("case", planes(), ids=lambda case: case.name)
def test_the_cpu_adds_as_emulated(case: Case) -> None:
    (found,) = run(case.op, list(case.arrays))
    np.testing.assert_array_equal(found, wanted(case))


@pytest.mark.compile
@pytest.mark.parametrize("target", COMPILED)
@pytest.mark.parametrize("case", planes(), ids=lambda case: case.name)
def test_it_compiles_without_spilling(case: Case, target: Target) -> None:
    pytest.importorskip("cuda.bindings.nvrtc")
    problem = problem_of(case, target)
    assert KERNEL.rejects(problem) == ""
    launches = KERNEL.launch(problem, {})
    (step,) = launches.steps
    assert (step.unit.spec["mode"] == "outer") == columns(case)
    for code in compiled(launches, target):
        assert code.spills == 0, code.resources


@pytest.mark.gpu
@HERE
@pytest.mark.parametrize("case", planes(), ids=lambda case: case.name)
def test_a_device_adds_in_the_same_order(case: Case) -> None:
    device = dev.Device(0)
    target = Target(f"cuda:{device.arch}", device.multiprocessors, device.shared_limit)
    runner = Runner(case, KERNEL, problem_of(case, target), {}, target)
    np.testing.assert_array_equal(runner.run()[0], wanted(case))


def test_only_exact_means_of_float32_are_added_so() -> None:
    plain = Case("plain", Reduce("mean", (2, 3)), [random(1, 32, 20, 20)])
    exact = problem_of(plain, HOPPER)
    assert next(k for k in candidates(HOPPER, exact.op) if not k.rejects(exact)) is KERNEL
    others = [
        plain.problem(HOPPER),
        problem_of(Case("half", plain.op, [random(1, 32, 20, 20, dtype=np.float16)]), HOPPER),
        problem_of(Case("sum", Reduce("sum", (2, 3)), plain.arrays), HOPPER),
        problem_of(Case("long", Reduce("mean", (1,)), [random(1, 65537)]), HOPPER),
        problem_of(Case("unbounded", Reduce("mean", (1,)), [random(2, 50)], {50: "L"}, {"L": (1, 1 << 20)}), HOPPER),
    ]
    for problem in others:
        assert KERNEL.rejects(problem) and not KERNELS["ReduceRows"].rejects(problem)
