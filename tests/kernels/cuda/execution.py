"""Runs one op's CUDA kernels, each with each of its tactics, on arrays; or only compiles them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from minirt.build.select import satisfies
from minirt.ir.graph import Input
from minirt.ir.op import Op, Value, apply, apply_all
from minirt.kernels.cuda.compile import Compiled, CudaSource, compile_source, default_store
from minirt.kernels.families import candidates
from minirt.kernels.kernel import KERNELS, PACKS, Kernel, Operand, Order, Problem, Target
from minirt.ops.layout import Relayout
from minirt.plan.launch import Address, Arg, Integer, Launch, Launches, Real, Spec
from minirt.runtime import device as dev
from minirt.types.dim import Dim, mul, symbol
from minirt.types.dtype import bf16, f16, from_numpy
from minirt.types.evaluate import Evaluator
from minirt.types.tensor import Tensor

Array = np.ndarray[Any, Any]
Orders = tuple[Sequence[Order | None], Sequence[Order | None]]
HOPPER = Target("cuda:sm_90a", 132, 232448)
AMPERE = Target("cuda:sm_80", 108, 166912)
TARGETS = (AMPERE, Target("cuda:sm_86", 84, 99 * 1024), Target("cuda:sm_89", 142, 99 * 1024), HOPPER)
"""The architectures that every kernel compiles for: A100, A10 and RTX 30, L4 and RTX 40, H100."""
ARCHES = [t.arch for t in TARGETS]
COMPILED = [pytest.param(t, id=t.arch, marks=() if t in (AMPERE, HOPPER) else pytest.mark.arches) for t in TARGETS]
"""The same as parameters of tests that compile: sm_86 and sm_89, nearly the same as sm_80, have a tier of their own."""


@dataclass
class Case:
    """An op on arrays, which lie as their NumPy strides say; ``names`` makes sizes symbolic; ``shift`` misaligns."""

    name: str
    op: Op
    arrays: Sequence[Array]
    names: Mapping[int, str] = field(default_factory=dict)
    limits: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    shift: int = 0
    tolerance: float = 0.0
    pinned: Op | None = None  # the op with sizes for names, where its fields hold names

    def values(self) -> list[Value]:
        """The operands, as graph inputs."""
        types = [Tensor(from_numpy(a.dtype), tuple(map(self._dim, a.shape))) for a in self.arrays]
        return [apply(Input(f"x{i}", t)) for i, t in enumerate(types)]

    def _dim(self, size: int) -> Dim:
        return symbol(self.names[size]) if size in self.names else size

    def sizes(self) -> dict[str, int]:
        """Sizes of the symbolic dims."""
        return {name: size for size, name in self.names.items()}

    def problem(
        self, target: Target, orders: tuple[Sequence[Order | None], Sequence[Order | None]] | None = None
    ) -> Problem:
        """The problem, with results laid out as lowering would."""
        values = self.values()
        results = apply_all(self.op, *values)
        inputs = [self._operand(v.tensor, a) for v, a in zip(values, self.arrays, strict=True)]
        wanted = orders[1] if orders else [None] * len(results)
        outputs = [_placed(self.op, v.tensor, inputs, order) for v, order in zip(results, wanted, strict=True)]
        ranges = {name: self.limits.get(name, (0, 4096)) for name in self.names.values()}
        return Problem(self.op, tuple(inputs), tuple(outputs), target, ranges, self.sizes(), self.name)

    def _operand(self, tensor: Tensor, array: Array) -> Operand:
        order = sorted(range(array.ndim), key=lambda i: -array.strides[i])
        dense, step = [0] * array.ndim, array.itemsize
        for axis in reversed(order):
            dense[axis] = step
            step *= array.shape[axis]
        steps = [s // array.itemsize for s in array.strides]
        if tuple(dense) != array.strides or not array.ndim:
            return Operand(tensor, tuple(steps), aligned=not self.shift)
        layout = () if order == list(range(array.ndim)) else tuple(order)
        placed = Tensor(tensor.dtype, tensor.shape, layout)
        return Operand(placed, placed.strides, aligned=not self.shift)

    def expected(self) -> list[Array]:
        """The op's own reference, floats in float64."""
        types = [v.type for v in self.values()]
        with np.errstate(all="ignore"):
            return [np.asarray(r) for r in (self.pinned or self.op).run(list(self.arrays), types, True)]


