"""Assertion layers: what they demand is known at once, or at each run."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minirt as trt
from tests.api.nets import Keeper, same


@pytest.fixture(autouse=True)
def _cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIRT_TARGET", "cpu")


def built(logger: Keeper, condition: Any, shape: tuple[int, ...] = (-1, -1)) -> Any:
    """Return an engine of y = exp(x), z = 2 x that asserts `condition(network, x)`; None where it is refused."""
    builder = trt.Builder(logger)
    net = builder.create_network()
    x = net.add_input("x", trt.float32, shape)
    layer = net.add_assertion(condition(net, x), "sides differ")
    layer.name = "square"
    assert layer.type == trt.LayerType.ASSERTION and layer.message == "sides differ"
    for name, made in (("y", net.add_unary(x, trt.UnaryOperation.EXP)), ("z", net.add_elementwise(x, x, SUM))):
        made.get_output(0).name = name
        net.mark_output(made.get_output(0))
    config = builder.create_builder_config()
    if -1 in shape:
        profile = builder.create_optimization_profile()
        profile.set_shape("x", (1, 1), (4, 4), (8, 8))
        config.add_optimization_profile(profile)
    data = builder.build_serialized_network(net, config)
    return None if data is None else trt.Runtime(logger).deserialize_cuda_engine(data)


SUM = trt.ElementWiseOperation.SUM


def square(net: Any, x: Any) -> Any:
    """Whether both sizes of x are equal, as a tensor of one bool."""
    shape = net.add_shape(x).get_output(0)
    sides = [net.add_slice(shape, (axis,), (1,), (1,)).get_output(0) for axis in (0, 1)]
    return net.add_elementwise(*sides, trt.ElementWiseOperation.EQUAL).get_output(0)


def test_a_run_that_breaks_an_assertion_fails_by_its_name() -> None:
    logger = Keeper()
    context = built(logger, square).create_execution_context()
    for shape in ((3, 3), (1, 1), (7, 7)):
        x = np.random.default_rng(1).normal(size=shape).astype(np.float32)
        found = context.run({"x": x})
        same(found["y"], np.exp(x), 1e-6)
        same(found["z"], 2 * x)
    assert context.run({"x": np.ones((3, 5), np.float32)}) is None
    assert "'square'" in logger.errors[-1] and "sides differ" in logger.errors[-1]
    same(context.run({"x": np.ones((5, 5), np.float32)})["z"], np.full((5, 5), 2, np.float32))


@pytest.mark.parametrize("holds", [True, False])
def test_what_is_known_when_building(holds: bool) -> None:
    logger = Keeper()
    values = np.array([True, holds])
    engine = built(logger, lambda net, x: net.add_constant((2,), values).get_output(0), (4, 4))
    if not holds:
        assert engine is None
        assert "'square'" in logger.errors[-1] and "sides differ" in logger.errors[-1]
        return
    x = np.random.default_rng(2).normal(size=(4, 4)).astype(np.float32)
    same(engine.create_execution_context().run({"x": x})["y"], np.exp(x), 1e-6)


def test_sizes_that_are_fixed_are_known_when_building() -> None:
    assert built(Keeper(), square, (4, 4)) is not None
    logger = Keeper()
    assert built(logger, square, (4, 6)) is None
    assert "sides differ" in logger.errors[-1]
