"""From an engine's bytes to something that runs on a target."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from minirt.build.build import lower
from minirt.build.compile import compile_units, kernel_version, launched
from minirt.build.options import Options, Profile
from minirt.errors import EngineFormatError
from minirt.ir.encode import decode_type
from minirt.ir.graph import Data, Graph
from minirt.ir.text import parse_graph
from minirt.kernels.cpu.host import threads
from minirt.kernels.cpu.runner_ir import runner_addresses
from minirt.kernels.kernel import PACKS, Target
from minirt.plan.encode import decode_plan
from minirt.plan.format import read_sections
from minirt.plan.launch import Unit
from minirt.plan.plan import IfStep, LoopStep, Plan, Weight
from minirt.runtime.backend import Backend, Memory
from minirt.runtime.cpu.backend import CpuBackend
from minirt.runtime.cpu.pool import shared_pool
from minirt.runtime.device import CudaBackend, Device
from minirt.runtime.executor import Executor
from minirt.trace import phase
from minirt.types.dtype import Array, dtype_of, string
from minirt.types.tensor import Type


@dataclass(frozen=True)
class Binding:
    """An engine's input or output."""

    name: str
    type: Type
    is_input: bool


class Package:
    """An engine's bytes, read and checked; nothing of it is compiled or run yet."""

    def __init__(self, data: bytes | bytearray | memoryview) -> None:
        """Raises EngineFormatError for bytes that are not exactly an engine as written."""
        self._sections = read_sections(data)
        try:
            self.about: dict[str, Any] = json.loads(bytes(self._sections["about"]))
            self.bindings = [
                Binding(str(n), decode_type(t), mode == "inputs")
                for mode in ("inputs", "outputs")
                for n, t in self.about[mode]
            ]
            self.profiles = [
                Profile({k: tuple(tuple(int(n) for n in s) for s in v) for k, v in p.items()})  # type: ignore[misc]
                for p in self.about["profiles"]
            ]
            self.blobs = {d: self._blob(d, row) for d, row in self.about["blobs"].items()}
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise EngineFormatError(f"the engine lacks a part: {error}") from error

    def has(self, section: str) -> bool:
        """Return whether the engine has a section."""
        return section in self._sections

    def _blob(self, digest: str, row: Any) -> Data:
        dtype, shape = dtype_of(row[0]), tuple(int(n) for n in row[1])
        raw = self._sections[f"blob/{digest}"]
        if dtype is string:
            return Data(np.array(json.loads(bytes(raw)), dtype=object).reshape(shape))
        return Data.trusted(np.frombuffer(raw, dtype.numpy).reshape(shape), dtype, digest)

    def graph(self) -> Graph:
        """The neutral graph."""
        return parse_graph(bytes(self._sections["graph"]).decode(), self.blobs)

    def options(self, target: Target) -> Options:
        """The options that lower the graph for another target."""
        return Options((target,), tuple(self.profiles), tuple(self.about["permitted"]), bool(self.about["tf32"]))

    def stored_plan(self, key: str) -> Plan:
        """The plan that the engine holds under ``target/profile``; raises EngineFormatError for one that it lacks."""
        if f"plan/{key}" not in self._sections:
            raise EngineFormatError(f"the engine holds no plan {key!r}")
        return decode_plan(json.loads(bytes(self._sections[f"plan/{key}"])))

    def plans(self, target: Target) -> tuple[list[Plan], dict[str, Data]]:
        """A plan for each profile, and the constants they use.

        Those stored, or, where the engine was built for another target or with other kernels, lowered now with default
        tactics.
        """
        keys = [f"{target.name}/{i}" for i in range(len(self.profiles))]
        if self.about["kernels"] == kernel_version() and all(f"plan/{k}" in self._sections for k in keys):
            return [self.stored_plan(k) for k in keys], self.blobs
        with phase(f"lower again for {target.name}"):
            graph, blobs, plans = self.graph(), dict(self.blobs), []
            for index in range(len(self.profiles)):
                lowered = lower(graph, target, self.options(target), index)
                plans.append(lowered.run())
                blobs |= lowered.blobs
            return plans, blobs


class Loaded:
    """An engine ready to run on one target: plans, compiled kernels, and weights in the target's memory.

    Executors share the kernels and the weights; ``device`` is the index of the CUDA device.  ``lend`` may put a backend
    with memory of its own in place of the target's.
    """

    def __init__(
        self,
        package: Package,
        target: Target,
        backend: Backend | None = None,
        device: int = 0,
        lend: Callable[[Backend], Backend] | None = None,
    ) -> None:
        self.package, self.target = package, target
        self.plans, blobs = package.plans(target)
        with phase("compile"):
            compiled = compile_units(self.plans, target)
        self.backend = backend or _backend(target, self.plans, compiled, Device(device))
        if lend is not None:
            self.backend = lend(self.backend)
        with phase("weights"):
            self.weights = _weights(self.plans, blobs, self.backend)

    def executor(self, profile: int = 0) -> Executor:
        """A fresh executor of a profile's plan, with an arena of its own."""
        return Executor(self.plans[profile], self.backend, self.weights)


def _backend(target: Target, plans: Sequence[Plan], compiled: Mapping[Unit, Any], device: Device) -> Backend:
    if target.kind == "cpu":
        run, work = runner_addresses()
        return CpuBackend(shared_pool(run, work, threads()), compiled)
    shared: dict[Unit, int] = {}
    for plan in plans:
        for unit, size in launched(plan):
            shared[unit] = max(size, shared.get(unit, 0))
    return CudaBackend(device, compiled, shared)


def _all_weights(plan: Plan) -> dict[str, Weight]:
    found = {w.key: w for w in plan.weights}
    for step in plan.steps:
        if isinstance(step, IfStep):
            found |= _all_weights(step.then) | _all_weights(step.otherwise)
        elif isinstance(step, LoopStep):
            found |= _all_weights(step.body)
    return found


def _weights(plans: list[Plan], blobs: Mapping[str, Data], backend: Backend) -> dict[str, Memory]:
    wanted: dict[str, Weight] = {}
    for plan in plans:
        wanted |= _all_weights(plan)
    return {key: _upload(_packed(blobs[w.blob].array, w), backend) for key, w in wanted.items()}


def _packed(array: Array, weight: Weight) -> Array:
    return np.ascontiguousarray(PACKS[weight.pack](array, weight.spec) if weight.pack else array)


def _upload(array: Array, backend: Backend) -> Memory:
    memory = backend.allocate(array.nbytes)
    if array.nbytes:
        backend.write(memory.address, array.reshape(-1).view(np.uint8), 0)
    return memory
