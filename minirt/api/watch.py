"""What a progress monitor hears of a build: one phase that lasts all the time, and others inside it."""

from __future__ import annotations

from minirt.api.boundary import call_back
from minirt.api.callbacks import IProgressMonitor
from minirt.errors import BuildCancelled

WHOLE = "Building engine"
_PARTS = 4


class Watch:
    """Tells a monitor of phases: each starts, goes through all its steps, and finishes, inside the one of the build."""

    def __init__(self, monitor: IProgressMonitor) -> None:
        self.monitor = monitor
        self.open = ""
        self.done = 0
        self.parts = -1
        self.cancelled = False

    def __call__(self, phase: str, done: int, total: int) -> bool:
        """Take one report; False cancels the build."""
        if phase != self.open and not self._begin(phase, total):
            return False
        while not self.cancelled and self.done < done:
            self.cancelled = not call_back(self.monitor, "step_complete", False, phase, self.done)
            self.done += 1
        return not self.cancelled

    def _begin(self, phase: str, total: int) -> bool:
        """Finish the phase that is open and start another; False where the monitor cancels."""
        if self.parts < 0:
            call_back(self.monitor, "phase_start", None, WHOLE, None, _PARTS)
            self.parts = 0
        self._end()
        if not self.cancelled:
            self.open, self.done = phase, 0
            call_back(self.monitor, "phase_start", None, phase, WHOLE, max(1, total))
        return not self.cancelled

    def _end(self) -> None:
        """Finish the phase that is open, which is a step of the build, as long as the build has announced more."""
        if self.open:
            call_back(self.monitor, "phase_finish", None, self.open)
            self._step()
        self.open = ""

    def _step(self) -> None:
        if not self.cancelled and self.parts < _PARTS - 1:
            self.cancelled = not call_back(self.monitor, "step_complete", False, WHOLE, self.parts)
            self.parts += 1

    def close(self, whole: bool) -> None:
        """Finish what is open; where the `whole` build came to its end, raise BuildCancelled if the monitor cancels."""
        self._end()
        while whole and not self.cancelled and 0 <= self.parts < _PARTS:
            self.cancelled = not call_back(self.monitor, "step_complete", False, WHOLE, self.parts)
            self.parts += 1
        if self.parts >= 0:
            call_back(self.monitor, "phase_finish", None, WHOLE)
        if whole and self.cancelled:
            raise BuildCancelled("cancelled after the last phase", WHOLE)
