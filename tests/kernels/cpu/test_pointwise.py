"""Pointwise regions on the CPU: strides, broadcasting, layouts, coordinates."""

from __future__ import annotations

import numpy as np
import pytest

from minirt.ir.scalar import Body, Scalar, arg, call, cast, const, index
from minirt.kernels.cpu.nest import collapse
from minirt.kernels.cpu.pointwise import MapStrided
from minirt.ops.pointwise import Map
from minirt.types.dim import symbol
from minirt.types.dtype import Array, bf16, bool_, f16, f32, i32, i64
from tests.kernels.cpu.harness import check, launch_all, problem_of

_A, _B = arg(0, f32), arg(1, f32)
_ADD_RELU = Map(Body((f32, f32), (call("max", call("add", _A, _B), const(0.0, f32)),)))


def _random(shape: tuple[int, ...], seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ((), ()), ((0,), (1,)), ((3, 0, 2), (3, 1, 2)), ((5,), (5,)), ((1000,), (1,)), ((2, 3, 4), (4,)),
        ((2, 3, 4, 5), (1, 3, 1, 1)), ((7, 1, 33), (1, 5, 33)), ((2, 1, 3, 1, 2, 1), (1, 4, 1, 5, 1, 6)), ((), (3, 3)),
    ],
)  # fmt: skip
def test_broadcasting(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    """NumPy's rules, empty and rank-0 tensors included."""
    check(_ADD_RELU, [_random(left), _random(right, 1)])


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (0, 2, 3, 1), (3, 2, 1, 0)])
def test_layouts_and_strides(order: tuple[int, ...]) -> None:
    """Channels last, transposed, sliced and reversed operands."""
    x = _random((2, 6, 5, 7))
    channels_last = np.ascontiguousarray(x.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    sliced = _random((4, 6, 9, 14))[::2, :, 2:7, ::2]
    check(_ADD_RELU, [channels_last, sliced], orders=[order])
    check(_ADD_RELU, [x[:, ::-1], _random((1, 6, 1, 1))], orders=[order])
    check(_ADD_RELU, [x, _random((7, 5, 6, 2)).transpose(3, 2, 1, 0)], orders=[order])


def test_several_results_of_several_types() -> None:
    """Results are written together; bool and narrow floats are stored as such."""
    h, b, n = arg(0, f16), arg(1, bf16), arg(2, i32)
    results: tuple[Scalar, ...] = (
        cast(call("add", h, cast(b, f32)), f16), call("lt", h, cast(b, f32)), cast(n, bf16),
        cast(call("mul", n, n), i64),
    )  # fmt: skip
    arrays = [
        _random((5, 9)).astype(np.float16),
        _random((5, 1)).astype(bf16.numpy),
        np.arange(45, dtype=np.int32).reshape(5, 9),
    ]
    check(Map(Body((f16, bf16, i32), results)), arrays, tolerance=1e-2)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_coordinates(order: tuple[int, ...]) -> None:
    """index(-k) is the coordinate along the k-th axis from the end, in any memory order."""
    keep = call("ge", index(-1), call("sub", index(-2), const(2, i64)))
    body = Body((f32,), (call("select", keep, arg(0, f32), const(0.0, f32)), cast(index(-3), f32)))
    check(Map(body), [_random((4, 6, 7))], orders=[order, order])


def test_select_on_bool_operand() -> None:
    """bool operands are bytes, broadcast like any other."""
    body = Body((bool_, f32), (call("select", arg(0, bool_), arg(1, f32), const(-np.inf, f32)),))
    check(Map(body), [np.random.default_rng(0).random((3, 1, 5)) > 0.5, _random((2, 5))])


def test_in_place() -> None:
    """The result may be an operand's own memory."""
    x, y = _random((64, 33)), _random((33,), 1)
    wanted = np.maximum(x + y, 0)
    problem = problem_of(_ADD_RELU, [x, y], [x])
    kernel = MapStrided()
    launch_all(kernel, problem, {}, [x, y], [x])
    np.testing.assert_array_equal(x, wanted)


def test_symbolic_axes_merge() -> None:
    """A dense tensor of any symbolic shape is one loop; a channel bias needs three."""
    n, c, h = symbol("N"), symbol("C"), symbol("H")
    dense = (c * h, h, 1)
    assert collapse((n, c, h), (0, 1, 2), [dense, dense]).rank == 1
    assert collapse((n, c, h), (0, 1, 2), [dense, (0, 1, 0)]).rank == 3
    assert collapse((n, c, h), (0, 1, 2), [dense, (0, 1, 1)]).rank == 3
    assert collapse((n, 1, h), (0, 1, 2), [(h, 7, 1), (0, 1, 0)]).axes == (-1,)
