"""Runs made again ask a device what they always did, in the same order, and leave all usable when something fails."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from cuda.bindings import driver as bindings

import minirt as trt
from minirt.errors import DeviceError
from minirt.runtime.device import driver as door
from minirt.runtime.device import ranges
from tests.runtime.device.pretend import pretend
from tests.runtime.device.test_enqueue import Running, launches, running

__all__ = ["pretend", "running"]
ASKED = ("getDevice", "setDevice", "streamIsCapturing", "graphLaunch")
Heard = list[tuple[Any, ...]]


class Traced:
    """The pretended runtime's calls of a run, in order; ``now`` is the thread's device, ``failing`` names what fails.

    Calls of a thread that has no context yet, which begins with `setDevice`, fail as a driver's do.
    """

    def __init__(self, running: Running) -> None:
        self.running, self.heard, self.now, self.failing = running, Heard(), 0, set[str]()
        self.contexts = {threading.get_ident()}
        found: Any = door._load()
        for name in ASKED:
            setattr(found.runtime, name, self._traced(name, getattr(found.runtime, name)))

    def _traced(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: int) -> Any:
            self.heard.append((name, *args))
            if name in self.failing:
                raise RuntimeError(f"{name} fails")
            if name == "setDevice":
                self.now = args[0]
                self.contexts.add(threading.get_ident())
            elif name != "getDevice" and threading.get_ident() not in self.contexts:
                raise RuntimeError("no context")
            return self.now if name == "getDevice" else real(*args)

        return call

    def run(self, stream: Any = 512) -> Heard:
        """Run, and return the calls."""
        self.heard.clear()
        assert self.running.context.execute_async_v3(stream)
        return list(self.heard)

    def fails(self, *names: str) -> None:
        """A run is refused while these calls fail, and the next one is as it was."""
        usual = self.run()
        self.failing = set(names)
        assert not self.running.context.execute_async_v3(512)
        self.failing.clear()
        assert not self.running.context._state.lock.locked()
        assert self.run() == usual
        assert [name for name, *_ in usual].count("graphLaunch") == 1


@pytest.fixture
def traced(running: Running) -> Traced:
    """A context whose run is made again each time."""
    made = Traced(running)
    for _ in range(3):
        made.run()
    return made


def test_calls_and_their_order(traced: Traced) -> None:
    graph = traced.running.pretend.launched[-1]
    before = [("getDevice",), ("setDevice", 0)]
    assert traced.run(512) == [*before, ("streamIsCapturing", 512), ("graphLaunch", graph, 512)]
    assert traced.run(2) == [*before, ("streamIsCapturing", 2), ("graphLaunch", graph, 2)]  # the thread's own
    for stream in (0, 1):  # the default one cannot be captured
        assert traced.run(stream) == [*before, ("graphLaunch", graph, stream)]


def test_the_callers_device_is_current_again(traced: Traced) -> None:
    traced.now = 3
    heard = traced.run()
    assert [h for h in heard if h[0] == "setDevice"] == [("setDevice", 0), ("setDevice", 3)]
    assert heard[-2][0] == "graphLaunch" and traced.now == 3


@pytest.mark.parametrize("name", ["streamIsCapturing", "graphLaunch"])
def test_the_callers_device_is_current_again_after_a_failure(traced: Traced, name: str) -> None:
    traced.now = 3
    traced.fails(name)
    assert traced.now == 3


@pytest.mark.parametrize("name", ["setDevice", "streamIsCapturing", "graphLaunch"])
def test_a_failure_leaves_the_context_usable(traced: Traced, name: str) -> None:
    traced.fails(name)


def test_a_thread_without_a_context_gets_one(traced: Traced) -> None:
    found: list[Heard] = []
    thread = threading.Thread(target=lambda: found.append(traced.run()))
    thread.start()
    thread.join()
    assert found and [name for name, *_ in found[0]] == list(ASKED)


def test_threads_take_turns(traced: Traced) -> None:
    """One of two that run a context at once is refused; each that is not makes the whole run."""
    launched, done = traced.running.pretend.launched, list[bool]()
    launched.clear()
    threads = [
        threading.Thread(target=lambda: done.extend(traced.running.context.execute_async_v3(512) for _ in range(200)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 400 and sum(done) == len(launched) > 0
    assert len(set(launched)) == 1


def test_a_range_ends_when_the_launch_fails(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    shown = SimpleNamespace(RangePush=told.append, RangePop=lambda: told.append("end"))
    monkeypatch.setattr(ranges, "_nvtx", lambda: shown)
    traced = Traced(running)
    for _ in range(3):
        traced.run()
    told.clear()
    traced.fails("graphLaunch")
    assert told == [running.context._state.manner.name, "end"] * 3


def test_no_range_is_begun_on_a_stream_that_captures(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    depth = [0]
    shown = SimpleNamespace(
        RangePush=lambda text: depth.__setitem__(0, depth[0] + 1), RangePop=lambda: depth.__setitem__(0, depth[0] - 1)
    )
    monkeypatch.setattr(ranges, "_nvtx", lambda: shown)
    for _ in range(3):
        running.run()
    running.pretend.capturing.add(512)
    assert "graphLaunch" not in running.run()
    running.pretend.capturing.clear()
    assert running.run() == {"graphLaunch": 1}
    assert depth == [0]


@pytest.mark.parametrize(
    "stream",
    [
        SimpleNamespace(ptr=512), SimpleNamespace(cuda_stream=512), SimpleNamespace(handle=ctypes.c_void_p(512)),
        SimpleNamespace(__cuda_stream__=lambda: (0, 512)), bindings.CUstream(512), ctypes.c_void_p(512),
    ],
    ids=["CuPy", "PyTorch", "Numba", "protocol", "CUstream", "ctypes"],
)  # fmt: skip
def test_streams_of_other_libraries(traced: Traced, stream: Any) -> None:
    assert traced.run(stream)[-1] == ("graphLaunch", traced.running.pretend.launched[-1], 512)


@pytest.mark.parametrize(
    ("stream", "handle"), [(None, 0), (False, 0), (True, 1), (ctypes.c_void_p(), 0), (bindings.CUstream(0), 0)]
)
def test_names_of_the_default_stream(traced: Traced, stream: Any, handle: int) -> None:
    assert [h[-1] for h in traced.run(stream) if h[0] == "graphLaunch"] == [handle]


@pytest.mark.parametrize("stream", [-1, -512, np.int64(-1), "stream", object(), 5.5 + 1j])
def test_what_is_no_stream_never_reaches_the_driver(traced: Traced, stream: Any) -> None:
    traced.heard.clear()
    assert not traced.running.context.execute_async_v3(stream)
    assert traced.heard == []
    assert traced.run()[-1][0] == "graphLaunch"


def test_steps_are_waited_for_once_that_is_asked(traced: Traced) -> None:
    traced.running.context.debug_sync = True
    assert "graphLaunch" not in [name for name, *_ in traced.run()]
    traced.running.context.debug_sync = False
    assert traced.run()[-1][0] == "graphLaunch"


def test_an_event_is_recorded_after_each_run_while_it_is_set(traced: Traced) -> None:
    pretend = traced.running.pretend
    traced.running.context.set_input_consumed_event(4096)
    for _ in range(3):
        assert traced.running.run() == {"graphLaunch": 1, "cuEventRecord": 1}
    traced.failing = {"graphLaunch"}
    pretend.calls.clear()
    assert not traced.running.context.execute_async_v3(512)
    assert not pretend.calls["cuEventRecord"]  # nothing read the inputs
    traced.failing.clear()
    assert traced.running.run() == {"graphLaunch": 1, "cuEventRecord": 1}
    traced.running.context.set_input_consumed_event(0)
    assert traced.running.run() == {"graphLaunch": 1}


def test_other_memory_to_work_in_ends_what_was_kept(running: Running) -> None:
    strategy = trt.ExecutionContextAllocationStrategy.USER_MANAGED
    running.context = running.engine.create_execution_context(strategy)
    running.put(1)
    running.context.set_input_shape("x", (8, 37))
    for place in (1 << 40, 2 << 40):
        running.context.set_device_memory(place, 1 << 30)
        assert running.run()["launchKernel"] == launches(running)
        assert "cuGraphInstantiate" in running.run()
        assert running.run() == {"graphLaunch": 1}


def test_a_host_without_memory_is_an_error_like_others(traced: Traced, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing_left(*_: Any) -> None:
        raise MemoryError("no more")

    with monkeypatch.context() as patch:
        patch.setattr(traced.running.context._state, "run", nothing_left)
        assert traced.running.context.execute_async_v3(512) is False
        patch.setenv("MINIRT_RAISE", "1")
        with pytest.raises(DeviceError, match="too little memory: no more") as found:
            traced.running.context.execute_async_v3(512)
        assert isinstance(found.value.__cause__, MemoryError)
    assert traced.run()[-1][0] == "graphLaunch"
