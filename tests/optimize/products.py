"""What tests of the rules for matrix units share: constants, and the kinds of nodes that are left."""

from __future__ import annotations

import numpy as np

from minirt.ir.graph import Graph, constant
from minirt.ir.op import Op, Value
from minirt.ops.evaluate import evaluate
from minirt.optimize.pipeline import NEUTRAL, fusing, run_passes
from minirt.types.dtype import f32

RNG = np.random.default_rng(0)


def numbers(*shape: int) -> Value:
    return constant(RNG.normal(size=shape), f32)


def kinds(x: Value, output: Value) -> list[type[Op]]:
    """The kinds of nodes after all passes, the numbers having been compared."""
    before = Graph("g", [x], [output], ["y"])
    feeds = {"x": RNG.normal(size=(2, *(d for d in x.shape[1:] if isinstance(d, int))))}
    after = run_passes(before, (*NEUTRAL, *fusing(())))
    for want, got in zip(evaluate(before, feeds, True), evaluate(after, feeds, True), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-9 * max(1.0, float(np.abs(want).max())))
    return [type(n.op) for n in after.nodes]
