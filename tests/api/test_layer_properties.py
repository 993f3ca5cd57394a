"""Layers of random shapes, axes, types and attributes agree with onnxruntime or NumPy, on each target."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import minirt as trt
from tests.api.nets import compute, inputs, network, outputs
from tests.api.properties import FLOATS, TYPES, axis_of, close, few, ints, onnx
from tests.ops.strategies import array, broadcasting, shapes

pytestmark = pytest.mark.usefixtures("every_target")

SAME: dict[str, Callable[..., Any]] = {
    "SUM": np.add, "PROD": np.multiply, "MAX": np.maximum, "MIN": np.minimum, "SUB": np.subtract,
    "EQUAL": np.equal, "GREATER": np.greater, "LESS": np.less,
}  # fmt: skip


@pytest.mark.parametrize("name", SAME)
@few
@given(pair=broadcasting(2), dtype=TYPES)
def test_elementwise(name: str, pair: list[tuple[int, ...]], dtype: Any) -> None:
    rank = max(map(len, pair))
    a, b = (array((1,) * (rank - len(s)) + s, dtype, i) for i, s in enumerate(pair))
    close(
        compute(lambda net, x, y: net.add_elementwise(x, y, getattr(trt.ElementWiseOperation, name)), a, b),
        SAME[name](a, b),
    )


@pytest.mark.parametrize("name", ["SUM", "PROD", "MAX", "MIN", "AVG"])
@few
@given(shape=shapes(1, 5), dtype=FLOATS, keep=st.booleans(), data=st.data())
def test_reduce(name: str, shape: tuple[int, ...], dtype: Any, keep: bool, data: st.DataObject) -> None:
    axes = tuple(data.draw(st.sets(st.integers(0, len(shape) - 1), min_size=1)))
    x = array(shape, dtype, low=0.5, high=1.5)
    how = {"SUM": np.sum, "PROD": np.prod, "MAX": np.max, "MIN": np.min, "AVG": np.mean}[name]
    mask = sum(1 << a for a in axes)
    got = compute(lambda net, v: net.add_reduce(v, getattr(trt.ReduceOperation, name), mask, keep), x)
    close(got, how(x.astype(np.float64), axis=axes, keepdims=keep).astype(dtype))  # type: ignore[operator]


@few
@given(shape=shapes(1, 4), dtype=FLOATS, data=st.data())
def test_softmax(shape: tuple[int, ...], dtype: Any, data: st.DataObject) -> None:
    axis, x = axis_of(data, len(shape)), array(shape, dtype)

    def add(net: Any, v: Any) -> Any:
        layer = net.add_softmax(v)
        layer.axes = 1 << axis
        return layer

    e = np.exp(x.astype(np.float64) - x.max(axis, keepdims=True))
    close(compute(add, x), (e / e.sum(axis, keepdims=True)).astype(dtype))


@few
@given(batch=shapes(0, 2), m=st.integers(1, 9), k=st.integers(1, 9), n=st.integers(1, 9), dtype=FLOATS, data=st.data())
def test_matrix_multiply(batch: tuple[int, ...], m: int, k: int, n: int, dtype: Any, data: st.DataObject) -> None:
    turned = [data.draw(st.booleans()) for _ in range(2)]
    a = array((*batch, k, m) if turned[0] else (*batch, m, k), dtype, 0)
    b = array((*batch, n, k) if turned[1] else (*batch, k, n), dtype, 1)
    ops = [trt.MatrixOperation.TRANSPOSE if t else trt.MatrixOperation.NONE for t in turned]
    left, right = (np.swapaxes(v, -1, -2) if t else v for v, t in zip((a, b), turned, strict=True))
    got = compute(lambda net, x, y: net.add_matrix_multiply(x, ops[0], y, ops[1]), a, b)
    close(got, (left.astype(np.float64) @ right.astype(np.float64)).astype(dtype))


@pytest.mark.parametrize("equation", ["ij,jk->ik", "bhqd,bhkd->bhqk", "ij->ji", "ii->i", "bi,bj->bij", "abc,cd->abd"])
@few
@given(side=st.integers(1, 5), dtype=FLOATS)
def test_einsum(equation: str, side: int, dtype: Any) -> None:
    terms = equation.partition("->")[0].split(",")
    size = {letter: side + i % 3 for i, letter in enumerate(sorted(set("".join(terms))))}
    arrays = [array(tuple(size[c] for c in t), dtype, i) for i, t in enumerate(terms)]
    got = compute(lambda net, *values: net.add_einsum(list(values), equation), *arrays)
    close(got, np.einsum(equation, *(a.astype(np.float64) for a in arrays)).astype(dtype))


@few
@given(shape=shapes(1, 3, side=7), k=st.integers(1, 3), largest=st.booleans(), data=st.data())
def test_topk(shape: tuple[int, ...], k: int, largest: bool, data: st.DataObject) -> None:
    axis = axis_of(data, len(shape))
    k = min(k, shape[axis])
    count = int(np.prod(shape))
    x = np.random.default_rng(count).permutation(count).astype(np.float32).reshape(shape)
    net = network()
    op = trt.TopKOperation.MAX if largest else trt.TopKOperation.MIN
    values, places = outputs(net, net.add_topk(inputs(net, x)[0], op, k, 1 << axis), x)
    order = np.take(np.argsort(-x if largest else x, axis, kind="stable"), range(k), axis)
    close(values, np.take_along_axis(x, order, axis))
    close(places, order.astype(np.int32))


@few
@given(shape=shapes(1, 4), dtype=FLOATS, exclusive=st.booleans(), reverse=st.booleans(), data=st.data())
def test_cumulative(shape: tuple[int, ...], dtype: Any, exclusive: bool, reverse: bool, data: st.DataObject) -> None:
    axis, x = axis_of(data, len(shape)), array(shape, dtype)

    def add(net: Any, v: Any) -> Any:
        return net.add_cumulative(v, ints(net, [axis]), trt.CumulativeOperation.SUM, exclusive, reverse)

    flags = {"exclusive": int(exclusive), "reverse": int(reverse)}
    close(compute(add, x), onnx("CumSum", x.astype(np.float32), np.array(axis), **flags).astype(dtype))


@few
@given(shape=shapes(2, 4, smallest=2), dtype=TYPES, data=st.data())
def test_gather(shape: tuple[int, ...], dtype: Any, data: st.DataObject) -> None:
    axis, x = axis_of(data, len(shape)), array(shape, dtype)
    size = shape[axis]
    index = np.array(data.draw(st.lists(st.integers(-size, size - 1), min_size=1, max_size=4)), np.int32)
    close(compute(lambda net, v, i: net.add_gather(v, i, axis), x, index), np.take(x, index, axis))
    along = np.random.default_rng(1).integers(0, size, shape).astype(np.int32)

    def element(net: Any, v: Any, i: Any) -> Any:
        layer = net.add_gather_v2(v, i, trt.GatherMode.ELEMENT)
        layer.axis = axis
        return layer

    close(compute(element, x, along), np.take_along_axis(x, along.astype(np.int64), axis))


@few
@given(shape=shapes(2, 4, smallest=2), dtype=st.sampled_from([np.float32, np.int32]), data=st.data())
def test_scatter(shape: tuple[int, ...], dtype: Any, data: st.DataObject) -> None:
    axis, x = axis_of(data, len(shape)), array(shape, dtype)
    rows = tuple(1 if i == axis else d for i, d in enumerate(shape))
    index = np.random.default_rng(2).integers(0, shape[axis], rows).astype(np.int32)
    new = array(rows, dtype, 3)

    def element(net: Any, v: Any, i: Any, u: Any) -> Any:
        layer = net.add_scatter(v, i, u, trt.ScatterMode.ELEMENT)
        layer.axis = axis
        return layer

    wanted = x.copy()
    np.put_along_axis(wanted, index.astype(np.int64), new, axis)
    close(compute(element, x, index, new), wanted)
    place = np.array([[shape[0] - 1], [0]], np.int32)
    many = array((2, *shape[1:]), dtype, 4)
    close(
        compute(lambda net, v, i, u: net.add_scatter(v, i, u, trt.ScatterMode.ND), x, place, many),
        onnx("ScatterND", x, place.astype(np.int64), many),
    )


@few
@given(shape=shapes(1, 4), dtype=TYPES, count=st.integers(1, 3), data=st.data())
def test_concatenation(shape: tuple[int, ...], dtype: Any, count: int, data: st.DataObject) -> None:
    axis = axis_of(data, len(shape))
    parts = [array(tuple(d + i * (n == axis) for n, d in enumerate(shape)), dtype, i) for i in range(count)]

    def add(net: Any, *values: Any) -> Any:
        layer = net.add_concatenation(list(values))
        layer.axis = axis
        return layer

    close(compute(add, *parts), np.concatenate(parts, axis))


@few
@given(shape=shapes(2, 4), dtype=TYPES, dynamic=st.booleans(), data=st.data())
def test_shuffle(shape: tuple[int, ...], dtype: Any, dynamic: bool, data: st.DataObject) -> None:
    first = tuple(data.draw(st.permutations(range(len(shape)))))
    x = array(shape, dtype)
    moved = x.transpose(first)
    dims = (-1, shape[first[-1]])
    second = data.draw(st.permutations([0, 1]))

    def add(net: Any, v: Any) -> Any:
        layer = net.add_shuffle(v)
        layer.first_transpose, layer.reshape_dims, layer.second_transpose = first, dims, tuple(second)
        return layer

    close(compute(add, x, dynamic=dynamic), moved.reshape(dims).transpose(second))


@pytest.mark.parametrize("mode", ["STRICT_BOUNDS", "WRAP", "CLAMP", "REFLECT", "FILL"])
@few
@given(shape=shapes(1, 3, side=6, smallest=2), data=st.data())
def test_slice(mode: str, shape: tuple[int, ...], data: st.DataObject) -> None:
    x = array(shape)
    out = 0 if mode == "STRICT_BOUNDS" else 1
    starts = [data.draw(st.integers(-out, d - 1)) for d in shape]
    sizes = [data.draw(st.integers(1, d - s + out)) for d, s in zip(shape, starts, strict=True)]

    def add(net: Any, v: Any) -> Any:
        layer = net.add_slice(v, tuple(starts), tuple(sizes), (1,) * len(shape))
        layer.mode = getattr(trt.SampleMode, mode)
        return layer

    how: dict[str, Any] = {"WRAP": {"mode": "wrap"}, "CLAMP": {"mode": "edge"}, "REFLECT": {"mode": "reflect"}}
    padded = np.pad(x, 1, **how.get(mode, {}))
    close(compute(add, x), padded[tuple(slice(s + 1, s + 1 + n) for s, n in zip(starts, sizes, strict=True))])


@few
@given(shape=shapes(1, 3), dtype=st.sampled_from([np.float32, np.bool_, np.int32]))
def test_non_zero(shape: tuple[int, ...], dtype: Any) -> None:
    x = array(shape, dtype, low=-1, high=1)
    if dtype == np.float32:
        x = np.rint(x).astype(np.float32)
    close(compute(lambda net, v: net.add_non_zero(v), x), np.stack(np.nonzero(x)).astype(np.int32))


@few
@given(shape=shapes(2, 3, smallest=2), data=st.data())
def test_one_hot(shape: tuple[int, ...], data: st.DataObject) -> None:
    axis = data.draw(st.integers(-1, len(shape)))
    index = array(shape, np.int32, low=0, high=4)

    def add(net: Any, i: Any) -> Any:
        values = net.add_constant((2,), np.array([-1, 2], np.float32)).get_output(0)
        depth = net.add_constant((), np.array([5], np.int32)).get_output(0)
        return net.add_one_hot(i, values, depth, axis)

    off_on = np.array([-1, 2], np.float32)
    close(compute(add, index), onnx("OneHot", index.astype(np.int64), np.array(5), off_on, axis=axis))


@few
@given(shape=shapes(2, 4), data=st.data())
def test_reverse_sequence(shape: tuple[int, ...], data: st.DataObject) -> None:
    batch = data.draw(st.integers(0, 1))
    lengths = np.array([data.draw(st.integers(1, shape[1 - batch])) for _ in range(shape[batch])], np.int32)
    x = array(shape)

    def add(net: Any, v: Any, n: Any) -> Any:
        layer = net.add_reverse_sequence(v, n)
        layer.batch_axis, layer.sequence_axis = batch, 1 - batch
        return layer

    wanted = onnx("ReverseSequence", x, lengths.astype(np.int64), batch_axis=batch, time_axis=1 - batch)
    close(compute(add, x, lengths), wanted)
