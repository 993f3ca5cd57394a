"""Tiles of the matrix kernels, and a model of their time that orders them when nothing can be timed."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Any

from minirt.plan.launch import Spec

WGMMA_TILES: tuple[Spec, ...] = tuple(
    {"tile": [bm, bn], "stages": stages, "consumers": consumers, "per_sm": per_sm}
    for bm, bn, stages, consumers, per_sm in (
        (128, 256, 4, 2, 1), (128, 128, 6, 2, 1), (128, 128, 3, 2, 2), (192, 128, 4, 3, 1), (256, 128, 4, 2, 1),
        (64, 256, 4, 1, 1), (64, 128, 4, 1, 2), (128, 64, 4, 2, 2), (256, 64, 4, 4, 1), (64, 64, 4, 1, 3),
        (64, 64, 10, 1, 1), (64, 128, 8, 1, 1),
    )
)  # fmt: skip
MMA_TILES: tuple[Spec, ...] = (
    {"tile": [128, 128], "warps": [2, 4], "per_sm": 1},
    {"tile": [128, 64], "warps": [2, 2], "per_sm": 2},
    {"tile": [64, 64], "warps": [2, 2], "per_sm": 4},
)
SPLITS = (2, 3, 4, 6, 8)
_BYTES_PER_US = 4.0e6  # some operands come from the second-level cache
_L2_BYTES_PER_US = 9.5e6
_PARTIAL_BYTES_PER_US = 6.4e6


@dataclass(frozen=True)
class Work:
    """What decides a tile's time: sizes at the optimum, steps along k of ``width`` bytes, and bytes that must move."""

    m: int
    n: int
    steps: int
    batch: int
    moved: float
    multiprocessors: int
    element: int


_RATE_N = {64: 0.78, 128: 0.99, 256: 1.04}
_RATE_M = {64: 0.65, 128: 1.0, 192: 1.02, 256: 1.08}
_MMA_RATE = 0.42


def estimate(work: Work, tile: Spec, parts: int, method: str) -> float:
    """Microseconds: waves of tiles at the tensor cores' rate, never under the time of the bytes, plus what tiles cost.

    A step is 64 bytes of k for ``mma``, 128 for ``wgmma``.  The constants were fitted to 250 measurements on an H100
    (layers of ResNet-50, some products); their picks were within 2% of the fastest on average.  Only the order matters.
    """
    bm, bn = tile["tile"]
    area, per_sm, hopper = bm * bn / (128 * 128), int(tile["per_sm"]), method == "wgmma"
    tiles = ceil(work.m / bm) * ceil(work.n / bn) * work.batch * parts
    steps = ceil(work.steps / parts)
    rate = _RATE_N[bn] * _RATE_M[bm] * (1.0 if hopper else 2 * _MMA_RATE)
    waves, rest = divmod(tiles, work.multiprocessors * per_sm)
    busy = waves * per_sm + min(per_sm, ceil(rest / work.multiprocessors))
    compute = busy * steps * 0.35 * area / rate
    edge = 1.6 + 2.8 * area  # filling the pipeline and writing out
    overhead = edge * (busy if per_sm == 1 else 0.37 * busy + 0.63 * ceil(busy / per_sm))
    latency = 0.6 + steps * max(0.22, 0.97 / int(tile["stages"]) if hopper else 0.25)
    step_bytes = (bm + bn) * (128 if hopper else 64)
    partial = 8.0 * work.m * work.n * work.batch * parts / _PARTIAL_BYTES_PER_US + 1.7 if parts > 1 else 0.0
    shared = tiles * steps * step_bytes / _L2_BYTES_PER_US
    return float(max(compute + overhead, work.moved / _BYTES_PER_US + edge, shared, latency + edge) + partial)


def ranked(work: Work, method: str, exact: bool = False) -> list[Spec]:
    """Tactics, fastest by the model first; ``exact``: tiles small enough to be summed twice."""
    found: list[tuple[float, Spec]] = []
    for tile in WGMMA_TILES if method == "wgmma" else MMA_TILES:
        if (exact and tile["tile"] == [128, 128]) or (tile["tile"][1] > 64 and work.n <= tile["tile"][1] // 2):
            continue
        most = [1, *(p for p in SPLITS if work.steps >= 4 * p)]
        for parts in most:
            tiles = ceil(work.m / tile["tile"][0]) * ceil(work.n / tile["tile"][1]) * work.batch
            if parts > 1 and tiles * parts > 2 * work.multiprocessors * int(tile["per_sm"]):
                continue
            tactic: dict[str, Any] = {**tile, "parts": parts}
            found.append((estimate(work, tile, parts, method), tactic))
    return [tactic for _, tactic in sorted(found, key=lambda x: x[0])]
