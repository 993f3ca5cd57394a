"""An algorithm selector on a device: every way to run a product that is offered can be built, and is right."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import minirt as trt

pytestmark = [pytest.mark.gpu, pytest.mark.filterwarnings("ignore:.*algorithm_selector")]
RNG = np.random.default_rng(5)
X = RNG.standard_normal((64, 256)).astype(np.float16)
W = (RNG.standard_normal((256, 128)) / 16).astype(np.float16)


def built(place: int | None) -> tuple[bytes, list[Any], Any]:
    """The engine with one choice of the product, or the default; what was offered, and what was reported."""
    offered: list[Any] = []
    told: dict[str, Any] = {}

    class Selector(trt.IAlgorithmSelector):  # type: ignore[misc]
        def select_algorithms(self, context: Any, choices: Sequence[Any]) -> list[int]:
            if context.name != "product":
                return []
            offered.extend(choices)
            return [] if place is None else [place]

        def report_algorithms(self, contexts: Sequence[Any], choices: Sequence[Any]) -> None:
            told.update({c.name: a for c, a in zip(contexts, choices, strict=True)})

    builder = trt.Builder(trt.Logger(trt.Logger.ERROR))
    net = builder.create_network()
    none = trt.MatrixOperation.NONE
    weights = net.add_constant(W.shape, W).get_output(0)
    layer = net.add_matrix_multiply(net.add_input("x", trt.float16, X.shape), none, weights, none)
    layer.name = "product"
    layer.get_output(0).name = "y"
    net.mark_output(layer.get_output(0))
    config = builder.create_builder_config()
    config.algorithm_selector = Selector()
    data = builder.build_serialized_network(net, config)
    assert data is not None
    return bytes(data), offered, told["product"]


def test_every_choice_is_right(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MINIRT_TUNE", "1")  # so that choices have times
    monkeypatch.setenv("MINIRT_CACHE", str(tmp_path))
    _, offered, taken = built(None)
    timed = [choice for choice in offered if choice.timing_msec > 0]
    assert len(offered) > 2 and len(timed) > 1, [choice.timing_msec for choice in offered]
    assert taken.timing_msec <= 1.01 * min(choice.timing_msec for choice in timed)
    wanted = X.astype(np.float64) @ W.astype(np.float64)
    engines = set()
    for place in range(min(6, len(offered))):
        data, again, one = built(place)
        assert one is again[place]
        engine = trt.Runtime(trt.Logger(trt.Logger.ERROR)).deserialize_cuda_engine(data)
        found = engine.create_execution_context().run({"x": X})["y"]
        np.testing.assert_allclose(np.asarray(found, np.float64), wanted, rtol=1e-2, atol=1e-2)
        engines.add(data)
    assert len(engines) == min(6, len(offered))
