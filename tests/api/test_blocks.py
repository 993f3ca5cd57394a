"""Quantize and dequantize layers whose numbers share scales in blocks, along any axis or several."""

from __future__ import annotations

from typing import Any

import ml_dtypes
import numpy as np
import pytest

import minirt as trt
from tests.api.nets import compute, same

pytestmark = pytest.mark.usefixtures("each_target")
RNG = np.random.default_rng(5)
X = RNG.normal(size=(8, 12)).astype(np.float32)


def blocks(shape: tuple[int, ...]) -> Any:
    """Scales of this shape, and those of each number of X."""
    scale = RNG.uniform(0.02, 0.06, shape).astype(np.float32)
    wide = scale
    for axis in range(2):
        wide = np.repeat(wide, X.shape[axis] // shape[axis], axis)
    return scale, wide


@pytest.mark.parametrize("shape", [(2, 12), (8, 3), (1, 12), (8, 1), (4, 6), (2, 1), (8, 12)])
@pytest.mark.parametrize("kind", ["int8", "int4", "fp8"])
def test_scales_of_blocks(shape: tuple[int, ...], kind: str) -> None:
    scale, wide = blocks(shape)

    def add(net: Any, x: Any) -> Any:
        by = net.add_constant(shape, scale).get_output(0)
        small = net.add_quantize(x, by, getattr(trt, kind)).get_output(0)
        return net.add_dequantize(small, by, trt.float32)

    if kind == "fp8":
        whole = (X / wide).astype(ml_dtypes.float8_e4m3fn).astype(np.float32)
    else:
        most = 128 if kind == "int8" else 8
        whole = np.clip(np.rint(X / wide), -most, most - 1)
    same(compute(add, X), whole * wide)


def test_a_scale_of_other_axes_is_refused() -> None:
    def add(net: Any, x: Any) -> Any:
        return net.add_quantize(x, net.add_constant((1, 1, 1), np.ones(1, np.float32)).get_output(0), trt.int8)

    with pytest.raises(Exception, match="as many axes"):
        compute(add, X)
