"""Recurrent weights of 8 bits, written out as floats."""

import numpy as np

from minirt.ir.graph import Graph, Input, constant
from minirt.ir.op import apply, apply_all
from minirt.ops.evaluate import evaluate
from minirt.ops.recurrent import Recurrent
from minirt.optimize.pipeline import DECODED, run_passes
from minirt.types.dtype import f32
from minirt.types.tensor import Tensor


def test_codes_become_plain_weights() -> None:
    """The same results in float64, and nothing coded is left."""
    rng = np.random.default_rng(0)
    x, h = apply(Input("x", Tensor(f32, (5, 2, 18)))), apply(Input("h", Tensor(f32, (2, 2, 3))))
    codes = constant(rng.integers(-128, 128, (2, 9, 3)).astype(np.int8))
    scales = constant(rng.random((2, 9)).astype(np.float32) / 100)
    rb = constant(rng.standard_normal((2, 9)).astype(np.float32))
    names = ("Sigmoid", "Tanh") * 2
    op = Recurrent("gru", 3, (False, True), names, (0.0,) * 4, (0.0,) * 4, coded=True)
    graph = Graph("g", [x, h], list(apply_all(op, x, codes, rb, h, scales)), ["y", "last"])
    plain = run_passes(graph, DECODED)
    assert [n.op.coded for n in plain.nodes if isinstance(n.op, Recurrent)] == [False]
    feeds = {"x": rng.standard_normal((5, 2, 18)), "h": rng.standard_normal((2, 2, 3))}
    for a, b in zip(evaluate(graph, feeds, wide=True), evaluate(plain, feeds, wide=True), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)
