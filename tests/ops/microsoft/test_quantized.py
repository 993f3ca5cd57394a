"""Ops of onnxruntime's quantization, on random codes: results are the very integers."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ops.harness import check_model
from tests.ops.microsoft.nodes import RECENT, check, node_of
from tests.ops.strategies import broadcasting, quick, shapes

RNG = np.random.default_rng(3)
KINDS = st.sampled_from([np.uint8, np.int8])


def codes(kind: Any, shape: tuple[int, ...]) -> Any:
    """Every value of the type is as likely."""
    info = np.iinfo(kind)
    return RNG.integers(info.min, info.max, shape, endpoint=True).astype(kind)


def scaling(kind: Any, low: float = 0.005, high: float = 0.05) -> tuple[Any, Any]:
    """A scale and a zero point, of rank 0."""
    return np.float32(RNG.uniform(low, high)), codes(kind, ())


@quick
@given(broadcasting(), KINDS, st.sampled_from(["QLinearAdd", "QLinearMul"]), st.booleans())
def test_arithmetic(both: list[tuple[int, ...]], kind: Any, op: str, zeros: bool) -> None:
    """Broadcast; the result with a zero point and without."""
    a, b = both
    (s0, z0), (s1, z1), (s2, z2) = (scaling(kind) for _ in range(3))
    operands = [codes(kind, a), s0, z0, codes(kind, b), s1, z1, s2, *([z2] if zeros else [])]
    check(op, operands)


@quick
@given(shapes(1), KINDS, st.sampled_from([0.01, 0.3]), st.booleans())
def test_activations(shape: tuple[int, ...], kind: Any, alpha: float, zeros: bool) -> None:
    """Sigmoid and leaky ReLU."""
    scale, zero = scaling(kind)
    x, point = codes(kind, shape), zero if zeros else None
    out = codes(kind, ())
    check("QLinearSigmoid", [x, scale, point, np.float32(1 / 256), out], constants=[1, 2, 3, 4])
    check("QLinearLeakyRelu", [x, scale, point, np.float32(0.041), out], alpha=alpha)


@RECENT
@quick
@given(shapes(1), KINDS, st.integers(-4, 3), st.sampled_from([12, 13]), st.sampled_from([256, 300.7]))
def test_softmax(shape: tuple[int, ...], kind: Any, axis: int, opset: int, part: float) -> None:
    """Along an axis, or from one on."""
    scale, _ = scaling(kind, 0.02, 0.2)
    zero, axis = kind(0 if kind is np.uint8 else -128), max(-len(shape), min(axis, len(shape) - 1))
    operands = [codes(kind, shape), scale, kind(3), np.float32(1 / part), zero]
    model = node_of("QLinearSoftmax", operands, axis=axis)
    model.graph.node[0].attribute.append(onnx.helper.make_attribute("opset", opset))
    check_model(model, {f"x{i}": np.asarray(x) for i, x in enumerate(operands)})


@pytest.mark.parametrize("kind", [np.uint8, np.int8])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_concat(kind: Any, axis: int) -> None:
    """Each operand has a scale of its own."""
    places = [[2, 3, 4] for _ in range(3)]
    places[0][axis], places[2][axis] = 1, 5
    operands = [y for p in places for y in (codes(kind, tuple(p)), *scaling(kind))]
    check("QLinearConcat", [*scaling(kind), *operands], axis=axis)


@quick
@given(broadcasting(3), KINDS)
def test_where(three: list[tuple[int, ...]], kind: Any) -> None:
    """The condition, and both operands, broadcast."""
    a, b, c = three
    (s0, z0), (s1, z1), (s2, z2) = (scaling(kind) for _ in range(3))
    condition = RNG.integers(0, 2, a).astype(bool)
    operands = [condition, codes(kind, b), s0, z0, codes(kind, c), s1, z1, s2, z2]
    check("QLinearWhere", operands, constants=[2, 3, 5, 6, 7, 8])


@pytest.mark.parametrize("kind", [np.uint8, np.int8])
@pytest.mark.parametrize("last", [0, 1])
@pytest.mark.parametrize("border", [0, 1])
def test_average_pool(kind: Any, last: int, border: int) -> None:
    """Padded windows; images either way round."""
    x = codes(kind, (2, 7, 9, 5) if last else (2, 5, 7, 9))
    given: dict[str, Any] = {
        "kernel_shape": [3, 2],
        "pads": [1, 0, 1, 1],
        "strides": [2, 1],
    }
    operands = [x, *scaling(kind), *scaling(kind)]
    check("QLinearAveragePool", operands, channels_last=last, count_include_pad=border, **given)
    check("QLinearGlobalAveragePool", operands, channels_last=last)
    ties = {"kernel_shape": [2, 2], "strides": [2, 2]}
    check("QLinearAveragePool", [x, *operands[1:3], *operands[1:3]], channels_last=last, **ties)


@pytest.mark.parametrize("axes", [[1], [0, 2], [-1]])
@pytest.mark.parametrize("keepdims", [0, 1])
def test_reduce_mean(axes: list[int], keepdims: int) -> None:
    """By the definition: onnxruntime has no kernel."""
    x, (s, z), (t, w) = codes(np.uint8, (2, 3, 5)), scaling(np.uint8), scaling(np.uint8)
    real = ((x.astype(np.int32) - z) * s).astype(np.float32)
    mean = real.mean(axis=tuple(axes), keepdims=bool(keepdims), dtype=np.float64)
    wanted = np.clip(np.round(mean / t) + w, 0, 255).astype(np.uint8)
    given: dict[str, Any] = {"axes": axes, "keepdims": keepdims}
    check("QLinearReduceMean", [x, s, z, t, w], expected=[wanted], **given)


@pytest.mark.parametrize("kind", [np.uint8, np.int8])
def test_nhwc_max_pool(kind: Any) -> None:
    """Channels last, dilated."""
    given: dict[str, Any] = {"kernel_shape": [3, 2], "pads": [1, 0, 1, 1], "strides": [2, 1], "dilations": [1, 2]}
    check("NhwcMaxPool", [codes(kind, (2, 7, 9, 5))], **given)


PAIRS = [(np.uint8, np.uint8), (np.uint8, np.int8), (np.int8, np.int8)]


@pytest.mark.parametrize(("left", "right"), PAIRS)
@pytest.mark.parametrize("columns", [(), (6,)])
@pytest.mark.parametrize("bias", [False, True])
def test_products_to_floats(left: Any, right: Any, columns: tuple[int, ...], bias: bool) -> None:
    """MatMulIntegerToFloat and DynamicQuantizeMatMul, by tensor and by column."""
    b = (codes(right, (5, 6)) // 2).astype(right)
    scale, zero = RNG.uniform(0.01, 0.1, columns).astype(np.float32), (codes(right, columns) // 4).astype(right)
    more = [RNG.standard_normal(6).astype(np.float32)] if bias else []
    a, (a_scale, a_zero) = (codes(left, (2, 3, 5)) // 2).astype(left), scaling(left)
    for points in ([a_zero, zero], [None, None]):
        check("MatMulIntegerToFloat", [a, b, a_scale, scale, *points, *more], tolerance=1e-4)
        x = RNG.standard_normal((2, 3, 5)).astype(np.float32)
        check("DynamicQuantizeMatMul", [x, b, scale, points[1], *more], tolerance=1e-4)


def test_products_of_sixteen_bits() -> None:
    """Sums in 32 bits."""
    a, b = (RNG.integers(-3000, 3000, s).astype(np.int16) for s in ((2, 3, 5), (5, 4)))
    check("MatMulInteger16", [a, b])


def test_integer_arithmetic() -> None:
    """By the definitions: onnxruntime has no kernels."""
    a, b = codes(np.int8, (2, 3, 4)), codes(np.int8, (3, 1))
    wanted = (a.astype(np.int32) - 3) * (b.astype(np.int32) + 5)
    check("MulInteger", [a, np.int8(3), b, np.int8(-5)], expected=[wanted])
    total = a.sum(axis=(0, 2), dtype=np.int32, keepdims=True)
    check("ReduceSumInteger", [a], expected=[total], axes=[0, -1], keepdims=1)


@pytest.mark.parametrize(("left", "right"), PAIRS)
@pytest.mark.parametrize("trans", [(0, 0), (0, 1), (1, 0)])
@pytest.mark.parametrize("columns", [(), (6,)])
@pytest.mark.parametrize("whole", [False, True])
def test_gemm(left: Any, right: Any, trans: tuple[int, int], columns: tuple[int, ...], whole: bool) -> None:
    """With and without a result scale."""
    a, b = codes(left, (5, 4) if trans[0] else (4, 5)) // 2, codes(right, (6, 5) if trans[1] else (5, 6)) // 2
    scale, zero = RNG.uniform(0.01, 0.1, columns).astype(np.float32), (codes(right, columns) // 4).astype(right)
    c = RNG.integers(-500, 500, (6,)).astype(np.int32)
    out = [np.float32(0.7), codes(left, ())] if whole else [None, None]
    operands = [a.astype(left), *scaling(left), b.astype(right), scale, zero, c, *out]
    given: dict[str, Any] = {"transA": trans[0], "transB": trans[1], "alpha": 0.75}
    check("QGemm", operands, tolerance=1e-4, **given)


@pytest.mark.parametrize(("left", "right"), PAIRS)
@pytest.mark.parametrize("group", [1, 2])
@pytest.mark.parametrize("last", [0, 1])
def test_convolution(left: Any, right: Any, group: int, last: int) -> None:
    """By channel, images either way round."""
    x, w = codes(left, (2, 6, 7, 4) if last else (2, 4, 6, 7)), codes(right, (6, 4 // group, 3, 3)) // 2
    scale, zero = RNG.uniform(0.01, 0.1, 6).astype(np.float32), np.zeros(6, right)
    bias = RNG.integers(-500, 500, 6).astype(np.int32)
    operands = [x // 2, *scaling(left), w.astype(right), scale, zero, np.float32(0.9), codes(left, ()), bias]
    given: dict[str, Any] = {"group": group, "pads": [1, 0, 1, 1], "strides": [1, 2], "channels_last": last}
    check("QLinearConv", operands, constants=[3, 4, 5], **given)
