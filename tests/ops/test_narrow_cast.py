"""Casts to 8-bit floats from bits, against ml_dtypes."""

from __future__ import annotations

import numpy as np
import pytest

from minirt.ir.graph import Graph, Input
from minirt.ir.op import apply
from minirt.kernels.cuda.compile import compile_source
from minirt.ops.cast import NarrowCast
from minirt.ops.evaluate import evaluate
from minirt.types.dtype import dtype_of, f32
from minirt.types.tensor import Tensor
from tests.ops.on_target import OnTarget
from tests.ops.plans import TARGETS, cuda_sources, host_steps, plan_for

RNG = np.random.default_rng(0)
pytest.importorskip("cuda.bindings.nvrtc")
NAMES = ("f8e4m3", "f8e5m2", "f8e4m3fnuz", "f8e5m2fnuz", "f8e8m0")


def numbers() -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Every exponent with many fractions, ties, and what is no number."""
    bits = RNG.integers(0, 1 << 32, 40_000, np.uint64).astype(np.uint32)
    ties = (np.arange(1 << 13, dtype=np.uint32) << np.uint32(19)).astype(np.uint32)
    given = np.concatenate([bits, ties, ties + np.uint32(1), np.arange(9, dtype=np.uint32)])
    return given.view(np.float32)


@pytest.mark.parametrize("saturate", [True, False])
@pytest.mark.parametrize(("name", "mode"), [*((n, "up") for n in NAMES), ("f8e8m0", "down"), ("f8e8m0", "nearest")])
def test_codes(name: str, mode: str, saturate: bool) -> None:
    """The same codes as the reference's, but for the sign of NaN; and kernels for every target."""
    x = numbers()
    value = apply(Input("x", Tensor(f32, x.shape)))
    graph = Graph("cast", [value], [apply(NarrowCast(dtype_of(name), saturate, mode), value)], ["y"])
    for target in TARGETS:
        plan = plan_for(graph, target)
        assert not host_steps(plan)
        for source in cuda_sources(plan, target) if target != "cpu" else ():
            assert compile_source(source, target.partition(":")[2]).spills == 0
    (wanted,), (found,) = evaluate(graph, {"x": x}), OnTarget(graph)({"x": x})
    wrong = found.view(np.uint8) != wanted.view(np.uint8)
    wrong &= ~(np.isnan(found.astype(np.float32)) & np.isnan(wanted.astype(np.float32)))
    assert not wrong.any(), (x[wrong][:5], found[wrong][:5], wanted[wrong][:5])
