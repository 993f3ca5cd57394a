"""Products whose operands are copied in full, and lists that loops append to, on a device."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minirt as trt
from tests.build.test_spreading import SHAPES, model, profile
from tests.ops.test_loop_lists import TAILS, bags

pytestmark = pytest.mark.gpu


@pytest.fixture(autouse=True)
def _cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MINIRT_TARGET", raising=False)


def engine_of(data: bytes, ranges: dict[str, Any], half: bool) -> Any:
    """Build for the device that is here, with TF32 off."""
    logger = trt.Logger(trt.Logger.ERROR)
    builder = trt.Builder(logger)
    network = builder.create_network()
    assert trt.OnnxParser(network, logger).parse(data)
    config = builder.create_builder_config()
    config.clear_flag(trt.BuilderFlag.TF32)
    if half:
        config.set_flag(trt.BuilderFlag.FP16)
    made = builder.create_optimization_profile()
    for tensor in map(network.get_input, range(network.num_inputs)):
        if -1 in tuple(tensor.shape):
            made.set_shape(tensor.name, *ranges[tensor.name])
    config.add_optimization_profile(made)
    return builder.build_engine_with_config(network, config)


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("half", [False, True])
def test_products_of_operands_copied_in_full(fixed: bool, half: bool) -> None:
    context = engine_of(model(fixed), profile(), half).create_execution_context()
    rng = np.random.default_rng(0)
    least = {name: shapes[0] for name, shapes in profile().items()}
    for given in (SHAPES, SHAPES if fixed else least):
        feeds = {name: rng.normal(size=shape).astype(np.float32) for name, shape in given.items()}
        q, k, mask, v = (feeds[name].astype(np.float64) for name in SHAPES)
        wanted = (q @ k.swapaxes(-1, -2) + mask) @ v
        found = np.asarray(context.run(feeds)["y"])
        assert np.abs(found - wanted).max() < (2e-2 if half else 1e-5) * np.abs(wanted).max()


def test_sums_of_bags() -> None:
    ranges = {"x": ((1, 4), (9, 4), (20, 4)), "a": ((2,), (5,), (8,))}
    context = engine_of(bags(TAILS["joined"]).SerializeToString(), ranges, False).create_execution_context()
    x = np.random.default_rng(1).normal(size=(9, 4)).astype(np.float32)
    for places in ([0, 3, 3, 7, 9], [2, 4, 9]):
        found = np.asarray(context.run({"x": x, "a": np.array(places)})["y"])
        wanted = [x[a:b].sum(0) for a, b in zip(places, places[1:], strict=False)]
        np.testing.assert_allclose(found, wanted, atol=1e-5)
