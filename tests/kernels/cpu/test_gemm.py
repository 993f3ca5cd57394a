"""Matrix products on the CPU."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest

from minirt.ir.scalar import Body, arg, call, cast, const
from minirt.ops.gemm import Gemm
from minirt.types.dtype import Array, dtype_of, f16, f32, i32
from tests.kernels.cpu.harness import check, run

_TOLERANCE = {"f16": 2e-3, "bf16": 1e-2}


def _numbers(shape: tuple[int, ...], dtype: str = "f32", seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype_of(dtype).numpy)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((1, 1), (1, 1)), ((5, 7), (7, 33)), ((30, 64), (64, 96)), ((1, 300), (300, 70)), ((4, 3, 5, 6), (4, 3, 6, 17)),
        ((3, 5, 6), (6, 9)), ((2, 1, 5, 6), (3, 6, 7)), ((5, 0), (0, 3)), ((0, 4), (4, 3)), ((7, 4), (2, 4, 5)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("constant", [False, True])
def test_shapes(a: tuple[int, ...], b: tuple[int, ...], constant: bool) -> None:
    """Batch axes broadcast; columns beyond a whole block; constants packed at load."""
    check(Gemm(), [_numbers(a), _numbers(b, seed=1)], constants=(1,) if constant else ())


@pytest.mark.parametrize("lead", [(7,), (3, 4), (2, 3, 5), (1, 6), (6, 1)])
@pytest.mark.parametrize("rows", [1, 2, 5])
@pytest.mark.parametrize("turned", [False, True])
def test_one_matrix_for_a_batch(lead: tuple[int, ...], rows: int, turned: bool) -> None:
    """Batch axes that the second operand does not have are rows, next to the others or in their place."""
    a, b = _numbers((*lead, rows, 9)), _numbers((9, 18), seed=1)
    if turned:
        a = np.ascontiguousarray(a.swapaxes(0, -2)).swapaxes(0, -2)
    acc, bias, rest, scale = (arg(i, f32) for i in range(4))
    body = Body((f32,) * 4, (call("mul", call("add", call("add", acc, bias), rest), scale),))
    extras = [_numbers((18,), seed=2), _numbers((*lead, rows, 18), seed=3), _numbers((rows, 1), seed=4)]
    check(Gemm(epilogue=body), [a, b, *extras], 1e-5, constants=(1,))
    check(Gemm(), [(a * 8).astype(np.int32), (b * 8).astype(np.int32)], constants=(1,))
    stacked = _numbers((lead[0], *[1] * (len(lead) - 1), 9, 18), seed=5)
    check(Gemm(), [a, stacked], 1e-5)


@pytest.mark.parametrize("trans_a", [False, True])
@pytest.mark.parametrize("trans_b", [False, True])
@pytest.mark.parametrize("dtype", ["f32", "f16", "bf16"])
@pytest.mark.parametrize("constant", [False, True])
def test_transposed(trans_a: bool, trans_b: bool, dtype: str, constant: bool) -> None:
    """Both operands either way, and views of other tensors."""
    a, b = _numbers((3, 20, 10), dtype), _numbers((3, 10, 37), dtype, 1)
    left = a.swapaxes(1, 2).copy() if trans_a else a
    right = b.swapaxes(1, 2).copy() if trans_b else b
    constants = (1,) if constant else ()
    check(Gemm(trans_a, trans_b), [left, right], _TOLERANCE.get(dtype, 1e-6), constants=constants)
    heads = _numbers((2, 20, 3, 10), dtype).transpose(0, 2, 1, 3)
    keys = _numbers((2, 15, 3, 10), dtype, 1).transpose(0, 2, 1, 3)
    check(Gemm(False, True), [heads, keys], _TOLERANCE.get(dtype, 1e-6))


def test_epilogue() -> None:
    """Bias, residual, scale of a row, and a stored narrow float."""
    acc, bias, rest, scale = arg(0, f32), arg(1, f16), arg(2, f32), arg(3, f32)
    value = call("mul", call("add", call("add", acc, cast(bias, f32)), rest), scale)
    body = Body((f32, f16, f32, f32), (call("max", value, const(0.0, f32)),))
    inputs = [_numbers((2, 9, 24)), _numbers((24, 40), seed=1), _numbers((40,), "f16", 2), _numbers((2, 9, 40), seed=3)]
    check(Gemm(epilogue=body), [*inputs, _numbers((9, 1), seed=4)], 2e-6, constants=(1,))
    level = call("sub", cast(call("mul", call("add", acc, const(3.7, f32)), const(5.3, f32)), i32), const(131, i32))
    scaled = Body((f32,), (call("add", call("mul", cast(level, f32), const(0.0123, f32)), const(-7.5, f32)),))
    check(Gemm(epilogue=scaled), [np.round(_numbers((9, 4)) * 8), np.ones((4, 33), np.float32)])
    narrow = Body((f32,), (cast(call("tanh", acc), f16),))
    check(Gemm(epilogue=narrow), inputs[:2], 1e-3)


@pytest.mark.parametrize("kind", ["u8", "i8"])
@pytest.mark.parametrize("columns", [3, 16, 70])
def test_quantized_results(kind: str, columns: int) -> None:
    """Tiles store numbers of 8 bits, rounded and cut to their range."""
    low, high = (0.0, 255.0) if kind == "u8" else (-128.0, 127.0)
    level = call("add", call("round", call("div", arg(0, f32), arg(1, f32))), const(low + 128, f32))
    cut = call("min", call("max", level, const(low, f32)), const(high, f32))
    op = Gemm(epilogue=Body((f32, f32), (cast(cut, dtype_of(kind)),)))
    a, b = np.round(_numbers((2, 9, 40)) * 8), np.round(_numbers((40, columns), seed=1) * 8)
    check(op, [a, b, np.array(3.0, np.float32)], kernel="GemmTiled")


@pytest.mark.parametrize(("rows", "depth", "columns"), [(20, 384, 384), (9, 1536, 384), (20, 400, 64), (5, 700, 30)])
def test_sums_are_those_of_onnxruntime(rows: int, depth: int, columns: int) -> None:
    """The same fused multiply-adds in the same order: MatMul of two inputs, to the bit."""
    a, b = _numbers((rows, depth)), _numbers((depth, columns), seed=1)
    inputs = [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, x.shape) for n, x in (("a", a), ("b", b))]
    node = onnx.helper.make_node("MatMul", ["a", "b"], ["y"])
    graph = onnx.helper.make_graph([node], "one", inputs, [onnx.ValueInfoProto(name="y")])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # several threads share narrow products, and cut their sums at other places
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    (wanted,) = session.run(None, {"a": a, "b": b})
    for constants in ((), (1,)):
        (found,) = run(Gemm(), [a, b], constants=constants)
        np.testing.assert_array_equal(found, wanted)
