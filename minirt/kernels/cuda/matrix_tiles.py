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
        (64, 64, 10, 1, 1), (64, 128, 8, 1, 1), (128, 192, 5, 2, 1), (192, 192, 4, 3, 1), (64, 192, 6, 1, 1),
    )
)  # fmt: skip
MMA_TILES: tuple[Spec, ...] = (
    {"tile": [128, 128], "warps": [2, 4], "per_sm": 1},
    {"tile": [128, 64], "warps": [2, 2], "per_sm": 2},
    {"tile": [64, 64], "warps": [2, 2], "per_sm": 4},
)
SPLITS = (2, 3, 4, 6, 8)  # of a cluster at most 8 (CUDA programming guide: portable sizes)


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


@dataclass(frozen=True)
class Rates:
    """Constants of the model, in microseconds; areas are in tiles of 128 x 128."""

    step: float
    """A step along k of such a tile, at the rate of the tensor cores."""
    tall: dict[int, float]
    """How much better a tile of so many rows uses them; ``wide`` by columns."""
    wide: dict[int, float]
    edge: float
    """Filling the pipeline and writing out."""
    flight: float
    """Until the data of a step arrive; as many steps as there are stages fly at once."""


_RATES = {
    "wgmma": Rates(
        0.391, {64: 0.735, 128: 1.0, 192: 1.01, 256: 1.0}, {64: 0.633, 128: 1.0, 192: 1.08, 256: 1.147}, 2.25, 1.92
    ),
    "mma": Rates(0.5, {64: 0.786, 128: 1.0}, {64: 0.955, 128: 1.0}, 1.65, 1.46),
}
_BYTES_PER_US = 2.97e6
_PARTIAL_BYTES_PER_US = 3.84e6
_PARTIAL_US = 3.2


def estimate(work: Work, tile: Spec, parts: int, method: str) -> float:
    """Microseconds: waves of tiles at the tensor cores' rate, never under the time of the bytes or of waiting for them.

    A step is 64 bytes of k for ``mma``, 128 for ``wgmma``.  The constants were fitted to 3,600 measurements on an H100
    (``benchmarks/tuning.py``: layers of ResNet-50, products of transformers), with cold caches; on average their picks
    were within 2% of the fastest tactic of shapes that they were not fitted to.  Only the order matters.
    """
    bm, bn = tile["tile"]
    rates, area, per_sm = _RATES[method], bm * bn / (128 * 128), int(tile["per_sm"])
    tiles = ceil(work.m / bm) * ceil(work.n / bn) * work.batch * parts
    steps = ceil(work.steps / parts)
    waves, rest = divmod(tiles, work.multiprocessors * per_sm)
    busy = waves * per_sm + min(per_sm, ceil(rest / work.multiprocessors))
    compute = busy * steps * rates.step * area / (rates.tall[bm] * rates.wide[bn])
    waiting = steps * rates.flight / int(tile.get("stages", 4))
    partial = 0.0
    if parts > 1 and method == "wgmma":  # summed through the shared memory of a cluster
        partial = 0.6 + 2.6 * area * (parts - 1)
    elif parts > 1:
        partial = 8.0 * work.m * work.n * work.batch * parts / _PARTIAL_BYTES_PER_US + _PARTIAL_US
    longest = max(compute + rates.edge * (ceil(busy / per_sm) - 1), work.moved / _BYTES_PER_US, waiting)
    return float(longest + rates.edge + partial)


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
