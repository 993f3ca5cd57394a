"""Counts of n-grams (ONNX TfIdfVectorizer), of numbers alone: a composition of comparisons and sums."""

from __future__ import annotations

import numpy as np

from minirt.errors import MinirtError
from minirt.ir.graph import constant
from minirt.ir.op import Value, apply
from minirt.ops.arithmetic import Add, Mul
from minirt.ops.cast import casted
from minirt.ops.importer import OnnxNode, Result, importer, number
from minirt.ops.indexing import Gather
from minirt.ops.logic import And, Equal, Greater
from minirt.ops.movement import expanded, reshaped, sliced
from minirt.ops.reduce import reduced
from minirt.ops.shape import concatenated
from minirt.types.dim import maximum, minimum
from minirt.types.dtype import Array, f32

_MODES = ("TF", "IDF", "TFIDF")


@importer("TfIdfVectorizer")
def _tfidf(node: OnnxNode) -> Result:
    """Numbers of [C] or [N, C] to [columns] or [N, columns]: how often each n-gram of the pool is met, weighted."""
    x, get = node.input(0), node.attributes.get
    mode, weights = str(get("mode", "TF")), get("weights")
    if mode not in _MODES:
        raise MinirtError(f"mode {mode!r} is not one of {', '.join(_MODES)}")
    if len(get("pool_strings", ())):
        raise MinirtError("its n-grams are text, and an engine's inputs are numbers: feed it tokens as integers")
    rows = reshaped(x, (1, *x.shape)) if x.rank == 1 else x
    places = np.asarray(get("ngram_indexes", ()), np.int64)
    tables = [expanded(number(0, f32), (rows.shape[0], 1))]  # of columns that no n-gram asked for has
    columns, known = np.zeros(int(places.max(initial=-1)) + 1, np.int64), 1
    for first, grams in _asked(node):
        columns[places[first : first + len(grams)]] = known + np.arange(len(grams))
        known += len(grams)
        tables.append(_counts(rows, grams, int(get("max_skip_count", 0))))
    found = apply(Gather(1), concatenated(tables, 1), constant(columns))
    if mode == "IDF":
        found = casted(apply(Greater(), found, number(0, f32)), f32)
    if mode != "TF" and weights is not None:
        each = np.zeros(len(columns))
        each[places] = weights
        found = apply(Mul(), found, constant(each, f32))
    return reshaped(found, found.shape[1:]) if x.rank == 1 else found


def _asked(node: OnnxNode) -> list[tuple[int, Array]]:
    """N-grams [count, n] of each length that is asked for, and the number of their first in the pool."""
    pool = np.asarray(node.attributes.get("pool_int64s", ()), np.int64)
    starts = [*map(int, node.attributes.get("ngram_counts", ())), len(pool)]
    found, first = [], 0
    for n, (start, end) in enumerate(zip(starts, starts[1:], strict=False), 1):
        grams = pool[start:end].reshape(-1, n)
        if int(node.attributes["min_gram_length"]) <= n <= int(node.attributes["max_gram_length"]) and len(grams):
            found.append((first, grams))
        first += len(grams)
    return found


def _counts(x: Value, grams: Array, skips: int) -> Value:
    """How often each of ``grams`` is in a row of x [N, C], its numbers next to each other or up to ``skips`` apart."""
    count, n = grams.shape
    total: Value | None = None
    for step in range(1, (skips if n > 1 else 0) + 2):
        windows = maximum(x.shape[1] - (n - 1) * step, 0)
        met: Value | None = None
        for k in range(n):
            column = reshaped(sliced(x, 1, minimum(k * step, x.shape[1]), windows), (x.shape[0], windows, 1))
            same = apply(Equal(), column, constant(grams[:, k].reshape(1, 1, count), x.dtype))
            met = same if met is None else apply(And(), met, same)
        assert met is not None
        part = reduced("sum", casted(met, f32), [1], keepdims=False)
        total = part if total is None else apply(Add(), total, part)
    assert total is not None
    return total
