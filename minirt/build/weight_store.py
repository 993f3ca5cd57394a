"""The weights of a loaded engine: computed, packed and placed in the target's memory; replaced there by a refit."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from minirt.build.formulas import Evaluation, Formulas, readers
from minirt.build.parameters import Table
from minirt.errors import ApiError, MinirtError
from minirt.ir.graph import Data
from minirt.kernels.kernel import PACKS
from minirt.limits import workers
from minirt.plan.plan import IfStep, KernelStep, LoopStep, Plan, View, Weight
from minirt.runtime.backend import Backend, Memory
from minirt.runtime.streaming import Hosted, ring_bytes
from minirt.types.dtype import Array

LEAST_STREAMED = 1024
"""Bytes below which weights always stay on the device: a copy would cost more than they take."""
_SHOWN = 4
_MOST_AHEAD = 8


@dataclass(frozen=True)
class Sources:
    """What a plan's weights are made of: constants by digest, formulas by name, and the network's own weights."""

    blobs: Mapping[str, Data]
    formulas: Formulas
    table: Table


class WeightStore:
    """The packed weights that some plans read, in a backend's memory.

    With ``streaming`` those that are large enough lie in page-locked host memory, and on the device too as far as the
    budget goes: all of them until another budget is set.  Where the numbers of an engine were stripped, zeros stand
    for them, and ``missing`` names them.  ``numbers`` holds those of the network's own weights.
    """

    def __init__(self, plans: Sequence[Plan], sources: Sources, backend: Backend, streaming: bool = False) -> None:
        self.plans, self.table, self._blobs, self.backend = plans, sources.table, sources.blobs, backend
        self._wanted: dict[str, Weight] = {}
        for plan in plans:
            self._wanted |= weights_in(plan)
        used = {w.blob for w in self._wanted.values()}
        formulas = {n: v for n, v in sources.formulas.items() if n in used}
        self._evaluation, self._readers = Evaluation(formulas), readers(formulas)
        self.numbers: dict[str, Array] = dict(self.table.numbers)
        self.missing = [n for n in self.table.open if n not in self.numbers]
        absent = {n: self.table.rows[n] for n in self.missing}
        zeros = {n: np.zeros(r.shape, r.type.dtype.numpy) for n, r in absent.items()}
        self._sizes: dict[str, int] = {}
        self._memories: dict[str, Memory] = {}
        self._hosts: dict[str, Hosted] = {}
        self._resident: set[str] | None = None
        can = _streamable(plans) if streaming else set()
        self._streamed: set[str] = set()
        for key, array in self._packed(self._wanted, {**self.numbers, **zeros}):
            self._sizes[key] = array.nbytes
            if key in can and array.nbytes >= LEAST_STREAMED:
                self._streamed.add(key)
            self._take(key, array)
        self._budget = self.streamable

    # Numbers

    def _packed(self, keys: Iterable[str], numbers: Mapping[str, Array]) -> Iterator[tuple[str, Array]]:
        names = dict.fromkeys(self._wanted[k].blob for k in keys)
        computed = self._evaluation([n for n in names if n in self._readers], numbers)

        def packed(key: str) -> tuple[str, Array]:
            weight = self._wanted[key]
            array = computed[weight.blob] if weight.blob in computed else self._blobs[weight.blob].array
            made = PACKS[weight.pack](array, weight.spec) if weight.pack else array
            return key, np.ascontiguousarray(made)

        return _ahead(packed, keys)

    def refit(self, fresh: Mapping[str, Array], stream: int = 0) -> None:
        """Replace weights by name, in place; what runs must have ended.  All of it happens, or nothing.

        Raises ApiError where weights are missing that are not given either.
        """
        numbers = self.numbers | {n: np.array(a) for n, a in fresh.items()}  # the caller may change or free its own
        missing = [n for n in self.missing if n not in fresh]
        if missing:
            shown = ", ".join(missing[:_SHOWN]) + (" ..." if len(missing) > _SHOWN else "")
            raise ApiError(f"{len(missing)} weights have no numbers: {shown}", "refit", "set them too")
        keys = [k for k, w in self._wanted.items() if self._readers.get(w.blob, frozenset()) & fresh.keys()]
        made = dict(self._packed(keys, numbers))
        for key, array in made.items():
            if array.nbytes != self._sizes[key]:
                raise MinirtError(f"weights of {array.nbytes} bytes replace {self._sizes[key]}", self._wanted[key].pack)
        for key, array in made.items():
            for place in (self._hosts.get(key), self._memories.get(key)):
                if place is not None:
                    self._write(place, array, stream)
        self.numbers, self.missing = numbers, []

    # Places

    def _take(self, key: str, array: Array) -> None:
        """Hold packed numbers: on the host where they may be streamed, else in the target's memory."""
        if key in self._streamed and not self.backend.host_memory:
            memory = self.backend.pinned(array.nbytes)
            self._hosts[key] = Hosted(memory.address, array.nbytes, memory)
            self._write(self._hosts[key], array, 0)
        else:
            self._memories[key] = self.backend.allocate(array.nbytes)
            self._write(self._memories[key], array, 0)

    def _write(self, place: Memory, array: Array, stream: int) -> None:
        if array.nbytes:
            self.backend.write(place.address, array.reshape(-1).view(np.uint8), stream)

    @property
    def streamable(self) -> int:
        """Bytes of the weights that can be streamed."""
        return sum(self._sizes[k] for k in self._streamed)

    @property
    def budget(self) -> int:
        """Bytes of streamable weights that may lie on the device all the time."""
        return self._budget

    @budget.setter
    def budget(self, nbytes: int) -> None:
        """Raises ApiError for an engine without weights that can be streamed, or a negative budget."""
        if not self._streamed:
            fix = "build it with BuilderFlag.WEIGHT_STREAMING"
            raise ApiError("the engine has no weights that can be streamed", "weight streaming", fix)
        if nbytes < 0:
            raise ApiError(f"a budget of {nbytes} bytes is negative", "weight streaming")
        self._budget = min(nbytes, self.streamable)
        self._resident = None
        for key in self._hosts.keys() - self._within(self._budget):
            self._memories.pop(key, None)

    @property
    def resident_size(self) -> int:
        """Bytes of streamable weights that are on the device now."""
        return sum(self._sizes[k] for k in self._hosts.keys() & self._memories.keys())

    def _within(self, budget: int) -> set[str]:
        """Streamable weights that stay on the device: the largest first, so that the ring for the others is small."""
        kept: set[str] = set()
        for key in sorted(self._streamed, key=lambda k: (-self._sizes[k], k)):
            if self._sizes[key] <= budget:
                kept.add(key)
                budget -= self._sizes[key]
        return kept

    def scratch(self, budget: int | None = None) -> int:
        """Bytes of device memory that streamed weights pass through, in each context, with a budget (None: this)."""
        return max((self.ring(plan, budget) for plan in self.plans), default=0)

    def ring(self, plan: Plan, budget: int | None = None) -> int:
        """Bytes of the ring that a plan's streamed weights pass through, with a budget (None: this)."""
        if self.backend.host_memory:
            return 0
        passing = self._streamed - self._within(self._budget if budget is None else budget)
        sizes = {k: self._sizes[k] for k in passing}
        return ring_bytes(plan, {b: sizes[k] for b, k in _buffers(plan).items() if k in sizes})

    @property
    def memories(self) -> Mapping[str, Memory]:
        """Where each of the weights lies, by its key: on the device, or `Hosted`, to be streamed."""
        if self._resident is None:
            self._resident = self._within(self._budget)
            for key in sorted(self._hosts.keys() & self._resident - self._memories.keys()):
                host = self._hosts[key]
                self._memories[key] = self.backend.allocate(host.nbytes)
                self.backend.copy(self._memories[key].address, host.address, host.nbytes, 0)
            self.backend.read(0, 0, 0)  # waits for the copies
        return {**self._hosts, **self._memories}


