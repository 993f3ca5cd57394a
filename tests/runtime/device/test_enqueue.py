"""What a run asks of the driver once its sizes and addresses were seen before: with a driver that only counts."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest

import minirt as trt
from minirt.runtime import device as dev
from minirt.runtime.device import ranges
from tests.runtime.device.pretend import Pretend, pretend

__all__ = ["pretend"]
MODEL = """<ir_version: 10, opset_import: ["": 20]>
chain (float[N, 37] x) => (float[N, 37] y, float[N] z) {
  a = Softmax (x)
  b = Transpose <perm = [1, 0]> (a)
  axes = Constant <value_ints = [0]> ()
  c = ReduceMean <keepdims = 1> (b, axes)
  d = Sub (b, c)
  e = CumSum (d, axis)
  y = Transpose <perm = [1, 0]> (e)
  ones = Constant <value_ints = [1]> ()
  z = ReduceMax <keepdims = 0> (y, ones)
}""".replace("e = CumSum (d, axis)", "e = Exp (d)")
PACKAGE = str(Path(trt.__file__).parent)
MOST_CALLS = 10
_BUILT: list[bytes] = []


def built() -> bytes:
    """The model's engine for an H100, which need not be here."""
    if not _BUILT:
        logger = trt.Logger(trt.Logger.ERROR)
        builder = trt.Builder(logger)
        network = builder.create_network()
        parser = trt.OnnxParser(network, logger)
        assert parser.parse(onnx.parser.parse_model(MODEL).SerializeToString())
        config = builder.create_builder_config()
        for most in (64, 16):
            profile = builder.create_optimization_profile()
            profile.set_shape("x", (1, 37), (8, 37), (most, 37))
            config.add_optimization_profile(profile)
        _BUILT.append(bytes(builder.build_serialized_network(network, config)))
    return _BUILT[0]


class Running:
    """A context on the pretended device."""

    def __init__(self, pretend: Pretend) -> None:
        self.pretend = pretend
        self.engine = trt.Runtime(trt.Logger(trt.Logger.ERROR)).deserialize_cuda_engine(built())
        assert self.engine is not None
        self.context: Any = self.engine.create_execution_context()
        self.put(1)
        self.context.set_input_shape("x", (8, 37))

    def put(self, place: int) -> None:
        """Give inputs and outputs one of several sets of addresses."""
        for number, name in enumerate("xyz"):
            assert self.context.set_tensor_address(name, (place << 32) + (number << 24))

    def run(self, stream: int = 512) -> dict[str, int]:
        """Run, and return what was asked of the driver."""
        self.pretend.calls.clear()
        assert self.context.execute_async_v3(stream)
        return {n: c for n, c in self.pretend.calls.items() if n not in ("getDevice", "setDevice")}


