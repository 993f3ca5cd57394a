"""Prologues and epilogues of reductions and normalizations, against the same in separate ops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minirt.errors import MinirtError
from minirt.ir.graph import Graph, Input
from minirt.ir.op import Value, apply
from minirt.ir.scalar import Body, arg, call, cast, const
from minirt.ops.arithmetic import Add, Mul
from minirt.ops.evaluate import evaluate
from minirt.ops.normalization import Normalization
from minirt.ops.pointwise import Map
from minirt.ops.reduce import Reduce
from minirt.types.dim import symbol
from minirt.types.dtype import DType, f16, f32, i32
from minirt.types.tensor import Tensor
from tests.ops.strategies import array

N = symbol("N")


def operand(name: str, *shape: Any, dtype: DType = f32) -> Value:
    """A graph input."""
    return apply(Input(name, Tensor(dtype, shape)))


def run(inputs: list[Value], output: Value, *arrays: Any) -> Any:
    """The output for these operands."""
    graph = Graph("g", inputs, [output], ["y"])
    return evaluate(graph, dict(zip(graph.input_names, arrays, strict=True)))[0]


def product_of_two() -> Body:
    """a * b."""
    return Body((f32, f32), (call("mul", arg(0, f32), arg(1, f32)),))


def scaled_sum() -> Body:
    """Half of the sum, plus an operand, as f16."""
    return Body((f32, f32), (cast(call("add", call("mul", arg(0, f32), const(0.5, f32)), arg(1, f32)), f16),))


def test_reduction_with_both() -> None:
    """sum(a * b) / 2 + c, rounded."""
    a, b, c = operand("a", N, 5), operand("b", 5), operand("c", N, 1)
    fused = apply(Reduce("sum", (1,), True, product_of_two(), scaled_sum()), a, b, c)
    assert fused.type == Tensor(f16, (N, 1))
    x, y, z = array((3, 5)), array((5,), seed=1), array((3, 1), seed=2)
    wanted = ((x * y).sum(axis=1, keepdims=True) / 2 + z).astype(np.float16)
    np.testing.assert_allclose(run([a, b, c], fused, x, y, z), wanted, rtol=1e-3)


@pytest.mark.parametrize("kind", ["sum", "mean", "max"])
def test_narrow_floats_accumulate_wide(kind: str) -> None:
    """4000 halves sum beyond what f16 counts one by one."""
    x = operand("x", 4000, dtype=f16)
    reduced = run([x], apply(Reduce(kind, (0,), False), x), np.full(4000, 0.5, np.float16))
    assert reduced == {"sum": 2000, "mean": 0.5, "max": 0.5}[kind] and reduced.dtype == np.float16


@pytest.mark.parametrize("kind", ["layer", "rms"])
def test_normalization_with_epilogue(kind: str) -> None:
    """Scale and shift after it."""
    x, w, b = operand("x", N, 8), operand("w", 8), operand("b", 8)
    body = Body((f32, f32, f32), (call("add", call("mul", arg(0, f32), arg(1, f32)), arg(2, f32)),))
    fused = apply(Normalization((1,), kind, 1e-3, body), x, w, b)
    apart = apply(Add(), apply(Mul(), apply(Normalization((1,), kind, 1e-3), x), w), b)
    arrays = [array((4, 8)), array((8,), seed=1), array((8,), seed=2)]
    np.testing.assert_allclose(run([x, w, b], fused, *arrays), run([x, w, b], apart, *arrays), rtol=1e-5, atol=1e-6)


def test_bodies_that_do_not_fit() -> None:
    """Types of prologues and epilogues are those of the operands."""
    a, c = operand("a", N, 5), operand("c", N, 1, dtype=i32)
    with pytest.raises(MinirtError, match="the epilogue takes"):
        apply(Reduce("sum", (1,), True, None, scaled_sum()), a, c)
    with pytest.raises(MinirtError, match="do not fit rank"):
        apply(Reduce("sum", (2,)), a)
    with pytest.raises(MinirtError, match="is not layer or rms"):
        apply(Normalization((1,), "batch"), a)
    with pytest.raises(MinirtError, match="the region takes"):
        apply(Map(product_of_two()), a)
