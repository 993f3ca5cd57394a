"""Quantisation and quantised products against onnxruntime."""

from typing import Any

import ml_dtypes
import numpy as np
import pytest

from minirt.ir.graph import Graph, Input, constant, rebuild
from minirt.ir.op import Node, Value, apply, apply_all
from minirt.ops.evaluate import evaluate
from minirt.ops.gemm import Gemm
from minirt.ops.quantize import Dequantize, Quantize
from minirt.types.dim import symbol
from minirt.types.dtype import f8e4m3, f32
from minirt.types.tensor import Tensor
from tests.ops.harness import check, import_model, one_node
from tests.ops.plans import TARGETS, host_steps, plan_for

RNG = np.random.default_rng(0)


def randn(*shape: int, dtype: Any = np.float32) -> Any:
    return (3 * RNG.standard_normal(shape)).astype(dtype)


def whole(dtype: Any, *shape: int) -> Any:
    info = np.iinfo(dtype)
    return RNG.integers(info.min, info.max, shape, endpoint=True).astype(dtype)


PLACES: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((3, 4), (), {}),
    ((3, 4), (1,), {}),
    ((3, 4, 5), (4,), {}),
    ((3, 4, 5), (5,), {"axis": -1}),
    ((3, 8, 5), (3, 4, 5), {"axis": 1, "block_size": 2}),
    ((3, 7, 5), (3, 4, 5), {"axis": 1, "block_size": 2}),
]


def _decomposed(graph: Graph) -> Graph:
    def visit(node: Node, operands: tuple[Value, ...]) -> Any:
        if not isinstance(node.op, Quantize | Dequantize):
            return apply_all(node.op, *operands)
        made = node.op.decompose(*operands)
        return [made]

    return rebuild(graph, visit)


def both_forms(op: str, arrays: list[Any], **attributes: Any) -> None:
    """Compares with onnxruntime, and the decomposition with the op."""
    found = check(op, arrays, **attributes)
    graph = import_model(one_node(op, arrays, **attributes))
    feeds = {v.op.label: arrays[int(v.op.label[1:])] for v in graph.inputs if isinstance(v.op, Input)}
    np.testing.assert_array_equal(evaluate(_decomposed(graph), feeds)[0], found[0])


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint16])
@pytest.mark.parametrize(("shape", "scale", "attributes"), PLACES)
def test_linear(dtype: Any, shape: tuple[int, ...], scale: tuple[int, ...], attributes: dict[str, Any]) -> None:
    x, scales = randn(*shape), np.abs(randn(*scale)) + np.float32(0.01)
    zero = whole(dtype, *scale)
    both_forms("QuantizeLinear", [x, np.asarray(scales, np.float32), zero], opset=21, **attributes)
    both_forms("DequantizeLinear", [whole(dtype, *shape), np.asarray(scales, np.float32), zero], opset=21, **attributes)


def test_ties_go_to_even_and_ends_saturate() -> None:
    x = np.array([0.5, 1.5, 2.5, -0.5, -1.5, 300, -300], np.float32)
    check("QuantizeLinear", [x, np.float32(1), np.int8(0)])
    check("QuantizeLinear", [x, np.float32(1)])


def test_half_precision_scale() -> None:
    check("DequantizeLinear", [whole(np.int8, 4, 5), np.float16(0.25), np.int8(3)])
    check("QuantizeLinear", [randn(4, 5, dtype=np.float16), np.float16(0.25), np.int8(3)])


def test_wide_biases() -> None:
    check("DequantizeLinear", [whole(np.int32, 6), np.abs(randn(6)) + 1], axis=0, constants=())


