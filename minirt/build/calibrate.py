"""Calibration: the ranges that tensors have over batches of inputs, and the scales that int8 then has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from minirt.build.build import build
from minirt.build.load import Loaded, Package
from minirt.build.options import Options, Profile, Shape
from minirt.errors import ApiError
from minirt.ir.graph import Graph, Input
from minirt.ir.op import Value
from minirt.optimize.calibrated import LEVELS
from minirt.types.dim import Expr
from minirt.types.dtype import Array
from minirt.types.tensor import Tensor

BINS = 2048
_STRIDE = 8
_NARROWEST = LEVELS + 1


class Histogram:
    """Magnitudes of a tensor's numbers, counted in bins of equal width from 0 up; the range doubles as it must."""

    def __init__(self) -> None:
        self.counts = np.zeros(BINS)
        self.range = 0.0
        self.most = 0.0

    def add(self, array: Array) -> None:
        """Count an array's numbers; those that are not finite do not count."""
        found = np.abs(np.asarray(array, np.float32).reshape(-1))
        found = found[np.isfinite(found)]
        most = float(found.max(initial=0))
        self.most = max(self.most, most)
        if not most:
            return
        self.range = self.range or most
        while self.range < most:
            pairs = self.counts.reshape(-1, 2).sum(1)
            self.counts = np.concatenate([pairs, np.zeros(BINS // 2)])
            self.range *= 2
        self.counts += np.histogram(found[found > 0], BINS, (0, self.range))[0]

    def threshold(self, algorithm: str, quantile: float = 0.9999) -> float:
        """The magnitude that becomes 127, by one of TensorRT's algorithms; all-zero tensors have 1.

        MINMAX_CALIBRATION takes the greatest, LEGACY_CALIBRATION what all but few are below, by a quantile, the others
        what keeps the most of the distribution (least Kullback-Leibler divergence; Migacz, "8-bit inference with
        TensorRT").
        """
        if not self.most:
            return 1.0
        if algorithm == "MINMAX_CALIBRATION":
            return self.most
        if algorithm == "LEGACY_CALIBRATION":
            below = np.cumsum(self.counts) / self.counts.sum()
            return min(self.most, (int(np.searchsorted(below, quantile)) + 1) * self.range / BINS)
        return min(self.most, self._least_divergence() * self.range / BINS)

    def _least_divergence(self) -> int:
        """How many bins to keep."""
        last = int(np.flatnonzero(self.counts)[-1]) + 1
        if last <= _NARROWEST:
            return last
        kept = [*range(_NARROWEST, last, _STRIDE), last]
        costs: dict[int, float] = {n: _divergence(self.counts, n) for n in kept}
        return min(costs, key=costs.__getitem__)


def _divergence(counts: Array, kept: int) -> float:
    """How much of a distribution is lost where bins beyond ``kept`` count as the last, and the others become 128."""
    wanted = counts[:kept].copy()
    wanted[-1] += counts[kept:].sum()
    edges = np.linspace(0, kept, _NARROWEST + 1).astype(int)[:-1]
    filled = counts[:kept] > 0
    sums, many = np.add.reduceat(counts[:kept], edges), np.add.reduceat(filled.astype(float), edges)
    means = np.divide(sums, many, out=np.zeros_like(sums), where=many > 0)
    got = np.repeat(means, np.diff([*edges, kept])) * filled
    p, q = wanted / wanted.sum(), got / got.sum() if got.sum() else got
    at = p > 0
    return float(np.sum(p[at] * np.log(p[at] / np.maximum(q[at], 1e-12))))


def usual_sizes(graph: Graph, profile: Profile) -> Profile:
    """A profile of one size: its best shapes and numbers; raises ApiError where an input's shape is not known."""
    for value in graph.inputs:
        assert isinstance(value.op, Input)
        if any(isinstance(d, Expr) for d in value.tensor.shape) and value.op.label not in profile.shapes:
            fix = "add an optimization profile, or set a calibration profile"
            raise ApiError("its shape is not known while calibrating", f"input {value.op.label!r}", fix)

    def best(ranges: Mapping[str, tuple[Shape, Shape, Shape]]) -> dict[str, tuple[Shape, Shape, Shape]]:
        return {name: (usual, usual, usual) for name, (_, usual, _) in ranges.items()}

    return Profile(best(profile.shapes), best(profile.values))


def measured(
    graph: Graph, wanted: Sequence[Value], options: Options, batches: Iterable[Mapping[str, int]]
) -> dict[Value, Histogram]:
    """The magnitudes of values of a graph over batches: addresses of the inputs that are not read by the host, by name.

    ``options`` have one profile, of one size.
    """
    names = [f"calibrated {number}" for number in range(len(wanted))]
    seen = Graph(graph.name, graph.inputs, [*graph.outputs, *wanted], [*graph.names, *names])
    exact = replace(options, permitted=(), tf32=False, level=0, verbosity="NONE", strip=False, streaming=False)
    loaded = Loaded(Package(build(seen, exact)), options.targets[0])
    executor, profile = loaded.executor(), options.profiles[0]
    shapes = {v.op.label: _sizes(v, profile) for v in graph.inputs if isinstance(v.op, Input)}
    executor.bind(executor.sizes(shapes))
    found = {value: Histogram() for value in wanted}
    for batch in batches:
        loaded.backend.finish()
        results = executor.run({name: batch.get(name, 0) for name in shapes}, {})
        for value, name in zip(wanted, names, strict=True):
            result, dtype = results[name], value.tensor.dtype
            nbytes = dtype.nbytes(int(np.prod(result.shape, dtype=np.int64)))
            found[value].add(np.asarray(loaded.backend.read(result.address, nbytes, 0)).view(dtype.numpy))
    return found


def _sizes(value: Value, profile: Profile) -> Shape:
    assert isinstance(value.op, Input) and isinstance(value.type, Tensor)
    given = profile.shapes.get(value.op.label)
    return given[1] if given is not None else tuple(int(str(d)) for d in value.type.shape)
