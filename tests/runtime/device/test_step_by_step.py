"""Each launch waited for and named, and the event of inputs that were read: with a driver that only counts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import minirt as trt
from minirt.runtime.device import driver as door
from minirt.runtime.device.launches import PackedLaunch
from tests.api.nets import Keeper
from tests.runtime.device.pretend import Pretend, pretend
from tests.runtime.device.test_aux_streams import MAIN, context_of, engine_of

__all__ = ["pretend"]
EVENT = 4096


@pytest.fixture(autouse=True)
def hopper(pretend: Pretend, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A pretended Hopper; what it hears of launches, waits and records, in order."""
    monkeypatch.setenv("MINIRT_TUNE", "0")
    monkeypatch.setenv("MINIRT_TARGET", "cuda:sm_90")
    heard: list[str] = []
    found: Any = door.driver()

    def keep(owner: Any, name: str, word: str, result: Any = None) -> None:
        monkeypatch.setattr(owner, name, lambda *_: heard.append(word) or result)  # type: ignore[func-returns-value]

    keep(found.launcher, "launchKernel", "launch")
    keep(found.cuda, "cuLaunchKernelEx", "launch", (0,))
    keep(found.runtime, "streamSynchronize", "wait")
    keep(found.runtime, "graphLaunch", "graph")
    keep(found.cuda, "cuEventRecord", "record", (0,))
    yield heard


def heard_in(context: Any, heard: list[str], stream: int = MAIN) -> list[str]:
    """What one run makes the driver hear."""
    heard.clear()
    context.execute_async_v3(stream)
    return list(heard)


@pytest.mark.parametrize("streams", [0, 3])
@pytest.mark.parametrize("before", [0, 3])
def test_each_launch_is_waited_for(streams: int, before: int, hopper: list[str]) -> None:
    logger = Keeper()
    context = context_of(engine_of(streams, logger=logger))
    launches = heard_in(context_of(context.engine), hopper).count("launch")
    for _ in range(before):
        context.execute_async_v3(MAIN)
    context.debug_sync = True
    for _ in range(3):
        logger.messages.clear()
        assert heard_in(context, hopper) == ["launch", "wait"] * launches
        told = [text for _, text in logger.messages if text.endswith(" is done")]
        assert len(told) == launches
        assert all(any(f"product {b} {n}" in text for text in told) for b in range(4) for n in range(2))
    context.debug_sync = False
    heard_in(context, hopper)
    assert heard_in(context, hopper) == ["graph"]


def test_the_layer_that_faults_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    logger = Keeper()
    context = context_of(engine_of(0, logger=logger))
    context.debug_sync = True
    assert context.execute_async_v3(MAIN)
    labels = [text.split("'")[1] for _, text in logger.messages if text.endswith(" is done")]
    left = 3

    def wait(stream: int) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise RuntimeError("cudaErrorIllegalAddress")

    monkeypatch.setattr(door.driver().runtime, "streamSynchronize", wait)
    assert not context.execute_async_v3(MAIN)
    assert f"node {labels[2]!r}" in logger.errors[-1]
    assert "cudaErrorIllegalAddress" in logger.errors[-1]


def test_nothing_waits_on_a_stream_that_captures(pretend: Pretend, hopper: list[str]) -> None:
    context = context_of(engine_of(0))
    context.debug_sync = True
    pretend.capturing.add(768)
    assert set(heard_in(context, hopper, 768)) == {"launch"}


def test_layers_are_timed_and_waited_for_at_once(hopper: list[str]) -> None:
    logger = Keeper()
    context = context_of(engine_of(0, logger=logger))
    context.profiler = trt.Profiler()
    context.debug_sync = True
    waits = heard_in(context, hopper)
    assert waits.count("wait") == waits.count("launch") + 1


def test_the_event_comes_after_the_last_reader(hopper: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    context = context_of(engine_of(0))
    assert context.set_input_consumed_event(EVENT)
    heard = heard_in(context, hopper)
    assert heard.count("record") == 1
    assert heard[-1] != "record", "the last launches read what others wrote"
    (_, segment), *none = context._state.executor.segments()
    assert not none
    given: Any = segment
    changed: list[Any] = []
    with monkeypatch.context() as patch:
        patch.setattr(PackedLaunch, "set", lambda self, index, value: changed.append(self))
        assert context.set_tensor_address("x", 8 << 32)
        heard_in(context, hopper)
    assert heard.index("record") == 1 + max(i for i, launch in enumerate(given.launches) if launch in changed)
    context = context_of(context.engine)
    assert context.set_input_consumed_event(EVENT)
    assert heard_in(context, hopper) == heard
    assert heard_in(context, hopper) == ["graph", "record"]
    context.debug_sync = True
    checked = heard_in(context, hopper)
    assert [word for word in checked if word != "wait"] == heard
    context.debug_sync = False
    assert context.set_input_consumed_event(0)
    assert heard_in(context, hopper) == ["graph"]
    monkeypatch.setenv("MINIRT_CUDA_GRAPH", "0")
    plain = context_of(context.engine)
    assert plain.set_input_consumed_event(EVENT)
    assert [heard_in(plain, hopper) for _ in range(3)] == [heard] * 3


def test_the_event_comes_last_where_branches_have_streams(hopper: list[str]) -> None:
    context = context_of(engine_of(3))
    assert context.set_input_consumed_event(EVENT)
    heard = heard_in(context, hopper)
    assert heard.count("record") == 1
    assert heard[-1] == "record"
