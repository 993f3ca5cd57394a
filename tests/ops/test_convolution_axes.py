"""Convolutions over three spatial axes and more: against onnxruntime, and without host steps on every target."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minirt.ops.evaluate import evaluate
from tests.ops.harness import assert_close, check_symbolic, import_model, one_node, run_ort
from tests.ops.on_target import OnTarget
from tests.ops.plans import TARGETS, host_steps, plan_for

Case = tuple[str, tuple[int, ...], tuple[int, ...], dict[str, Any]]
RNG = np.random.default_rng(0)

TRIPLE = (4, 2, 3, 2, 3)
CASES: list[Case] = [
    ("Conv", (2, 3, 7, 8, 9), (4, 3, 3, 3, 3), {"pads": [1] * 6}),
    (
        "Conv",
        (1, 4, 7, 8, 9),
        (8, 4, 3, 2, 3),
        {"pads": [1, 0, 1, 2, 1, 0], "strides": [2, 1, 2], "dilations": [2, 1, 1]},
    ),
    ("Conv", (2, 4, 6, 5, 7), (6, 2, 3, 3, 3), {"group": 2, "pads": [1] * 6}),
    ("Conv", (2, 4, 6, 5, 7), (4, 1, 3, 3, 3), {"group": 4, "pads": [1] * 6}),
    ("Conv", (1, 2, 4, 5, 3), (3, 2, 1, 1, 1), {}),
    ("ConvTranspose", (2, 3, 4, 5, 6), (3, 4, 2, 2, 2), {"strides": [2, 2, 2]}),
    (
        "ConvTranspose",
        (2, 3, 4, 5, 6),
        (3, 4, 3, 3, 3),
        {"strides": [2] * 3, "pads": [1] * 6, "output_padding": [1] * 3},
    ),
    ("ConvTranspose", (2, 4, 4, 5, 6), TRIPLE, {"strides": [2, 1, 3], "pads": [1, 0, 1, 0, 0, 1], "group": 2}),
    ("ConvTranspose", (2, 4, 4, 5, 6), TRIPLE, {"dilations": [2, 1, 1], "group": 2}),
    ("ConvTranspose", (1, 4, 3, 5, 6), (4, 2, 2, 3, 3), {"strides": [3, 1, 1]}),
]


def randn(*shape: int) -> Any:
    """Normal numbers."""
    return RNG.standard_normal(shape).astype(np.float32)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_three_axes(case: Case, constant: bool, bias: bool) -> None:
    op, x, w, attributes = case
    outs = w[0] if op == "Conv" else w[1] * attributes.get("group", 1)
    arrays = [randn(*x), randn(*w)] + ([randn(outs)] if bias else [])
    held = list(range(1, len(arrays))) if constant else []
    model = one_node(op, arrays, constants=held, **attributes)
    graph = import_model(model)
    feeds = {f"x{i}": a for i, a in enumerate(arrays) if i not in held}
    assert_close(OnTarget(graph)(feeds)[0], run_ort(model, feeds)[0], 1e-4)
    for target in TARGETS:
        assert not host_steps(plan_for(graph, target))


FOLDED: list[Case] = [
    ("ConvTranspose", (2, 3, 9), (3, 4, 3), {"strides": [2], "pads": [1, 0], "output_padding": [1]}),
    ("ConvTranspose", (2, 4, 7, 6), (4, 3, 3, 2), {"strides": [2, 1], "group": 2, "dilations": [1, 2]}),
    ("ConvTranspose", (1, 3, 4, 5), (3, 2, 2, 2), {"strides": [3, 4]}),
]


@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize("case", FOLDED, ids=str)
def test_folded(case: Case, constant: bool) -> None:
    test_three_axes(case, constant, True)


def test_four_axes() -> None:
    """No one else has them: by reference."""
    model = one_node("Conv", [randn(1, 2, 4, 5, 3, 4), randn(3, 2, 2, 3, 2, 2)], constants=[1])
    graph, feeds = import_model(model), {"x0": randn(1, 2, 4, 5, 3, 4)}
    assert_close(OnTarget(graph)(feeds)[0], evaluate(graph, feeds)[0], 1e-4)


@pytest.mark.parametrize("op", ["Conv", "ConvTranspose"])
def test_named_sizes(op: str) -> None:
    sizes = [{"N": 1, "D": 4, "W": 5}, {"N": 2, "D": 7, "W": 6}]
    shapes: Any = [("N", 2, "D", 5, "W"), randn(2, 2, 3, 3, 3), randn(2)]
    check_symbolic(op, shapes, sizes, tolerance=1e-4, strides=[2, 1, 2], pads=[1, 0, 1, 1, 1, 0])
