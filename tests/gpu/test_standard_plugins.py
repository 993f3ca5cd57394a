"""TensorRT's standard plugins on a CUDA device: the same cases as on the CPU, against the same NumPy."""

from __future__ import annotations

import pytest

from tests.api import test_standard_plugins as cases

pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def _device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MINIRT_TARGET", raising=False)


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("agnostic", [0, 1])
def test_efficient_nms(shared: bool, agnostic: int) -> None:
    cases.test_efficient_nms_keeps_the_best_of_what_overlaps(shared, agnostic, 25)


def test_centres() -> None:
    cases.test_centres_sigmoids_and_a_background("TRT")


@pytest.mark.parametrize("coding", [0, 1])
def test_anchors(coding: int) -> None:
    cases.test_anchors_decode_boxes(coding)


@pytest.mark.parametrize("unit", [0, 1])
def test_batched_nms(unit: int) -> None:
    cases.test_batched_nms_takes_the_foremost_of_each_class(unit)


def test_small_plugins() -> None:
    cases.test_small_plugins()
