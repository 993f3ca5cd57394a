"""A selector beside the timing of tactics: it is told times, is asked once a node, and what it leaves is built."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from minirt.build.build import lower, optimize
from minirt.build.lower import Lowering
from minirt.build.select import Offer
from minirt.build.tune import tuner_for
from minirt.plan.plan import KernelStep
from tests.build.fake_timer import FakeTimer
from tests.build.test_tune import HOPPER, layers, options, tactics


class Picky:
    """Leaves what a function says, and keeps what it hears."""

    def __init__(self, leave: Callable[[Sequence[Offer]], Sequence[int]]) -> None:
        self.leave = leave
        self.offered: list[tuple[str, Sequence[Offer]]] = []
        self.taken: list[Offer] = []

    def select(self, label: str, offered: Sequence[Offer]) -> Sequence[int]:
        self.offered.append((label, offered))
        return self.leave(offered)

    def took(self, place: int) -> None:
        self.taken.append(self.offered[-1][1][place])

    def end(self) -> None:
        """Nothing is left to do."""


@pytest.fixture(autouse=True)
def _cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MINIRT_TUNE", "1")
    monkeypatch.setenv("MINIRT_CACHE", str(tmp_path))


def lowered(selector: Picky | None) -> Lowering:
    """The lowering of the layers with tactics timed, and a selector asked."""
    asked = options(FakeTimer())
    tuner = tuner_for(HOPPER, 3, asked.tuning, 0.0)
    assert tuner is not None
    first = lower(optimize(layers()), HOPPER, asked, 0, tuner)
    first.run()
    tuner.measure(asked.progress)
    return Lowering(first.graph, replace(first.setting, selector=selector))


def test_all_that_is_offered_gives_the_fastest() -> None:
    picky = Picky(lambda offered: [])
    assert tactics(lowered(picky).run()) == tactics(lowered(None).run())
    assert [label for label, _ in picky.offered] == ["layer0", "layer1", "layer2", "last"]
    for (_, offered), taken in zip(picky.offered, picky.taken, strict=True):
        times = [offer.us for offer in offered if offer.us is not None]
        assert len(times) > 1 and taken.us is not None and taken.us <= 1.005 * min(times)


def test_the_slowest_can_be_asked_for() -> None:
    def slowest(offered: Sequence[Offer]) -> list[int]:
        return [max(range(len(offered)), key=lambda i: offered[i].us or 0.0)]

    picky = Picky(slowest)
    plan = lowered(picky).run()
    steps = [step for step in plan.steps if isinstance(step, KernelStep)]
    for step, taken, (_, offered) in zip(steps, picky.taken, picky.offered, strict=True):
        assert (step.choices[0].kernel, step.choices[0].tactic) == (taken.chosen.kernel.name, taken.chosen.tactic)
        assert taken.us == max(offer.us or 0.0 for offer in offered)


def test_of_a_few_the_fastest_is_taken() -> None:
    picky = Picky(lambda offered: range(1, min(3, len(offered))))
    lowered(picky).run()
    for taken, (_, offered) in zip(picky.taken, picky.offered, strict=True):
        assert taken in offered[1:3]
        known = [offer.us for offer in offered[1:3] if offer.us is not None]
        assert len(known) < 2 or taken.us is not None and taken.us <= 1.005 * min(known)
