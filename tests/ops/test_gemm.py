"""Matrix products against onnxruntime, and epilogues against NumPy."""

from typing import Any

import numpy as np
import pytest

from minirt.errors import TypeInferenceError
from minirt.ir.graph import Graph, Input, constant
from minirt.ir.op import Value, apply
from minirt.ir.scalar import Body, arg, call, cast, const
from minirt.ops.epilogue import chain
from minirt.ops.evaluate import evaluate
from minirt.ops.gemm import Gemm
from minirt.types.dim import symbol
from minirt.types.dtype import f16, f32, i32
from minirt.types.tensor import Tensor
from tests.ops.harness import check, check_symbolic

RNG = np.random.default_rng(0)


def randn(*shape: int, dtype: Any = np.float32) -> Any:
    return RNG.standard_normal(shape).astype(dtype)


@pytest.mark.parametrize(
    ("a", "b"),
    [((3, 4), (4, 5)), ((4,), (4,)), ((4,), (4, 5)), ((3, 4), (4,)), ((2, 1, 3, 4), (6, 4, 5)), ((7, 3, 4), (4,)),
     ((4,), (7, 4, 2)), ((3, 0), (0, 5)), ((0, 4), (4, 5))],
)  # fmt: skip
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.int64])
def test_matmul(a: tuple[int, ...], b: tuple[int, ...], dtype: Any) -> None:
    check("MatMul", [(randn(*a) * 3).astype(dtype), (randn(*b) * 3).astype(dtype)])


def test_matmul_in_half_precision() -> None:
    check("MatMul", [randn(5, 64, dtype=np.float16), randn(64, 3, dtype=np.float16)], tolerance=2e-2)


@pytest.mark.parametrize("trans", [(0, 0), (1, 0), (0, 1), (1, 1)])
@pytest.mark.parametrize("bias", [None, (), (1,), (5,), (3, 1), (1, 5), (3, 5)])
def test_gemm(trans: tuple[int, int], bias: tuple[int, ...] | None) -> None:
    a = randn(4, 3) if trans[0] else randn(3, 4)
    b = randn(5, 4) if trans[1] else randn(4, 5)
    arrays = [a, b] if bias is None else [a, b, randn(*bias)]
    check("Gemm", arrays, transA=trans[0], transB=trans[1], alpha=0.5, beta=2.0)
    check("Gemm", arrays, transA=trans[0], transB=trans[1])


def test_symbolic_sizes() -> None:
    check_symbolic("MatMul", [("B", "S", 8), (8, 6)], [{"B": 2, "S": 3}, {"B": 1, "S": 7}])
    graph = check_symbolic("Gemm", [("B", 8), (6, 8), (6,)], [{"B": 2}, {"B": 5}], transB=1)
    assert graph.outputs[0].shape == (symbol("B"), 6)


def test_misfits_are_refused() -> None:
    x = constant(randn(3, 4))
    with pytest.raises(TypeInferenceError, match="inner dims"):
        apply(Gemm(), x, x)
    with pytest.raises(TypeInferenceError, match="rank 2"):
        apply(Gemm(), x, constant(randn(4)))
    with pytest.raises(TypeInferenceError, match="one element type"):
        apply(Gemm(), x, constant(randn(4, 5, dtype=np.float64)))
    bias = Body((f32, f32), (call("add", arg(0, f32), arg(1, f32)),))
    with pytest.raises(TypeInferenceError, match="epilogue operands"):
        apply(Gemm(epilogue=bias), x, constant(randn(4, 5)), constant(randn(2, 3, 5)))


def _run(value: Value, **feeds: Any) -> Any:
    inputs = [v for v in dict.fromkeys(value.node.inputs) if isinstance(v.op, Input)]
    return evaluate(Graph("g", inputs, [value], ["y"]), feeds)[0]


@pytest.mark.parametrize("dtype", [f32, f16])
def test_then_appends_to_the_epilogue(dtype: Any) -> None:
    a, b, c, d = (randn(*s, dtype=dtype.numpy) for s in ((3, 4), (4, 5), (5,), (3, 1)))
    wide = dtype.compute
    add = Body((dtype, dtype), (cast(call("add", arg(0, dtype), arg(1, dtype)), dtype),))
    relu = Body((dtype,), (cast(call("max", arg(0, dtype), const(0, wide)), dtype),))
    op = Gemm().then(add, dtype).then(relu, dtype).then(add, dtype)
    inputs = {n: apply(Input(n, Tensor(dtype, x.shape))) for n, x in zip("abcd", (a, b, c, d), strict=True)}
    out = _run(apply(op, *inputs.values()), a=a, b=b, c=c, d=d)
    exact = np.maximum(a.astype(np.float64) @ b.astype(np.float64) + c, 0) + d
    np.testing.assert_allclose(out, exact, atol=1e-2 if dtype is f16 else 1e-5)
    assert out.dtype == dtype.numpy


def test_an_own_accumulator_is_read_unrounded() -> None:
    """2048 + 1 - 2048 in f16: the product is not rounded before the epilogue takes 2048 from it."""
    a, b = np.array([[2048, 1]], np.float16), np.array([[1], [1]], np.float16)
    less = Body((f16,), (cast(call("sub", arg(0, f16), const(2048, f32)), f16),))
    out = _run(apply(Gemm().then(less, f16), constant(a), constant(b)))
    assert out.item() == 1


def test_chains_check_their_types() -> None:
    first = Body((i32,), (arg(0, i32),))
    with pytest.raises(Exception, match="cannot follow"):
        chain(first, Body((f32,), (arg(0, f32),)))
