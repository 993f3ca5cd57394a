"""Ops that read and write where the data say, larger than the tests of single ops have them, and without the host."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minirt.build.targets import default_target
from minirt.ir.graph import Graph
from minirt.ops.evaluate import evaluate
from tests.gpu.session import Array, Session
from tests.ops.harness import import_model, one_node

pytestmark = pytest.mark.gpu
RNG = np.random.default_rng(3)


def randn(*shape: int) -> Array:
    """Normal numbers."""
    return RNG.standard_normal(shape).astype(np.float32)


def check(graph: Graph, feeds: list[dict[str, Array]], tolerance: float = 0.0) -> None:
    """One engine for several operands, none of its steps on the host; twice each, as the second run is another way."""
    session = Session(graph, default_target())
    assert not [k for k in session.kernels if k.startswith("host:")], session.kernels
    for each in (*feeds, *feeds):
        for found, wanted in zip(session.run(each), evaluate(graph, each), strict=True):
            assert found.shape == wanted.shape
            np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 1.0])
def test_non_zero(share: float) -> None:
    x = (RNG.random((3, 331, 257)) < share).astype(np.float32)
    check(import_model(one_node("NonZero", [x])), [{"x0": x}, {"x0": np.roll(x, 5)}, {"x0": x * 0}])


@pytest.mark.parametrize("axis", [None, 1])
def test_compress(axis: int | None) -> None:
    x, mask = RNG.integers(0, 99, (7, 501, 9)), RNG.random(501) < 0.4
    attributes: Any = {} if axis is None else {"axis": axis}
    check(import_model(one_node("Compress", [x, mask], **attributes)), [{"x0": x, "x1": m} for m in (mask, ~mask)])


@pytest.mark.parametrize("boxes", [64, 3000])
def test_non_max_suppression(boxes: int) -> None:
    low = RNG.random((2, boxes, 2)).astype(np.float32)
    given = np.concatenate([low, low + 0.2 * RNG.random((2, boxes, 2)).astype(np.float32)], -1)
    scores = np.round(RNG.random((2, 5, boxes)), 2).astype(np.float32)  # many are equal
    most, overlap, least = np.array([40]), np.full(1, 0.4, np.float32), np.full(1, 0.3, np.float32)
    model = one_node("NonMaxSuppression", [given, scores, most, overlap, least], constants=[2, 3, 4])
    feeds = [{"x0": given, "x1": s} for s in (scores, scores[:, ::-1].copy(), scores * 0)]
    check(import_model(model), feeds)


@pytest.mark.parametrize("op", ["Conv", "ConvTranspose"])
@pytest.mark.parametrize("constant", [False, True])
def test_volumes(op: str, constant: bool) -> None:
    x, w, bias = randn(2, 16, 12, 20, 24), randn(16, 16, 3, 3, 3), randn(16)
    attributes: Any = {"pads": [1] * 6, "strides": [2, 2, 1]}
    model = one_node(op, [x, w, bias], constants=[1, 2] if constant else [], **attributes)
    feeds = {"x0": x} if constant else {"x0": x, "x1": w, "x2": bias}
    check(import_model(model), [feeds], 2e-4)


@pytest.mark.parametrize("mode", ["linear", "nearest", "cubic"])
@pytest.mark.parametrize("padding", ["zeros", "border", "reflection"])
def test_grid_sample(mode: str, padding: str) -> None:
    x, grid = randn(2, 17, 33, 41), RNG.uniform(-1.5, 1.5, (2, 29, 37, 2)).astype(np.float32)
    model = one_node("GridSample", [x, grid], mode=mode, padding_mode=padding)
    session = Session(import_model(model), default_target())
    found, wanted = session.run({"x0": x, "x1": grid})[0], evaluate(import_model(model), {"x0": x, "x1": grid})[0]
    wrong = ~np.isclose(found, wanted, rtol=1e-4, atol=1e-4)
    assert wrong.mean() < (1e-3 if mode == "nearest" else 1e-9)  # a tie may round either way


def test_regions() -> None:
    x, images = randn(3, 19, 40, 48), RNG.integers(0, 3, 100)
    corner = RNG.uniform(0, 30, (100, 2))
    rois = np.concatenate([corner, corner + RNG.uniform(1, 16, (100, 2))], -1).astype(np.float32)
    for kind in ("avg", "max"):
        model = one_node("RoiAlign", [x, rois, images], output_height=7, output_width=7, sampling_ratio=2, mode=kind)
        check(import_model(model), [{"x0": x, "x1": rois, "x2": images}], 1e-4)


@pytest.mark.parametrize("high", [3, 1000, 1 << 40])
def test_unique(high: int) -> None:
    x = RNG.integers(0, high, (37, 101))
    check(import_model(one_node("Unique", [x], outputs=4)), [{"x0": x}, {"x0": x * 0}, {"x0": -x}])


@pytest.mark.parametrize("axis", [None, 0, 1])
@pytest.mark.parametrize("ordered", [0, 1])
def test_unique_of_slices_and_as_they_come(axis: int | None, ordered: int) -> None:
    x = RNG.integers(0, 2, (900, 7)).astype(np.float32)
    along: dict[str, Any] = {} if axis is None else {"axis": axis}
    check(import_model(one_node("Unique", [x], outputs=4, sorted=ordered, **along)), [{"x0": x}, {"x0": x * 0}])


def test_unique_of_numbers_that_are_none() -> None:
    x = RNG.choice(np.array([np.nan, 0.0, -0.0, np.inf, -np.inf, 1.5], np.float32), 5000)
    session = Session(import_model(one_node("Unique", [x], outputs=4)), default_target())
    for found, wanted in zip(session.run({"x0": x}), np.unique(x, True, True, True), strict=True):
        np.testing.assert_array_equal(found, wanted.reshape(-1))


def test_operands_that_only_the_data_tell() -> None:
    x = randn(24, 35)
    for shape in ([-1, 7], [0, -1, 5], [35, 24]):
        check(import_model(one_node("Reshape", [x, np.array(shape)])), [{"x0": x, "x1": np.array(shape)}])
    for start, end, step in ((1, 30, 2), (-1, -99, -3), (5, 2, 1)):
        bounds = [np.array([v]) for v in (start, end)]
        model = one_node("Slice", [x, *bounds, np.array([1]), np.array([step])], constants=[3])
        check(import_model(model), [{"x0": x, "x1": bounds[0], "x2": bounds[1], "x4": np.array([step])}])
    check(import_model(one_node("Expand", [x, np.array([3, 24, 1])])), [{"x0": x, "x1": np.array([3, 24, 1])}])
    given = [np.array(v, np.float32) for v in (0.5, 9.0, 0.25)]
    check(import_model(one_node("Range", given)), [{f"x{i}": v for i, v in enumerate(given)}])


@pytest.mark.parametrize("op", ["RandomUniform", "RandomNormal"])
def test_random_numbers_are_those_of_the_reference(op: str) -> None:
    check(import_model(one_node(op, [], shape=[321, 77], seed=4.0)), [{}], 3e-6)


def test_determinants_and_folds() -> None:
    x = randn(40, 9, 9)
    check(import_model(one_node("Det", [x])), [{"x0": x}], 1e-3)
    columns = randn(3, 24, 49)
    check(import_model(one_node("Col2Im", [columns, np.array([9, 8]), np.array([3, 2])], constants=[1, 2])),
          [{"x0": columns}], 1e-5)  # fmt: skip
