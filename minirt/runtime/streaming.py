"""Weight streaming: weights kept in host memory pass through a ring of device memory, just before they are read.

A launch's weights lie side by side in the ring; the ring holds those of two launches at least, so that the next ones
can arrive while the last ones are still in use.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from minirt.plan.launch import Address, Arg, Launch, TensorMap
from minirt.plan.plan import KernelStep, Plan
from minirt.runtime.backend import Memory, Transfer, Work
from minirt.runtime.scratch import scratch_of
from minirt.runtime.unroll import NOWHERE

ALIGNED = 256
"""Bytes on which weights start in the ring."""


@dataclass(frozen=True)
class Hosted:
    """Weights in page-locked host memory, and what keeps that memory."""

    address: int
    nbytes: int
    memory: Any = None


def weights_of(launch: Launch, hosted: Iterable[int]) -> list[int]:
    """Buffers that the launch reads, of those given."""
    addresses = [a.address if isinstance(a, TensorMap) else a for a in launch.args]
    read = {a.index for a in addresses if isinstance(a, Address) and a.of == "buffer"}
    return sorted(read & set(hosted))


def room(buffers: Iterable[int], sizes: Mapping[int, int]) -> int:
    """Bytes that weights take side by side."""
    return sum(_up(sizes[b]) for b in buffers)


def _up(nbytes: int) -> int:
    return -(-nbytes // ALIGNED) * ALIGNED


def ring_bytes(plan: Plan, sizes: Mapping[int, int]) -> int:
    """Bytes of the ring that a plan needs where buffers of these sizes are streamed: twice the most of one launch."""
    steps = [s for s in plan.steps if isinstance(s, KernelStep)]
    launches = [launch for s in steps for c in s.choices for launch in c.launches]
    return 2 * max((room(weights_of(launch, sizes), sizes) for launch in launches), default=0)


def working_bytes(plan: Plan, ring: int) -> int:
    """Bytes that an executor works in: the plan's scratch memory, and a ring after it."""
    return _up(scratch_of(plan)) + ring if ring else scratch_of(plan)


class Ring:
    """The end of an executor's memory, which its streamed weights pass through."""

    def __init__(self, plan: Plan, weights: Sequence[Memory]) -> None:
        held = {i: weights[b.weight] for i, b in enumerate(plan.buffers) if b.kind == "weight" and b.weight >= 0}
        self.hosted = {i: memory for i, memory in held.items() if isinstance(memory, Hosted)}
        self.nbytes = ring_bytes(plan, {i: h.nbytes for i, h in self.hosted.items()})
        self._start = _up(scratch_of(plan))

    def through(self, launches: Sequence[tuple[str, Launch]], memory: Memory) -> Sequence[tuple[str, Work]]:
        """The launches of a segment, with the transfers of streamed weights among them, in an executor's memory."""
        if not self.hosted:
            return launches
        return with_transfers(launches, self.hosted, memory.address + self._start, self.nbytes)


def with_transfers(
    launches: Sequence[tuple[str, Launch]], hosted: Mapping[int, Hosted], ring: int, size: int
) -> list[tuple[str, Work]]:
    """The launches, each after the transfers of weights that it needs and that are not in the ring any more.

    ``ring`` is the address of ``size`` bytes of device memory, at least ``ring_bytes``.
    """
    sizes = {b: h.nbytes for b, h in hosted.items()}
    out: list[tuple[str, Work]] = []
    inside: dict[int, int] = {}
    last: dict[tuple[int, int], int] = {}  # stretch of the ring: place in ``out`` of the last launch that reads it
    start = 0
    for label, launch in launches:
        buffers = weights_of(launch, hosted)
        if any(b not in inside for b in buffers):
            need = room(buffers, sizes)
            start = start if start + need <= size else 0
            inside = {b: at for b, at in inside.items() if at + sizes[b] <= start or at >= start + need}
            for b in buffers:
                end = start + sizes[b]
                after = max((p for (lo, hi), p in last.items() if lo < end and start < hi), default=-1)
                out.append((label, Transfer(ring + start, hosted[b].address, sizes[b], after)))
                inside[b] = start
                start += room([b], sizes)
        for b in buffers:
            last[inside[b], inside[b] + sizes[b]] = len(out)
        out.append((label, _moved(launch, {b: ring + inside[b] for b in buffers})))
    return out


def _moved(launch: Launch, places: Mapping[int, int]) -> Launch:
    """The launch reading weights where they are in the ring."""
    if not places:
        return launch

    def address(arg: Address) -> Address:
        return Address("buffer", NOWHERE, arg.offset + places[arg.index]) if arg.index in places else arg

    def moved(arg: Arg) -> Arg:
        if isinstance(arg, TensorMap):
            return replace(arg, address=address(arg.address))
        return address(arg) if isinstance(arg, Address) else arg

    return replace(launch, args=tuple(map(moved, launch.args)))
