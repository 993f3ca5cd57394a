"""What single rules do: the pattern is found, and the replacement is what the equation says."""

from __future__ import annotations

import numpy as np

from minirt.ir.graph import Graph, Input, constant
from minirt.ir.op import Op, Value, apply
from minirt.ops.activation import Relu, Sigmoid
from minirt.ops.arithmetic import Add, Div, Mul, Pow, Sub
from minirt.ops.arithmetic_functions import Erf, Exp, Sqrt
from minirt.ops.control import Loop
from minirt.ops.convolution import Conv
from minirt.ops.evaluate import evaluate
from minirt.ops.gemm import Gemm
from minirt.ops.logic import Less
from minirt.ops.movement import Dims, Slice, Transpose
from minirt.ops.normalization import Normalization
from minirt.ops.pointwise import Map
from minirt.ops.reduce import Reduce
from minirt.ops.softmax import Softmax
from minirt.optimize.pipeline import FUSING, NEUTRAL, run_passes
from minirt.optimize.rewrite import rewrite
from minirt.types.dim import symbol
from minirt.types.dtype import bool_, f32, i64
from minirt.types.tensor import Tensor

N = symbol("N")


def given(*shape: object, name: str = "x") -> Value:
    return apply(Input(name, Tensor(f32, tuple(shape))))  # type: ignore[arg-type]


def fused(*outputs: Value) -> Graph:
    inputs = list(dict.fromkeys(v for o in outputs for v in _inputs(o)))
    return run_passes(Graph("g", inputs, outputs, [f"y{i}" for i in range(len(outputs))]), NEUTRAL + FUSING)


def _inputs(value: Value) -> list[Value]:
    if isinstance(value.op, Input):
        return [value]
    return [v for operand in value.node.inputs for v in _inputs(operand)]


def ops(graph: Graph) -> list[type[Op]]:
    return [type(n.op) for n in graph.nodes if type(n.op).__name__ not in ("Input", "Constant")]


def test_softmax_written_out_is_found() -> None:
    x = given(N, 7)
    e = apply(Exp(), apply(Sub(), x, apply(Reduce("max", (1,), True), x)))
    assert ops(fused(apply(Div(), e, apply(Reduce("sum", (1,), True), e)))) == [Softmax]


def test_layer_norm_written_out_is_one_node_with_scale_and_shift() -> None:
    x = given(N, 8)
    centred = apply(Sub(), x, apply(Reduce("mean", (1,), True), x))
    squares = apply(Pow(), centred, constant(2.0, f32))
    deviation = apply(Sqrt(), apply(Add(), apply(Reduce("mean", (1,), True), squares), constant(1e-5, f32)))
    scaled = apply(Mul(), apply(Div(), centred, deviation), constant(np.arange(8.0), f32))
    assert ops(fused(apply(Add(), scaled, constant(np.ones(8), f32)))) == [Normalization]


def test_batch_norm_goes_into_the_weights_and_relu_into_the_epilogue() -> None:
    x, w = given(N, 3, 9, 9), constant(np.ones((4, 3, 3, 3)), f32)
    y = apply(Conv((1, 1), (1, 1, 1, 1), (1, 1)), x, w)
    y = apply(Mul(), y, constant(np.full((4, 1, 1), 2.0), f32))
    graph = fused(apply(Relu(), apply(Add(), y, constant(np.ones((4, 1, 1)), f32))))
    assert ops(graph) == [Conv]
    (conv,) = (n for n in graph.nodes if isinstance(n.op, Conv))
    weights = conv.inputs[1].op.data.array  # type: ignore[attr-defined]
    np.testing.assert_array_equal(weights, np.full((4, 3, 3, 3), 2.0))


def test_gelu_is_one_region_and_joins_the_product_before_it() -> None:
    x = apply(Gemm(), given(N, 6), constant(np.ones((6, 5)), f32))
    half = apply(Mul(), x, constant(0.5, f32))
    inner = apply(Add(), apply(Erf(), apply(Div(), x, constant(2**0.5, f32))), constant(1.0, f32))
    assert ops(fused(apply(Mul(), half, inner))) == [Gemm]


