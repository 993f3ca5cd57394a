"""Weights that products of a few rows ask for ahead of the steps that lie between them."""

from __future__ import annotations

import numpy as np
import pytest

import minirt.ops.families  # noqa: F401  (registers every op)
from minirt.build.build import lower, optimize
from minirt.build.options import Options
from minirt.build.targets import target_of
from minirt.ir.graph import Graph, Input, constant
from minirt.ir.op import Value, apply
from minirt.ops.gemm import Gemm
from minirt.ops.softmax import Softmax
from minirt.plan.launch import Address, Integer, Launch
from minirt.plan.plan import KernelStep
from minirt.types.dtype import f16
from minirt.types.tensor import Tensor


@pytest.fixture(autouse=True)
def _nothing_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIRT_TUNE", "0")


def launches(name: str = "cuda:sm_90a", streaming: bool = False) -> list[Launch]:
    """Of x @ a, softmax, @ b, @ c, @ d."""
    x = apply(Input("x", Tensor(f16, (1, 256))))

    def times(y: Value, n: int) -> Value:
        return apply(Gemm(), y, constant(np.zeros((256, n)) + n, f16))

    y = times(times(times(apply(Softmax(1), times(x, 256)), 256), 256), 64)
    target = target_of(name)
    options = Options((target,), streaming=streaming)
    plan = lower(optimize(Graph("net", [x], [y], ["y"])), target, options).run()
    return [s.choices[0].launches[0] for s in plan.steps if isinstance(s, KernelStep)]


def test_a_product_asks_for_weights_behind_other_steps() -> None:
    first, softmax, second, third, fourth = launches()
    assert "next" in first.unit.spec and first.args[-1] == Integer(256 * 256 * 2 // 128, 32)
    assert isinstance(third.args[1], Address) and first.args[-2] == third.args[1]
    assert not any("next" in x.unit.spec for x in (softmax, second, third, fourth))


def test_no_more_is_asked_for_than_the_variable_says(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not any("next" in x.unit.spec for x in launches("cuda:sm_80"))
    assert not any("next" in x.unit.spec for x in launches(streaming=True))
    monkeypatch.setenv("MINIRT_FETCH", "0")
    assert not any("next" in x.unit.spec for x in launches())
