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
    )
)  # fmt: skip
MMA_TILES: tuple[Spec, ...] = (
    {"tile": [128, 128], "warps": [2, 4], "per_sm": 1},
    {"tile": [128, 64], "warps": [2, 2], "per_sm": 2},
    {"tile": [64, 64], "warps": [2, 2], "per_sm": 4},
)
SPLITS = (2, 3, 4, 6, 8)
_BYTES_PER_US = 2.8e6
_L2_BYTES_PER_US = 5.5e6


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


def estimate(work: Work, tile: Spec, parts: int, method: str) -> float:
    """Microseconds: waves of tiles at the tensor cores' rate, never under the time of the bytes, plus what each launch costs.

    A step is 64 bytes of k for ``mma``, 128 for ``wgmma``.  The constants fit an H100; only the order of tiles matters.
    """
    bm, bn = tile["tile"]
    per_sm = int(tile["per_sm"])
    tiles = ceil(work.m / bm) * ceil(work.n / bn) * work.batch * parts
    steps = ceil(work.steps / parts)
    full = 0.35 * bm * bn / (128 * 128)  # one step of a tile alone on a multiprocessor at the peak rate
    if method == "wgmma":
        rate = {64: 0.62, 128: 0.85, 256: 0.95}[bn] * {64: 0.8, 128: 1.0, 192: 1.02, 256: 1.02}[bm]
    else:
        full, rate = full / 2, 0.42 * {64: 0.8, 128: 1.0}[bn] * {64: 0.85, 128: 1.0}[bm]
    together = min(per_sm, ceil(tiles / work.multiprocessors))
    alone = 0.75 if method == "wgmma" and bm < 192 and per_sm == 1 else 0.6 if together == 1 and per_sm > 1 else 1.0
    slots = work.multiprocessors * per_sm
    waves, rest = divmod(tiles, slots)
    busy = waves * per_sm + min(per_sm, ceil(rest / work.multiprocessors))
    compute = busy * steps * full / (rate * alone)
    edge = 0.9 + 0.4 * bm * bn / (128 * 128)  # filling the pipeline and writing out
    overhead = edge * (busy if per_sm == 1 else ceil(busy / per_sm) + 0.3 * busy)
    latency = 1.2 + steps * (0.12 if method == "wgmma" else 0.1)
    l2 = tiles * steps * (bm + bn) * (128 if method == "wgmma" else 64) / _L2_BYTES_PER_US
    partial = 8.0 * work.m * work.n * work.batch * parts / _L2_BYTES_PER_US + 1.8 if parts > 1 else 0.0
    return max(compute + overhead, work.moved / _BYTES_PER_US + edge, l2, latency + edge) + partial


def ranked(work: Work, method: str, limit: int = 6, *, narrow: bool = False, splits: bool = True) -> list[Spec]:
    """Tactics, fastest by the model first; ``narrow``: columns are few."""
    found: list[tuple[float, Spec]] = []
    for tile in WGMMA_TILES if method == "wgmma" else MMA_TILES:
        if tile["tile"][1] > 64 and work.n <= tile["tile"][1] // 2:
            continue
        most = [1, *(p for p in SPLITS if splits and work.steps >= 4 * p)]
        for parts in most:
            tiles = ceil(work.m / tile["tile"][0]) * ceil(work.n / tile["tile"][1]) * work.batch
            if parts > 1 and tiles * parts > 2 * work.multiprocessors * int(tile["per_sm"]):
                continue
            tactic: dict[str, Any] = {**tile, "parts": parts}
            found.append((estimate(work, tile, parts, method), tactic))
    return [tactic for _, tactic in sorted(found, key=lambda x: x[0])[:limit]]
