"""Ops that onnxruntime has outside the standard, against its own kernels, or by definition where it has none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from minirt.errors import MinirtError
from tests.ops.harness import import_model
from tests.ops.microsoft.nodes import check, node_of

RNG = np.random.default_rng(12)


def randn(*shape: int) -> Any:
    return RNG.standard_normal(shape).astype(np.float32)


def test_ops_that_the_standard_has() -> None:
    """Trilu, GatherND, Pad, GridSample, Range, Unique, ExpandDims."""
    check("Trilu", [randn(2, 4, 5), np.int64(1)], upper=0, constants=[1])
    check("GatherND", [randn(3, 4, 2), np.array([[0, 1], [2, 3]])])
    for mode in ("constant", "reflect", "edge"):
        check("Pad", [randn(3, 4), np.array([1, 0, 2, 1]), np.float32(7)], mode=mode, constants=[1, 2])
    grid = RNG.uniform(-1.2, 1.2, (2, 3, 4, 2)).astype(np.float32)
    for mode in ("bilinear", "nearest", "bicubic"):
        check("GridSample", [randn(2, 3, 5, 6), grid], mode=mode, padding_mode="border", tolerance=1e-4)
    check("Range", [np.int32(2), np.int32(11), np.int32(3)], constants=[0, 1, 2])
    check("Range", [np.float32(2), np.float32(5)], constants=[0, 1])
    check("Unique", [np.array([2, 1, 1, 3, 4, 3], np.float32)], outputs=3)
    for axis in (0, 2, -1):
        check("ExpandDims", [randn(3, 4), np.int32(axis)], constants=[1])
    check("SampleOp", [randn(3)])


@pytest.mark.parametrize(("dim", "size", "step"), [(-1, 3, 1), (0, 2, 2), (1, 4, 1)])
def test_unfold(dim: int, size: int, step: int) -> None:
    """Windows along an axis."""
    check("UnfoldTensor", [randn(5, 4, 6)], dim=dim, size=size, step=step)


@pytest.mark.parametrize("metric", ["euclidean", "sqeuclidean"])
def test_distances(metric: str) -> None:
    """All rows of one from all of another."""
    check("CDist", [randn(4, 7), randn(5, 7)], metric=metric, tolerance=1e-4)
    with pytest.raises(MinirtError, match="cosine"):
        import_model(node_of("CDist", [randn(4, 7), randn(5, 7)], metric="cosine"))


@pytest.mark.parametrize("shape", [(1, 1), (3, 3), (2, 4, 4), (2, 3, 5, 5)])
def test_inverse(shape: tuple[int, ...]) -> None:
    """Rows are exchanged where a pivot is 0."""
    x = randn(*shape)
    x[..., 0, 0] = 0 if shape[-1] > 1 else 1
    check("Inverse", [x], tolerance=1e-3)
    with pytest.raises(MinirtError, match="up to 16"):
        import_model(node_of("Inverse", [randn(17, 17)]))


@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
@pytest.mark.parametrize("size", [(3, 4), (1, 5), (2, 1)])
def test_crops(mode: str, size: tuple[int, int]) -> None:
    """Boxes may leave the image."""
    boxes = np.array(
        [[0.13, 0.22, 0.81, 0.93], [0, 0, 1, 1], [-0.23, 0.11, 1.31, 0.71], [0.91, 0.82, 0.12, 0.23]], np.float32
    )
    operands = [randn(2, 3, 6, 8), boxes, np.array([0, 1, 1, 0], np.int32), np.array(size, np.int32)]
    check("CropAndResize", operands, constants=[3], mode=mode, extrapolation_value=0.5, tolerance=1e-4)


def test_complex_products() -> None:
    """By definition, broadcast."""
    a, b = randn(3, 4, 2), randn(4, 2)
    left, right = a[..., 0] + 1j * a[..., 1], b[..., 0] + 1j * b[..., 1]
    for op, wanted in (("ComplexMul", left * right), ("ComplexMulConj", left * right.conj())):
        check(op, [a, b], expected=[np.stack([wanted.real, wanted.imag], -1)])


@pytest.mark.parametrize("rank", [1, 2])
def test_fourier_transforms(rank: int) -> None:
    """NumPy's."""
    x = randn(2, 6, 8)
    axes = list(range(3 - rank, 3))
    wanted = np.fft.rfftn(x, axes=axes)
    parts = np.stack([wanted.real, wanted.imag], -1).astype(np.float32)
    given = {"signal_ndim": rank, "onesided": 1, "normalized": 0}
    check("Rfft", [x], expected=[parts], tolerance=1e-4, **given)
    check("Irfft", [parts], expected=[x], tolerance=1e-4, **given)


def test_all_finite() -> None:
    """Of several tensors."""
    fine, infinite, strange = randn(3, 4), randn(2), randn(3)
    infinite[1], strange[0] = np.inf, np.nan
    for held, only, wanted in [
        ([fine, fine], {}, True),
        ([fine, infinite], {}, False),
        ([strange, fine], {}, False),
        ([fine, strange], {"isinf_only": 1}, True),
        ([infinite, fine], {"isnan_only": 1}, True),
        ([strange, fine], {"isnan_only": 1}, False),
    ]:
        check("IsAllFinite", held, expected=[np.asarray(wanted)], **only)
