"""Filled tensors, ranges, masks and random numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import numpy_helper

from minirt.ops.evaluate import evaluate
from minirt.ops.generate_random import philox
from tests.ops.harness import check, check_symbolic, import_model, one_node
from tests.ops.on_target import OnTarget
from tests.ops.strategies import array, quick, shapes

SIZES = [{"N": 1, "S": 4}, {"N": 3, "S": 7}]


@quick
@given(shape=shapes(0, 3, smallest=0), known=st.booleans(), dtype=st.sampled_from([np.float32, np.int64, np.bool_]))
def test_constant_of_shape(shape: tuple[int, ...], known: bool, dtype: Any) -> None:
    """Known when built or not."""
    value = numpy_helper.from_array(np.array([1], dtype))
    check("ConstantOfShape", [np.array(shape, np.int64)], constants=(0,) if known else (), value=value)


@quick
@given(
    start=st.integers(-9, 9), limit=st.integers(-9, 9), step=st.sampled_from([1, 2, 3, -1, -4]),
    dtype=st.sampled_from([np.int32, np.int64, np.float32, np.float64]), known=st.booleans(),
)  # fmt: skip
def test_range(start: int, limit: int, step: int, dtype: Any, known: bool) -> None:
    """Either direction, empty too."""
    operands = [np.array(v, dtype) for v in (start, limit, step)]
    check("Range", operands, constants=(0, 1, 2) if known else ())


@pytest.mark.parametrize("upper", [0, 1])
@pytest.mark.parametrize("k", [None, -1, 0, 2])
def test_trilu(upper: int, k: int | None) -> None:
    """Both triangles, any diagonal."""
    operands = [array((2, 4, 5)), *([] if k is None else [np.array(k)])]
    check("Trilu", operands, upper=upper)


def test_masks_of_symbols() -> None:
    """Named dims."""
    check_symbolic("Trilu", [("N", "S", "S")], SIZES, upper=0)
    check_symbolic("EyeLike", [("N", "S")], SIZES, k=1)


@pytest.mark.parametrize("k", [-2, 0, 1])
def test_eye_like(k: int) -> None:
    """Any diagonal and type."""
    check("EyeLike", [array((4, 5))], k=k, dtype=7)


@quick
@given(shape=shapes(1, 3), data=st.data())
def test_one_hot(shape: tuple[int, ...], data: st.DataObject) -> None:
    """Any axis; negative places count from the end."""
    axis = data.draw(st.integers(-len(shape) - 1, len(shape)))
    places = array(shape, np.int64, 0, -4, 3)
    operands = [places, np.array(4), np.array([2, 5], np.float32)]
    check("OneHot", operands, constants=(1, 2) if data.draw(st.booleans()) else (1,), axis=axis)


ATTRIBUTES: list[dict[str, Any]] = [
    {"value_float": 1.5},
    {"value_floats": [1.5, 2.0]},
    {"value_int": 3},
    {"value_ints": [3, 4]},
    {"value": numpy_helper.from_array(np.arange(6, dtype=np.int32).reshape(2, 3))},
]


@pytest.mark.parametrize("attributes", ATTRIBUTES)
def test_constant(attributes: dict[str, Any]) -> None:
    """Every kind of number."""
    check("Constant", [], **attributes)


def test_constant_of_strings() -> None:
    """Text."""
    check("Constant", [], value_strings=["a", "b"], expected=[np.array(["a", "b"], object)])


@pytest.mark.parametrize(("op", "attributes"), [
    ("RandomUniform", {"low": 2.0, "high": 4.0, "shape": [1000]}),
    ("RandomNormal", {"mean": 3.0, "scale": 0.5, "shape": [1000]}),
])  # fmt: skip
def test_random(op: str, attributes: dict[str, Any]) -> None:
    """Mean 3; a seed repeats, none does not."""
    seeded = import_model(one_node(op, [], seed=1.0, **attributes))
    first, again = (evaluate(seeded, {})[0] for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert abs(first.mean() - 3) < 0.1 and first.dtype == np.float32
    free = import_model(one_node(op, [], **attributes))
    assert (evaluate(free, {})[0] != evaluate(free, {})[0]).any()


def test_random_like_bernoulli_and_multinomial() -> None:
    """Shapes, types and rates."""
    x = np.full((2000,), 0.25, np.float32)
    drawn = evaluate(import_model(one_node("Bernoulli", [x], seed=2.0, dtype=6)), {"x0": x})[0]
    assert drawn.dtype == np.int32 and abs(drawn.mean() - 0.25) < 0.05
    like = evaluate(import_model(one_node("RandomNormalLike", [x], dtype=11)), {"x0": x})[0]
    assert like.shape == x.shape and like.dtype == np.float64
    logits = np.log(np.array([[0.2, 0.5, 0.3]], np.float32))
    picks = evaluate(import_model(one_node("Multinomial", [logits], sample_size=3000, seed=1.0)), {"x0": logits})[0]
    np.testing.assert_allclose(np.bincount(picks[0], minlength=3) / 3000, [0.2, 0.5, 0.3], atol=0.05)


def test_dropout() -> None:
    """Nothing is dropped in inference; in training the share is, and the rest is scaled."""
    x = array((50, 40), low=1, high=2)
    check("Dropout", [x], outputs=2, expected=[x, np.ones(x.shape, bool)])
    check("Dropout", [x], opset=7, ratio=0.7)
    model = one_node("Dropout", [x, np.float32(0.25), np.array(True)], outputs=2, constants=(1, 2), seed=3)
    y, kept = evaluate(import_model(model), {"x0": x})
    assert abs(kept.mean() - 0.75) < 0.05
    np.testing.assert_allclose(y, np.where(kept, x / 0.75, 0), rtol=1e-5)


@pytest.mark.parametrize("dtype", [1, 10, 11, 16])
@pytest.mark.parametrize("op", ["RandomUniform", "RandomNormal"])
def test_random_numbers_are_the_same_on_every_target(op: str, dtype: int) -> None:
    """With a seed; the words are Philox's."""
    graph = import_model(one_node(op, [], shape=[7, 33], dtype=dtype, seed=3.5))
    (found,), (wanted,) = OnTarget(graph)({}), evaluate(graph, {})
    tolerance = {1: 2e-6, 10: 1e-3, 11: 1e-12, 16: 1e-2}[dtype]
    np.testing.assert_allclose(found.astype(float), wanted.astype(float), rtol=tolerance, atol=tolerance)
    if op == "RandomUniform":
        assert 0 <= wanted.min() and wanted.max() < 1 and abs(wanted.astype(float).mean() - 0.5) < 0.1


def test_random_numbers_without_a_seed_change() -> None:
    """From run to run, and from node to node."""
    run = OnTarget(import_model(one_node("RandomUniform", [], shape=[100])))
    first, second = run({})[0], run({})[0]
    assert (first != second).mean() > 0.9 and 0 <= first.min() and first.max() < 1


def test_philox_is_philox() -> None:
    """The known answer of counter 0, key 0 (Random123)."""
    assert [int(w[0]) for w in philox(1, 0)] == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
