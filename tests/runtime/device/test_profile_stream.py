"""Tactics are timed on the stream that a config names: with a driver that does nothing but count."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minirt as trt
from minirt.runtime.device.events import Event
from minirt.runtime.device.graphs import Graph
from minirt.runtime.device.launches import PackedLaunch
from tests.runtime.device.pretend import Pretend, pretend

__all__ = ["pretend"]


@pytest.mark.parametrize("stream", [0, 4096])
def test_every_launch_of_the_timing_is_on_it(stream: int, pretend: Pretend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MINIRT_TARGET", raising=False)
    monkeypatch.setenv("MINIRT_TUNE", "1")
    monkeypatch.setattr(pretend, "elapsed", 0.01)
    seen: set[int] = set()

    def launch(self: Any, on: int) -> None:
        seen.add(on)

    monkeypatch.setattr(Event, "synchronize", lambda self: None)
    monkeypatch.setattr(PackedLaunch, "run", launch)
    monkeypatch.setattr(Graph, "launch", launch)
    builder = trt.Builder(trt.Logger(trt.Logger.ERROR))
    net, none = builder.create_network(), trt.MatrixOperation.NONE
    weights = net.add_constant((512, 512), np.ones((512, 512), np.float16)).get_output(0)
    x = net.add_input("x", trt.float16, (512, 512))
    net.mark_output(net.add_matrix_multiply(x, none, weights, none).get_output(0))
    config = builder.create_builder_config()
    config.set_flag(trt.BuilderFlag.DISABLE_TIMING_CACHE)
    config.max_num_tactics = 2
    config.profile_stream = stream
    assert builder.build_serialized_network(net, config) is not None
    assert len(seen) == 1
    assert (seen == {4096}) == (stream == 4096)
