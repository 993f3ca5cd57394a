"""A timer that needs no device: times follow from the specs of what is launched, and never vary."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from minirt.errors import CompileError
from minirt.plan.launch import Unit
from minirt.runtime.device.stopwatch import Bench, TrialFault

DEVICE = "sm_90a Imagined GPU"


@dataclass
class FakeTimer:
    """Remembers what it was asked; units in ``broken`` do not compile, those in ``faulty`` fault."""

    device: str = DEVICE
    benches: list[Bench] = field(default_factory=list)
    units: list[Unit] = field(default_factory=list)
    broken: Callable[[Unit], bool] = lambda unit: False
    faulty: Callable[[Unit], bool] = lambda unit: False
    seconds: float = 0.0

    def compile(self, units: Sequence[Unit], until: float, heard: Callable[[int, int], object]) -> Mapping[Unit, Any]:
        """Compile nothing."""
        self.units += units
        heard(len(units), len(units))
        return {u: CompileError("does not compile") if self.broken(u) else (b"", "entry") for u in units}

    def times(self, bench: Bench, compiled: Mapping[Unit, Any], rounds: int) -> list[float | None]:
        """A number of microseconds that the launches' specs and sizes decide."""
        self.benches.append(bench)
        time.sleep(self.seconds)
        for number, trial in enumerate(bench.trials):
            if any(self.faulty(step.unit) for step in trial):
                raise TrialFault("an address is not mapped", number)
        return [microseconds([step.unit for step in trial]) for trial in bench.trials]


def microseconds(units: Sequence[Unit]) -> float:
    """From 1 to 100, all but random."""
    digest = hashlib.sha256("".join(u.key for u in units).encode()).digest()
    return 1 + int.from_bytes(digest[:4], "little") / 2**32 * 99