def _placed(op: Op, tensor: Tensor, inputs: Sequence[Operand], order: Order | None) -> Operand:
    layout = tensor.layout
    if isinstance(op, Relayout):
        pass
    elif order is not None:
        layout = () if order.axes == tuple(range(len(order.axes))) else order.axes
    else:
        layout = next((o.type.layout for o in inputs if o.type.layout and o.shape == tensor.shape), tensor.layout)
    placed = Tensor(tensor.dtype, tensor.shape, layout)
    return Operand(placed, placed.strides)


def choices(case: Case, target: Target, further: bool = False) -> Iterator[tuple[Kernel, Problem, Spec]]:
    """Every kernel that takes the case as it lies, with each of its tactics, also those that are timed late."""
    for kernel in candidates(target, case.op):
        orders = kernel.orders(case.problem(target))
        problem = case.problem(target, orders)
        pairs = zip(problem.inputs, orders[0], strict=True)
        if any(order is not None and not satisfies(o.shape, o.strides, order) for o, order in pairs):
            continue
        if not kernel.rejects(problem):
            for tactic in (*kernel.tactics(problem), *(kernel.further(problem) if further else ())):
                yield kernel, problem, tactic


def sources(launches: Launches, target: Target) -> list[CudaSource]:
    """What the launches compile, from their specs alone."""
    made = [KERNELS[step.unit.kernel].source(step.unit.spec, target) for step in launches.steps]
    return [s if isinstance(s, CudaSource) else CudaSource(s.text, s.entry) for s in made]


def compiled(launches: Launches, target: Target) -> list[Compiled]:
    """The launches' machine code."""
    return [compile_source(s, target.arch, default_store()) for s in sources(launches, target)]


