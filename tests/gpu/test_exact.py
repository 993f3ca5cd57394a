"""Float32 with TF32 off on a device: sums of one channel's taps round as one multiply-add after another does."""

from __future__ import annotations

import numpy as np
import pytest

from minirt.build.targets import default_target
from minirt.ir.graph import Graph, Input, constant
from minirt.ir.op import apply
from minirt.ops.convolution import Conv
from minirt.types.dtype import f32
from minirt.types.tensor import Tensor
from tests.gpu.session import Array, Session

pytestmark = pytest.mark.gpu


def one_after_another(x: Array, w: Array, step: int) -> Array:
    """The convolution [N, 1, L] * [O, 1, K], each product added and rounded to float32 by itself.

    A product of two float32 is exact in float64; its sum with a float32 is rounded twice, which differs from once in
    about one of 2**29 cases.
    """
    views = np.lib.stride_tricks.sliding_window_view(x[:, 0], w.shape[2], axis=1)[:, ::step].astype(np.float64)
    total = np.zeros((x.shape[0], w.shape[0], views.shape[1]), np.float32)
    for k in range(w.shape[2]):
        total = (total + views[:, None, :, k] * w[None, :, 0, k, None].astype(np.float64)).astype(np.float32)
    return total


@pytest.mark.parametrize(("outputs", "taps", "step"), [(36, 256, 64), (1, 256, 2), (5, 300, 1)])
@pytest.mark.parametrize("seed", [0, 1])
def test_taps_are_added_in_order(outputs: int, taps: int, step: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, w = (rng.standard_normal(s).astype(np.float32) for s in ((3, 1, 1499), (outputs, 1, taps)))
    given = apply(Input("x", Tensor(f32, x.shape)))
    op = Conv((step,), (0, 0), (1,), 1, None)
    session = Session(Graph("net", [given], [apply(op, given, constant(w))], ["y"]), default_target())
    np.testing.assert_array_equal(session.run({"x": x})[0], one_after_another(x, w, step))
