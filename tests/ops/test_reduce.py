"""Reductions, order, softmax and normalization."""

from __future__ import annotations

import platform
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.ops import on_target
from tests.ops.harness import check, check_symbolic, import_model, one_node, run_ort
from tests.ops.strategies import array, attributes_of, quick, shapes

SIZES = [{"N": 1, "S": 4}, {"N": 3, "S": 7}]
KINDS = "Sum Mean Prod Max Min L1 L2 LogSum LogSumExp SumSquare".split()


@pytest.mark.parametrize("kind", KINDS)
@quick
@given(shape=shapes(1, 4), data=st.data(), keepdims=st.integers(0, 1), opset=st.sampled_from([11, 18]))
def test_reduce(kind: str, shape: tuple[int, ...], data: st.DataObject, keepdims: int, opset: int) -> None:
    """Any axes, all of them by default; attribute or operand."""
    rank = len(shape)
    axes = sorted(data.draw(st.sets(st.integers(0, rank - 1))))
    axes = [a - rank if data.draw(st.booleans()) else a for a in axes]
    dtype = data.draw(st.sampled_from([np.float32, np.float64])) if kind != "Prod" else np.float32
    x = array(shape, dtype, 1, 0.3, 3)
    if not axes:
        check(f"Reduce{kind}", [x], opset=opset, keepdims=keepdims, tolerance=1e-4)
    elif opset < 18 and not (kind == "Sum" and opset >= 13):
        check(f"Reduce{kind}", [x], opset=opset, keepdims=keepdims, axes=axes, tolerance=1e-4)
    else:
        operand = np.array(axes, np.int64)
        check(f"Reduce{kind}", [x, operand], opset=opset, constants=(1,), keepdims=keepdims, tolerance=1e-4)


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="onnxruntime adds in another order there")
def test_means_of_planes_round_as_onnxruntimes() -> None:
    """Eight float32 sums, whatever the machine's vectors: mostly of one number, they are an error of 1e-5, and equal.

    onnxruntime's are Eigen's two packets of four, as compiled for any x86-64.
    """
    rng = np.random.default_rng(0)
    shape = (1, 16, 80, 104)
    x = np.where(rng.random(shape) < 0.9, rng.random((16, 1, 1)), rng.random(shape)).astype(np.float32)
    model = one_node("ReduceMean", [x], opset=14, axes=[2, 3])
    (wanted,) = run_ort(model, {"x0": x})
    (found,) = on_target.OnTarget(import_model(model))({"x0": x})
    np.testing.assert_array_equal(found, wanted)
    exact = x.astype(np.float64).mean((2, 3), keepdims=True)
    assert np.abs(wanted / exact - 1).max() > 3e-6


@pytest.mark.parametrize("kind", ["Sum", "Mean", "Prod", "Max", "Min"])
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_reduce_integers(kind: str, dtype: Any) -> None:
    """In their own type."""
    x = array((3, 4), dtype, 0, 1, 4)
    wanted = [np.trunc(x.mean(axis=1, keepdims=True)).astype(dtype)] if kind == "Mean" else None
    check(f"Reduce{kind}", [x, np.array([1])], constants=(1,), expected=wanted)


@pytest.mark.parametrize("kind", ["Sum", "Max"])
def test_reduce_nothing(kind: str) -> None:
    """Empty axes may mean none."""
    check(f"Reduce{kind}", [array((3, 4)), np.array([], np.int64)], constants=(1,), noop_with_empty_axes=1)


def test_reduce_of_infinities() -> None:
    """log(sum(exp)) of infinite operands."""
    x = np.array([[np.inf, 1], [-np.inf, -np.inf], [-np.inf, 2]], np.float32)
    wanted = np.array([[np.inf], [-np.inf], [2]], np.float32)
    check("ReduceLogSumExp", [x, np.array([1])], constants=(1,), expected=[wanted])


def test_reduce_of_symbols() -> None:
    """Kept and dropped dims; a product of dims is a size."""
    check_symbolic("ReduceMean", [("N", 3, "S"), np.array([-1])], SIZES)
    check_symbolic("ReduceSum", [("N", 3, "S"), np.array([0, 1])], SIZES, keepdims=0)


@pytest.mark.parametrize("op", ["Softmax", "LogSoftmax", "Hardmax"])
@quick
@given(shapes(1, 4), st.data(), st.sampled_from([11, 13]), st.sampled_from([np.float32, np.float64]))
def test_softmax(
    op: str, shape: tuple[int, ...], data: st.DataObject, opset: int, dtype: Any
) -> None:
    """One axis, or all from one on (before opset 13)."""
    axis = data.draw(st.none() | st.integers(-len(shape), len(shape) - 1))
    assume(axis is not None or opset >= 13 or len(shape) > 1)
    dtype = np.float32 if op == "Hardmax" else dtype
    check(op, [array(shape, dtype)], opset=opset, **attributes_of(axis=axis))


def test_softmax_of_large_numbers() -> None:
    """No overflow."""
    check("Softmax", [np.array([[1e4, 1e4 - 1, -1e4]], np.float32)])
    check_symbolic("Softmax", [("N", 3, "S")], SIZES, opset=11, axis=1)


