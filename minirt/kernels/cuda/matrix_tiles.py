"""Tiles of the matrix kernels, and a model of their time that orders them when nothing can be timed."""

from __future__ import annotations

from collections.abc import Sequence
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
SHARED_TILES: tuple[Spec, ...] = tuple(
    {"tile": [bm, bn], "stages": stages, "consumers": consumers, "per_sm": per_sm, "share": list(share), "turns": turns}
    for bm, bn, stages, consumers, per_sm, turns, shares in (
        (64, 64, 10, 1, 1, False, ((1, 1), (2, 1), (1, 2), (2, 2))), (64, 32, 12, 1, 1, False, ((1, 1), (2, 1))),
        (64, 64, 4, 1, 2, False, ((1, 1),)), (64, 128, 7, 1, 1, False, ((1, 1), (2, 1), (1, 2))),
        (128, 64, 7, 2, 1, False, ((1, 2),)), (128, 128, 6, 2, 1, False, ((1, 1), (2, 1), (1, 2))),
        (128, 256, 4, 2, 1, False, ((1, 1), (2, 1), (1, 2))), (256, 128, 4, 2, 1, False, ((1, 1), (2, 1), (1, 2))),
        (128, 192, 5, 2, 1, False, ((1, 1), (2, 1), (1, 2))),
        (192, 128, 5, 3, 1, False, ((2, 1), (1, 2))), (192, 192, 4, 3, 1, False, ((1, 1), (2, 1))),
        (64, 256, 5, 2, 1, True, ((1, 1), (2, 1))), (128, 128, 6, 2, 1, True, ((1, 1), (2, 1), (1, 2))),
        (64, 192, 6, 2, 1, True, ((1, 1), (2, 1))), (64, 128, 8, 2, 1, True, ((1, 1), (2, 1))),
        (128, 192, 5, 2, 1, True, ((1, 1), (1, 2))),
    )
    for share in shares
)  # fmt: skip
"""Tiles of clusters that share copies; with turns each consumer takes tiles of its own."""

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
        0.391,
        {64: 0.735, 128: 1.0, 192: 1.01, 256: 1.0},
        {32: 0.4, 64: 0.633, 128: 1.0, 192: 1.08, 256: 1.147},
        2.25,
        1.92,
    ),
    "mma": Rates(0.5, {64: 0.786, 128: 1.0}, {64: 0.955, 128: 1.0}, 1.65, 1.46),
    "fma": Rates(1.45, {64: 0.9, 128: 1.0}, {32: 0.8, 64: 0.95, 128: 1.0}, 1.65, 1.46),
}
_BYTES_PER_US = 2.97e6
_PARTIAL_BYTES_PER_US = 3.84e6
_PARTIAL_US = 3.2
_SHARED_BYTES = 229_000


def estimate(work: Work, tile: Spec, parts: int, method: str) -> float:
    """Microseconds: waves of tiles at the tensor cores' rate, never under the time of the bytes or of waiting for them.

    A step is 64 bytes of k, for ``wgmma`` 128.  The constants were fitted to 3,600 measurements on an H100
    (``benchmarks/tuning.py``: layers of ResNet-50, products of transformers), with cold caches; on average their picks
    were within 2% of the fastest tactic of shapes that they were not fitted to.  Only the order matters.
    """
    bm, bn = tile["tile"]
    rates, area, per_sm = _RATES[method], bm * bn / (128 * 128), int(tile["per_sm"])
    (cm, cn), turns = tile.get("share", (1, 1)), bool(tile.get("turns"))
    tiles = ceil(work.m / (bm * cm)) * ceil(work.n / (bn * cn)) * cm * cn * work.batch * parts
    steps = ceil(work.steps / parts)
    waves, rest = divmod(tiles, work.multiprocessors * per_sm)
    busy = waves * per_sm + min(per_sm, ceil(rest / work.multiprocessors))
    rate = rates.tall[bm] * rates.wide[bn]
    if cm * cn > 1:  # a little of that of a tile as large as what the cluster reads: each block takes in all of its own
        rate = (rate**3 * rates.tall[min(bm * cm, 256)] * rates.wide[min(bn * cn, 256)]) ** 0.25
    compute = busy * steps * rates.step * area / rate
    waiting = steps * rates.flight / int(tile.get("stages", 4))
    partial = 0.0
    if parts > 1 and "share" in tile:  # sent to where they are summed
        partial = 0.5 + 0.3 * cm * cn + 0.6 * area * (parts - 1)
    elif parts > 1 and method == "wgmma":  # summed through the shared memory of a cluster
        partial = 0.6 + 2.6 * area * (parts - 1)
    elif parts > 1:
        partial = 8.0 * work.m * work.n * work.batch * parts / _PARTIAL_BYTES_PER_US + _PARTIAL_US
    edges = 0.0 if turns else rates.edge * (ceil(busy / per_sm) - 1)
    longest = max(compute + edges, work.moved / _BYTES_PER_US, waiting)
    return float(longest + rates.edge + partial)


