"""Tiles of the matrix kernels, fastest by the model of time first."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any

from minirt.kernels.cuda.matrix_time import Work, mma_us, wgmma_us
from minirt.plan.launch import Spec

WGMMA_TILES: tuple[Spec, ...] = tuple(
    {"tile": [bm, bn], "stages": stages, "consumers": consumers, "per_sm": per_sm, "share": list(share), "turns": turns}
    for bm, bn, stages, consumers, per_sm, turns, shares in (
        (64, 64, 10, 1, 1, False, ((1, 1), (2, 1), (1, 2), (2, 2))), (64, 32, 12, 1, 1, False, ((1, 1), (2, 1))),
        (64, 64, 6, 1, 2, False, ((1, 1),)), (64, 64, 4, 1, 3, False, ((1, 1),)),
        (64, 128, 7, 1, 1, False, ((1, 1), (2, 1), (1, 2))), (64, 128, 4, 1, 2, False, ((1, 1),)),
        (128, 64, 4, 2, 2, False, ((1, 1),)), (256, 64, 4, 4, 1, False, ((1, 1),)),
        (64, 192, 6, 1, 1, False, ((1, 1),)), (64, 256, 4, 1, 1, False, ((1, 1),)), (64, 96, 5, 1, 2, False, ((1, 1),)),
        (64, 96, 10, 1, 1, False, ((1, 1),)), (64, 160, 7, 1, 1, False, ((1, 1),)),
        (128, 96, 7, 2, 1, False, ((1, 1),)), (128, 64, 7, 2, 1, False, ((1, 1), (1, 2))),
        (128, 128, 6, 2, 1, False, ((1, 1), (2, 1), (1, 2))),
        (128, 256, 4, 2, 1, False, ((1, 1), (2, 1), (1, 2))), (256, 128, 4, 2, 1, False, ((1, 1), (2, 1), (1, 2))),
        (128, 192, 5, 2, 1, False, ((1, 1), (2, 1), (1, 2))),
        (192, 128, 5, 3, 1, False, ((1, 1), (2, 1), (1, 2))), (192, 192, 4, 3, 1, False, ((1, 1), (2, 1))),
        (64, 256, 5, 2, 1, True, ((1, 1), (2, 1))), (128, 128, 6, 2, 1, True, ((1, 1), (2, 1), (1, 2))),
        (64, 192, 6, 2, 1, True, ((1, 1), (2, 1))), (64, 128, 8, 2, 1, True, ((1, 1), (2, 1))),
        (128, 192, 5, 2, 1, True, ((1, 1), (1, 2))),
    )
    for share in shares
)  # fmt: skip
"""Blocks of a cluster that shares copies, by tiles along m and n; with turns each consumer takes tiles of its own."""

MMA_TILES: tuple[Spec, ...] = (
    {"tile": [128, 128], "warps": [2, 4], "per_sm": 1},
    {"tile": [128, 64], "warps": [2, 2], "per_sm": 2},
    {"tile": [64, 64], "warps": [2, 2], "per_sm": 4},
)
FMA_TILES: tuple[Spec, ...] = (
    {"tile": [128, 128], "warps": [4, 2], "per_sm": 2},
    {"tile": [128, 64], "warps": [4, 1], "per_sm": 3},
    {"tile": [64, 64], "warps": [2, 2], "per_sm": 4},
    {"tile": [128, 32], "warps": [4, 1], "per_sm": 4},
    {"tile": [64, 32], "warps": [4, 1], "per_sm": 4},
)
_TILES = {"wgmma": WGMMA_TILES, "mma": MMA_TILES, "fma": FMA_TILES}
_WORTH_SHARING = 3  # steps along k from which on sharing copies was ever faster
SPLITS = (2, 3, 4, 6, 8)  # of a cluster at most 8 (CUDA programming guide: portable sizes)


_SHARED_BYTES = 229_000


def full(tile: Spec) -> bool:
    """True where a lane's sums leave registers for the plainest way of writing them out alone."""
    return bool(tile.get("turns")) and tile["tile"][0] * tile["tile"][1] > 128 * 128


def needs_rows(tile: Spec) -> bool:
    """True where b must lie along k: what a block copies of it is no multiple of the 64 columns of a copy along n."""
    return "share" in tile and tile["tile"][1] // tile["share"][0] % 64 > 0


def estimate(work: Work, tactic: Spec, method: str) -> float:
    """Microseconds of a tactic of a method by the model of time."""
    return wgmma_us(work, tactic) if method == "wgmma" else mma_us(work, tactic, method == "fma")


def ranked(work: Work, method: str, exact: bool = False, along: bool = True, ordered: bool = False) -> list[Spec]:
    """Tactics, fastest by the model first; ``exact``: tiles small enough to be summed twice; ``along``: b lies by k.

    ``ordered``: columns of b lie so that a lane's sums are neighbours.
    """
    plain = ordered and work.element == 2
    fits = [t for t in _TILES[method] if (along or not needs_rows(t)) and (plain or not full(t))]
    return [tactic for _, tactic in _sorted(work, method, fits, exact)]


def _sorted(work: Work, method: str, tiles: Sequence[Spec], exact: bool) -> list[tuple[float, Spec]]:
    found: list[tuple[float, Spec]] = []
    for tile in tiles:
        bm, bn = tile["tile"]
        cm, cn = tile.get("share", (1, 1))
        if (exact and tile["tile"] == [128, 128]) or (bn > (32 if method == "fma" else 64) and work.n <= bn // 2):
            continue
        if ceil(work.m / bm) < cm or ceil(work.n / bn) < cn or (cm * cn > 1 and work.steps < _WORTH_SHARING):
            continue
        for parts in (1, *(p for p in SPLITS if work.steps >= 4 * p)):
            count = ceil(work.m / bm) * ceil(work.n / bn) * work.batch
            if parts > 1 and count * parts > 2 * work.multiprocessors * int(tile["per_sm"]):
                continue
            tactic: dict[str, Any] = {**tile, "parts": parts}
            if "share" in tile and parts > 1:
                if tile["turns"] or cm * cn * parts > 8 or bm * bn > 128 * 128 or _crowded(tile):
                    continue
                room = _SHARED_BYTES // int(tile["per_sm"]) - 4 * bm * bn * _each(tile, parts)
                tactic["stages"] = min(int(tile["stages"]), int(room // (128 * (bm + bn))))
                if tactic["stages"] < 2:  # a stage is free once the next has been multiplied
                    continue
            found.append((estimate(work, tactic, method), tactic))
    return sorted(found, key=lambda x: x[0])


def _crowded(tile: Spec) -> bool:
    """True where a multiprocessor has no registers for its blocks' parts of sums."""
    return int(tile["per_sm"]) * int(tile["consumers"]) > 2


def _each(tile: Spec, parts: int) -> float:
    """How much more room than the sums of a tile its parts take where they do not divide it evenly."""
    bm, bn = tile["tile"]
    units = bm // 64 // int(tile["consumers"]) * bn // 16
    return float(parts * ceil(units / parts) / units)
