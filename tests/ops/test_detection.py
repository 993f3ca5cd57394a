"""Ops of detectors against onnxruntime."""

from typing import Any

import numpy as np
import pytest

from tests.ops.harness import check

RNG = np.random.default_rng(0)


def boxes(batch: int, count: int, centre: bool) -> Any:
    low, size = RNG.uniform(0, 10, (2, batch, count, 2))
    parts = [low, size] if centre else [low, low + size]
    return np.concatenate(parts, axis=-1).astype(np.float32)


@pytest.mark.parametrize("centre", [0, 1])
@pytest.mark.parametrize("most", [0, 3, 100])
@pytest.mark.parametrize("overlap", [0.0, 0.3, 0.8])
def test_non_max_suppression(centre: int, most: int, overlap: float) -> None:
    scores = RNG.uniform(size=(2, 3, 20)).astype(np.float32)
    given = [boxes(2, 20, bool(centre)), scores, np.array([most]), np.array([overlap], np.float32)]
    check("NonMaxSuppression", given, center_point_box=centre)
    check("NonMaxSuppression", [*given, np.array([0.5], np.float32)], center_point_box=centre)


def test_corners_come_in_any_order() -> None:
    given = boxes(1, 10, False)[..., [2, 1, 0, 3]]
    scores = RNG.uniform(size=(1, 1, 10)).astype(np.float32)
    check("NonMaxSuppression", [given, scores, np.array([5]), np.array([0.4], np.float32)])


@pytest.mark.parametrize("mode", ["avg", "max"])
@pytest.mark.parametrize("place", ["half_pixel", "output_half_pixel"])
@pytest.mark.parametrize("sampling", [0, 2])
def test_roi_align(mode: str, place: str, sampling: int) -> None:
    x = RNG.standard_normal((2, 3, 12, 14)).astype(np.float32)
    rois = np.array([[1, 2, 9, 8], [0, 0, 25, 22], [5, 5, 5.5, 5.2], [-3, -2, 4, 6]], np.float32)
    check("RoiAlign", [x, rois, np.array([0, 1, 1, 0])], opset=18, mode=mode, coordinate_transformation_mode=place,
          sampling_ratio=sampling, output_height=3, output_width=2, spatial_scale=0.5, tolerance=1e-4)  # fmt: skip


def test_max_roi_pool() -> None:
    x = RNG.standard_normal((2, 3, 12, 14)).astype(np.float32)
    rois = np.array([[0, 1, 2, 9, 8], [1, 0, 0, 25, 22], [1, 5, 5, 5, 5]], np.float32)
    check("MaxRoiPool", [x, rois], opset=18, pooled_shape=[3, 2], spatial_scale=0.5)


def test_det() -> None:
    check("Det", [RNG.standard_normal((2, 4, 4)).astype(np.float32)], opset=18, tolerance=1e-4)
