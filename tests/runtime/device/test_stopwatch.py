"""The stopwatch's race, with samples that are made up: who is asked how often, and what is said in the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minirt.runtime.device.stopwatch import Stopwatch, random_block


class Imagined(Stopwatch):
    """Samples come from lists, and each is counted; a run is named by the only entry of its only launch list."""

    def __init__(self, times: dict[str, list[float]], least: int = 1) -> None:
        self._least = least
        self.made, self.asked, self.graphs = times, Counter[str](), Counter[str]()
        self._warm = True

    def _sampler(self, sets: Sequence[Sequence[Any]], times: int) -> Callable[[], float]:
        name = sets[0][0]
        self.graphs[name] += 1

        def sample() -> float:
            series = self.made[name]
            found = series[min(self.asked[name], len(series) - 1)]
            self.asked[name] += 1
            return found

        return sample


def _runs(*names: str) -> list[Any]:
    return [[[name]] for name in names]


def test_medians_are_taken_and_the_slow_are_asked_no_more() -> None:
    watch = Imagined({"fast": [9, 1, 1, 2, 1, 1], "close": [1.05], "slow": [4.0]})
    assert watch._race(_runs("fast", "close", "slow"), 1) == [1, 1.05, 4.0]
    assert watch.asked["slow"] < watch.asked["close"] == watch.asked["fast"]


def test_one_odd_sample_does_not_drop_the_best() -> None:
    watch = Imagined({"best": [1, 1, 1, 50, 1, 1, 1, 1, 1], "other": [1.5]})
    best, other = watch._race(_runs("best", "other"), 1)
    assert best == 1 and other == 1.5


def test_what_does_not_run_has_no_time_and_rounds_multiply_samples() -> None:
    watch = Imagined({"a": [1.0], "b": [1.01]})
    assert watch._race([None, *_runs("a", "b")], 1) == [None, 1.0, 1.01]
    once = watch.asked["a"]
    watch = Imagined({"a": [1.0], "b": [1.01]})
    watch._race(_runs("a", "b"), 3)
    assert watch.asked["a"] > 2 * once


def test_as_many_samples_as_are_asked_for() -> None:
    """Before that nobody is given up."""
    watch = Imagined({"fast": [1.0], "slow": [9.0]}, least=11)
    assert watch._race(_runs("fast", "slow"), 1) == [1.0, 9.0]
    assert min(watch.asked.values()) >= 11


def test_short_runs_are_repeated_within_a_graph() -> None:
    watch = Imagined({"short": [2.0], "long": [900.0]})
    watch._race(_runs("short", "long"), 1)
    assert watch.graphs == {"short": 2, "long": 1}


def test_random_numbers_have_the_types_asked_for() -> None:
    half = random_block("f16").view(np.float16).astype(np.float32)
    assert np.isfinite(half).all() and 0.4 < half.std() < 0.6
    brain = (random_block("bf16").view(np.uint16).astype(np.uint32) << 16).view(np.float32)
    assert np.isfinite(brain).all() and 0.4 < brain.std() < 0.6
    assert random_block("i8").max() == 7 and not random_block("i64").any()
