"""Kernels written once: every op has them on every target, and their CUDA text compiles."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minirt.kernels.cuda.compile import compile_source
from minirt.plan.plan import ReadStep
from tests.ops.harness import import_model, one_node
from tests.ops.plans import TARGETS, cuda_sources, host_steps, plan_for

F32, F16, F64 = np.float32, np.float16, np.float64
Case = tuple[str, list[Any], dict[str, Any]]


def _grids() -> list[Case]:
    cases: list[Case] = []
    for mode in ("linear", "nearest", "cubic"):
        for padding in ("zeros", "border", "reflection"):
            grid = [np.zeros((2, 3, 5, 6), F32), np.zeros((2, 4, 7, 2), F32)]
            cases.append(
                ("GridSample", grid, {"mode": mode, "padding_mode": padding, "align_corners": padding == "border"})
            )
    cases.append(("GridSample", [np.zeros((2, 3, 4, 5, 6), F16), np.zeros((2, 2, 4, 7, 3), F16)], {"mode": "linear"}))
    return cases


def _regions() -> list[Case]:
    x, rois = np.zeros((2, 3, 9, 8), F32), np.zeros((4, 4), F32)
    sizes = {"output_height": 3, "output_width": 2}
    return [
        ("RoiAlign", [x, rois, np.zeros(4, np.int64)], {**sizes, "sampling_ratio": 2}),
        ("RoiAlign", [x.astype(F64), rois.astype(F64), np.zeros(4, np.int64)], {**sizes, "mode": "max"}),
        ("MaxRoiPool", [x, np.zeros((4, 5), F32)], {"pooled_shape": [2, 3]}),
        ("DeformConv", [x, *(np.zeros(s, F32) for s in ((4, 3, 3, 3), (2, 18, 7, 6), (4,), (2, 9, 7, 6)))], {}),
    ]  # fmt: skip


def _picks() -> list[Case]:
    x, mask = np.zeros((3, 5, 7), F32), np.zeros(5, np.bool_)
    boxes, bounds = [np.zeros((2, 9, 4), F32), np.zeros((2, 3, 9), F32)], [np.array([4]), *[np.full(1, 0.5, F32)] * 2]
    return [
        ("NonZero", [x], {}),
        ("NonZero", [x > 0], {}),
        ("Compress", [x, mask], {"axis": 1}),
        ("Unique", [x], {"outputs": 4}),
        ("Unique", [x.astype(np.int64)], {"outputs": 4, "sorted": 0}),
        ("Unique", [x], {"outputs": 4, "axis": 1}),
        ("Unique", [x.astype(np.int64)], {"outputs": 4, "axis": 2, "sorted": 0}),
        ("Compress", [x.astype(np.int64), mask], {}),
        ("NonMaxSuppression", [*boxes, *bounds], {}),
        ("NonMaxSuppression", [*boxes, *bounds], {"center_point_box": 1}),
    ]


def _dynamic() -> list[Case]:
    x, one = np.zeros((3, 1, 7), F32), np.array(1)
    return [
        ("Reshape", [x, np.array([-1, 3])], {}),
        ("Reshape", [x, np.array([0, -1])], {"allowzero": 1}),
        ("Expand", [x, np.array([2, 1, 4, 7])], {}),
        ("Slice", [x, np.array([1]), np.array([-1]), np.array([2]), np.array([2])], {"constants": [3]}),
        ("Range", [one, one, one], {}),
        ("Range", [one.astype(F32)] * 3, {}),
    ]


def _sizes() -> list[Case]:
    x, roi = np.zeros((1, 2, 9, 8), F32), np.array([0, 0, 0.2, 0.3, 1, 1, 0.8, 1.2], F32)
    crop: Any = {
        "constants": [1, 3],
        "coordinate_transformation_mode": "tf_crop_and_resize",
        "extrapolation_value": 7.0,
    }
    shrink: Any = {"constants": [3], "antialias": 1}
    sizes = np.array([1, 2, 5, 6])
    crops: list[Case] = [("Resize", [x, roi, None, sizes], {**crop, "mode": m}) for m in ("nearest", "linear", "cubic")]
    return [*crops, *(("Resize", [y, None, None, sizes], {**shrink, "mode": "cubic"}) for y in (x, x.astype(np.uint8)))]


_WIDE: dict[str, Any] = {"constants": [1], "strides": [4], "dilations": [2]}


def _others() -> list[Case]:
    return [
        ("Det", [np.zeros((3, 5, 5), F32)], {}),
        ("Det", [np.zeros((4, 4), F64)], {}),
        ("RandomUniform", [], {"shape": [3, 5], "seed": 2.0}),
        ("RandomNormal", [], {"shape": [3, 5], "dtype": 11}),
        ("BitCast", [np.zeros((3, 5), F32)], {"to": 6, "opset": 26}),
        ("ConvTranspose", [np.zeros((1, 2, 5, 6), F64), np.zeros((2, 3, 3, 3), F64)], {}),
        ("ConvTranspose", [np.zeros((1, 2, 5), F32), np.zeros((2, 3, 8), F32)], _WIDE),
        ("Col2Im", [np.zeros((1, 12, 20), F32), np.array([5, 7]), np.array([2, 3])], {"constants": [1, 2]}),
        ("MaxPool", [np.zeros((1, 2, 5, 6), F32)], {"kernel_shape": [2, 2], "outputs": 2}),
    ]


CASES = [*_sizes(), *_dynamic(), *_others(), *_grids(), *_regions(), *_picks()]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c[0]}-{'-'.join(map(str, c[2].values()))}")
def test_runs_without_the_host(case: Case, target: str) -> None:
    """No step is the NumPy reference, and kernels compile without spills."""
    op, arrays, attributes = case
    plan = plan_for(import_model(one_node(op, arrays, **attributes)), target)
    assert not host_steps(plan)
    if target == "cpu":
        return
    pytest.importorskip("cuda.bindings.nvrtc")
    for source in cuda_sources(plan, target):
        if "R min_of" in source.text or "min_of(T" in source.text:
            compiled = compile_source(source, target.partition(":")[2])
            assert compiled.spills <= (64 if "typedef double R" in source.text else 0), source.entry  # calls to divide


def test_a_count_that_the_host_reads_has_a_bound() -> None:
    """At most so many boxes of each class and image, where the operand is known."""
    _, arrays, _ = _picks()[-1]
    for held, most in (([], 2 * 3 * 9), ([2], 2 * 3 * 4)):
        plan = plan_for(import_model(one_node("NonMaxSuppression", arrays, constants=held)), "cpu")
        assert [s.most for s in plan.steps if isinstance(s, ReadStep)] == [(most,)]