def full(tile: Spec) -> bool:
    """True where a lane's sums leave registers for the plainest way of writing them out alone."""
    return bool(tile.get("turns")) and tile["tile"][0] * tile["tile"][1] > 128 * 128


def needs_rows(tile: Spec) -> bool:
    """True where b must lie along k: what a block copies of it is no multiple of the 64 columns of a copy along n."""
    return "share" in tile and tile["tile"][1] // tile["share"][0] % 64 > 0


def ranked(work: Work, method: str, exact: bool = False, along: bool = True, ordered: bool = False) -> list[Spec]:
    """Tactics, fastest by the model first; ``exact``: tiles small enough to be summed twice; ``along``: b lies by k.

    ``ordered``: columns of b lie so that a lane's sums are neighbours.
    """
    found = _sorted(work, method, _TILES[method], exact)
    if method != "wgmma":
        return [tactic for _, tactic in found]
    plain = ordered and work.element == 2
    fits = [t for t in SHARED_TILES if (along or not needs_rows(t)) and (plain or not full(t))]
    old, new = ([tactic for _, tactic in x] for x in (found, _sorted(work, method, fits, exact)))
    new = _unlike(new)
    mixed: list[Spec] = []
    while old or new:  # the model knows those that share nothing better, but those that share are often faster
        mixed += [*old[:1], *new[:2]]
        old, new = old[1:], new[2:]
    return mixed


def _unlike(tactics: Sequence[Spec]) -> list[Spec]:
    """The same, first of each tile and split the best way of sharing, on which the model has little to say.

    Of the widest tiles these are the best two, as what they share is most.  Tiles of more than 192 rows come last: the
    model, not fitted to these kernels, knows least of them.
    """
    seen: dict[str, int] = {}
    turn = []
    for tactic in tactics:
        key = f"{tactic['tile']} {tactic['turns']} {tactic['parts']}"
        wide = tactic["tile"][1] > 128 and (not tactic["turns"] or full(tactic))
        first = seen.setdefault(key, -1 if wide else 0)
        turn.append(max(first, 0) + 9 * (tactic["tile"][0] > 192))
        seen[key] += 1
    return [tactic for _, tactic in sorted(zip(turn, tactics, strict=True), key=lambda x: x[0])]


def _sorted(work: Work, method: str, tiles: Sequence[Spec], exact: bool) -> list[tuple[float, Spec]]:
    found: list[tuple[float, Spec]] = []
    for tile in tiles:
        bm, bn = tile["tile"]
        cm, cn = tile.get("share", (1, 1))
        if (exact and tile["tile"] == [128, 128]) or (bn > (32 if method == "fma" else 64) and work.n <= bn // 2):
            continue
        if ceil(work.m / bm) < cm or ceil(work.n / bn) < cn:
            continue
        for parts in (1, *(p for p in SPLITS if work.steps >= 4 * p)):
            count = ceil(work.m / bm) * ceil(work.n / bn) * work.batch
            if parts > 1 and count * parts > 2 * work.multiprocessors * int(tile["per_sm"]):
                continue
            tactic: dict[str, Any] = {**tile, "parts": parts}
            if "share" in tile and parts > 1:
                if tile["turns"] or cm * cn * parts > 8 or bm * bn > 128 * 128:
                    continue
                room = _SHARED_BYTES // int(tile["per_sm"]) - 4 * bm * bn * _each(tile, parts)
                tactic["stages"] = min(int(tile["stages"]), int(room // (128 * (bm + bn))))
            found.append((estimate(work, tactic, parts, method), tactic))
    return sorted(found, key=lambda x: x[0])


def _each(tile: Spec, parts: int) -> float:
    """How much more room than the sums of a tile its parts take where they do not divide it evenly."""
    bm, bn = tile["tile"]
    units = bm // 64 // int(tile["consumers"]) * bn // 16
    return float(parts * ceil(units / parts) / units)
