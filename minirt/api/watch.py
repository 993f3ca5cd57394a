"""What a progress monitor hears of a build: one phase that lasts all the time, and others inside it."""

from __future__ import annotations

from typing import Any

from minirt.api.boundary import call_back
from minirt.api.callbacks import IProgressMonitor
from minirt.errors import BuildCancelled

WHOLE = "Building engine"
_PARTS = 4


class Watch:
    """Tells a monitor of phases: each starts, goes through all its steps, and finishes, inside the one of the build.

    A monitor that raises cancels the build, as one does that answers False: what it raised is the cause of the error.
    """

    def __init__(self, monitor: IProgressMonitor) -> None:
        self.monitor = monitor
        self.open = ""
        self.done = 0
        self.parts = -1
        self.cancelled = False
        self.raised: list[Exception] = []

    def __call__(self, phase: str, done: int, total: int) -> bool:
        """Take one report; False cancels the build. Raises BuildCancelled where the monitor raised."""
        if phase == self.open or self._begin(phase, total):
            while not self.cancelled and self.done < done:
                self._ask(phase, self.done)
                self.done += 1
        self._check(phase)
        return not self.cancelled

    def _tell(self, name: str, *args: Any) -> None:
        """Call a method that answers nothing."""
        call_back(self.monitor, name, None, *args, raised=self.raised)
        self.cancelled = self.cancelled or bool(self.raised)

    def _ask(self, phase: str, step: int) -> None:
        """Say that a step is done, and ask whether to go on."""
        self.cancelled = not call_back(self.monitor, "step_complete", False, phase, step, raised=self.raised)

    def _check(self, phase: str) -> None:
        """Raise BuildCancelled for the first that the monitor raised."""
        if self.raised:
            first = self.raised[0]
            what = f"cancelled: the progress monitor raised {type(first).__name__}: {first}"
            raise BuildCancelled(what, phase) from first

    def _begin(self, phase: str, total: int) -> bool:
        """Finish the phase that is open and start another; False where the monitor cancels."""
        if self.parts < 0:
            self._tell("phase_start", WHOLE, None, _PARTS)
            self.parts = 0
        self._end()
        if not self.cancelled:
            self.open, self.done = phase, 0
            self._tell("phase_start", phase, WHOLE, max(1, total))
        return not self.cancelled

    def _end(self) -> None:
        """Finish the phase that is open, which is a step of the build, as long as the build has announced more."""
        if self.open:
            self._tell("phase_finish", self.open)
            self._step()
        self.open = ""

    def _step(self) -> None:
        if not self.cancelled and self.parts < _PARTS - 1:
            self._ask(WHOLE, self.parts)
            self.parts += 1

    def close(self, whole: bool) -> None:
        """Finish what is open; where the `whole` build came to its end, raise BuildCancelled if the monitor cancels."""
        self._end()
        while whole and not self.cancelled and 0 <= self.parts < _PARTS:
            self._ask(WHOLE, self.parts)
            self.parts += 1
        if self.parts >= 0:
            self._tell("phase_finish", WHOLE)
        if whole and self.cancelled:
            self._check(WHOLE)
            raise BuildCancelled("cancelled after the last phase", WHOLE)
