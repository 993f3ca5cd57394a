"""A model of the time of products and convolutions: what ranks tactics and kernels when nothing can be timed.

Microseconds on an H100; elsewhere only their order matters.  A tactic takes the time of what bounds it, the tensor
cores, the bytes that must move, or the wait for them, of which the longest hides most of the others, then what none of
them hides: the launch, the last tile's results, and the sum of its parts.  The constants were fitted to the times of
``benchmarks/tuning.py --fit`` (103 layers of ResNet-50 and products of transformers, cold caches, f16; 680 of wgmma
within 2 times the best, 315 of mma.sync): on average the first guess takes 2% more than the fastest tactic, as it does
where the constants are fitted to one half of the layers and tried on the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from minirt.plan.launch import Spec


@dataclass(frozen=True)
class Work:
    """What decides a tactic's time: sizes at the optimum, steps along k, and bytes that must move.

    ``gathers``: rows of a are gathered from several taps; ``ops``: scalar operations of the epilogue.
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


@dataclass(frozen=True)
class Rates:
    """Constants of a kind of kernel, in microseconds; areas are in tiles of 128 x 128."""

    step: float
    """A step along k of such a tile, at the rate of the tensor cores."""
    tall: Mapping[int, float]
    """How much better a tile of so many rows uses them; ``wide`` by columns."""
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
    0.384, {64: 0.775, 128: 1.0, 192: 1.02, 256: 1.06},
    {32: 0.262, 64: 0.635, 96: 0.82, 128: 1.0, 160: 1.04, 192: 1.14, 256: 1.21},  # 96, 160: not measured
    0.846, 3.35e6, 1.75, (0.383, 0.873), (0.383, 0.873), 2.6,
)  # fmt: skip
_MMA = Rates(
    0.386, {64: 0.835, 128: 1.0}, {64: 0.916, 128: 1.0}, 1.32, 2.67e6, 1.26, (0.289, 3.68), (0.118, 1.35), 10.4
)
_FMA = Rates(
    1.45, {64: 0.9, 128: 1.0}, {32: 0.8, 64: 0.95, 128: 1.0}, 1.32, 2.67e6, 1.26, (0.289, 3.68), (0.118, 1.35), 10.4
)
_HIDDEN = 0.631  # of a tile's results, where another block or warpgroup works on meanwhile
_OP_US = 0.2  # an operation of the epilogue, for an area: what nets took longer than their products alone
_ODD = 2.0  # longer for results whose rows begin anywhere
_CLUSTER_US, _SHARED_US = 0.219, 0.331  # to start a cluster, and the kernel that sums or shares in one
_PARTS_US = (0.309, 0.043, 0.612)  # to sum the parts of a tile: once, for each block of the cluster, for each area
_GATHER = 1.52  # times as long a step whose rows are gathered by cp.async from several taps
_SECOND_US, _SECOND_BYTES_PER_US = 1.96, 7.38e6  # the launch that sums parts, and what it moves
_ROOM = ((7, 28 / 33), (4, 10 / 11), (3, 21 / 22))  # of all multiprocessors for clusters of at least so many blocks
_SLIM_MEMORY, _SLIM_PRODUCTS, _SLIM_RESULTS, _SLIM_US, _SLIM_OVERLAP = 2.9e6, 11e-9, 1.1e-6, 2.0, 3.0
_SLIM_SLOWER = {2: 1.15, 1: 1.0}  # rows of a warp by 16


def room(multiprocessors: int, cluster: int) -> int:
    """How many multiprocessors clusters of so many blocks can take: the rest lie in groups that hold no whole one.

    An H100's 132 lie in groups of 14 to 18: of 128 blocks in clusters of 4 the last came after all others.
    """
    share = next((share for least, share in _ROOM if cluster >= least), 1.0)
    return max(cluster, int(multiprocessors * share + 1e-6))


def wgmma_us(work: Work, tactic: Spec) -> float:
    """Microseconds of a wgmma kernel; a step is 128 bytes of k."""
    (bm, bn), parts, per_sm = tactic["tile"], int(tactic["parts"]), int(tactic["per_sm"])
    (cm, cn), shared = tactic.get("share", (1, 1)), "share" in tactic
    cluster = cm * cn * parts
    tiles = ceil(work.m / (bm * cm)) * ceil(work.n / (bn * cn)) * cluster * work.batch
    busy = _busiest(tiles, room(work.multiprocessors, cluster), per_sm)
    hidden = _HIDDEN if per_sm > 1 or tactic.get("turns") else 1.0
    odd = _ODD if work.n % 8 and not shared else 0.0
    partial = 0.0
    if parts > 1:
        partial = _PARTS_US[0] + _PARTS_US[1] * cluster + _PARTS_US[2] * _area(bm, bn) * (parts - 1)
    rounds = ceil(busy / min(busy, per_sm))
    unhidden = partial * rounds + _SHARED_US * shared + _CLUSTER_US * (shared and cluster > 1)
    return _tiled(_WGMMA, work, tactic, busy, hidden, odd) + unhidden


def mma_us(work: Work, tactic: Spec, fused: bool = False) -> float:
    """Microseconds of an mma.sync kernel, or of one of ``fused`` multiply-adds; a step is 64 bytes of k."""
    (bm, bn), parts, per_sm = tactic["tile"], int(tactic["parts"]), int(tactic["per_sm"])
    tiles = ceil(work.m / bm) * ceil(work.n / bn) * work.batch * parts
    us = _tiled(_FMA if fused else _MMA, work, tactic, _busiest(tiles, work.multiprocessors, per_sm), 1.0, 0.0)
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


def _tiled(rates: Rates, work: Work, tactic: Spec, busy: int, hidden: float, odd: float) -> float:
    """Microseconds of a multiprocessor that takes ``busy`` tiles."""
    (bm, bn), per_sm = tactic["tile"], int(tactic["per_sm"])
    steps, put = ceil(work.steps / int(tactic["parts"])), _area(min(bm, work.m), bn)
    step = rates.step * _area(bm, bn) / (rates.tall[bm] * rates.wide[bn])
    if rates is not _WGMMA and work.gathers:
        step *= _GATHER
    each = odd + _OP_US * work.ops
    last, later = (one + (area + each) * put for one, area in (rates.last, rates.later))
    computing = busy * steps * step + later * hidden * (busy - 1)
    waiting = ceil(busy / min(busy, per_sm)) * steps * rates.flight / int(tactic.get("stages", 4))
    return rates.launch + last + _joined(rates.overlap, computing, work.moved / rates.moved, waiting)
