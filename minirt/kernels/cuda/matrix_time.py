"""A model of the time of products and convolutions: what ranks tactics and kernels when nothing can be timed.

Microseconds on an H100; elsewhere only their order matters.  A tactic takes the time of what bounds it, the tensor
cores, what a multiprocessor fetches, the bytes that memory must move, or the wait for them, of which the longest hides
most of the others, then what none of them hides: the launch, the last tile's results, and the sum of its parts.  The
constants of wgmma were fitted to what ``benchmarks/tuning.py --fit`` timed (172 shapes of ResNet-50 and transformers,
cold caches, f16 and bf16, each weighted by how near the best it is): on average the first guess takes 3% more than the
fastest tactic, and 3.5% where the constants are fitted to two thirds of the shapes and tried on the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, log2

from minirt.plan.launch import Spec


@dataclass(frozen=True)
class Work:
    """What decides a tactic's time: sizes at the optimum, steps along k, and bytes that must move.

    ``gathers``: rows of a are gathered from several taps; ``ops``: scalar operations of the epilogue; ``constant``: b
    is, so that its first copies need not await the launch before.
    """

    m: int
    n: int
    k: int
    steps: int
    batch: int
    moved: float
    multiprocessors: int
    element: int
    gathers: bool = False
    ops: int = 0
    constant: bool = True


@dataclass(frozen=True)
class Rates:
    """Constants of a kind of kernel, in microseconds; areas are in tiles of 128 x 128."""

    step: float
    """A step along k of such a tile, at the rate of the tensor cores."""
    tall: Mapping[int, float]
    """How well a tile of so many rows uses them, where not as well as that; ``wide`` by columns."""
    wide: Mapping[int, float]
    flight: float
    """Until the data of a step arrive; as many steps as there are stages fly at once."""
    moved: float
    """Bytes that memory moves in a microsecond."""
    launch: float
    last: tuple[float, float]
    """Writing the last tile's results: of any tile, and of such an area."""
    later: tuple[float, float]
    """The same of a tile before the last, as far as other work does not hide it."""
    overlap: float
    """How well the longest of what bounds a kernel hides the rest: the power of the norm that joins them."""


_WGMMA = Rates(
    0.293, {64: 0.868}, {32: 0.267, 64: 0.612, 96: 0.833, 160: 1.03}, 1.05, 3.27e6, 1.65, (0.294, 1.32), (0.59, 0.99),
    3.29,
)  # fmt: skip
_MMA = Rates(
    0.386, {64: 0.835, 128: 1.0}, {64: 0.916, 128: 1.0}, 1.32, 2.67e6, 1.26, (0.289, 3.68), (0.118, 1.35), 10.4
)
_FMA = Rates(
    1.45, {64: 0.9, 128: 1.0}, {32: 0.8, 64: 0.95, 128: 1.0}, 1.32, 2.67e6, 1.26, (0.289, 3.68), (0.118, 1.35), 10.4
)
_FILL = 0.155e6  # bytes that a multiprocessor fetches in a microsecond, copies that a cluster shares included
_HIDDEN = 0.62  # of a tile's results, where another block or warpgroup works on meanwhile
_OP_US = 0.2  # an operation of the epilogue, for an area: what nets took longer than their products alone
_ODD = 2.0  # longer for results whose rows begin anywhere, but where they are written as whole words
_CLUSTER_US = 0.054  # to start a cluster, each time that its blocks double
_PARTS_US = (0.388, 2.38)  # to sum the parts of a tile: once, for each area that is sent
_AGAIN = {"cluster": 0.757, "single": 0.023}
"""Of b's bytes, moved once more each time that the rows of tiles that read it double: by clusters, which come apart; by
single blocks, of which neighbours read at once."""
_AGAIN_A, _MOST_AGAIN = 0.222, 8  # the same of a by columns; tiles in whose turn a cache still has what they share
_AHEAD = (0.443, 0.743)  # of b's first copies that precede the launch: always, and where its blocks find idle room
_IDLE_US = 0.167  # what a launch whose blocks find idle room takes less
_GATHER = 1.52  # times as long a step whose rows are gathered by cp.async from several taps
_SECOND_US, _SECOND_BYTES_PER_US = 1.96, 7.38e6  # the launch that sums parts, and what it moves
_ROOM = ((7, 28 / 33), (5, 8 / 11), (4, 10 / 11), (3, 9 / 11))  # of all for clusters of so many blocks or more
_SLIM_MEMORY, _SLIM_PRODUCTS, _SLIM_RESULTS, _SLIM_US, _SLIM_OVERLAP = 2.9e6, 11e-9, 1.1e-6, 2.0, 3.0
_SLIM_SLOWER = {2: 1.15, 1: 1.0}  # rows of a warp by 16


def room(multiprocessors: int, cluster: int) -> int:
    """How many multiprocessors clusters of so many blocks can take: the rest lie in groups that hold no whole one.

    Of an H100's 132, of 128 blocks in clusters of 4 the last came after all others, of 120 in threes, of 108 in sixes.
    """
    share = next((share for least, share in _ROOM if cluster >= least), 1.0)
    return max(cluster, int(multiprocessors * share + 1e-6))


