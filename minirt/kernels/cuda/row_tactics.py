"""Who shares the rows of softmax and normalization, best guesses first: threads, blocks, clusters of blocks."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import gcd

from minirt.kernels.cuda.rows import HELD_COLUMNS, Rows
from minirt.kernels.kernel import Problem
from minirt.plan.launch import Spec

_CLUSTERS = (1, 2, 4, 8)  # at most 8 (CUDA programming guide: portable sizes)
_NUMBERS = 32  # of a row that a thread keeps, where it has one row
_MOST_FOLDED = 256


def shared_rows(problem: Problem, made: Rows, fold: int = 1) -> list[Spec]:
    """Ways to share rows, best guess first; ``made`` is the plain guess, ``fold`` as in ``rows``.

    No way where the sizes of rows are not bounded: the plain guess is left then.
    """
    length, count = problem.likely(made.reduced.total), problem.likely(made.kept.total)
    most = problem.bounds(made.reduced.total)[1]
    if not 0 < most < 1 << 24 or length < 1 or count < 1:
        return []
    clusters = _CLUSTERS if problem.target.capability >= 90 else _CLUSTERS[:1]
    if made.spec["mode"] == "inner":
        return _by_groups(problem, made.spec, int(most), count, clusters)
    if fold > _MOST_FOLDED:
        return []
    return _by_columns(problem, made, int(most), count, fold, clusters)


def _by_groups(problem: Problem, spec: Spec, length: int, count: int, clusters: tuple[int, ...]) -> list[Spec]:
    vector, wanted = int(spec["vector"]), problem.target.multiprocessors
    found: list[tuple[float, Spec]] = []
    for cluster in clusters:
        for group in (4, 8, 16, 32, 64, 128, 256, 512, 1024):
            each = group * cluster * vector
            chunks = -(-length // each)
            if chunks * vector > _NUMBERS or (cluster > 1 and (group < 128 or count * cluster > 2 * wanted)):
                continue
            if chunks == 1 and each >= 2 * length and group > 4:
                continue  # half of the threads would have nothing
            for threads in _threads(group, count, wanted):
                blocks = max(1.0, count * group / threads) * cluster
                slow = _slow(blocks, threads, chunks * vector, wanted, int(group > 32), cluster)
                found.append((slow, _group(group, threads, cluster)))
    found.sort(key=lambda one: one[0])
    return [way for _, way in found]


def _group(group: int, threads: int, cluster: int) -> Spec:
    return {"group": group, "threads": threads, "cluster": cluster, "fold": 1}


def _threads(group: int, count: int, wanted: int) -> Iterator[int]:
    """Sizes of blocks for groups of threads: whole ones of more than a warp, else what spreads the rows."""
    if group > 32:
        yield group
    else:
        yield 128
        if count * group < 256 * wanted:
            yield 32


def _by_columns(
    problem: Problem, made: Rows, length: int, count: int, fold: int, clusters: tuple[int, ...]
) -> list[Spec]:
    vector, wanted = int(made.spec["vector"]), problem.target.multiprocessors
    least = fold // gcd(fold, vector)  # threads side by side that whole folds need
    width = problem.inputs[0].type.dtype.bits // 8
    found: list[tuple[float, Spec]] = []
    for columns in (least * times for times in (1, 2, 4, 8, 16, 32, 64, 128)):
        if columns > max(128, least) or (columns * vector >= 2 * count and found):
            break
        if columns * vector < min(32 // width, count):
            continue  # less than what memory moves at once
        for cluster, threads in product(clusters, (128, 256, 512)):
            lines = min(_halved(max(1, threads // columns)), 2 * _halved(length))
            if columns * lines > 1024 or (cluster > 1 and length < 2 * lines * cluster):
                continue
            chunks, blocks = -(-length // (lines * cluster)), max(1.0, count / (columns * vector)) * cluster
            slow = _slow(blocks, columns * lines, chunks * vector, wanted, int(lines > 1), cluster)
            slow *= 3.0 if chunks * vector > HELD_COLUMNS else 1.0
            slow *= 1.2 if cluster > 1 and columns * vector * width < 64 else 1.0
            way = {"columns": columns, "lines": lines, "threads": columns * lines, "cluster": cluster, "fold": fold}
            found.append((slow, way))
    found.sort(key=lambda one: one[0])
    return [way for _, way in found]


def _halved(number: int) -> int:
    """The greatest power of two up to a number."""
    return 1 << max(0, number.bit_length() - 1)


def _slow(blocks: float, threads: int, numbers: int, wanted: int, barriers: int, cluster: int) -> float:
    """A measure of the time: what one block takes by itself, and what a multiprocessor's blocks take of it.

    Clusters start later, meet more slowly, and find room only where a part of the device has it for all their blocks.
    """
    alone = 30.0 + numbers + 3.0 * barriers + 25.0 * (cluster > 1)
    resident = max(1, 65536 // (threads * (numbers // 2 + 48)))
    waves = max(1.0, blocks / (resident * wanted * (0.85 if cluster > 1 else 1.0)))
    alone *= max(1.0, 0.6 * waves) if cluster > 1 else 1.0
    return alone + blocks / wanted * (threads * numbers / 1024.0 + 0.7)
