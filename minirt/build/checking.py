"""MINIRT_CHECK=1: after each pass the graph is evaluated in float64 and held against the graph before it."""

from __future__ import annotations

import zlib

import numpy as np

from minirt.build.formulas import filled
from minirt.errors import MinirtError
from minirt.ir.graph import Graph, Input
from minirt.ops.evaluate import evaluate
from minirt.trace import Detail, say
from minirt.types.dim import Expr
from minirt.types.dtype import Array, string
from minirt.types.evaluate import Evaluator
from minirt.types.tensor import Tensor

TOLERANCE = 1e-6
"""Bound on max |difference| / max |value|: folding rounds constants to their own type."""
SIZE = 16


def check_pass(name: str, before: Graph, after: Graph) -> None:
    """Raise MinirtError naming the pass and the output, where random inputs give other numbers after it."""
    before, after = filled(before, _weights), filled(after, _weights)
    feeds = _feeds(before)
    if feeds is None:
        return
    try:
        wanted = evaluate(before, feeds, wide=True)
    except (MinirtError, ValueError, IndexError) as error:  # these sizes or numbers mean nothing to the model
        say(Detail.PHASES, f"pass {name!r} is not checked: {error}")
        return
    found = evaluate(after, feeds, wide=True)
    for output, want, got in zip(before.names, wanted, found, strict=True):
        if not isinstance(want, np.ndarray) or want.dtype.kind not in "fiub":
            continue
        a, b = np.asarray(want, np.float64), np.asarray(got, np.float64)
        finite = np.isfinite(a) & np.isfinite(b) if a.shape == b.shape else np.zeros(0, bool)
        scale = max(1e-30, float(np.abs(a[finite]).max(initial=0))) if finite.size else 1.0
        wrong = a.shape != b.shape or (finite.size and float(np.abs(a[finite] - b[finite]).max(initial=0)) / scale)
        if wrong is True or wrong > TOLERANCE:
            raise MinirtError(f"pass {name!r} changes output {output!r} by {wrong} of its scale", before.name)


def _weights(name: str, type: Tensor) -> Array:
    """Numbers for weights that may be refitted: any will do, the same in each pass."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    shape = [int(d) for d in type.shape if not isinstance(d, Expr)]
    return rng.uniform(0.5, 1.5, shape).astype(type.dtype.numpy)


def _feeds(graph: Graph) -> dict[str, Array] | None:
    """Random inputs, every free dim SIZE; None where an input is not a tensor of numbers."""
    rng = np.random.default_rng(0)
    evaluator = Evaluator({name: SIZE for name in graph.dims})
    feeds: dict[str, Array] = {}
    for value in graph.inputs:
        if not isinstance(value.op, Input) or not isinstance(value.type, Tensor) or value.dtype is string:
            return None
        shape = tuple(evaluator.integer(d) if isinstance(d, Expr) else int(d) for d in value.shape)
        if value.op.values:
            held = [evaluator.integer(d) for d in value.op.values]
            feeds[value.op.label] = np.array(held, value.dtype.numpy).reshape(shape)
        elif value.dtype.is_float:
            feeds[value.op.label] = rng.normal(size=shape)
        else:
            feeds[value.op.label] = rng.integers(0, 2, shape).astype(value.dtype.numpy)
    return feeds
