"""Attention is found as exporters spell it, keeps its numbers, and is left alone where something else is meant."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minirt.ir.graph import Graph, Input, constant
from minirt.ir.op import Value, apply
from minirt.ops.arithmetic import Add, Div, Mul, Sub
from minirt.ops.attention import Attention, seen_keys
from minirt.ops.cast import Cast
from minirt.ops.evaluate import evaluate
from minirt.ops.gemm import Gemm
from minirt.ops.logic import And, Equal, GreaterOrEqual, IsNaN, Not, where
from minirt.ops.movement import Expand, Iota, expanded, reshaped, transposed
from minirt.ops.reduce import Reduce
from minirt.ops.softmax import Softmax
from minirt.optimize.attention import ALL, HALVES
from minirt.optimize.pipeline import NEUTRAL, fusing, run_passes
from minirt.optimize.precision import narrow
from minirt.types.dim import symbol
from minirt.types.dtype import bool_, f16, f32, i64
from minirt.types.evaluate import Evaluator
from minirt.types.tensor import Tensor

N, L = symbol("N"), symbol("L")
Array = np.ndarray[Any, Any]
LOW = -3.4028234663852886e38


def number(value: float) -> Value:
    return constant(np.float32(value), f32)


class Layer:
    """An attention spelled out in float32; every part may be changed before ``graph``."""

    def __init__(self, queries: Any = L, keys: Any = L, heads: int = 2, groups: int = 0) -> None:
        self.queries, self.keys = queries, keys
        sizes = ((queries, heads, 8), (keys, groups or heads, 8), (keys, groups or heads, 16))
        self.inputs = [apply(Input(n, Tensor(f32, (N, *s)))) for n, s in zip("qkv", sizes, strict=True)]
        self.q, self.k, self.v = (transposed(x, (0, 2, 1, 3)) for x in self.inputs)
        if groups:
            self.k, self.v = (self.repeated(x, heads // groups) for x in (self.k, self.v))
        self.seen = apply(Input("seen", Tensor(bool_, (N, keys))))
        self.scores = apply(Gemm(), self.q, transposed(self.k, (0, 1, 3, 2)))
        self.guard = False

    def repeated(self, x: Value, times: int) -> Value:
        n, g, length, size = x.shape
        wide = expanded(reshaped(x, (n, g, 1, length, size)), (n, g, times, length, size))
        return reshaped(wide, (n, g * times, length, size))

    @property
    def padding(self) -> Value:
        return reshaped(self.seen, (N, 1, 1, self.keys))

    def add(self, mask: Value) -> None:
        self.scores = apply(Add(), self.scores, mask)

    def bias(self, condition: Value, low: float = -np.inf) -> Value:
        return where(condition, number(0.0), number(low))

    def graph(self) -> Graph:
        weights = apply(Softmax(3), self.scores)
        if self.guard:
            weights = where(apply(IsNaN(), weights), number(0.0), weights)
        out = transposed(apply(Gemm(), weights, self.v), (0, 2, 1, 3))
        return Graph("layer", [*self.inputs, self.seen], [out], ["y"])


def feeds(graph: Graph, n: int = 2, length: int = 5) -> dict[str, Array]:
    rng = np.random.default_rng(length)
    out: dict[str, Array] = {}
    for value in graph.inputs:
        shape = [Evaluator({"N": n, "L": length}).integer(d) for d in value.shape]
        if value.dtype is bool_:
            out["seen"] = np.arange(shape[-1]) < rng.integers(1, shape[-1] + 1, (n, 1))
        else:
            out[value.op.label] = rng.standard_normal(shape).astype(np.float32)  # type: ignore[attr-defined]
    return out


def found(graph: Graph, length: int = 5) -> list[Attention]:
    """The attentions found; float64 before and after agree."""
    before = run_passes(graph, NEUTRAL)
    after = run_passes(before, fusing(ALL))
    given = feeds(graph, length=length)
    (want,), (got,) = (evaluate(g, given, wide=True) for g in (graph, after))
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-9 * max(1.0, float(np.nanmax(np.abs(want), initial=0))))
    ops = [n.op for n in after.nodes if isinstance(n.op, Attention)]
    assert not ops or not any(isinstance(n.op, Softmax) for n in after.nodes)
    return ops


def test_plain_with_scales_on_either_side() -> None:
    layer = Layer()
    q, k = (apply(Mul(), x, number(0.5)) for x in (layer.q, layer.k))
    layer.scores = apply(Div(), apply(Gemm(trans_b=True), q, k), number(2.0))
    assert found(layer.graph()) == [Attention(0.125)]


def test_keys_turned_as_one_batch_of_matrices_are_not_moved() -> None:
    layer = Layer()
    flat = transposed(reshaped(layer.k, (N * 2, L, 8)), (0, 2, 1))
    layer.scores = apply(Gemm(), layer.q, reshaped(flat, (N, 2, 8, L)))
    assert found(layer.graph()) == [Attention(1.0)]


CAUSAL: dict[str, Callable[[Layer], Value]] = {
    "iota": lambda x: seen_keys(x.queries, x.keys, 0),
    "expanded": lambda x: apply(Expand((N, 1, x.queries, x.keys)), seen_keys(x.queries, x.keys, 0)),
    "and true": lambda x: apply(And(), constant(np.array(True), bool_), seen_keys(x.queries, x.keys, 0)),
    "positions": lambda x: apply(
        GreaterOrEqual(),
        reshaped(apply(Sub(), apply(Iota((x.queries,), 0, i64)), constant(np.int64(3), i64)), (x.queries, 1)),
        apply(Sub(), apply(Iota((1, x.keys), 1, i64)), constant(np.int64(3), i64)),
    ),
}


@pytest.mark.parametrize("name", CAUSAL)
@pytest.mark.parametrize("low", [-np.inf, LOW])
@pytest.mark.parametrize("guard", [False, True])
def test_causality_is_proved_for_every_length(name: str, low: float, guard: bool) -> None:
    layer = Layer()
    layer.guard = guard
    layer.add(layer.bias(CAUSAL[name](layer), low))
    assert found(layer.graph()) == [Attention(1.0, causal=True, guard=guard)]


def test_a_triangle_of_numbers_is_causality() -> None:
    layer = Layer(5, 8)
    layer.add(constant(np.where(np.tri(5, 8, 3), 0.0, -np.inf).reshape(1, 1, 5, 8), f32))
    assert found(layer.graph()) == [Attention(1.0, causal=True, offset=3)]


def test_a_mask_that_hides_nothing_goes() -> None:
    layer = Layer()
    layer.add(layer.bias(apply(Expand((N, 1, L, L)), constant(np.ones((1, 1, 1, 1), bool), bool_))))
    layer.add(layer.bias(apply(GreaterOrEqual(), apply(Iota((L, 1), 0, i64)), constant(np.int64(0), i64))))
    assert found(layer.graph()) == [Attention(1.0)]


def test_causality_and_padding() -> None:
    layer = Layer()
    layer.add(layer.bias(apply(And(), seen_keys(L, L, 0), layer.padding)))
    assert found(layer.graph()) == [Attention(1.0, causal=True)]


def test_causality_by_a_large_number_stays_in_the_mask_beside_padding() -> None:
    layer = Layer()
    layer.add(layer.bias(apply(And(), seen_keys(L, L, 0), layer.padding), LOW))
    assert found(layer.graph()) == [Attention(1.0, hidden=LOW)]


def test_selected_scores() -> None:
    layer = Layer()
    layer.scores = where(layer.padding, layer.scores, number(LOW))
    assert found(layer.graph()) == [Attention(1.0, hidden=LOW)]
    layer.scores = where(apply(Not(), layer.padding), number(-np.inf), apply(Gemm(trans_b=True), layer.q, layer.k))
    assert found(layer.graph()) == [Attention(1.0)]


def test_numbers_are_added() -> None:
    layer = Layer(5, 8)
    layer.add(constant(np.random.default_rng(0).standard_normal((2, 5, 8)), f32))
    layer.add(layer.bias(layer.padding))
    assert found(layer.graph()) == [Attention(1.0)]


def test_heads_that_share_keys() -> None:
    layer = Layer(heads=6, groups=2)
    graph = layer.graph()
    assert found(graph) == [Attention(1.0)]
    after = run_passes(run_passes(graph, NEUTRAL), fusing(ALL))
    (node,) = (n for n in after.nodes if isinstance(n.op, Attention))
    assert [v.shape[1] for v in node.inputs] == [6, 2, 2]


def test_narrow_types_with_a_wide_softmax() -> None:
    q, k, v = (apply(Input(n, Tensor(f16, (N, 2, L, 8)))) for n in "qkv")
    scores = apply(Cast(f32), apply(Gemm(trans_b=True), q, k))
    out = apply(Gemm(), apply(Cast(f16), apply(Softmax(3), scores)), v)
    for rules, wanted in ((HALVES, [Attention()]), (ALL, [Attention()])):
        graph = run_passes(Graph("g", [q, k, v], [out], ["y"]), fusing(rules))
        assert [n.op for n in graph.nodes if isinstance(n.op, Attention)] == wanted


def test_float32_that_stays_is_left_alone() -> None:
    graph = run_passes(Layer().graph(), fusing(HALVES))
    assert not any(isinstance(n.op, Attention) for n in graph.nodes)


def test_what_is_something_else_is_left_alone() -> None:
    negative, twice, late, inner = Layer(), Layer(), Layer(), Layer()
    negative.scores = apply(Mul(), negative.scores, number(-1.0))
    late.scores = apply(Mul(), apply(Add(), late.scores, late.bias(late.padding, -5.0)), number(0.5))
    inner.scores = apply(Add(), inner.scores, inner.scores)
    for layer in (negative, late, inner):
        assert found(layer.graph()) == []
    graph = twice.graph()
    graph = Graph("g", graph.inputs, [*graph.outputs, apply(Softmax(3), twice.scores)], ["y", "weights"])
    after = run_passes(graph, fusing(ALL))
    assert not any(isinstance(n.op, Attention) for n in after.nodes)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_random_layers_keep_their_numbers(data: st.DataObject) -> None:
    layer = Layer(heads=4, groups=data.draw(st.sampled_from([0, 1, 2])))
    for _ in range(data.draw(st.integers(0, 3))):
        low = data.draw(st.sampled_from([-np.inf, LOW, -1e4, -5.0]))
        condition = data.draw(st.sampled_from([layer.padding, *(make(layer) for make in CAUSAL.values())]))
        kind = data.draw(st.integers(0, 4))
        if kind == 0:
            layer.add(layer.bias(condition, low))
        elif kind == 1:
            layer.scores = where(condition, layer.scores, number(low))
        elif kind == 2:
            layer.scores = apply(Mul(), layer.scores, number(data.draw(st.sampled_from([0.5, 2.0, -1.0]))))
        elif kind == 3:
            layer.add(apply(Cast(f32), apply(Iota((L, L), data.draw(st.integers(0, 1)), i64))))
        else:
            layer.guard = True
    found(layer.graph(), data.draw(st.integers(1, 6)))


def test_dims_may_be_one() -> None:
    for length in (1, 2):
        layer = Layer()
        layer.add(layer.bias(CAUSAL["positions"](layer)))
        found(layer.graph(), length)


def test_masks_keep_their_range_where_the_rest_is_narrowed() -> None:
    layer = Layer(5, 8)
    hides = apply(Mul(), apply(Cast(f32), layer.padding), number(LOW))
    layer.add(hides)
    graph = narrow(run_passes(run_passes(layer.graph(), NEUTRAL), fusing(ALL)), f16)
    (node,) = (n for n in graph.nodes if isinstance(n.op, Attention))
    assert [v.dtype for v in node.inputs] == [f16, f16, f16, f32]


def test_zeros_where_a_bias_hides_every_key() -> None:
    layer = Layer(5, 8)
    bias = layer.bias(layer.padding)
    layer.add(bias)
    empty = apply(Equal(), apply(Reduce("max", (3,), True), bias), number(-np.inf))
    weights = where(empty, number(0.0), apply(Softmax(3), layer.scores))
    graph = Graph("layer", [*layer.inputs, layer.seen], [apply(Gemm(), weights, layer.v)], ["y"])
    assert found(graph) == [Attention(1.0, empty=True)]
    other = where(layer.padding, number(0.0), apply(Softmax(3), layer.scores))
    graph = Graph("layer", [*layer.inputs, layer.seen], [apply(Gemm(), other, layer.v)], ["y"])
    assert found(graph) == []
