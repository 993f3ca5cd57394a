"""Tactics of plugins are timed by events on a stream of a device: with a driver that does nothing but count."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import minirt as trt
from minirt.build.load import Package
from minirt.plan.plan import CallStep
from minirt.runtime.device import driver as door
from tests.api.test_plugin_tactics import FLOATS, Sleeper, SleeperCreator, built
from tests.runtime.device.pretend import Pretend, pretend

__all__ = ["pretend"]


@pytest.fixture(autouse=True)
def hopper(pretend: Pretend, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A pretended Hopper whose events measure what the tactic before them says."""
    monkeypatch.delenv("MINIRT_TARGET", raising=False)
    monkeypatch.setenv("MINIRT_TUNE", "1")
    creator: Any = SleeperCreator()
    Sleeper.ways, Sleeper.types = {}, [FLOATS]
    Sleeper.ran.clear()
    runtime = door.driver().runtime
    monkeypatch.setattr(runtime, "eventElapsedTime", lambda *_: {7: 4.0, 3: 1.0, 5: 0.5}[Sleeper.ran[-1]])
    monkeypatch.setattr(runtime, "eventSynchronize", lambda event: None, raising=False)
    assert trt.get_plugin_registry().register_creator(creator, "work")
    yield
    trt.get_plugin_registry().deregister_creator(creator)


def tactics_of(data: Any) -> list[int]:
    steps = Package(bytes(data)).stored_plan("cuda:sm_90a/0").steps
    return [s.tactic for s in steps if isinstance(s, CallStep)]


def test_the_fastest_by_events_is_taken(pretend: Pretend) -> None:
    Sleeper.ways = {7: 0.0, 3: 0.0, 5: 0.0}
    assert tactics_of(built()) == [5]
    assert set(Sleeper.ran) == {7, 3, 5}
    assert pretend.calls["eventRecord"] >= 2 * 3


def test_another_architecture_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIRT_TARGET", "cuda:sm_80")
    Sleeper.ways = {7: 0.0, 3: 0.0}
    steps = Package(bytes(built())).stored_plan("cuda:sm_80/0").steps
    assert [s.tactic for s in steps if isinstance(s, CallStep)] == [7]
    assert not Sleeper.ran
