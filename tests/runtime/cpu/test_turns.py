"""Loops whose length only the data tells, on the CPU: iterations that are run again as they were."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx.parser
import pytest

from minirt.build.options import Profile
from minirt.kernels.kernel import Target
from minirt.parsers.onnx.importing import import_graph
from minirt.parsers.onnx.read import read_model
from minirt.runtime.turns import Turns
from tests.gpu.session import Session

HEAD = '<ir_version: 8, opset_import: ["" : 17]>\n'
BOUNDED = """g (float[N,4] x, float[4] b, float lim) => (float[N,4] y, int64 k, float[T,4] s) {
    t = Constant<value = bool {1}>()
    zero = Constant<value = int64 {0}>()
    y, k, s = Loop ( , t, x, zero) <body = body (int64 i, bool c, float[N,4] a, int64 m)
        => (bool go, float[N,4] a2, int64 m2, float[4] row) {
        sum = Add(a, b)
        half = Constant<value = float {1.5}>()
        a2 = Mul(sum, half)
        m2 = Add(i, m)
        row = ReduceMax<axes = [0], keepdims = 0>(a2)
        most = ReduceMax<keepdims = 0>(a2)
        go = Less(most, lim)
    }>
}"""
GROWING = """g (float[M] x, float lim) => (float[Q] y) {
    t = Constant<value = bool {1}>()
    y = Loop ( , t, x) <body = body (int64 i, bool c, float[P] a) => (bool go, float[R] a2) {
        a2 = Concat<axis = 0>(a, x)
        most = ReduceSum<keepdims = 0>(a2)
        go = Less(most, lim)
    }>
}"""


def session(text: str, **shapes: Any) -> Session:
    graph = import_graph(read_model(onnx.parser.parse_model(HEAD + text).SerializeToString()))
    return Session(graph, Target("cpu"), Profile(shapes))


def bounded(x: Any, b: Any, lim: float) -> tuple[Any, int, Any]:
    rows, total, i = [], 0, 0
    while True:
        x = (x + b) * np.float32(1.5)
        total += i
        i += 1
        rows.append(x.max(0))
        if not x.max() < lim:
            return x, total, np.stack(rows)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each iteration was known."""
    seen: list[bool] = []
    find: Callable[..., Any] = Turns.find

    def watched(self: Turns[Any], *args: Any) -> Any:
        turn = find(self, *args)
        seen.append(turn is not None)
        return turn

    monkeypatch.setattr(Turns, "find", watched)
    return seen


def test_iterations_are_known_from_the_third_on_and_in_later_runs_from_the_second(found: list[bool]) -> None:
    made = session(BOUNDED, x=((1, 4), (2, 4), (3, 4)), b=((4,),) * 3, lim=((),) * 3)
    rng = np.random.default_rng(0)
    counts = []
    for rows, lim in ((2, 100.0), (2, 100.0), (3, 5000.0), (2, 1.0), (2, 30.0), (3, 200.0)):
        x, b = rng.random((rows, 4), np.float32), rng.random(4, np.float32)
        found.clear()
        got = made.run({"x": x, "b": b, "lim": np.full((), lim, np.float32)})
        y, k, s = bounded(x, b, lim)
        np.testing.assert_allclose(got[0], y, rtol=1e-6)
        assert got[1] == k
        np.testing.assert_allclose(got[2], s, rtol=1e-6)
        counts.append((len(s), found.count(False)))
    assert [full for _, full in counts] == [3, 1, 3, 1, 1, 1]
    assert counts[2][0] > 10


def test_results_of_earlier_runs_stay(found: list[bool]) -> None:
    made = session(BOUNDED, x=((2, 4),) * 3, b=((4,),) * 3, lim=((),) * 3)
    x, b = np.ones((2, 4), np.float32), np.ones(4, np.float32)
    first = made.run({"x": x, "b": b, "lim": np.full((), 1e4, np.float32)})
    kept = [value.copy() for value in first]
    made.forget()  # other addresses of inputs and outputs
    second = made.run({"x": 2 * x, "b": b, "lim": np.full((), 1e4, np.float32)})
    np.testing.assert_allclose(second[0], bounded(2 * x, b, 1e4)[0], rtol=1e-6)
    for value, held in zip(first, kept, strict=True):
        np.testing.assert_array_equal(value, held)


def test_tensors_that_grow_are_run_in_full(found: list[bool]) -> None:
    made = session(GROWING, x=((1,), (3,), (4,)), lim=((),) * 3)
    for size, lim in ((3, 30.0), (3, 60.0), (2, 10.0)):
        x = np.arange(1, size + 1, dtype=np.float32)
        wanted = x
        while True:
            wanted = np.concatenate([wanted, x])
            if not wanted.sum() < lim:
                break
        np.testing.assert_array_equal(made.run({"x": x, "lim": np.full((), lim, np.float32)})[0], wanted)
    assert not any(found)