class Runner:
    """One choice on a device: memory, packed launches, and results."""

    def __init__(self, case: Case, kernel: Kernel, problem: Problem, tactic: Spec, target: Target) -> None:
        self.device = dev.Device(0)
        self.case, self.problem = case, problem
        self.number = Evaluator(case.sizes()).integer
        launches = kernel.launch(problem, tactic)
        self.inputs = [self._upload(a) for a in case.arrays]
        self.outputs = [self._blank(self._bytes(o)) for o in problem.outputs]
        self.work = [self._blank(self.number(size)) for size in launches.work]
        self.packs = [self._packed(p.operand, p.function, p.spec) for p in launches.packs]
        codes = zip(launches.steps, sources(launches, target), compiled(launches, target), strict=True)
        self.steps = [self._step(step, source.entry, code.cubin) for step, source, code in codes]

    def _bytes(self, operand: Operand) -> int:
        return self.number(operand.type.size) * operand.type.dtype.bits // 8

    def _blank(self, size: int) -> dev.DeviceMemory:
        memory = dev.DeviceMemory(self.device, max(size, 1))
        dev.fill(self.device, memory.address, 0xFF, memory.nbytes, 0)
        return memory

    def _upload(self, array: Array) -> dev.DeviceMemory:
        span = sum((n - 1) * s for n, s in zip(array.shape, array.strides, strict=True)) // array.itemsize + 1
        codes = array.view(np.uint8) if array.itemsize == 1 else array  # as_strided knows no floats of 8 bits
        whole = np.lib.stride_tricks.as_strided(codes, (span if array.size else 0,), (array.itemsize,))
        data = np.concatenate([np.zeros(self.case.shift, codes.dtype), whole])
        memory = dev.DeviceMemory(self.device, max(data.nbytes, 1))
        memory.upload(data)
        return memory

    def _packed(self, operand: int, function: str, spec: Spec) -> dev.DeviceMemory:
        data = np.ascontiguousarray(PACKS[function](np.asarray(self.case.arrays[operand]), spec))
        memory = dev.DeviceMemory(self.device, max(data.nbytes, 1))
        memory.upload(data)
        return memory

    def _address(self, arg: Address) -> int:
        shift = self.case.shift * self.case.arrays[arg.index].itemsize if arg.of == "in" else 0
        groups = {"in": self.inputs, "out": self.outputs, "work": self.work, "pack": self.packs}
        return groups[arg.of][arg.index].address + shift + self.number(arg.offset)

    def _argument(self, arg: Arg) -> tuple[dev.Kind, object]:
        if isinstance(arg, Address):
            return "ptr", self._address(arg)
        if isinstance(arg, Integer):
            return ("i32" if arg.bits == 32 else "i64"), self.number(arg.value)
        assert isinstance(arg, Real)
        return ("f32" if arg.bits == 32 else "f64"), arg.value

    def _step(self, step: Launch, entry: str, cubin: bytes) -> dev.PackedLaunch:
        kernel = dev.Kernel(dev.Module(self.device, cubin), entry, step.shared)
        pairs = [self._argument(a) for a in step.args]
        grid = tuple(self.number(g) for g in step.grid)
        assert len(grid) == 3
        return dev.PackedLaunch(kernel, grid, step.block, [k for k, _ in pairs], [v for _, v in pairs])

    def run(self) -> list[Array]:
        """The results, as logical arrays."""
        with self.device.current():
            for step in self.steps:
                step.run(0)
        self.device.synchronize()
        return [self._result(o, m) for o, m in zip(self.problem.outputs, self.outputs, strict=True)]

    def _result(self, operand: Operand, memory: dev.DeviceMemory) -> Array:
        shape = [self.number(d) for d in operand.shape]
        order = operand.type.order
        raw = memory.download((int(np.prod(shape)),), operand.type.dtype.numpy)
        return raw.reshape([shape[a] for a in order]).transpose(np.argsort(order))

    def microseconds(self, count: int = 20) -> float:
        """Time of one run on the device, launches in a graph, median of several."""
        stream = dev.Stream(self.device)
        graph = dev.Graph(self.device, self.steps * count)
        times = []
        with self.device.current():
            graph.launch(stream.handle)
            for _ in range(5):
                start, end = dev.Event(self.device), dev.Event(self.device)
                start.record(stream.handle)
                graph.launch(stream.handle)
                end.record(stream.handle)
                end.synchronize()
                times.append(end.milliseconds_since(start) * 1e3 / count)
        return float(np.median(times))


def check(case: Case, got: Sequence[Array], what: str, expected: Sequence[Array] | None = None) -> float:
    """The greatest error in units of the results' scale; raises AssertionError above the type's tolerance."""
    worst = 0.0
    for have, want in zip(got, case.expected() if expected is None else expected, strict=True):
        assert have.shape == want.shape, f"{what}: shape {have.shape}, not {want.shape}"
        if have.dtype.kind in "iub" or not have.size:
            np.testing.assert_array_equal(have, want.astype(have.dtype), err_msg=what)
            continue
        kind = from_numpy(have.dtype)
        limit = case.tolerance or (2e-3 if kind is f16 else 1.6e-2 if kind is bf16 else 4e-6)
        wide = have.astype(np.float64)
        np.testing.assert_array_equal(np.isnan(wide), np.isnan(want), err_msg=what)
        finite = np.isfinite(want)
        np.testing.assert_array_equal(wide[~finite & ~np.isnan(want)], want[~finite & ~np.isnan(want)], err_msg=what)
        if finite.any():
            scale = max(1.0, float(np.abs(want[finite]).max()))
            error = float(np.abs(wide[finite] - want[finite]).max()) / scale
            assert error <= limit, f"{what}: error {error:.2e} of scale above {limit:.0e}"
            worst = max(worst, error)
    return worst


def moved_bytes(case: Case, problem: Problem) -> int:
    """Bytes of each operand read once and each result written once."""
    number = Evaluator(case.sizes()).integer
    written = sum(number(mul(o.type.size, o.type.dtype.bits)) // 8 for o in problem.outputs)
    return sum(a.nbytes for a in case.arrays) + written
