"""What is said of integer tensors for every size is so at every size tried."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from minirt.ir.graph import Graph, Input, constant
from minirt.ir.op import Value, apply
from minirt.ops.arithmetic import Add, Mul, Sub
from minirt.ops.cast import Cast
from minirt.ops.evaluate import evaluate
from minirt.ops.indexing import GatherND
from minirt.ops.logic import And, Equal, Greater, GreaterOrEqual, Less, LessOrEqual, Not, Or
from minirt.ops.movement import Concat, Expand, Iota, Reshape, Slice, Transpose
from minirt.ops.ordering import Cumulative
from minirt.optimize.ramps import Ramp, ramp, truth
from minirt.types.dim import minimum, symbol
from minirt.types.dtype import bool_, f32, i64
from minirt.types.evaluate import Evaluator
from minirt.types.tensor import Tensor

N, M = symbol("N"), symbol("M")
Draw = Any


def number(x: int) -> Value:
    return constant(np.int64(x), i64)


def grown(draw: Draw) -> Value:
    """A matrix [N, M], or what can be broadcast to it, of integers."""
    values: list[Value] = [
        apply(Iota((N, 1), 0, i64)),
        apply(Iota((1, M), 1, i64)),
        number(2),
        apply(Iota((N, M), 1, i64)),
    ]
    for _ in range(draw(st.integers(1, 6))):
        a, b = (draw(st.sampled_from(values)) for _ in range(2))
        kind = draw(st.integers(0, 7))
        if kind < 3:
            values.append(apply((Add(), Sub(), Mul())[kind], a, b))
        elif kind == 3:
            values.append(apply(Expand((N, M)), a))
        elif kind == 4 and a.rank == 2 and a.shape == (N, M):
            values.append(apply(Transpose((1, 0)), apply(Transpose((1, 0)), a)))
        elif kind == 5 and a.rank == 2:
            values.append(apply(Reshape(a.shape), apply(Reshape((1, *a.shape, 1)), a)))
        elif kind == 6:
            values.append(apply(Cast(i64), compared(draw, a, b)))
        elif kind == 7 and a.shape == (N, M):
            values.append(apply(Cumulative("sum", 1), apply(Cast(i64), compared(draw, a, b))))
    return values[-1]


def compared(draw: Draw, a: Value, b: Value) -> Value:
    made = apply(draw(st.sampled_from([Equal(), Less(), LessOrEqual(), Greater(), GreaterOrEqual()])), a, b)
    kind = draw(st.integers(0, 3))
    if kind == 0:
        return apply(Not(), made)
    if kind == 3:
        return made
    return apply((And(), Or())[kind - 1], made, constant(np.array(draw(st.booleans())), bool_))


def numbers(value: Value, n: int, m: int) -> np.ndarray[Any, Any]:
    """The value at these sizes."""
    given_dims = apply(Input("x", Tensor(f32, (N, M))))
    graph = Graph("g", [given_dims], [value], ["y"])
    return np.asarray(evaluate(graph, {"x": np.zeros((n, m), np.float32)})[0])


def said(found: Ramp, shape: tuple[int, ...], n: int, m: int) -> np.ndarray[Any, Any]:
    out = np.full(shape, Evaluator({"N": n, "M": m}).integer(found.base))
    for axis, step in enumerate(found.steps):
        out = out + step * np.arange(shape[axis]).reshape([-1 if i == axis else 1 for i in range(len(shape))])
    return out


@settings(max_examples=300, deadline=None)
@given(data=st.data(), n=st.integers(1, 4), m=st.integers(1, 4))
def test_ramps_and_truths_hold(data: st.DataObject, n: int, m: int) -> None:
    value = grown(data.draw)
    found = ramp(value)
    if found is not None:
        exact = numbers(value, n, m)
        np.testing.assert_array_equal(said(found, exact.shape, n, m), exact)
    condition = compared(data.draw, value, grown(data.draw))
    known = truth(condition)
    if known is not None:
        assert (numbers(condition, n, m) == known).all()


def test_positions_found_by_their_differences() -> None:
    """As exporters tell sequences apart that were packed into one: a new one begins where positions do not go on."""
    row = apply(Expand((N, M)), apply(Iota((1, M), 1, i64)))
    first = apply(Sub(), apply(Slice((0, 0), (N, minimum(1, M)), (1, 1)), row), number(1))
    both = apply(Concat(1), first, row)
    assert ramp(both) == Ramp((0, 1), -1)
    ahead = apply(Slice((0, 1), (N, M), (1, 1)), both)
    behind = apply(Slice((0, 0), (N, M), (1, 1)), both)
    begins = apply(Not(), apply(Equal(), apply(Sub(), ahead, behind), number(1)))
    assert truth(begins) is False
    assert ramp(apply(Cumulative("sum", 1), apply(Cast(i64), begins))) == Ramp((0, 0), 0)


def test_parts_that_do_not_go_on_are_no_ramp() -> None:
    row = apply(Iota((1, M), 1, i64))
    assert ramp(apply(Concat(1), row, row)) is None
    assert ramp(apply(Concat(1), number_row(5), row)) is None
    assert ramp(apply(Concat(1), number_row(-1), row)) == Ramp((0, 1), -1)


def number_row(x: int) -> Value:
    return constant(np.full((1, 1), x), i64)


def test_gathering_at_coordinates() -> None:
    table = apply(Iota((N, M), 1, i64))
    rows = apply(Expand((N, M, 1)), apply(Iota((N, 1, 1), 0, i64)))
    columns = apply(Expand((N, M, 1)), apply(Iota((1, M, 1), 1, i64)))
    assert ramp(apply(GatherND(), table, apply(Concat(2), rows, columns))) == Ramp((0, 1), 0)
    assert ramp(apply(GatherND(), table, apply(Concat(2), columns, rows))) == Ramp((1, 0), 0)
    behind = apply(Sub(), columns, number(1))
    assert ramp(apply(GatherND(), table, apply(Concat(2), rows, behind))) is None
