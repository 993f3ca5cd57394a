"""Ways to share attention with few queries among warps and blocks, best guesses first."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

from minirt.kernels.cuda.attention_source import shared_bytes
from minirt.kernels.kernel import Target
from minirt.plan.launch import Spec

_ROWS = (16, 32, 64)
_CLUSTERS = ((1, 1), (2, 2), (4, 4), (8, 8), (16, 1), (32, 1))  # parts of the keys, and blocks of a cluster
_LAUNCHES = ((1, 1), (4, 1), (8, 1), (16, 1), (32, 1))  # where there are no clusters: a second launch joins the parts


def few_ways(
    target: Target, tiles: Sequence[int], sizes: tuple[int, int], widths: Sequence[int], slow: bool
) -> list[Spec]:
    """Tactics of mma.sync for ``tiles`` tiles of 16, 32, 64 queries; ``sizes``: queries of a head, keys.

    ``slow``: a mask differs from query to query, or rows are read number by number, which take registers.
    """
    (queries, keys), wide = sizes, max(widths) > 64
    room = target.shared_memory or 99 * 1024
    shares = _CLUSTERS if target.capability >= 90 else _LAUNCHES
    found: list[tuple[float, Spec]] = []
    for (rows, count), bn, across, (parts, cluster) in product(
        zip(_ROWS, tiles, strict=True), (64, 128, 256), (1, 2, 4, 8), shares
    ):
        threads, each = 2 * rows * across, bn // across
        if not 16 <= each <= (32 if slow or wide else 64) or not 64 <= threads <= (256 if slow and wide else 512):
            continue
        steps = -(-keys // bn)
        if (rows > 16 and queries <= rows // 2) or steps < parts or (bn > 64 and (slow or keys <= bn // 2)):
            continue
        way: Spec = {"tile": [rows, bn], "across": across, "parts": parts, "cluster": cluster}
        shared = shared_bytes({**way, "method": "mma", "heads": list(widths)})
        if shared > room or (parts > 1 and count * parts > 2 * target.multiprocessors):
            continue
        resident = max(1, min((room + 4096) // (shared + 2048), 1536 // threads))
        found.append((_cycles(way, count, -(-steps // parts), sum(widths), resident, target.multiprocessors), way))
    found.sort(key=lambda one: one[0])
    return [way for _, way in found]


def _cycles(way: Spec, tiles: int, steps: int, width: int, resident: int, processors: int) -> float:
    """A measure of the time: steps of one block, as many beside each other as a multiprocessor must hold."""
    rows, bn, across, parts, cluster = map(int, (*way["tile"], way["across"], way["parts"], way["cluster"]))
    blocks = tiles * parts
    beside = min(resident, -(-blocks // processors))
    waves = -(-blocks // (processors * beside))
    load = beside * bn * width * 2 / 50.0  # bytes a cycle from the second-level cache
    products = bn // across * width / 8.0 + 6.0 * (bn // across) + 100.0  # 16 cycles for each of 16 x 8 x 16
    busy = max(1.0, rows / 16 * across * beside / 4.0)  # warps for each of four units
    step = max(load, products * busy) + 200.0
    join = 150.0 * (across > 1) + 60.0 * across + 700.0 * (cluster > 1) + 3500.0 * (parts > cluster)
    return waves * (800.0 + load + steps * step + join)
