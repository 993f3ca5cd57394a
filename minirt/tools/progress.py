"""A progress bar on a terminal, driven by the builder's progress monitor."""

from __future__ import annotations

from typing import TextIO

from minirt.api.callbacks import IProgressMonitor

WIDTH = 30


class ProgressBar(IProgressMonitor):
    """Shows the phase and how far it is; prints nothing where the stream is not a terminal."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self.stream = stream
        self.steps: dict[str, int] = {}

    def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
        """A phase begins."""
        self.steps[phase_name] = max(1, num_steps)
        self._show(phase_name, 0)

    def step_complete(self, phase_name: str, step: int) -> bool:
        """A step of a phase is done; True goes on."""
        self._show(phase_name, step)
        return True

    def phase_finish(self, phase_name: str) -> None:
        """A phase is over."""
        if self.stream.isatty():
            self.stream.write("\r\x1b[K")
            self.stream.flush()

    def _show(self, phase: str, step: int) -> None:
        if not self.stream.isatty():
            return
        total = self.steps.get(phase, 1)
        full = min(WIDTH, WIDTH * (step + 1) // total)
        self.stream.write(f"\r\x1b[K[{'#' * full}{'.' * (WIDTH - full)}] {phase}")
        self.stream.flush()
