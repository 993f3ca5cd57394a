"""A convolution that is wanted where only plain loops can write it is made in tiles, and copied."""

from __future__ import annotations

import numpy as np
import pytest

import minirt as trt
from minirt.build.build import lower, optimize
from minirt.build.freeze import freeze
from minirt.build.options import Options, Profile
from minirt.plan.plan import KernelStep
from tests.api.nets import network
from tests.ops.plans import target_named


@pytest.mark.parametrize(("groups", "kernel"), [(1, "ConvTiled"), (16, "ConvDepthwiseLanes")])
def test_a_convolution_alone_is_tiled(groups: int, kernel: str) -> None:
    net = network()
    x = net.add_input("x", trt.float32, (1, 16, 9, 9))
    weights = np.ones((16, 16 // groups, 3, 3), np.float32)
    layer = net.add_convolution_nd(x, 16, (3, 3), weights, np.zeros(16, np.float32))
    layer.num_groups, layer.padding_nd = groups, (1, 1)
    net.mark_output(layer.get_output(0))
    target = target_named("cpu")
    plan = lower(optimize(freeze(net._state)), target, Options((target,), (Profile({}),))).run()
    taken = [c.kernel for step in plan.steps if isinstance(step, KernelStep) for c in step.choices]
    assert kernel in taken and "ConvPlain" not in taken