def test_products_of_one_operand_are_one_product() -> None:
    x = given(N, 6)
    rng = np.random.default_rng(0)

    def projected(columns: int) -> Value:
        product = apply(Gemm(), x, constant(rng.normal(size=(6, columns)), f32))
        return apply(Add(), product, constant(rng.normal(size=columns), f32))

    q, k, v = projected(4), projected(4), projected(5)
    scores = apply(Gemm(trans_b=True), q, k)
    before = Graph("g", [x], [scores, v], ["scores", "v"])
    graph = run_passes(before, NEUTRAL + FUSING)
    assert ops(graph).count(Gemm) == 2 and ops(graph).count(Slice) == 3
    feeds = {"x": rng.normal(size=(3, 6))}
    for want, got in zip(evaluate(before, feeds, True), evaluate(graph, feeds, True), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12)


def test_products_with_different_epilogues_stay_apart() -> None:
    x = given(N, 6)
    a = apply(Relu(), apply(Gemm(), x, constant(np.ones((6, 4)), f32)))
    b = apply(Gemm(), x, constant(np.full((6, 4), 2.0), f32))
    assert ops(fused(a, b)) == [Gemm, Gemm]


def test_a_value_read_twice_is_not_computed_twice() -> None:
    y = apply(Exp(), given(N, 6))
    graph = fused(apply(Softmax(1, False), y), apply(Reduce("sum", (1,), False), y))
    assert ops(graph).count(Map) + ops(graph).count(Exp) == 1


def test_a_transposed_weight_is_read_as_it_lies() -> None:
    x, w = given(N, 6), given(5, 6, name="w")
    graph = fused(apply(Gemm(), x, apply(Transpose((1, 0)), w)))
    assert [n.op.trans_b for n in graph.nodes if isinstance(n.op, Gemm)] == [True]


def test_a_loop_whose_condition_the_trip_count_implies_has_none() -> None:
    """``while i + 1 < n`` over n iterations: the stacked result's length is n, known when the graph is built."""
    i, going = apply(Input("i", Tensor(i64, ()))), apply(Input("going", Tensor(bool_, ())))
    state = apply(Input("s", Tensor(f32, (4,))))
    after = apply(Sigmoid(), state)
    count = apply(Dims((N,), i64, ()))
    goes_on = apply(Less(), apply(Add(), i, constant(1, i64)), count)
    body = Graph("body", [i, going, state], [goes_on, after, after], ["c", "s", "y"])
    x = given(4)
    extra = given(N, name="n")
    outs = apply_loop(body, count, x)
    before = Graph("g", [x, extra], [outs[1]], ["y"])
    graph = run_passes(before, NEUTRAL)
    assert graph.outputs[0].shape == (N, 4)
    feeds = {"x": np.ones(4), "n": np.zeros(3)}
    assert not any(isinstance(n.op, Loop) and n.op.has_condition for n in graph.nodes)
    assert graph.input_names == tuple(feeds)


def apply_loop(body: Graph, count: Value, x: Value) -> tuple[Value, ...]:
    from_true = constant(np.array(True), bool_)
    first = apply(Loop(body, 1, True, True), count, from_true, x)
    return first.node.outputs


def test_a_long_chain_is_swept_a_few_times_only() -> None:
    """20,000 nodes: each sweep visits a node once, and fusing needs a few sweeps, not one a node."""
    x = y = given(N, 4)
    for k in range(20_000):
        y = apply(Relu() if k % 2 else Sigmoid(), y)
    graph = Graph("chain", [x], [y], ["y"])
    out = rewrite(graph, FUSING[1].rules, "chain")
    assert len(out.nodes) < 1_000
    feeds = {"x": np.linspace(-2, 2, 8).reshape(2, 4)}
    np.testing.assert_allclose(evaluate(out, feeds, True)[0], evaluate(graph, feeds, True)[0], rtol=1e-12)
