"""The least work of a step: what it must read, write and multiply."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from minirt.build.build import lower, optimize
from minirt.build.options import Options, Profile
from minirt.build.targets import target_of
from minirt.build.work import work_of
from minirt.ir.op import Op
from minirt.kernels.kernel import Operand, Problem, Target
from minirt.ops.attention import Attention
from minirt.ops.convolution import Conv, ConvTranspose
from minirt.ops.gemm import Gemm
from minirt.ops.indexing import Gather
from minirt.parsers.onnx.importing import import_graph
from minirt.parsers.onnx.read import read_model
from minirt.plan.plan import KernelStep
from minirt.types.dtype import DType, f16, i64
from minirt.types.tensor import Tensor

DATA = Path(__file__).parents[1] / "data"


def work(
    op: Op, inputs: Sequence[tuple[int, ...]], output: tuple[int, ...], second: DType = f16
) -> tuple[object, object]:
    kinds = [f16, second, *(f16 for _ in inputs[2:])]
    made = [Tensor(k, s) for k, s in zip(kinds, inputs, strict=False)]
    operands = tuple(Operand(t, t.strides) for t in made)
    result = Tensor(f16, output)
    return work_of(Problem(op, operands, (Operand(result, result.strides),), Target("cpu")))


def test_products() -> None:
    assert work(Gemm(), [(4, 5), (5, 6)], (4, 6)) == (2 * (20 + 30 + 24), 2 * 4 * 5 * 6)
    assert work(Gemm(trans_a=True), [(3, 5, 4), (5, 6)], (3, 4, 6))[1] == 2 * 3 * 4 * 5 * 6


def test_convolutions() -> None:
    plain = Conv((1, 1), (1, 1, 1, 1), (1, 1))
    assert work(plain, [(2, 3, 8, 8), (4, 3, 3, 3)], (2, 4, 8, 8))[1] == 2 * (2 * 4 * 64) * 27
    grouped = Conv((1, 1), (0, 0, 0, 0), (1, 1), 6)
    assert work(grouped, [(1, 6, 4, 4), (6, 1, 1, 1)], (1, 6, 4, 4))[1] == 2 * 6 * 16
    spread = ConvTranspose((2, 2), (0,) * 4, (0, 0), (1, 1))
    assert work(spread, [(1, 3, 4, 4), (3, 5, 2, 2)], (1, 5, 8, 8))[1] == 2 * (3 * 16) * 5 * 4


@pytest.mark.parametrize("causal", [False, True])
def test_attention(causal: bool) -> None:
    shapes = [(2, 4, 8, 16), (2, 2, 8, 16), (2, 2, 8, 32)]
    whole = 2 * 2 * 4 * 8 * 8 * (16 + 32)
    assert work(Attention(causal=causal), shapes, (2, 4, 8, 32))[1] == (whole // 2 if causal else whole)


def test_an_embedding_reads_what_it_takes() -> None:
    assert work(Gather(0), [(1000, 8), (3,)], (3, 8), i64) == (2 * 24 + 8 * 3 + 2 * 24, 0)


def test_an_operand_that_repeats_is_read_once() -> None:
    row = Tensor(f16, (4, 6))
    operands = (Operand(row, row.strides), Operand(row, (0, 1)))
    moved, _ = work_of(Problem(Gemm(), operands, (Operand(row, row.strides),), Target("cpu")))
    assert moved == 2 * (24 + 6 + 24)


def test_steps_of_a_plan_know_their_work() -> None:
    target = target_of("cpu")
    graph = optimize(import_graph(read_model(str(DATA / "vit-tiny.onnx"))))
    shape = (2, 3, 32, 32)
    plan = lower(graph, target, Options((target,), (Profile({"image": (shape, shape, shape)}),))).run()
    steps = [s for s in plan.steps if isinstance(s, KernelStep)]
    assert all(isinstance(s.bytes, int) and s.bytes > 0 for s in steps)
    assert all(isinstance(s.flops, int) and s.flops > 0 for s in steps if s.choices[0].kernel == "GemmTiled")