def wgmma_us(work: Work, tactic: Spec) -> float:
    """Microseconds of a wgmma kernel; a step is 128 bytes of k."""
    (bm, bn), parts, per_sm = tactic["tile"], int(tactic["parts"]), int(tactic["per_sm"])
    (cm, cn), turns = tactic["share"], bool(tactic["turns"])
    cluster = cm * cn * parts
    rows, columns = ceil(work.m / (bm * cm)), ceil(work.n / (bn * cn))
    tiles, most = rows * columns * cluster * work.batch, room(work.multiprocessors, cluster) * per_sm
    busy = _busiest(tiles, most // per_sm, per_sm)
    steps = ceil(work.steps / parts)
    idle: float = min(1.0, max(0.0, most / tiles - 1.0))
    again = _AGAIN["cluster" if cluster > 1 else "single"]
    moved = work.moved + again * _bytes_b(work) * log2(min(rows, _MOST_AGAIN))
    moved += _AGAIN_A * work.m * work.k * work.batch * work.element * log2(min(columns, _MOST_AGAIN))
    if work.constant:
        ahead = min(_bytes_b(work), min(tiles, most) / (rows * cm) * min(int(tactic["stages"]), steps) * bn * 128)
        moved -= min(1.0, _AHEAD[0] + _AHEAD[1] * idle) * ahead
    use = _Use(busy, moved, _HIDDEN if per_sm > 1 or turns else 1.0)
    partial = 0.0
    if parts > 1:
        partial = _PARTS_US[0] + _PARTS_US[1] * _area(bm, bn) * (parts - 1) / parts
    rounds = ceil(busy / min(busy, per_sm))
    words = parts == 1 and bn % 64 == 0 and int(tactic["consumers"]) < 3
    odd = 0.0 if words or work.n % 8 == 0 else _ODD
    unhidden = partial * rounds + _CLUSTER_US * log2(cluster) - _IDLE_US * idle
    return _tiled(_WGMMA, work, tactic, use, odd) + unhidden


def mma_us(work: Work, tactic: Spec, fused: bool = False) -> float:
    """Microseconds of an mma.sync kernel, or of one of ``fused`` multiply-adds; a step is 64 bytes of k."""
    (bm, bn), parts, per_sm = tactic["tile"], int(tactic["parts"]), int(tactic["per_sm"])
    tiles = ceil(work.m / bm) * ceil(work.n / bn) * work.batch * parts
    use = _Use(_busiest(tiles, work.multiprocessors, per_sm), work.moved)
    us = _tiled(_FMA if fused else _MMA, work, tactic, use)
    if parts > 1:  # summed by a second launch
        us += _SECOND_US + 8.0 * work.m * work.n * work.batch * parts / _SECOND_BYTES_PER_US
    return us


def slim_us(work: Work, tactic: Spec) -> float:
    """Microseconds of a kernel that keeps b in shared memory: each 16 rows read all of it from there.

    Its constants are those of 17 times without epilogues, and of the sums of 37 with them in four nets.
    """
    rows, n, k = work.m * work.batch, -(-work.n // 32) * 32, -(-work.k // 16) * 16
    busy = rows * n * k * _SLIM_PRODUCTS + 2.0 * rows * work.n * _SLIM_RESULTS * (work.ops > 0)
    return (_SLIM_US + _joined(_SLIM_OVERLAP, work.moved / _SLIM_MEMORY, busy)) * _SLIM_SLOWER[tactic["tile"][0] // 16]


def _area(rows: int, columns: int) -> float:
    return rows * columns / (128 * 128)


def _busiest(tiles: int, multiprocessors: int, per_sm: int) -> int:
    """How many tiles the multiprocessor with the most of them takes."""
    waves, rest = divmod(tiles, multiprocessors * per_sm)
    return waves * per_sm + min(per_sm, ceil(rest / multiprocessors))


def _joined(power: float, *times: float) -> float:
    """Times of work that goes on at once: the longest, and a little of the others."""
    most = max(times)
    return most * float(sum((t / most) ** power for t in times) ** (1.0 / power)) if most > 0 else 0.0


def _bytes_b(work: Work) -> float:
    return float(work.n * work.k * work.batch * work.element)


@dataclass(frozen=True)
class _Use:
    """Tiles of the busiest multiprocessor, bytes that all move, and ``hidden``: how much of a tile's results is not."""

    busy: int
    moved: float
    hidden: float = 1.0


def _tiled(rates: Rates, work: Work, tactic: Spec, use: _Use, odd: float = 0.0) -> float:
    """Microseconds of a multiprocessor that takes so many tiles."""
    (bm, bn), per_sm, busy = tactic["tile"], int(tactic["per_sm"]), use.busy
    steps, put = ceil(work.steps / int(tactic["parts"])), _area(min(bm, work.m), bn)
    step = rates.step * _area(bm, bn) / (rates.tall.get(bm, 1.0) * rates.wide.get(bn, 1.0))
    if rates is not _WGMMA and work.gathers:
        step *= _GATHER
    each = odd + _OP_US * work.ops
    last, later = (one + (area + each) * put for one, area in (rates.last, rates.later))
    computing = busy * steps * step + later * use.hidden * (busy - 1)
    filling = busy * steps * (min(bm, work.m) + bn) * 128 / _FILL if rates is _WGMMA else 0.0
    waiting = ceil(busy / min(busy, per_sm)) * steps * rates.flight / int(tactic.get("stages", 4))
    return rates.launch + last + _joined(rates.overlap, computing, use.moved / rates.moved, waiting, filling)
