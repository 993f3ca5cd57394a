"""Reads and writes at places given by data, on the CPU."""

from __future__ import annotations

import numpy as np
import pytest

from minirt.ops.indexing import Gather, GatherElements, GatherND, ScatterElements, ScatterND
from minirt.types.dtype import Array, dtype_of
from tests.kernels.cpu.harness import check, fenced, launch_all, pick, problem_of, run

_RNG = np.random.default_rng(7)


def _numbers(shape: tuple[int, ...], dtype: str = "f32") -> Array:
    return (_RNG.standard_normal(shape) * 20).astype(dtype_of(dtype).numpy)


@pytest.mark.parametrize("dtype", ["f32", "bf16", "i64", "u8", "bool"])
@pytest.mark.parametrize("kind", ["i32", "i64"])
def test_gather(dtype: str, kind: str) -> None:
    """Every axis; scalar, vector, matrix and empty indices; negative ones."""
    x = _numbers((5, 6, 33), dtype)
    for axis in range(3):
        for shape in ((), (4,), (2, 3), (0,)):
            check(Gather(axis), [x, _RNG.integers(-5, 5, shape).astype(dtype_of(kind).numpy)])
        check(Gather(axis), [x.transpose(2, 0, 1), _RNG.integers(-5, 5, (8,))[::2]])


@pytest.mark.parametrize("dtype", ["f32", "f16", "i8"])
def test_gather_elements(dtype: str) -> None:
    """Fewer indices than data along every axis."""
    x = _numbers((6, 5, 7), dtype)
    for axis in range(3):
        check(GatherElements(axis), [x, _RNG.integers(-5, 5, (4, 5, 3))])


def test_gather_nd() -> None:
    """Coordinates of any depth, with and without batch axes."""
    x = _numbers((3, 4, 5, 6))
    for depth in (1, 2, 3, 4):
        check(GatherND(), [x, _RNG.integers(-3, 3, (2, 7, depth))])
    check(GatherND(1), [x, _RNG.integers(-4, 4, (3, 2, 2))])
    check(GatherND(2), [x, _RNG.integers(-4, 4, (3, 4, 1))])


def test_outside() -> None:
    """A wrong index reads the nearest element and writes nothing."""
    x, wild = _numbers((5,)), np.array([7, -9, 2])
    problem = Gather(0)
    np.testing.assert_array_equal(_forced(problem, [x, wild], x[[4, 0, 2]]), x[[4, 0, 2]])


def _forced(op: Gather, inputs: list[Array], like: Array) -> Array:
    out, raw = fenced(like.shape, like.dtype)
    problem = problem_of(op, inputs, [out])
    launch_all(pick(problem), problem, {}, inputs, [out])
    assert (raw[:64] == 0xA5).all() and (raw[-64:] == 0xA5).all()
    return out


@pytest.mark.parametrize("reduction", ["none", "add", "mul", "max", "min"])
@pytest.mark.parametrize("dtype", ["f32", "i32"])
def test_scatter_elements(reduction: str, dtype: str) -> None:
    """Later updates of one place win; reductions gather all of them."""
    x = _numbers((6, 5, 7), dtype)
    for axis in range(3):
        indices = _RNG.integers(-5, 5, (4, 5, 3))
        check(ScatterElements(axis, reduction), [x, indices, _numbers((4, 5, 3), dtype)], 1e-5)


@pytest.mark.parametrize("reduction", ["none", "add", "max"])
def test_scatter_nd(reduction: str) -> None:
    """Slices and elements."""
    x = _numbers((4, 5, 6))
    for depth in (1, 2, 3):
        updates = _numbers((2, 3, *x.shape[depth:]))
        check(ScatterND(reduction), [x, _RNG.integers(-4, 4, (2, 3, depth)), updates], 1e-5)
    (got,) = run(ScatterND(), [x, np.zeros((0, 1), np.int64), _numbers((0, 5, 6))])
    np.testing.assert_array_equal(got, x)
