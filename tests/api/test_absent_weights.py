"""Weights that a layer may do without: None, left off, or empty, in each dialect that has the layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import minirt as trt
import minirt.v7 as v7
import minirt.v8 as v8
import minirt.v11 as v11
from minirt.build.freeze import freeze
from minirt.ops.evaluate import evaluate
from tests.api.nets import Array, Keeper

RNG = np.random.default_rng(2)
X = RNG.standard_normal((1, 4, 5, 5)).astype(np.float32)
W = RNG.standard_normal((4, 4, 3, 3)).astype(np.float32)
FULL = RNG.standard_normal((6, 100)).astype(np.float32)
FOUR = (RNG.standard_normal(4).astype(np.float32) ** 2) + 1
Add = Callable[[Any, Any, Any], Any]

ABSENT: dict[str, Callable[[Any], Any]] = {
    "None": lambda module: None,
    "Weights()": lambda module: module.Weights(),
    "Weights(type)": lambda module: module.Weights(module.float32),
    "empty array": lambda module: np.empty(0, np.float32),
}


def computed(module: Any, add: Callable[[Any, Any], Any]) -> Array:
    """What a layer that is added to an image makes of X."""
    flag = getattr(module.NetworkDefinitionCreationFlag, "EXPLICIT_BATCH", None)
    net = module.Builder(Keeper()).create_network(0 if flag is None else 1 << int(flag))
    layer = add(net, net.add_input("x", module.float32, X.shape))
    net.mark_output(layer.get_output(0))
    return next(iter(evaluate(freeze(net._state), {"x": X})))


MODULES = [pytest.param(m, id=m.__name__) for m in (trt, v7, v8, v11)]


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("absent", ABSENT.values(), ids=ABSENT)
@pytest.mark.parametrize("kind", ["convolution_nd", "deconvolution_nd", "convolution", "deconvolution"])
def test_a_convolution_without_bias(module: Any, absent: Callable[[Any], Any], kind: str) -> None:
    if module in (trt, v11) and not kind.endswith("nd"):
        pytest.skip("of TensorRT 7 and 8 alone")
    zeros = computed(module, lambda net, x: getattr(net, f"add_{kind}")(x, 4, (3, 3), W, np.zeros(4, np.float32)))
    left_off = computed(module, lambda net, x: getattr(net, f"add_{kind}")(x, 4, (3, 3), W))
    given = computed(module, lambda net, x: getattr(net, f"add_{kind}")(x, 4, (3, 3), W, bias=absent(module)))
    np.testing.assert_array_equal(left_off, zeros)
    np.testing.assert_array_equal(given, zeros)


@pytest.mark.parametrize("absent", ABSENT.values(), ids=ABSENT)
@pytest.mark.parametrize("module", [v7, v8], ids=["7", "8"])
def test_a_full_layer_without_bias(module: Any, absent: Callable[[Any], Any]) -> None:
    found = computed(module, lambda net, x: net.add_fully_connected(x, 6, FULL, absent(module)))
    np.testing.assert_allclose(found.reshape(6), FULL @ X.reshape(100), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("absent", ABSENT.values(), ids=ABSENT)
@pytest.mark.parametrize("given", [(), ("shift",), ("scale",), ("power",), ("shift", "power"), ("scale", "power")])
@pytest.mark.parametrize("nd", [False, True])
def test_a_scale_without_some(module: Any, absent: Callable[[Any], Any], given: tuple[str, ...], nd: bool) -> None:
    names = ("shift", "scale", "power")
    weights = {name: FOUR if name in given else absent(module) for name in names}
    around = np.float32(6)  # positive, so that powers are real

    def add(net: Any, x: Any) -> Any:
        base = net.add_constant((1, 1, 1, 1), np.full(1, around, np.float32)).get_output(0)
        high = net.add_elementwise(x, base, module.ElementWiseOperation.SUM).get_output(0)
        if nd:
            return net.add_scale_nd(high, module.ScaleMode.CHANNEL, **weights, channel_axis=1)
        return net.add_scale(high, module.ScaleMode.CHANNEL, **weights)

    shift, scale, power = (FOUR.reshape(4, 1, 1) if name in given else None for name in names)
    wanted = X + around
    wanted = wanted if scale is None else wanted * scale
    wanted = wanted if shift is None else wanted + shift
    wanted = wanted if power is None else wanted**power
    np.testing.assert_allclose(computed(module, add), wanted, rtol=2e-5)


@pytest.mark.parametrize("module", MODULES)
def test_weights_can_be_taken_away_again(module: Any) -> None:
    def convolution(net: Any, x: Any) -> Any:
        layer = net.add_convolution_nd(x, 4, (3, 3), W, FOUR)
        layer.bias = module.Weights()
        assert layer.bias.size == 0
        return layer

    bare = computed(module, lambda net, x: net.add_convolution_nd(x, 4, (3, 3), W))
    np.testing.assert_array_equal(computed(module, convolution), bare)
    with pytest.raises(TypeError):
        computed(module, lambda net, x: setattr(net.add_convolution_nd(x, 4, (3, 3), W), "bias", None))
