"""Sizes that a profile decides: a slice of length min(1, n) is one element where n is never 0."""

from __future__ import annotations

import numpy as np
import onnx.parser
import pytest

from minirt.build.build import lower, optimize
from minirt.build.options import Options, Profile
from minirt.build.specialize import decide
from minirt.build.targets import target_of
from minirt.ir.graph import Graph, Input
from minirt.ir.op import apply
from minirt.kernels.kernel import Target
from minirt.ops.activation import Relu
from minirt.parsers.onnx.importing import import_graph
from minirt.parsers.onnx.read import read_model
from minirt.types.dim import minimum, symbol
from minirt.types.dtype import f32
from minirt.types.tensor import Tensor
from tests.gpu.session import Session

LAST = """<ir_version: 8, opset_import: ["" : 17]>
g (float[B,H,W] x) => (float[B,H,W] y, float[B,H,W] z) {
    below = Constant<value = int64[1] {-1}>()
    none = Constant<value = int64[1] {0}>()
    one = Constant<value = int64[1] {1}>()
    far = Constant<value = int64[1] {9223372036854775807}>()
    rows = CumSum(x, one)
    last = Slice(rows, below, far, one)
    y = Div(rows, last)
    first = Slice(x, none, one, none)
    z = Sub(x, first)
}"""
"""Positions as a detection transformer makes them, and differences to the first of a batch."""


def last() -> Graph:
    return import_graph(read_model(onnx.parser.parse_model(LAST).SerializeToString()))


def test_the_last_row_broadcasts_against_all_of_a_dynamic_size() -> None:
    session = Session(last(), Target("cpu"), Profile({"x": ((1, 2, 3), (2, 5, 4), (4, 9, 9))}))
    for shape in ((2, 5, 4), (1, 2, 3), (4, 9, 9)):
        x = 1 + np.random.default_rng(0).random(shape, np.float32)
        rows = x.cumsum(1)
        y, z = session.run({"x": x})
        np.testing.assert_allclose(y, rows / rows[:, -1:], rtol=1e-6)
        np.testing.assert_array_equal(z, x - x[:1])


@pytest.mark.parametrize("target", ["cpu", "cuda:sm_90a"])
def test_plans_of_both_targets_ask_for_no_equal_sizes(target: str) -> None:
    profile = Profile({"x": ((1, 2, 3), (2, 5, 4), (4, 9, 9))})
    options = Options((target_of(target),), (profile,))
    assert not lower(optimize(last()), target_of(target), options).run().checks


def test_maxima_that_ranges_leave_open_stay() -> None:
    n = symbol("n")
    x = apply(Input("x", Tensor(f32, (minimum(1, n), minimum(3, n)))))
    graph = Graph("g", [x], [apply(Relu(), x)], ["y"])
    assert decide(graph, {"n": (0, 9)}) is graph
    (result,) = decide(graph, {"n": (2, 9)}).outputs
    assert result.shape == (1, minimum(3, n))
    (result,) = decide(graph, {"n": (3, 9)}).outputs
    assert result.shape == (1, 3)
