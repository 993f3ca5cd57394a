"""From an engine's bytes to something that runs on a target."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

import numpy as np

from minirt.build.build import lower
from minirt.build.compile import compile_units, kernel_version, launched
from minirt.build.formulas import read_formulas
from minirt.build.io_formats import IoFormat, declared_type, profiles_declared
from minirt.build.options import Options, Profile
from minirt.build.parameters import SECTION, read_table
from minirt.build.weight_store import Sources, WeightStore
from minirt.errors import EngineFormatError
from minirt.ir.encode import decode_type
from minirt.ir.graph import Data, Graph
from minirt.ir.op import Value
from minirt.ir.text import parse_graph
from minirt.ir.weights import parameters_of
from minirt.kernels.cpu.host import threads
from minirt.kernels.cpu.runner_ir import runner_addresses
from minirt.kernels.kernel import Target
from minirt.plan.encode import decode_plan
from minirt.plan.format import read_sections, write_sections
from minirt.plan.launch import Unit
from minirt.plan.plan import Plan
from minirt.runtime.backend import Backend, Memory
from minirt.runtime.calls import find_plugins
from minirt.runtime.cpu.backend import CpuBackend
from minirt.runtime.cpu.pool import shared_pool
from minirt.runtime.device import CudaBackend, Device
from minirt.runtime.executor import Executor
from minirt.runtime.streaming import working_bytes
from minirt.trace import phase
from minirt.types.dtype import Array, dtype_of, string
from minirt.types.tensor import Shape, Tensor, Type

Dims = TypeVar("Dims", bound=Shape)
_DAMAGE = (
    KeyError, ValueError, TypeError, AttributeError, IndexError, OverflowError, AssertionError, ZeroDivisionError,
    RecursionError,
)  # fmt: skip
"""What reading data raises that are not as an engine holds them, though their checksums are right."""


@dataclass(frozen=True)
class Binding:
    """An engine's input or output."""

    name: str
    type: Type
    is_input: bool
    format: IoFormat | None = None

    def inside(self, shape: Dims) -> Dims:
        """The dims that it has in memory where it has these."""
        return shape if self.format is None else cast(Dims, self.format.inside(shape))

    def declared(self, shape: Dims) -> Dims:
        """The dims that it has where it has these in memory."""
        return shape if self.format is None else cast(Dims, self.format.declared(shape))


