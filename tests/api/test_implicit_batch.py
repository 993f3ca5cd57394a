"""Networks of 7 and 8 that leave the batch out compute what those with a batch do, sample by sample."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from minirt import v7, v8
from tests.api.nets import same

RNG = np.random.default_rng(31)
F = np.float32
pytestmark = [pytest.mark.usefixtures("cpu"), pytest.mark.filterwarnings("ignore::DeprecationWarning")]


def const(net: Any, *shape: int) -> Any:
    """Add a constant; equal shapes give equal numbers."""
    numbers = np.random.default_rng(int(np.prod(shape))).normal(size=shape).astype(F)
    return net.add_constant(shape, numbers).get_output(0)


def numbers(*shape: int) -> Any:
    """Return weights; equal shapes give equal numbers."""
    return np.random.default_rng(int(np.prod(shape))).normal(size=shape).astype(F)


def put(layer: Any, **fields: Any) -> Any:
    """Set fields of a layer and return it."""
    for name, value in fields.items():
        setattr(layer, name, value)
    return layer


# A layer on x [3, 6, 8] (or [b, 3, 6, 8] where k is 1): k says how many axes are before the first of a sample.
CASES: dict[str, Callable[[Any, Any, Any, int], Any]] = {
    "conv": lambda m, n, x, k: n.add_convolution_nd(x, 4, (3, 3), numbers(4, 3, 3, 3), numbers(4)),
    "deconv": lambda m, n, x, k: n.add_deconvolution_nd(x, 2, (2, 2), numbers(3, 2, 2, 2)),
    "pool": lambda m, n, x, k: put(n.add_pooling_nd(x, m.PoolingType.AVERAGE, (2, 2)), stride_nd=(2, 2)),
    "activation": lambda m, n, x, k: n.add_activation(x, m.ActivationType.TANH),
    "lrn": lambda m, n, x, k: n.add_lrn(x, 3, 1e-2, 0.75, 1.0),
    "scale": lambda m, n, x, k: n.add_scale(x, m.ScaleMode.CHANNEL, numbers(3), numbers(3), np.ones(3, F)),
    "softmax": lambda m, n, x, k: n.add_softmax(x),
    "softmax last": lambda m, n, x, k: put(n.add_softmax(x), axes=1 << 2 + k),
    "concatenation": lambda m, n, x, k: n.add_concatenation([x, x]),
    "concatenation last": lambda m, n, x, k: put(n.add_concatenation([x, x]), axis=2 + k),
    "sum": lambda m, n, x, k: n.add_elementwise(x, const(n, *([1] * k), 3, 1, 8), m.ElementWiseOperation.SUM),
    "unary": lambda m, n, x, k: n.add_unary(x, m.UnaryOperation.EXP),
    "padding": lambda m, n, x, k: n.add_padding_nd(x, (1, 2), (0, 1)),
    "shuffle": lambda m, n, x, k: put(
        n.add_shuffle(x), first_transpose=(*range(k), 2 + k, k, 1 + k), reshape_dims=(*[0] * k, 8, 18)
    ),
    "shuffle with zero": lambda m, n, x, k: put(n.add_shuffle(x), reshape_dims=(*[0] * k, 0, -1)),
    "reduce": lambda m, n, x, k: n.add_reduce(x, m.ReduceOperation.SUM, (1 << 0 | 1 << 2) << k, True),
    "reduce away": lambda m, n, x, k: n.add_reduce(x, m.ReduceOperation.MAX, 1 << 1 + k, False),
    "topk": lambda m, n, x, k: n.add_topk(x, m.TopKOperation.MIN, 2, 1 << 2 + k),
    "gather": lambda m, n, x, k: n.add_gather(
        x, n.add_constant((3,), np.array([4, 0, 5], np.int32)).get_output(0), 1 + k
    ),
    "matmul": lambda m, n, x, k: n.add_matrix_multiply(
        x, m.MatrixOperation.NONE, const(n, *([1] * k), 3, 8, 5), m.MatrixOperation.NONE
    ),
    "matmul of one": lambda m, n, x, k: n.add_matrix_multiply(
        x, m.MatrixOperation.TRANSPOSE, x, m.MatrixOperation.NONE
    ),
    "prelu": lambda m, n, x, k: n.add_parametric_relu(x, const(n, *([1] * k), 3, 1, 1)),
    "slice": lambda m, n, x, k: n.add_slice(
        x, (*[0] * k, 1, 0, 2), (*[2] * k, 2, 6, 3), (*[1] * k, 1, 1, 2)
    ),
    "resize": lambda m, n, x, k: put(n.add_resize(x), scales=(*[1.0] * k, 1.0, 2.0, 2.0)),
    "resize to a shape": lambda m, n, x, k: put(n.add_resize(x), shape=(*[2] * k, 3, 9, 4)),
    "identity": lambda m, n, x, k: n.add_identity(x),
    "select": lambda m, n, x, k: n.add_select(
        n.add_elementwise(x, const(n, *([1] * k), 3, 6, 8), m.ElementWiseOperation.GREATER).get_output(0),
        x,
        const(n, *([1] * k), 3, 6, 8),
    ),
}
ONLY_8 = {
    "normalization": lambda m, n, x, k: n.add_normalization(
        x, const(n, *([1] * k), 3, 1, 1), const(n, *([1] * k), 3, 1, 1), (1 << 1 | 1 << 2) << k
    ),
    "gather of eight": lambda m, n, x, k: put(
        n.add_gather_v2(
            x, n.add_constant((2,), np.array([2, 0], np.int32)).get_output(0), m.GatherMode.DEFAULT
        ),
        axis=k,
    ),
}


def _made(module: Any, add: Any, implicit: bool, x: Any) -> Any:
    builder = module.Builder(module.Logger(module.Logger.ERROR))
    builder.max_batch_size = 4
    net = builder.create_network(0 if implicit else 1)
    given = net.add_input("x", module.float32, x.shape[1:] if implicit else x.shape)
    out = add(module, net, given, 0 if implicit else 1).get_output(0)
    out.name = "y"
    net.mark_output(out)
    engine = builder.build_engine(net, builder.create_builder_config())
    shape = tuple(out.shape)
    y = np.full((len(x), *shape) if implicit else shape, np.nan, F)
    places = [x.ctypes.data, y.ctypes.data]
    context = engine.create_execution_context()
    assert context.execute(len(x), places) if implicit else context.execute_v2(places)
    return y


@pytest.mark.parametrize("kind", CASES)
def test_layers_in_both_kinds_of_networks(kind: str) -> None:
    x = RNG.normal(size=(2, 3, 6, 8)).astype(F)
    implicit, explicit = (_made(v7, CASES[kind], batchless, x) for batchless in (True, False))
    same(implicit, explicit, 1e-6)


@pytest.mark.parametrize("kind", ONLY_8)
def test_layers_of_eight(kind: str) -> None:
    x = RNG.normal(size=(2, 3, 6, 8)).astype(F)
    implicit, explicit = (_made(v8, ONLY_8[kind], batchless, x) for batchless in (True, False))
    same(implicit, explicit, 1e-6)


def test_each_sample_is_gathered_by_its_own_indices() -> None:
    builder = v8.Builder(v8.Logger(v8.Logger.ERROR))
    builder.max_batch_size = 4
    net = builder.create_network()
    x, i = net.add_input("x", v8.float32, (5, 2)), net.add_input("i", v8.int32, (3,))
    y = net.add_gather(x, i, 0).get_output(0)
    assert y.shape == (3, 2)
    y.name = "y"
    net.mark_output(y)
    context = builder.build_engine(net, builder.create_builder_config()).create_execution_context()
    a = RNG.normal(size=(4, 5, 2)).astype(F)
    index = RNG.integers(0, 5, (4, 3)).astype(np.int32)
    got = np.empty((4, 3, 2), F)
    assert context.execute(4, [a.ctypes.data, index.ctypes.data, got.ctypes.data])
    assert np.array_equal(got, np.stack([s[row] for s, row in zip(a, index, strict=True)]))


def test_fully_connected_of_any_rank() -> None:
    builder = v7.Builder(v7.Logger(v7.Logger.ERROR))
    builder.max_batch_size = 4
    net = builder.create_network()
    w = numbers(5, 48)
    y = net.add_fully_connected(net.add_input("x", v7.float32, (3, 4, 4)), 5, w, numbers(5)).get_output(0)
    y.name = "y"
    net.mark_output(y)
    x, got = RNG.normal(size=(3, 3, 4, 4)).astype(F), np.empty((3, 5, 1, 1), F)
    context = builder.build_cuda_engine(net).create_execution_context()
    assert context.execute(batch_size=3, bindings=[x.ctypes.data, got.ctypes.data])
    same(got[:, :, 0, 0], x.reshape(3, -1) @ w.T + numbers(5), 1e-4)
