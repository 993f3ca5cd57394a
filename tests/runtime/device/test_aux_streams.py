"""Branches on auxiliary streams, and NVTX ranges, through the API: with a driver that does nothing but count."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

import minirt as trt
from minirt.build.targets import default_target
from minirt.runtime.device import ranges
from minirt.runtime.device.launches import PackedLaunch
from tests.runtime.device.pretend import Pretend, pretend

__all__ = ["pretend"]
MAIN = 512
pytestmark = pytest.mark.usefixtures("hopper")


@pytest.fixture
def hopper(pretend: Pretend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIRT_TUNE", "0")
    monkeypatch.setenv("MINIRT_TARGET", "cuda:sm_90")


class Keeper(trt.ILogger):  # type: ignore[misc, name-defined, unused-ignore]
    """Keeps errors."""

    def __init__(self) -> None:
        trt.ILogger.__init__(self)
        self.errors: list[str] = []

    def log(self, severity: Any, msg: str) -> None:
        if severity in (trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR):
            self.errors.append(msg)


def engine_of(most: int | None, verbosity: str = "LAYER_NAMES_ONLY", rows: int = 64, logger: Any = None) -> Any:
    """Return an engine of four chains of two products each, of one input, that are added up."""
    made = logger or trt.Logger(trt.Logger.ERROR)
    builder = trt.Builder(made)
    net = builder.create_network()
    x, none = net.add_input("x", trt.float32, (rows, 64)), trt.MatrixOperation.NONE
    total = None
    for branch in range(4):
        y = x
        for layer in range(2):
            numbers = np.full((64, 64), branch + layer + 1, np.float32)
            product = net.add_matrix_multiply(y, none, net.add_constant((64, 64), numbers).get_output(0), none)
            product.name = f"product {branch} {layer}"
            soft = net.add_softmax(product.get_output(0))
            soft.axes = 1 << 1
            y = soft.get_output(0)
        total = y if total is None else net.add_elementwise(total, y, trt.ElementWiseOperation.SUM).get_output(0)
    assert total is not None
    total.name = "y"
    net.mark_output(total)
    config = builder.create_builder_config()
    if most is not None:
        config.max_aux_streams = most
    config.profiling_verbosity = getattr(trt.ProfilingVerbosity, verbosity)
    data = builder.build_serialized_network(net, config)
    return trt.Runtime(made).deserialize_cuda_engine(data)


def context_of(engine: Any) -> Any:
    context = engine.create_execution_context()
    for place, name in enumerate("xy"):
        assert context.set_tensor_address(name, 1 + place << 32)
    return context


def streams_of(context: Any, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The streams that a run's launches are put on, in order."""
    seen: list[int] = []
    with monkeypatch.context() as patch:
        patch.setattr(PackedLaunch, "run", lambda self, stream: seen.append(stream))
        assert context.execute_async_v3(MAIN)
    return seen


def test_as_many_streams_as_are_asked_for_and_independent() -> None:
    assert engine_of(0).num_aux_streams == 0
    assert engine_of(1).num_aux_streams == 1
    assert engine_of(9).num_aux_streams == 3  # four branches, one of them on the caller's stream
    assert engine_of(None).num_aux_streams == 0  # too little to do
    assert engine_of(None, rows=1 << 18).num_aux_streams >= 1


def test_an_engine_lowered_again_keeps_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytes(engine_of(1).serialize())
    monkeypatch.setenv("MINIRT_TARGET", "cpu")
    runtime = trt.Runtime(trt.Logger(trt.Logger.ERROR))
    assert default_target().kind == "cpu"
    assert runtime.deserialize_cuda_engine(data).num_aux_streams == 0
    monkeypatch.setenv("MINIRT_TARGET", "cuda:sm_80")
    assert runtime.deserialize_cuda_engine(data).num_aux_streams == 1


def test_contexts_have_streams_of_their_own(monkeypatch: pytest.MonkeyPatch, pretend: Pretend) -> None:
    engine = engine_of(3)
    first, second = context_of(engine), context_of(engine)
    one, two = set(streams_of(first, monkeypatch)), set(streams_of(second, monkeypatch))
    assert MAIN in one & two
    assert len(one) == len(two) == engine.num_aux_streams + 1
    assert one & two == {MAIN}


