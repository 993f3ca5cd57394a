"""The memory plan: lifetimes over the steps, and offsets in one arena."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

ALIGN = 256


@dataclass(frozen=True)
class Lifetime:
    """A buffer's size in bytes (at the upper bounds) and the first and last step that touch it.

    Where steps may run at once, ``users`` are those that touch it, and ``before`` those that have ended when any of
    them begins: a bit each.
    """

    bytes: int
    first: int
    last: int
    users: int = 0
    before: int = 0

    def meets(self, other: Lifetime) -> bool:
        """True where the two are alive together, or may be."""
        early, late = (self, other) if self.last < other.first else (other, self)
        return late.first <= early.last or bool(early.users & ~late.before)


def plan_offsets(lifetimes: Sequence[Lifetime]) -> tuple[list[int], int]:
    """Offsets in one arena such that buffers alive together do not overlap, and the arena's bytes.

    Greedy by size, best fit (Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020).
    """
    offsets = [0] * len(lifetimes)
    placed: list[tuple[int, int, Lifetime]] = []  # (start, end, lifetime), by start
    for i in sorted(range(len(lifetimes)), key=lambda i: (-lifetimes[i].bytes, i)):
        item = lifetimes[i]
        need = -(-item.bytes // ALIGN) * ALIGN
        best, best_gap, cursor = -1, 0, 0
        for start, end, other in placed:
            if not item.meets(other):
                continue
            gap = start - cursor
            if gap >= need and (best < 0 or gap < best_gap):
                best, best_gap = cursor, gap
            cursor = max(cursor, end)
        offsets[i] = best if best >= 0 else cursor
        placed.append((offsets[i], offsets[i] + need, item))
        placed.sort(key=lambda p: p[:2])
    return offsets, max((end for _, end, _ in placed), default=0)
