"""What layers that move data mean, against NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minirt as trt
from tests.api.nets import compute, inputs, needs, network, outputs, same

pytestmark = pytest.mark.usefixtures("each_target")
X = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


def test_shuffle_transposes_reshapes_and_transposes() -> None:
    def add(net: Any, x: Any) -> Any:
        layer = net.add_shuffle(x)
        layer.first_transpose = (2, 0, 1)
        layer.reshape_dims = (0, -1)
        layer.second_transpose = (1, 0)
        assert layer.reshape_dims == (0, -1)
        return layer

    same(compute(add, X), X.transpose(2, 0, 1).reshape(4, 6).T)
    same(compute(add, X, dynamic=True), X.transpose(2, 0, 1).reshape(4, 6).T)


def test_shuffle_by_a_shape_tensor() -> None:
    def add(net: Any, x: Any) -> Any:
        layer = net.add_shuffle(x)
        layer.set_input(1, net.add_constant((2,), np.array([4, 6], np.int32)).get_output(0))
        return layer

    same(compute(add, X), X.reshape(4, 6))


@pytest.mark.parametrize(
    ("start", "size", "stride"),
    [((0, 0, 0), (1, 3, 2), (1, 1, 2)), ((1, 2, 3), (2, 3, 4), (-1, -1, -1)), ((0, 1, 3), (2, 1, 2), (1, 1, -2))],
)
def test_slice(start: tuple[int, ...], size: tuple[int, ...], stride: tuple[int, ...]) -> None:
    places = [[s + i * d for i in range(n)] for s, n, d in zip(start, size, stride, strict=True)]
    same(compute(lambda net, x: net.add_slice(x, start, size, stride), X), X[np.ix_(*places)])


@pytest.mark.parametrize(
    ("start", "size", "stride"),
    [((0, 0, 0), (2, 5, 4), (1, 0, 1)), ((1, 0, 2), (3, 3, 5), (0, 1, 0)), ((0, 1, 3), (2, 4, 4), (1, 0, -1))],
)
def test_a_stride_of_0_repeats(start: tuple[int, ...], size: tuple[int, ...], stride: tuple[int, ...]) -> None:
    places = [[s + i * d for i in range(n)] for s, n, d in zip(start, size, stride, strict=True)]
    same(compute(lambda net, x: net.add_slice(x, start, size, stride), X), X[np.ix_(*places)])
    same(compute(lambda net, x: net.add_slice(x, start, size, stride), X, dynamic=True), X[np.ix_(*places)])


def test_the_shape_is_known_while_the_network_is_made() -> None:
    net = network()
    x = net.add_input("x", trt.float32, (2, 1, 4))
    assert tuple(net.add_slice(x, (0, 0, 0), (2, 3, 4), (1, 0, 1)).get_output(0).shape) == (2, 3, 4)


@pytest.mark.parametrize("mode", ["WRAP", "CLAMP", "REFLECT", "FILL"])
def test_slice_past_the_edge(mode: str) -> None:
    start, size, stride = (-1, -2, -3), (4, 6, 9), (1, 1, 1)

    def add(net: Any, x: Any) -> Any:
        layer = net.add_slice(x, start, size, stride)
        layer.mode = getattr(trt.SampleMode, mode)
        if mode == "FILL":
            layer.set_input(4, net.add_constant((), np.array([7], np.float32)).get_output(0))
        return layer

    pads = [(-s, s + n - d) for s, n, d in zip(start, size, X.shape, strict=True)]
    how: dict[str, Any] = {"WRAP": {"mode": "wrap"}, "CLAMP": {"mode": "edge"}, "REFLECT": {"mode": "reflect"}}
    same(compute(add, X), np.pad(X, pads, **how.get(mode, {"constant_values": 7})))


def test_slice_by_tensors() -> None:
    def add(net: Any, x: Any) -> Any:
        layer = net.add_slice(x, trt.Dims(), trt.Dims(), trt.Dims())
        for i, dims in enumerate([(0, 1, 0), (2, 2, 2), (1, 1, 2)]):
            layer.set_input(1 + i, net.add_constant((3,), np.array(dims, np.int32)).get_output(0))
        return layer

    same(compute(add, X), X[:, 1:3, ::2])


def test_concatenation() -> None:
    def add(net: Any, x: Any, y: Any) -> Any:
        layer = net.add_concatenation([x, y])
        assert layer.axis == 0
        layer.axis = 1
        return layer

    same(compute(add, X, X), np.concatenate([X, X], 1))
    assert network().add_concatenation([]) is None


def test_gather_in_each_mode() -> None:
    index = np.array([2, 0], np.int32)
    same(compute(lambda net, x, i: net.add_gather(x, i, 1), X, index), X[:, index])
    where = np.array([[[1, 0, 1, 0], [2, 2, 2, 2], [0, 0, 0, 0]]] * 2, np.int32)

    def element(net: Any, x: Any, i: Any) -> Any:
        layer = net.add_gather_v2(x, i, trt.GatherMode.ELEMENT)
        layer.axis = 1
        return layer

    same(compute(element, X, where), np.take_along_axis(X, where.astype(np.int64), 1))
    pairs = np.array([[0, 1], [1, 2]], np.int32)
    same(compute(lambda net, x, i: net.add_gather_v2(x, i, trt.GatherMode.ND), X, pairs), X[[0, 1], [1, 2]])


def test_shape_is_64_bit() -> None:
    got = compute(lambda net, x: net.add_shape(x), X, dynamic=True)
    assert (got.dtype, got.tolist()) == (np.int64, [2, 3, 4])


def test_reverse_sequence() -> None:
    lengths = np.array([1, 3], np.int32)

    def add(net: Any, x: Any, n: Any) -> Any:
        layer = net.add_reverse_sequence(x, n)
        assert (layer.batch_axis, layer.sequence_axis) == (1, 0)
        layer.batch_axis, layer.sequence_axis = 0, 1
        return layer

    same(compute(add, X, lengths), np.stack([X[0], X[1, ::-1]]))


def test_reverse_sequence_along_any_two_axes() -> None:
    lengths = np.array([2, 4, 1], np.int32)

    def add(net: Any, x: Any, n: Any) -> Any:
        layer = net.add_reverse_sequence(x, n)
        layer.batch_axis, layer.sequence_axis = 1, 2
        return layer

    wanted = X.copy()
    for row, count in enumerate(lengths):
        wanted[:, row, :count] = X[:, row, :count][:, ::-1]
    same(compute(add, X, lengths), wanted)


def test_fill_ramps() -> None:
    net = network()
    layer = net.add_fill((5,), trt.FillOperation.LINSPACE)
    layer.alpha, layer.beta = 1.0, 0.5
    same(outputs(net, layer)[0], 1 + 0.5 * np.arange(5))
    net = network()
    layer = net.add_fill((2, 3), trt.FillOperation.LINSPACE, trt.int32)
    layer.set_input(1, net.add_constant((), np.array([10], np.int32)).get_output(0))
    layer.set_input(2, net.add_constant((2,), np.array([100, 1], np.int32)).get_output(0))
    assert outputs(net, layer)[0].tolist() == [[10, 11, 12], [110, 111, 112]]


def test_fill_random_numbers_stay_in_range() -> None:
    net = network()
    layer = net.add_fill((1000,), trt.FillOperation.RANDOM_UNIFORM)
    layer.alpha, layer.beta = 3.0, 4.0
    got = outputs(net, layer)[0]
    assert got.shape == (1000,)
    assert 3 <= got.min() < 3.1 < 3.9 < got.max() <= 4


def test_constant_keeps_the_array_and_reads_back() -> None:
    net = network()
    layer = net.add_constant((2, 3, 4), X)
    assert (layer.weights == X.reshape(-1)).all()
    assert layer.shape == (2, 3, 4)
    same(outputs(net, layer)[0], X)


@needs("NonMaxSuppression")
def test_nms() -> None:
    boxes = np.array([[[0, 0, 1, 1], [0, 0.05, 1, 1.05], [2, 2, 3, 3]]], np.float32)
    scores = np.array([[[0.9], [0.8], [0.7]]], np.float32)
    net = network()
    b, s = inputs(net, boxes, scores)
    layer = net.add_nms(b, s, net.add_constant((), np.array([10], np.int32)).get_output(0))
    layer.set_input(3, net.add_constant((), np.array([0.5], np.float32)).get_output(0))
    rows, count = outputs(net, layer, boxes, scores)
    assert rows.tolist() == [[0, 0, 0], [0, 0, 2]]
    assert (rows.dtype, int(count), layer.topk_box_limit) == (np.int32, 2, 5000)


@pytest.mark.parametrize("axis", [1, 2])
def test_gather_with_elementwise_dims(axis: int) -> None:
    rng = np.random.default_rng(axis)
    a, index = rng.normal(size=(2, 3, 4, 5)).astype(np.float32), rng.integers(0, 3, (2, 6)).astype(np.int32)

    def add(net: Any, data: Any, places: Any) -> Any:
        layer = net.add_gather(data, places, axis)
        layer.num_elementwise_dims = 1
        return layer

    wanted = np.stack([np.take(part, row, axis - 1) for part, row in zip(a, index, strict=True)])
    same(compute(add, a, index), wanted)
