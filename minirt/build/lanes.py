"""Which steps of a plan run on streams of their own, beside that of the caller: those of branches."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from minirt.build.drafts import Draft
from minirt.build.memory import Lifetime, plan_offsets
from minirt.plan.plan import KernelStep, Step
from minirt.runtime.device.branches import MOST_APART, Touched, lanes_of, touched, waits_of
from minirt.runtime.unroll import NOWHERE
from minirt.types.dim import symbols
from minirt.types.evaluate import Evaluator

MOST = 3
"""Streams to use where nobody bounds them: more branches than that rarely leave multiprocessors idle."""
_LEAST_STEPS = 3
_BYTES_A_US, _FLOPS_A_US = 1.5e6, 2e8  # of a large GPU
_MOST_MEMORY, _SPARE = 1.5, 8 << 20
"""How much more memory streams may take, and bytes that they may take in any case."""
_WORTH_US = 6.0
"""What steps of a stream must take at least: waiting for each other's events costs the host and the device a few."""


@dataclass(frozen=True)
class Order:
    """The stream of each step, 0 for the caller's, and the steps that have ended when it begins: a bit each."""

    lanes: Sequence[int]
    before: Sequence[int]

    def streamed(self, steps: Sequence[Step]) -> list[Step]:
        """The steps, with their streams."""
        return [
            replace(s, stream=lane) if lane and isinstance(s, KernelStep) else s
            for s, lane in zip(steps, self.lanes, strict=True)
        ]


@dataclass(frozen=True)
class _Apart:
    """Every buffer in memory of its own: only data makes steps wait."""

    drafts: Sequence[Draft]

    def address(self, buffer: int) -> int:
        """A number that no other buffer has."""
        return buffer

    def outside(self, buffer: int) -> bool:
        """True for the caller's buffers."""
        return self.drafts[buffer].kind in ("input", "output")

    def extent(self, buffer: int) -> tuple[int, int] | None:
        """A stretch that no other buffer has; None for weights."""
        if buffer == NOWHERE or self.drafts[buffer].kind == "weight":
            return None
        return (-buffer - 2, -buffer - 1) if self.outside(buffer) else (buffer, buffer + 1)


def order_of(steps: Sequence[Step], drafts: Sequence[Draft], most: int, sizes: Mapping[str, int]) -> Order | None:
    """Steps on at most ``most`` streams beside the caller's; None where one stream is all.

    Where ``most`` is -1, streams are used that have enough to do, at the ``sizes`` of dims.
    """
    bases, lanes, before = _Apart(drafts), list[int](), list[int]()
    for _, group in groupby(steps, lambda s: isinstance(s, KernelStep)):
        run, start = list(group), len(lanes)
        kernels = [s for s in run if isinstance(s, KernelStep)]
        if not most or not _LEAST_STEPS <= len(kernels) <= MOST_APART:
            lanes += [0] * len(run)
            before += [(1 << n) - 1 for n in range(start, start + len(run))]
            continue
        waits = waits_of([_touched(s, bases) for s in kernels])
        found = lanes_of(waits, MOST if most < 0 else most)
        if most < 0:
            found = _worthwhile(found, [_microseconds(s, sizes) for s in kernels])
        before += _before(waits, found, start)
        lanes += found
    return Order(lanes, before) if any(lanes) else None


def memory_of(
    sizes: Mapping[int, int], drafts: Sequence[Draft], touched: Sequence[Collection[int]], order: Order | None,
    wary: bool,
) -> tuple[dict[int, int], int, Order | None]:  # fmt: skip
    """Where each buffer of a size lies in the arena, the arena's bytes, and the order that holds there.

    ``touched`` are the buffers of each step. Streams that run at once share no memory; ``wary``, they are given up
    where that takes much more of it.
    """
    plain = [Lifetime(size, drafts[i].first, drafts[i].last) for i, size in sizes.items()]
    offsets, arena = plan_offsets(plain)
    if order is not None:
        users = dict.fromkeys(sizes, 0)
        before = dict.fromkeys(sizes, -1)
        for step, buffers in enumerate(touched):
            for buffer in buffers:
                if buffer in users:
                    users[buffer] |= 1 << step
                    before[buffer] &= order.before[step]
        rows = zip(sizes, plain, strict=True)
        spread, most = plan_offsets([replace(life, users=users[i], before=before[i]) for i, life in rows])
        if wary and most > max(_MOST_MEMORY * arena, _SPARE):
            order = None
        else:
            offsets, arena = spread, most
    return dict(zip(sizes, offsets, strict=True)), arena, order


def _before(waits: Sequence[Sequence[int]], lanes: Sequence[int], start: int) -> list[int]:
    """What has ended when each step of a group begins, by what it waits for and by what its stream did."""
    ended: list[int] = []  # once each is done
    out: list[int] = []
    last: dict[int, int] = {}
    for number, (earlier, lane) in enumerate(zip(waits, lanes, strict=True)):
        found = (1 << start) - 1
        for one in [*earlier, *([last[lane]] if lane in last else [])]:
            found |= ended[one]
        out.append(found)
        ended.append(found | 1 << (start + number))
        last[lane] = number
    return out


def _worthwhile(lanes: Sequence[int], times: Sequence[float]) -> list[int]:
    """The streams that have enough to do, numbered anew; what the others would do stays on the caller's."""
    total: dict[int, float] = {}
    for lane, us in zip(lanes, times, strict=True):
        total[lane] = total.get(lane, 0.0) + us
    kept = [lane for lane in sorted(total) if lane and total[lane] >= _WORTH_US]
    return [kept.index(lane) + 1 if lane in kept else 0 for lane in lanes]


def _microseconds(step: KernelStep, sizes: Mapping[str, int]) -> float:
    """About how long a step takes at least; 0 where only the data tells."""
    if not symbols(step.bytes) | symbols(step.flops) <= sizes.keys():
        return 0.0
    integer = Evaluator(dict(sizes)).integer
    return max(integer(step.bytes) / _BYTES_A_US, integer(step.flops) / _FLOPS_A_US)


def _touched(step: KernelStep, bases: _Apart) -> Touched:
    """What a step touches, whichever choice is taken."""
    found = [touched(launch, bases) for choice in step.choices for launch in choice.launches]
    reads, writes = {e for t in found for e in t.reads}, {e for t in found for e in t.writes}
    return Touched(tuple(sorted(reads)), tuple(sorted(writes)), any(t.anything for t in found))
