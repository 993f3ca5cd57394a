"""What a build is told about timing tactics, and who times them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any, Protocol

from minirt.build.timings import Timings
from minirt.plan.launch import Unit
from minirt.runtime.device.stopwatch import Bench


class Timer(Protocol):
    """Compiles tactics and times them."""

    @property
    def device(self) -> str:
        """What times are measured on, as in Timings."""
        ...

    def compile(self, units: Sequence[Unit], until: float, heard: Callable[[int, int], object]) -> Mapping[Unit, Any]:
        """What each unit compiles to, or the CompileError that it met.

        Units whose turn did not come before ``until``, a time of ``time.monotonic``, are absent; ``heard`` hears how
        many are done.
        """
        ...

    def times(self, bench: Bench, compiled: Mapping[Unit, Any], rounds: int) -> list[float | None]:
        """Microseconds of each trial; None for one that cannot be launched. Raises TrialFault."""
        ...


def _unheard(line: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Tuning:
    """How tactics are timed.

    ``timings`` are used first, and take what is learnt; ``trusted`` even those of another device. ``cached`` allows the
    timings on disk. ``complete`` says that ``timings`` hold all that is needed: to lack some ends the build, and other
    timings are not asked. ``editable`` keeps an entry for each node, and obeys entries as they are. ``most`` bounds how
    many tactics of a problem are timed, where it is not negative; ``rounds`` multiplies the samples, of which there are
    ``least`` at least; ``budget`` is seconds for the entire build. ``stream`` is what is timed on, 0 for one of our
    own. ``say`` hears what was timed, if editable. ``timer`` is who measures: None is this machine's device, where it
    is the target.
    """

    timings: Timings | None = None
    trusted: bool = False
    cached: bool = True
    editable: bool = False
    complete: bool = False
    most: int = -1
    rounds: int = 1
    least: int = 1
    stream: int = 0
    budget: float = inf
    say: Callable[[str], None] = field(default=_unheard)
    timer: Timer | None = None
