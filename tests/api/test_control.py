"""Loops and conditionals made by hand, against Python."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minirt as trt
from minirt.build.freeze import freeze
from minirt.ops.evaluate import evaluate
from tests.api.nets import inputs, network, same

X = np.arange(12, dtype=np.float32).reshape(4, 3)
SUM = trt.ElementWiseOperation.SUM


def number(net: Any, value: Any, dtype: Any = np.int32) -> Any:
    return net.add_constant((), np.array([value], dtype)).get_output(0)


def results(net: Any, *layers: Any, **feeds: Any) -> list[Any]:
    for layer in layers:
        net.mark_output(layer.get_output(0))
    return evaluate(freeze(net._state), feeds)


def test_a_counted_loop_carries_and_stacks() -> None:
    net = network()
    (x,) = inputs(net, X)
    loop = net.add_loop()
    assert loop.name == "(Unnamed Loop* 0)"
    count = number(net, 4)
    loop.add_trip_limit(count, trt.TripLimit.COUNT)
    row = loop.add_iterator(x)
    total = loop.add_recurrence(net.add_constant((3,), np.zeros(3, np.float32)).get_output(0))
    assert total.get_output(0).shape == (3,)
    after = net.add_elementwise(total.get_output(0), row.get_output(0), SUM).get_output(0)
    total.set_input(1, after)
    last = loop.add_loop_output(total.get_output(0), trt.LoopOutput.LAST_VALUE)
    rows = loop.add_loop_output(after, trt.LoopOutput.CONCATENATE, 1)
    rows.set_input(1, count)
    back = loop.add_loop_output(after, trt.LoopOutput.REVERSE)
    back.set_input(1, count)
    assert (rows.kind, rows.axis, last.loop.name) == (trt.LoopOutput.CONCATENATE, 1, loop.name)
    got = results(net, last, rows, back, a=X)
    same(got[0], X.sum(0))
    same(got[1], np.cumsum(X, 0).T)
    same(got[2], np.cumsum(X, 0)[::-1])


def test_a_loop_while_a_condition_holds() -> None:
    net = network()
    (limit,) = inputs(net, np.array(100, np.float32).reshape(()))
    loop = net.add_loop()
    value = loop.add_recurrence(number(net, 1, np.float32))
    less = net.add_elementwise(value.get_output(0), limit, trt.ElementWiseOperation.LESS).get_output(0)
    loop.add_trip_limit(less, trt.TripLimit.WHILE)
    value.set_input(1, net.add_elementwise(value.get_output(0), value.get_output(0), SUM).get_output(0))
    out = loop.add_loop_output(value.get_output(0), trt.LoopOutput.LAST_VALUE)
    net.mark_output(out.get_output(0))
    graph = freeze(net._state)
    for limit_value, wanted in ((100, 128), (1, 1), (2, 2)):
        assert float(evaluate(graph, {"a": np.float32(limit_value)})[0]) == wanted


def test_an_iterator_may_run_backwards_along_another_axis() -> None:
    net = network()
    (x,) = inputs(net, X)
    loop = net.add_loop()
    count = number(net, 3)
    loop.add_trip_limit(count, trt.TripLimit.COUNT)
    column = loop.add_iterator(x, 1, True)
    assert (column.axis, column.reverse) == (1, True)
    out = loop.add_loop_output(column.get_output(0), trt.LoopOutput.CONCATENATE)
    out.set_input(1, count)
    same(results(net, out, a=X)[0], X[:, ::-1].T)


def test_loops_nest() -> None:
    net = network()
    (x,) = inputs(net, X)
    outer = net.add_loop()
    outer.add_trip_limit(number(net, 4), trt.TripLimit.COUNT)
    row = outer.add_iterator(x).get_output(0)
    inner = net.add_loop()
    inner.add_trip_limit(number(net, 3), trt.TripLimit.COUNT)
    item = inner.add_iterator(row).get_output(0)
    total = inner.add_recurrence(number(net, 0, np.float32))
    total.set_input(1, net.add_elementwise(total.get_output(0), item, SUM).get_output(0))
    row_sum = inner.add_loop_output(total.get_output(0), trt.LoopOutput.LAST_VALUE).get_output(0)
    out = outer.add_loop_output(row_sum, trt.LoopOutput.CONCATENATE)
    out.set_input(1, number(net, 4))
    same(results(net, out, a=X)[0], X.sum(1))


@pytest.mark.parametrize("taken", [True, False])
def test_a_conditional_runs_one_branch(taken: bool) -> None:
    net = network()
    flag, x = inputs(net, np.array(taken), X)
    conditional = net.add_if_conditional()
    conditional.set_condition(flag)
    inside = conditional.add_input(x).get_output(0)
    double = net.add_elementwise(inside, inside, SUM).get_output(0)
    negative = net.add_unary(inside, trt.UnaryOperation.NEG).get_output(0)
    out = conditional.add_output(double, negative)
    assert out.get_output(0).shape == (4, 3)
    same(results(net, out, a=np.array(taken), b=X)[0], 2 * X if taken else -X)


def test_an_engine_with_a_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIRT_TARGET", "cpu")
    builder = trt.Builder(trt.Logger())
    net = builder.create_network()
    n = net.add_input("n", trt.int32, ())
    loop = net.add_loop()
    loop.add_trip_limit(n, trt.TripLimit.COUNT)
    value = loop.add_recurrence(net.add_constant((2,), np.ones(2, np.float32)).get_output(0))
    value.set_input(1, net.add_elementwise(value.get_output(0), value.get_output(0), SUM).get_output(0))
    out = loop.add_loop_output(value.get_output(0), trt.LoopOutput.LAST_VALUE).get_output(0)
    out.name = "y"
    net.mark_output(out)
    engine = builder.build_engine_with_config(net, builder.create_builder_config())
    context = engine.create_execution_context()
    for count in (0, 1, 5):
        assert context.run({"n": np.array(count, np.int32)})["y"].tolist() == [2.0**count] * 2