@quick
@given(shape=shapes(1, 3), data=st.data(), largest=st.integers(0, 1))
def test_topk(shape: tuple[int, ...], data: st.DataObject, largest: int) -> None:
    """Values and places; equal elements by place."""
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    k = np.array([data.draw(st.integers(0, shape[axis]))])
    dtype = data.draw(st.sampled_from([np.float32, np.int64, np.int32]))
    x = array(shape, dtype, 0, 0, 3).round().astype(dtype)
    check("TopK", [x, k], outputs=2, constants=(1,), axis=axis, largest=largest)


def test_topk_of_opset_1_and_symbols() -> None:
    """k as attribute; dims kept."""
    check("TopK", [array((3, 5))], outputs=2, opset=1, k=2, axis=1)
    check_symbolic("TopK", [("N", "S"), np.array([3])], SIZES, outputs=2)


@pytest.mark.parametrize("op", ["ArgMax", "ArgMin"])
@quick
@given(shape=shapes(1, 3), data=st.data(), keepdims=st.integers(0, 1), last=st.integers(0, 1))
def test_arg(op: str, shape: tuple[int, ...], data: st.DataObject, keepdims: int, last: int) -> None:
    """First or last of equals."""
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    check(op, [array(shape, np.float32, 0, 0, 2).round()], axis=axis, keepdims=keepdims, select_last_index=last)


@quick
@given(shape=shapes(1, 3), data=st.data(), exclusive=st.integers(0, 1), reverse=st.integers(0, 1))
def test_cumsum(shape: tuple[int, ...], data: st.DataObject, exclusive: int, reverse: int) -> None:
    """Both directions, with and without the element itself."""
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    dtype = data.draw(st.sampled_from([np.float32, np.int64]))
    operands = [array(shape, dtype), np.array(axis, np.int32)]
    check("CumSum", operands, constants=(1,), exclusive=exclusive, reverse=reverse)


@quick
@given(shape=shapes(2, 4, smallest=2), data=st.data())
def test_layer_normalization(shape: tuple[int, ...], data: st.DataObject) -> None:
    """From any axis on; statistics as second and third result."""
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    tail = shape[axis % len(shape) :]
    operands = [array(shape), array(tail, seed=1), *([array(tail, seed=2)] if data.draw(st.booleans()) else [])]
    outputs = data.draw(st.sampled_from([1, 3]))
    check("LayerNormalization", operands, outputs=outputs, axis=axis, epsilon=1e-3, tolerance=1e-3)


def test_normalizations_of_symbols() -> None:
    """Shapes stay."""
    scale = array((4,), seed=1)
    check_symbolic("LayerNormalization", [("N", "S", 4), scale, scale], SIZES, tolerance=1e-4)
    check_symbolic("InstanceNormalization", [("N", 4, "S"), scale, scale], [{"N": 2, "S": 5}], tolerance=1e-4)
    check_symbolic("BatchNormalization", [("N", 4, "S"), scale, scale, scale, np.abs(scale)], SIZES, tolerance=1e-4)


def test_rms_normalization() -> None:
    """By its definition."""
    x, scale = array((2, 3, 8)), array((8,), seed=1)
    wanted = x / np.sqrt(np.mean(x * x, axis=-1, keepdims=True) + 1e-4) * scale
    check("RMSNormalization", [x, scale], epsilon=1e-4, expected=[wanted.astype(np.float32)])


@pytest.mark.parametrize("shape", [(2, 4, 6), (2, 4, 3, 5), (1, 4, 2, 3, 3)])
def test_spatial_normalizations(shape: tuple[int, ...]) -> None:
    """Instance and batch, any number of spatial axes."""
    scale, bias, mean = (array((4,), seed=i) for i in range(3))
    variance = np.abs(array((4,), seed=4)) + 0.1
    check("InstanceNormalization", [array(shape), scale, bias], tolerance=1e-3)
    check("BatchNormalization", [array(shape), scale, bias, mean, variance], epsilon=1e-3)
    check("BatchNormalization", [array(shape), scale, bias, mean, variance], opset=9)


def test_batch_normalization_of_old_opsets() -> None:
    """Inference whatever is_test says; without ``spatial`` the statistics are of one element each."""
    x, scale, bias, mean = (array((2, 4, 3), seed=i) for i in range(4))
    scale, bias, mean = scale[0], bias[0], mean[0]
    variance = np.abs(bias) + 0.1
    wanted = (x - mean) / np.sqrt(variance + 1e-5) * scale + bias
    check("BatchNormalization", [x, scale, bias, mean, variance], opset=7, spatial=0, expected=[wanted])
    vectors = [v[:, 0] for v in (scale, bias, mean, variance)]
    s, b, m, v = (a[:, None] for a in vectors)
    check("BatchNormalization", [x, *vectors], opset=6, expected=[(x - m) / np.sqrt(v + 1e-5) * s + b])


@pytest.mark.parametrize("opset", [18, 21])
def test_group_normalization(opset: int) -> None:
    """Scale a group, later a channel."""
    x, size = array((2, 6, 4, 3)), 3 if opset < 21 else 6
    scale, bias = array((size,), seed=1), array((size,), seed=2)
    check("GroupNormalization", [x, scale, bias], opset=opset, num_groups=3, tolerance=1e-3)


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("axis", [0, -1])
def test_lp_normalization(p: int, axis: int) -> None:
    """Both norms."""
    check("LpNormalization", [array((3, 4))], p=p, axis=axis)


def test_mean_variance_normalization() -> None:
    """Default axes."""
    check("MeanVarianceNormalization", [array((2, 3, 4, 5))], tolerance=1e-4)
