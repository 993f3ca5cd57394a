"""Profiling: an executor that measures each step of its runs."""

from __future__ import annotations

import time
from typing import Any

from minirt.plan.plan import KernelStep
from minirt.runtime.executor import Executor


class ProfilingExecutor(Executor):
    """Runs a plan step by step and keeps how long each took; what a loop or branch runs counts as one step."""

    replays = False
    times: list[tuple[str, float]]
    """The label and the milliseconds of each step of the last run, in order."""

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Run and measure; see `Executor.run`."""
        self.times = []
        return super().run(*args, **kwargs)

    def _run_group(self, number: int, group: Any, stream: int) -> None:
        if isinstance(group.steps[0], KernelStep):
            rows = self._segment(number, group).profile(stream)  # type: ignore[attr-defined]
            for label, _, microseconds in rows:
                self._add(label, microseconds / 1e3)
            return
        start = time.perf_counter()
        super()._run_group(number, group, stream)
        self.backend.read(0, 0, stream)
        self._add(group.steps[0].label, (time.perf_counter() - start) * 1e3)

    def _add(self, label: str, milliseconds: float) -> None:
        """Add a time to the step's, where it is the step before too."""
        if self.times and self.times[-1][0] == label:
            milliseconds += self.times.pop()[1]
        self.times.append((label, milliseconds))