def _ahead(make: Callable[[str], tuple[str, Array]], keys: Iterable[str]) -> Iterator[tuple[str, Array]]:
    """What is made of keys, in order: other threads make the next ones while the caller uses one."""
    most = min(workers(), _MOST_AHEAD)
    with ThreadPoolExecutor(most, "minirt-weights") as pool:
        pending: deque[Future[tuple[str, Array]]] = deque()
        for key in keys:
            pending.append(pool.submit(make, key))
            if len(pending) > most:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def weights_in(plan: Plan) -> dict[str, Weight]:
    """The weights of a plan and of its sub-plans, by key."""
    found = {w.key: w for w in plan.weights}
    for sub in _sub_plans(plan):
        found |= weights_in(sub)
    return found


def _sub_plans(plan: Plan) -> Iterator[Plan]:
    for step in plan.steps:
        if isinstance(step, IfStep):
            yield from (step.then, step.otherwise)
        elif isinstance(step, LoopStep):
            yield step.body


def _buffers(plan: Plan) -> dict[int, str]:
    """Keys of the plan's weights by buffer."""
    return {i: plan.weights[b.weight].key for i, b in enumerate(plan.buffers) if b.kind == "weight" and b.weight >= 0}


def _streamable(plans: Sequence[Plan]) -> set[str]:
    """Weights that only kernels of the plans themselves read: those of loops, branches and the host stay in place."""
    can: set[str] = set()
    never: set[str] = set()
    for plan in plans:
        buffers = _buffers(plan)
        can |= set(buffers.values())
        for sub in _sub_plans(plan):
            never |= weights_in(sub).keys()
        for step in plan.steps:
            if not isinstance(step, KernelStep):
                views = [v for f in dataclasses.fields(step) for v in _views(getattr(step, f.name))]
                never |= {buffers[v.buffer] for v in views if v.buffer in buffers}
    return can - never


def _views(held: object) -> Iterator[View]:
    if isinstance(held, View):
        yield held
    elif isinstance(held, tuple):
        for item in held:
            yield from _views(item)
