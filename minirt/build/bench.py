"""Problems as benches: buffers of the sizes that a profile is to be fastest at, and launches of each tactic."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from minirt.build.select import Way
from minirt.build.targets import cuda_target
from minirt.build.tuning import Timer
from minirt.errors import CompileError
from minirt.kernels.cuda.compile import Compiled, NotCompiled, compile_many, default_store
from minirt.kernels.families import KERNELS
from minirt.kernels.kernel import PACKS, Operand, Problem, Target
from minirt.plan.launch import Address, Arg, Launch, Launches, Pack, TensorMap, Unit
from minirt.runtime.device import Device, available
from minirt.runtime.device.stopwatch import Bench, Room, Stopwatch
from minirt.types.dim import Dim, symbol, symbols
from minirt.types.dtype import dtype_of
from minirt.types.evaluate import Evaluator


def likely_sizes(problem: Problem) -> dict[str, int]:
    """The sizes at which a problem is timed, of every dim that it mentions or may mention."""
    names = set(problem.ranges)
    for operand in (*problem.inputs, *problem.outputs):
        for dim in (*operand.shape, *operand.strides):
            names |= symbols(dim)
    return {name: problem.likely(symbol(name)) for name in sorted(names)}


def bench_of(problem: Problem, ways: Sequence[Launches]) -> Bench:
    """A bench of a problem's launches: buffers for its operands, which all ways share, then scratch and packings."""
    sizes = likely_sizes(problem)
    number = Evaluator(sizes).integer
    operands = [*problem.inputs, *problem.outputs]
    rooms = [Room(_span(o, number), o.type.dtype.name if i < len(problem.inputs) else "")
             for i, o in enumerate(operands)]  # fmt: skip
    scratch: dict[int, int] = {}
    packed: dict[str, int] = {}
    trials = []
    for launches in ways:
        places = {"in": list(range(len(problem.inputs))), "out": list(range(len(problem.inputs), len(operands)))}
        places["work"] = [_scratch(rooms, scratch, i, number(size)) for i, size in enumerate(launches.work)]
        places["pack"] = [_packing(rooms, packed, pack, problem.inputs[pack.operand]) for pack in launches.packs]
        trials.append(tuple(_placed(step, places) for step in launches.steps))
    read = {a.index for trial in trials for step in trial for a in _addresses(step)}
    return Bench(tuple(r if i in read else Room(0) for i, r in enumerate(rooms)), sizes, tuple(trials))


def _addresses(step: Launch) -> list[Address]:
    found = [arg.address if isinstance(arg, TensorMap) else arg for arg in step.args]
    return [a for a in found if isinstance(a, Address)]


def _span(operand: Operand, number: Callable[[Dim], int]) -> int:
    """Bytes from an operand's first element to its last."""
    shape = [number(d) for d in operand.shape]
    if 0 in shape:
        return 0
    last = sum((n - 1) * number(s) for n, s in zip(shape, operand.strides, strict=True))
    return -(-(last + 1) * operand.type.dtype.held_bits // 8)


def _scratch(rooms: list[Room], found: dict[int, int], index: int, nbytes: int) -> int:
    """The room of a scratch buffer, which grows to the most that any way asks for."""
    if index not in found:
        found[index] = len(rooms)
        rooms.append(Room(nbytes))
    at = found[index]
    rooms[at] = Room(max(rooms[at].nbytes, nbytes))
    return at


def _packing(rooms: list[Room], found: dict[str, int], pack: Pack, operand: Operand) -> int:
    """The room of a packed constant, which ways share that pack it alike."""
    spec = json.dumps([pack.operand, pack.function, pack.spec], sort_keys=True)
    if spec not in found:
        shape = tuple(d for d in operand.shape if isinstance(d, int))
        dtype = operand.type.dtype.name
        found[spec] = len(rooms)
        rooms.append(Room(_packed_bytes(shape, dtype, pack.function, json.dumps(pack.spec, sort_keys=True)), dtype))
    return found[spec]


@lru_cache(maxsize=1024)
def _packed_bytes(shape: tuple[int, ...], dtype: str, function: str, spec: str) -> int:
    return int(np.asarray(PACKS[function](np.zeros(shape, dtype_of(dtype).numpy), json.loads(spec))).nbytes)


def _placed(step: Launch, places: Mapping[str, Sequence[int]]) -> Launch:
    """A launch whose addresses are numbers of rooms."""

    def address(arg: Address) -> Address:
        return Address("buffer", places[arg.of][arg.index], arg.offset)

    def resolve(arg: Arg) -> Arg:
        if isinstance(arg, TensorMap):
            return replace(arg, address=address(arg.address))
        return address(arg) if isinstance(arg, Address) else arg

    return replace(step, args=tuple(resolve(a) for a in step.args))


def units_of(ways: Iterable[Launches]) -> list[Unit]:
    """What the ways compile, each once."""
    return list(dict.fromkeys(step.unit for launches in ways for step in launches.steps))


def launches_of(problem: Problem, way: Way) -> Launches:
    """What a way launches; raises MinirtError where the kernel cannot say."""
    return way.kernel.launch(problem, way.tactic)


@dataclass
class DeviceTimer:
    """Times on a device of this machine."""

    target: Target
    stopwatch: Stopwatch

    @property
    def device(self) -> str:
        """The architecture and the device's name."""
        return f"{self.target.arch} {self.stopwatch.device.name}"

    def compile(self, units: Sequence[Unit], until: float, heard: Callable[[int, int], object]) -> Mapping[Unit, Any]:
        """Cubins and entries, compiled in parallel processes."""
        sources = [KERNELS[u.kernel].source(u.spec, self.target) for u in units]
        made = compile_many(sources, self.target.arch, default_store(), until=until, heard=heard)
        out: dict[Unit, Any] = {}
        for unit, source, one in zip(units, sources, made, strict=True):
            if isinstance(one, Compiled):
                out[unit] = (one.cubin, source.entry)
            elif isinstance(one, CompileError) and not isinstance(one, NotCompiled):
                out[unit] = one
        return out

    def times(self, bench: Bench, compiled: Mapping[Unit, Any], rounds: int) -> list[float | None]:
        """Medians of a stopwatch."""
        return self.stopwatch.times(bench, compiled, rounds)


def timer_for(target: Target, stream: int = 0, least: int = 1) -> Timer | None:
    """Who times for a target here, on a stream: its device, if this machine has one; else None."""
    if target.kind != "cuda" or not available() or cuda_target() != target:
        return None
    return DeviceTimer(target, Stopwatch(Device(0), stream, least))


def device_here() -> str:
    """What this machine measures on, "sm_90a NVIDIA H100 80GB HBM3"; "" where it has no device."""
    return f"{cuda_target().arch} {Device(0).name}" if available() else ""
