"""Gathers, scatters, and ops whose size only the data tells."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from minirt.ir.graph import Graph, constant
from minirt.ir.op import Value, apply
from minirt.ir.substitute import specialize
from minirt.ops.evaluate import evaluate
from minirt.ops.importer import IMPORTERS, OnnxNode
from minirt.ops.movement import Expand
from minirt.types.dim import symbol
from tests.ops.harness import check, check_symbolic
from tests.ops.strategies import array, attributes_of, quick, shapes

SIZES = [{"N": 1, "S": 4}, {"N": 3, "S": 7}]


def places(shape: tuple[int, ...], size: int, seed: int = 0, dtype: Any = np.int64) -> np.ndarray[Any, Any]:
    """Indices of both signs into an axis."""
    return np.random.default_rng(seed).integers(-size, size, shape).astype(dtype)


@quick
@given(shape=shapes(1, 3), wanted=shapes(0, 2), data=st.data(), dtype=st.sampled_from([np.float32, np.int64, np.bool_]))
def test_gather(shape: tuple[int, ...], wanted: tuple[int, ...], data: st.DataObject, dtype: Any) -> None:
    """Known and unknown places."""
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    kind = data.draw(st.sampled_from([np.int32, np.int64]))
    operands = [array(shape, dtype), places(wanted, shape[axis], 1, kind)]
    check("Gather", operands, constants=(1,) if data.draw(st.booleans()) else (), axis=axis)


def test_gather_of_symbols() -> None:
    """The last of an unknown number is a view."""
    check_symbolic("Gather", [("N", "S", 3), np.array(-1)], SIZES, axis=1)
    check_symbolic("Gather", [("N", "S", 3), np.array([0, -1])], SIZES, axis=1)


@quick
@given(shape=shapes(1, 3), data=st.data())
def test_gather_elements(shape: tuple[int, ...], data: st.DataObject) -> None:
    """Indices of another size along the axis."""
    axis = data.draw(st.integers(0, len(shape) - 1))
    own = list(shape)
    own[axis] = data.draw(st.integers(1, 5))
    check("GatherElements", [array(shape), places(tuple(own), shape[axis])], axis=axis)


@quick
@given(data=st.data(), batch=st.integers(0, 1), depth=st.integers(1, 2))
def test_gather_nd(data: st.DataObject, batch: int, depth: int) -> None:
    """With and without batch axes."""
    rows = data.draw(st.integers(1, 4))
    lead = (3, rows) if batch else (rows, 2)
    sides = (3, 4, 5)[batch : batch + depth]
    indices = np.stack([places(lead, s, i) for i, s in enumerate(sides)], axis=-1)
    check("GatherND", [array((3, 4, 5)), indices], batch_dims=batch)


REDUCTIONS = ["none", "add", "mul", "max", "min"]


@pytest.mark.parametrize("reduction", REDUCTIONS)
@quick
@given(shape=shapes(1, 3), data=st.data())
def test_scatter_elements(reduction: str, shape: tuple[int, ...], data: st.DataObject) -> None:
    """Every reduction; places meet only where their order does not matter."""
    axis = data.draw(st.integers(0, len(shape) - 1))
    own = list(shape)
    own[axis] = data.draw(st.integers(1, shape[axis]))
    if reduction == "none":
        order = np.argsort(np.random.default_rng(1).random(shape), axis=axis)
        indices = np.take(order, np.arange(own[axis]), axis=axis)
    else:
        indices = places(tuple(own), shape[axis])
    operands = [array(shape), indices, array(tuple(own), seed=3)]
    check("ScatterElements", operands, axis=axis, reduction=reduction, tolerance=1e-4)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("depth", [1, 2])
def test_scatter_nd(reduction: str, depth: int) -> None:
    """Slices and elements."""
    if reduction == "none":
        indices = np.array([[2], [0]]) if depth == 1 else np.array([[2, 1], [0, 3]])
    else:
        indices = np.stack([places((5,), s, i) for i, s in enumerate((3, 4)[:depth])], axis=-1)
    updates = array((len(indices), 4)[: 3 - depth], seed=1)
    check("ScatterND", [array((3, 4)), indices.astype(np.int64), updates], reduction=reduction, tolerance=1e-4)


def test_old_scatter() -> None:
    """Scatter is ScatterElements."""
    check("Scatter", [array((3, 3)), np.array([[1, 0, 2]]), array((1, 3), seed=1)], opset=9, axis=0)


def test_scatter_of_symbols() -> None:
    """The data's shape stays."""
    make = {"N": 3, "S": 7}
    check_symbolic("ScatterElements", [("N", "S"), np.array([[1, 0]]), (1, 2)], [make, {"N": 2, "S": 3}], axis=1)


@quick
@given(shape=shapes(1, 3), dtype=st.sampled_from([np.float32, np.int64, np.bool_]))
def test_nonzero(shape: tuple[int, ...], dtype: Any) -> None:
    """As many columns as there are."""
    check("NonZero", [array(shape, dtype, 0, 0, 1).round().astype(dtype)])


def test_nonzero_of_known_elements() -> None:
    """No dim is left to the data."""
    x = array((3, 4), np.int64, 0, 0, 1)
    check("NonZero", [x], constants=(0,))
    filled = apply(Expand((symbol("N"), 2)), constant(np.float32(1)))
    made = IMPORTERS["", "NonZero"](OnnxNode("NonZero", "n", 13, (filled,)))
    assert isinstance(made, Value) and made.shape == (2, 2 * symbol("N"))
    (found,) = evaluate(specialize(Graph("g", [], [made], ["y"]), {"N": 3}), {})
    np.testing.assert_array_equal(found, np.nonzero(np.ones((3, 2))))


@quick
@given(shape=shapes(1, 3), data=st.data())
def test_compress(shape: tuple[int, ...], data: st.DataObject) -> None:
    """Along an axis, and of all elements; a short condition."""
    axis = data.draw(st.none() | st.integers(0, len(shape) - 1))
    size = int(np.prod(shape)) if axis is None else shape[axis]
    condition = array((data.draw(st.integers(1, size)),), np.bool_)
    check("Compress", [array(shape), condition], **attributes_of(axis=axis))
    check("Compress", [array(shape), condition], constants=(1,), **attributes_of(axis=axis))


@quick
@given(shape=shapes(1, 3), data=st.data())
def test_unique(shape: tuple[int, ...], data: st.DataObject) -> None:
    """Four results: of elements, and of slices along an axis; in order, and as they first come."""
    axis = data.draw(st.none() | st.integers(0, len(shape) - 1))
    dtype = data.draw(st.sampled_from([np.int64, np.float32, np.int8, np.float64]))
    x = array(shape, dtype, data.draw(st.integers(0, 9)), 0, 2)
    check("Unique", [x], outputs=4, sorted=data.draw(st.integers(0, 1)), **attributes_of(axis=axis))


@pytest.mark.parametrize("axis", [None, 0])
@pytest.mark.parametrize("ordered", [0, 1])
def test_unique_of_many(axis: int | None, ordered: int) -> None:
    """Thousands of elements, and slices that share beginnings."""
    x = array((700, 9), np.float32, 3, 0, 2)
    x[:, :6] = 1
    check("Unique", [x], outputs=4, sorted=ordered, **attributes_of(axis=axis))


@pytest.mark.parametrize("time", [0, 1])
def test_reverse_sequence(time: int) -> None:
    """Each batch up to its length."""
    x = array((5, 5, 3))
    check("ReverseSequence", [x, np.array([5, 1, 3, 2, 4])], time_axis=time, batch_axis=1 - time)