@pytest.fixture
def running(pretend: Pretend, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """The model in a context."""
    monkeypatch.setenv("MINIRT_TUNE", "0")
    monkeypatch.setenv("MINIRT_TARGET", "cuda:sm_90")
    made = Running(pretend)
    yield made
    made.context = made.engine = None


def launches(running: Running) -> int:
    """How many kernels a run launches."""
    return sum(len(s.launches) for _, s in running.context._state.executor.segments())


def test_the_third_run_is_one_call_to_the_driver(running: Running) -> None:
    first = running.run()
    assert first["launchKernel"] == launches(running) >= 3
    assert "cuGraphInstantiate" in running.run()
    for _ in range(3):
        assert running.run() == {"graphLaunch": 1}


def test_a_run_again_is_few_calls_of_python(running: Running) -> None:
    """What a host spends on an inference beside the driver: with 19 calls it was half a microsecond to one more."""
    for _ in range(3):
        running.run()
    context, entered = running.context, list[str]()

    def heard(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(PACKAGE):
            entered.append(frame.f_code.co_qualname)

    sys.setprofile(heard)
    try:
        done = context.execute_async_v3(512)
    finally:
        sys.setprofile(None)
    assert done
    assert len(entered) <= MOST_CALLS, entered


def test_a_run_again_is_in_a_range_that_ends(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    shown = SimpleNamespace(RangePush=told.append, RangePop=lambda: told.append("end"))
    monkeypatch.setattr(ranges, "_nvtx", lambda: shown)
    for _ in range(3):
        running.run()
    name = running.context._state.manner.name
    told.clear()
    running.run()
    assert told == [name, "end"]
    running.context.nvtx_verbosity = trt.ProfilingVerbosity.NONE
    told.clear()
    assert running.run() == {"graphLaunch": 1}
    assert told == []


def test_setting_what_is_set_changes_nothing(running: Running) -> None:
    running.run(), running.run()
    bound = running.context._state.bound
    running.put(1)
    running.context.set_input_shape("x", (8, 37))
    assert running.context._state.bound is bound
    assert running.run() == {"graphLaunch": 1}


def test_addresses_that_take_turns_have_a_graph_each(running: Running) -> None:
    for place in (1, 2, 1, 2):
        running.put(place)
        running.run()
    running.pretend.launched.clear()
    for place in (1, 2, 1, 2):
        running.put(place)
        assert running.run() == {"graphLaunch": 1}
    a, b, c, d = running.pretend.launched
    assert (a, b) == (c, d)
    assert a != b


def test_addresses_that_never_come_back_share_a_graph(running: Running) -> None:
    running.run(), running.run()
    running.pretend.launched.clear()
    for place in range(3, 20):
        running.put(place)
        calls = running.run()
        assert calls["graphLaunch"] == 1
        assert 0 < calls["cuGraphExecKernelNodeSetParams"] < launches(running)
        assert "cuGraphInstantiate" not in calls
    assert len(set(running.pretend.launched)) == 1


def test_a_graph_given_other_addresses_is_not_taken_for_the_first(running: Running) -> None:
    running.run(), running.run()
    running.put(2)
    assert "cuGraphExecKernelNodeSetParams" in running.run()
    running.put(1)
    assert "graphLaunch" in (calls := running.run())
    assert "cuGraphInstantiate" in calls or "cuGraphExecKernelNodeSetParams" in calls
    assert running.run() == {"graphLaunch": 1}


def test_a_graph_holds_the_addresses_it_is_launched_at(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """The arguments that a graph takes over are those of its addresses, whatever was run in between."""
    held: dict[int, dict[int, list[Any]]] = {}

    def values(launch: dev.PackedLaunch) -> list[Any]:
        return [launch.arguments.get(i) for i in range(len(launch.arguments.kinds))]

    make, update = dev.Graph.__init__, dev.Graph.update

    def made(self: Any, device: Any, nodes: Any, *more: Any) -> None:
        make(self, device, nodes, *more)
        held[self._address] = {id(n): values(n) for n in self.nodes}

    def updated(self: Any, node: Any, *more: Any) -> None:
        update(self, node, *more)
        held[self._address][id(node)] = values(node)

    monkeypatch.setattr(dev.Graph, "__init__", made)
    monkeypatch.setattr(dev.Graph, "update", updated)
    rng = np.random.default_rng(0)
    running.run()
    for place in rng.integers(1, 8, 200):
        running.put(int(place))
        running.run()
        graph = held[running.pretend.launched[-1]]
        pointers = {v for row in graph.values() for v in row if isinstance(v, int) and v >> 32 in range(1, 8)}
        assert {(int(place) << 32) + (n << 24) for n in range(3)} <= pointers
        assert {p >> 32 for p in pointers} == {place}


def test_a_stream_that_captures_gets_the_launches(running: Running) -> None:
    for _ in range(3):
        running.run()
    running.pretend.capturing.add(768)
    assert running.run(768) == {"launchKernel": 1, "cuLaunchKernelEx": launches(running) - 1}  # all but one early
    assert running.run(512) == {"graphLaunch": 1}


def test_shapes_that_take_turns_keep_their_graphs(running: Running) -> None:
    for rows in (8, 8, 5, 5):
        running.context.set_input_shape("x", (rows, 37))
        running.run()
    for rows in (8, 5, 8, 5):
        running.context.set_input_shape("x", (rows, 37))
        assert running.run() == {"graphLaunch": 1}


def test_profiles_that_take_turns_keep_their_graphs(running: Running) -> None:
    for profile in (0, 0, 1, 1):
        running.context.set_optimization_profile_async(profile, 512)
        running.run()
    for profile in (0, 1, 0, 1):
        running.context.set_optimization_profile_async(profile, 512)
        assert running.run() == {"graphLaunch": 1}


def test_a_new_shape_compiles_nothing_and_builds_no_graph(running: Running) -> None:
    running.run()
    for rows in (5, 6, 7):
        running.context.set_input_shape("x", (rows, 37))
        calls = running.run()
        assert calls == {"launchKernel": launches(running)}


class Profiler(trt.IProfiler):  # type: ignore[misc, name-defined, unused-ignore]
    """Keeps the times that it hears."""

    def __init__(self, heard: list[float]) -> None:
        super().__init__()
        self.heard = heard

    def report_layer_time(self, layer_name: str, ms: float) -> None:
        """Keep one."""
        self.heard.append(ms)


def test_events_and_profilers_are_served_on_every_run(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(3):
        running.run()
    running.context.set_input_consumed_event(4096)
    assert running.run() == {"graphLaunch": 1, "cuEventRecord": 1}
    running.context.set_input_consumed_event(0)
    monkeypatch.setattr(running.pretend, "elapsed", 0.25)
    heard: list[float] = []
    running.context.profiler = Profiler(heard)
    assert "graphLaunch" not in running.run()
    assert heard == [0.25] * len(heard) != []
    running.context.profiler = None
    assert running.run()["launchKernel"] == launches(running)


def test_another_thread_is_refused(running: Running) -> None:
    for _ in range(3):
        running.run()
    found: list[bool] = []
    with running.context._state.lock:
        thread = threading.Thread(target=lambda: found.append(running.context.execute_async_v3(512)))
        thread.start()
        thread.join()
    assert found == [False]
    assert running.run() == {"graphLaunch": 1}


def test_nothing_is_collected_while_a_graph_is_recorded(pretend: Pretend) -> None:
    seen: list[bool] = []
    dev.CapturedGraph(dev.Device(0), 7, lambda stream: seen.append(gc.isenabled()))
    assert seen == [False] and gc.isenabled()


def test_what_the_collector_frees_leaves_a_capture_whole(running: Running) -> None:
    """All that a dropped engine gives back is given back in relaxed mode: the caller's stream may be capturing."""
    pretend = running.pretend
    for _ in range(3):
        running.run()
    pretend.calls.clear()
    here = dev.Device(0)
    held = [dev.PinnedMemory(64), dev.DeviceMemory(here, 64), dev.Event(here), dev.Stream(here)]
    running.context = running.engine = None
    held.clear()
    gc.collect()
    released = ("free", "eventDestroy", "streamDestroy", "moduleUnload", "cuGraphExecDestroy", "cuGraphDestroy")
    done = {name: pretend.calls[name] for name in released if pretend.calls[name]}
    assert set(done) == set(released)
    assert done == {name: pretend.relaxed_calls[name] for name in done}
