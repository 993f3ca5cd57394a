"""A graph built for a target, packed, unpacked and run on arrays; the same for a device and for the CPU."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from minirt.build.build import build
from minirt.build.load import Loaded, Package
from minirt.build.options import Options, Profile
from minirt.ir.graph import Graph
from minirt.kernels.kernel import Target
from minirt.plan.plan import Binding, HostStep, IfStep, KernelStep, LoopStep, Plan
from minirt.runtime.backend import Memory
from minirt.runtime.control import Result
from minirt.runtime.executor import Executor

Array = np.ndarray[Any, Any]
Shapes = Mapping[str, Sequence[int]]
_POISON = 0xA5


class Session:
    """One engine and one context of it."""

    def __init__(self, graph: Graph, target: Target, *profiles: Profile, tf32: bool = False) -> None:
        options = Options((target,), profiles or (Profile(),), tf32=tf32)
        self._take(Loaded(Package(build(graph, options)), target))

    def _take(self, loaded: Loaded) -> None:
        self.loaded = loaded
        self.executor: Executor = loaded.executor()
        self.plan: Plan = loaded.plans[0]
        self._held: dict[str, tuple[int, Memory]] = {}
        self._kept: list[Memory] = []

    def another(self) -> Session:
        """A second context of the same engine."""
        made = Session.__new__(Session)
        made._take(self.loaded)
        return made

    def forget(self) -> None:
        """Give every name new memory from now on; the old memory stays, so that addresses differ."""
        self._kept.extend(memory for _, memory in self._held.values())
        self._held.clear()

    @property
    def kernels(self) -> Counter[str]:
        """How often each kernel runs, host steps as "host:Op"."""
        return kernels_of(self.plan)

    def put(self, name: str, array: Array, stream: int = 0) -> int:
        """The address of a copy of the array, in memory that is kept for the name."""
        data = np.ascontiguousarray(array).reshape(-1).view(np.uint8)
        address = self.room(name, data.nbytes)
        if data.nbytes:
            self.executor.backend.write(address, data, stream)
        return address

    def room(self, name: str, nbytes: int) -> int:
        """The address of memory for the name; new memory where it holds another number of bytes."""
        size, _ = self._held.get(name, (-1, None))
        if size != nbytes:
            self._held[name] = (nbytes, self.executor.backend.allocate(nbytes))
        return self._held[name][1].address

    def bind(self, feeds: Mapping[str, Array]) -> None:
        """Take the sizes of the next runs from arrays."""
        self.executor.bind(self.executor.sizes({n: np.shape(a) for n, a in feeds.items()}))

    def start(self, feeds: Mapping[str, Array], stream: int = 0) -> dict[str, Result]:
        """Run into memory of the executor's own."""
        self.bind(feeds)
        return self.executor.run({n: self.put(n, a, stream) for n, a in feeds.items()}, {}, stream)

    def run(self, feeds: Mapping[str, Array], stream: int = 0) -> list[Array]:
        """The outputs, in memory of the executor's own."""
        return self.get(self.start(feeds, stream), stream)

    def addresses(self, feeds: Mapping[str, Array], shapes: Shapes) -> tuple[dict[str, int], dict[str, int]]:
        """Where inputs and outputs of these shapes are."""
        outputs = {b.name: self.room(b.name, _nbytes(b, shapes)) for b in self.plan.outputs}
        return {n: self.room(n, a.nbytes) for n, a in feeds.items()}, outputs

    def launch(self, inputs: Mapping[str, int], outputs: Mapping[str, int], stream: int) -> None:
        """Put the work on the stream, with the sizes of the run before."""
        self.executor.run(inputs, outputs, stream)

    def run_into(self, feeds: Mapping[str, Array], shapes: Shapes, stream: int = 0) -> list[Array]:
        """The outputs, in memory that is given, and filled with nonsense beforehand."""
        self.bind(feeds)
        inputs = {n: self.put(n, a, stream) for n, a in feeds.items()}
        outputs = {
            b.name: self.put(b.name, np.full(_nbytes(b, shapes), _POISON, np.uint8), stream) for b in self.plan.outputs
        }
        return self.get(self.executor.run(inputs, outputs, stream), stream)

    def get(self, results: Mapping[str, Result], stream: int = 0) -> list[Array]:
        """Results as arrays."""
        return self.at({n: r.address for n, r in results.items()}, {n: r.shape for n, r in results.items()}, stream)

    def at(self, addresses: Mapping[str, int], shapes: Shapes, stream: int = 0) -> list[Array]:
        """Outputs at addresses, as arrays."""
        found = []
        for binding in self.plan.outputs:
            raw = self.executor.backend.read(addresses[binding.name], _nbytes(binding, shapes), stream)
            found.append(np.array(raw).view(binding.view.type.dtype.numpy).reshape(shapes[binding.name]))
        return found


def _nbytes(binding: Binding, shapes: Shapes) -> int:
    return binding.view.type.dtype.nbytes(int(np.prod(shapes[binding.name])))


def kernels_of(plan: Plan) -> Counter[str]:
    """How often each kernel of a plan and of its sub-plans runs; host steps as "host:Op"."""
    found: Counter[str] = Counter()
    for step in plan.steps:
        if isinstance(step, KernelStep):
            found[step.choices[0].kernel] += 1
        elif isinstance(step, HostStep):
            found["host:" + step.node[2:].partition('"')[0]] += 1
        elif isinstance(step, IfStep):
            found += kernels_of(step.then) + kernels_of(step.otherwise)
        elif isinstance(step, LoopStep):
            found += kernels_of(step.body)
    return found