class Package:
    """An engine's bytes, read and checked; nothing of it is compiled or run yet."""

    def __init__(self, data: bytes | bytearray | memoryview) -> None:
        """Raises EngineFormatError for bytes that are not exactly an engine as written."""
        self._sections = read_sections(data)
        try:
            self.about: dict[str, Any] = json.loads(bytes(self._sections["about"]))
            self.formats = {str(n): IoFormat(str(f), int(c)) for n, (f, c) in self.about.get("formats", {}).items()}
            self.bindings = [
                self._binding(str(n), decode_type(t), mode == "inputs")
                for mode in ("inputs", "outputs")
                for n, t in self.about[mode]
            ]
            self._profiles = [
                Profile({k: tuple(tuple(int(n) for n in s) for s in v) for k, v in p.items()})  # type: ignore[misc]
                for p in self.about["profiles"]
            ]
            values = self.about.get("values") or [{}] * len(self._profiles)
            self._profiles = [
                Profile(p.shapes, {k: tuple(tuple(int(n) for n in s) for s in v) for k, v in given.items()})  # type: ignore[misc]
                for p, given in zip(self._profiles, values, strict=True)
            ]
            self.sizes = {str(n): [str(d) for d in dims] for n, dims in self.about.get("sizes", {}).items() if dims}
            self.hosted = frozenset(map(str, self.about.get("hosted", ())))
            self.profiles = profiles_declared(self._profiles, self.formats)
            self.blobs = {d: self._blob(d, row) for d, row in self.about["blobs"].items()}
            self.table = read_table(self._sections)
        except _DAMAGE as error:
            raise EngineFormatError(f"the engine lacks a part: {error}") from error

    @property
    def sections(self) -> Mapping[str, memoryview]:
        """The engine's sections, by name."""
        return self._sections

    @property
    def weights_size(self) -> int:
        """Bytes of all weights, those that are stripped too."""
        rows = {r.digest: r.nbytes for r in self.table.rows.values() if not r.fixed}
        return sum(b.dtype.nbytes(int(b.array.size)) for b in self.blobs.values()) + sum(rows.values())

    @property
    def stripped_size(self) -> int:
        """Bytes of the weights that are not in the engine."""
        table = self.table
        return sum(table.rows[n].nbytes for n in table.open if n not in table.numbers)

    def _binding(self, name: str, kind: Type, is_input: bool) -> Binding:
        found = self.formats.get(name)
        return Binding(name, declared_type(kind, found) if isinstance(kind, Tensor) else kind, is_input, found)

    def _blob(self, digest: str, row: Any) -> Data:
        dtype, shape = dtype_of(row[0]), tuple(int(n) for n in row[1])
        raw = self._sections[f"blob/{digest}"]
        if dtype is string:
            return Data(np.array(json.loads(bytes(raw)), dtype=object).reshape(shape))
        return Data.trusted(np.frombuffer(raw, dtype.numpy).reshape(shape), dtype, digest)

    def written(self, numbers: Mapping[str, Array], strip: bool, refittable: bool) -> bytes:
        """The engine's bytes with these numbers for its refittable weights; stripped, without them."""
        kept = {n: s for n, s in self._sections.items() if n.partition("/")[0] != SECTION}
        return write_sections({**kept, **self.table.updated(numbers, refittable).sections(strip)})

    def graph(self) -> Graph:
        """The neutral graph."""
        return parse_graph(bytes(self._sections["graph"]).decode(), self.blobs)

    def options(self, target: Target) -> Options:
        """The options that lower the graph for another target."""
        about = self.about
        made = Options((target,), tuple(self._profiles), tuple(about["permitted"]), bool(about["tf32"]), level=0)
        return replace(made, wide=tuple(about.get("wide", ())), streams=int(about.get("streams", -1)))

    def stored_plan(self, key: str) -> Plan:
        """The plan that the engine holds under ``target/profile``; raises EngineFormatError for one that it lacks."""
        if f"plan/{key}" not in self._sections:
            raise EngineFormatError(f"the engine holds no plan {key!r}")
        return decode_plan(json.loads(bytes(self._sections[f"plan/{key}"])))

    def formulas(self) -> dict[str, Value]:
        """The formulas of the weights that stored plans use."""
        if "formulas" not in self._sections:
            return {}
        found = read_formulas(bytes(self._sections["formulas"]).decode(), self.blobs)
        for name, kind in parameters_of(list(found.values())).items():
            if name not in self.table.rows or self.table.rows[name].type != kind:
                raise EngineFormatError(f"a formula reads weights {name!r} of {kind}, which the engine does not list")
        return found

    def plans(self, target: Target) -> tuple[list[Plan], Sources]:
        """A plan for each profile, and what their weights are made of.

        Those stored, or, where the engine was built for another target or with other kernels, lowered now with default
        tactics.
        """
        keys = [f"{target.name}/{i}" for i in range(len(self.profiles))]
        if self.about["kernels"] == kernel_version() and all(f"plan/{k}" in self._sections for k in keys):
            return [self.stored_plan(k) for k in keys], Sources(self.blobs, self.formulas(), self.table)
        with phase(f"lower again for {target.name}"):
            graph, blobs, plans = self.graph(), dict(self.blobs), []
            formulas: dict[str, Value] = {}
            for index in range(len(self.profiles)):
                lowered = lower(graph, target, self.options(target), index)
                plans.append(lowered.run())
                blobs |= lowered.blobs
                formulas |= lowered.formulas
            return plans, Sources(blobs, formulas, self.table)


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
        try:
            self.plans, sources = package.plans(target)
            for plan in self.plans:
                find_plugins(plan)
            with phase("compile"):
                compiled = compile_units(self.plans, target)
        except _DAMAGE as error:
            raise EngineFormatError(f"the engine's plan is damaged: {type(error).__name__} {error}") from error
        self.backend = backend or _backend(target, self.plans, compiled, Device(device))
        if lend is not None:
            self.backend = lend(self.backend)
        with phase("weights"):
            streaming = bool(package.about.get("streaming", False))
            try:
                self.store = WeightStore(self.plans, sources, self.backend, streaming)
            except _DAMAGE as error:
                what = f"the engine's weights are not as its plan packs them: {type(error).__name__} {error}"
                raise EngineFormatError(what) from error

    @property
    def streams(self) -> int:
        """How many streams a context uses beside the caller's."""
        return max((plan.streams for plan in self.plans), default=0)

    @property
    def weights(self) -> Mapping[str, Memory]:
        """Where each of the weights lies, by its key."""
        return self.store.memories

    def scratch(self, profile: int) -> int:
        """Bytes of memory that a context works in, in a profile."""
        plan = self.plans[profile]
        return working_bytes(plan, self.store.ring(plan))

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