def test_every_stream_waits_and_is_waited_for(pretend: Pretend) -> None:
    engine = engine_of(3)
    context = context_of(engine)
    pretend.calls.clear()
    assert context.execute_async_v3(MAIN)
    others = engine.num_aux_streams
    assert pretend.calls["eventRecord"] >= 1 + others  # where they fork, and where each ends
    assert pretend.calls["cuStreamWaitEvent"] >= 2 * others


def test_streams_of_the_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    logger = Keeper()
    engine = engine_of(2, logger=logger)
    assert engine.num_aux_streams == 2
    context = context_of(engine)
    own = set(streams_of(context, monkeypatch)) - {MAIN}
    context.profiler = None
    for lent, expected in (([], own), ([7000], 1), ([7000, 7001], {7000, 7001}), ([7002, 7001, 7000], {7002, 7001})):
        context = context_of(engine)
        context.set_aux_streams(lent)
        found = set(streams_of(context, monkeypatch)) - {MAIN}
        assert len(found) == 2
        if isinstance(expected, int):
            assert 7000 in found
        elif expected is not own:
            assert found == expected
    assert not logger.errors
    for refused in ([0, 7000], [7000, 7000], [1]):
        context.set_aux_streams(refused)
        assert "auxiliary streams" in logger.errors.pop()
    assert set(streams_of(context_of(engine), monkeypatch)) - {MAIN} != {7002, 7001}


def test_the_inspector_tells_streams() -> None:
    engine = engine_of(3, "DETAILED")
    rows = json.loads(engine.create_engine_inspector().get_engine_information(trt.LayerInformationFormat.JSON))
    assert {row["StreamId"] for row in rows["Layers"]} == set(range(engine.num_aux_streams + 1))


class Ranges:
    """NVTX, pretended."""

    def __init__(self) -> None:
        self.open: list[str] = []
        self.seen: list[tuple[str, ...]] = []

    def RangePush(self, text: str) -> None:  # noqa: N802 - CuPy's name
        self.open.append(text)
        self.seen.append(tuple(self.open))

    def RangePop(self) -> None:  # noqa: N802 - CuPy's name
        self.open.pop()


@pytest.mark.parametrize("verbosity", ["NONE", "LAYER_NAMES_ONLY", "DETAILED"])
def test_ranges(verbosity: str, monkeypatch: pytest.MonkeyPatch) -> None:
    nvtx = Ranges()
    monkeypatch.setattr(ranges, "_nvtx", lambda: nvtx)
    context = context_of(engine_of(0, "DETAILED"))
    assert context.nvtx_verbosity == trt.ProfilingVerbosity.DETAILED
    context.nvtx_verbosity = getattr(trt.ProfilingVerbosity, verbosity)
    assert context.execute_async_v3(MAIN)
    assert not nvtx.open
    if verbosity == "NONE":
        assert not nvtx.seen
        return
    whole, *layers = nvtx.seen
    assert len(whole) == 1
    assert all(len(row) == 2 for row in layers)
    assert sum("product 0 0" in row[1] for row in layers) >= 1
    assert all(("grid" in row[1]) == (verbosity == "DETAILED") for row in layers)


def test_ranges_tell_no_more_than_the_engine_was_built_to_tell() -> None:
    logger = Keeper()
    context = context_of(engine_of(0, logger=logger))
    assert context.nvtx_verbosity == trt.ProfilingVerbosity.LAYER_NAMES_ONLY
    context.nvtx_verbosity = trt.ProfilingVerbosity.DETAILED
    assert "built to tell LAYER_NAMES_ONLY" in logger.errors.pop()
    assert context.nvtx_verbosity == trt.ProfilingVerbosity.LAYER_NAMES_ONLY
    context.nvtx_verbosity = trt.ProfilingVerbosity.NONE
    assert context.nvtx_verbosity == trt.ProfilingVerbosity.NONE