@pytest.mark.parametrize("dtype", [ml_dtypes.int4, ml_dtypes.uint4, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2])
def test_narrow_types(dtype: Any) -> None:
    """Against ml_dtypes' own rounding."""
    x = np.clip(randn(4, 6), -5, 5)
    scale = np.float32(1.5)
    wanted = (
        np.clip(np.rint(x / scale), 0 if dtype == ml_dtypes.uint4 else -8, 7) if "int" in dtype.__name__ else x / scale
    )
    found = check("QuantizeLinear", [x, scale, np.zeros((), dtype)], expected=[wanted.astype(dtype)], tolerance=0)
    back = found[0].astype(np.float32) * scale
    check("DequantizeLinear", [found[0], scale, np.zeros((), dtype)], expected=[back])


def test_eight_bit_floats_saturate() -> None:
    x = np.array([1000, -1000], np.float32)
    zero = np.zeros((), ml_dtypes.float8_e4m3fn)
    kept = check("QuantizeLinear", [x, np.float32(1), zero], expected=[np.array([448, -448], zero.dtype)], tolerance=0)
    assert kept[0].astype(float).tolist() == [448, -448]


@pytest.mark.parametrize("shape", [(4, 5), (7,), (1,)])
def test_dynamic_quantize(shape: tuple[int, ...]) -> None:
    check("DynamicQuantizeLinear", [randn(*shape)], 3)
    check("DynamicQuantizeLinear", [np.abs(randn(*shape)) + 1], 3)


def test_dynamic_quantize_of_zeros() -> None:
    check("DynamicQuantizeLinear", [np.zeros((3,), np.float32)], 3)


@pytest.mark.parametrize("b_type", [np.int8, np.uint8])
def test_matmul_integer(b_type: Any) -> None:
    a, b = whole(np.uint8, 2, 3, 4), whole(b_type, 4, 5)
    check("MatMulInteger", [a, b])
    check("MatMulInteger", [a, b, np.uint8(7), b_type(9)])
    check("MatMulInteger", [a, b, np.uint8(7), whole(b_type, 5)])


def test_conv_integer() -> None:
    x, w = whole(np.uint8, 1, 3, 6, 7), whole(np.uint8, 4, 3, 3, 3)
    check("ConvInteger", [x, w, np.uint8(7), np.uint8(120)], pads=[1, 1, 1, 1], strides=[2, 1])


def test_qlinear_matmul() -> None:
    a, b = whole(np.uint8, 3, 4), whole(np.int8, 4, 5)
    check(
        "QLinearMatMul",
        [a, np.float32(0.02), np.uint8(100), b, np.float32(0.03), np.int8(3), np.float32(0.1), np.uint8(120)],
    )


def test_qlinear_conv() -> None:
    x, w = whole(np.uint8, 1, 3, 6, 7), whole(np.int8, 4, 3, 3, 3)
    scales = np.array([0.01, 0.02, 0.03, 0.04], np.float32)
    bias = RNG.integers(-1000, 1000, 4).astype(np.int32)
    given = [x, np.float32(0.02), np.uint8(100), w, scales, np.zeros(4, np.int8), np.float32(0.4), np.uint8(120), bias]
    check("QLinearConv", given, pads=[1, 1, 1, 1], constants=(3, 4, 5))


@pytest.mark.parametrize("target", TARGETS)
def test_a_product_between_eight_bit_floats_needs_no_host(target: str) -> None:
    x = apply(Input("x", Tensor(f32, (symbol("N"), 64))))
    weights = constant(whole(np.int8, 64, 32).astype(ml_dtypes.float8_e4m3fn))
    scale, zero = constant(np.float32(0.1)), constant(np.zeros((), ml_dtypes.float8_e4m3fn))
    near = apply(Dequantize(dtype=f32), apply(Quantize(dtype=f8e4m3), x, scale, zero), scale, zero)
    product = apply(Gemm(), near, apply(Dequantize(dtype=f32), weights, scale, zero))
    graph = Graph("product", [x], [apply(Quantize(dtype=f8e4m3), product, scale, zero)], ["y"])
    assert not host_steps(plan_for(graph, target))
