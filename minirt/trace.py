"""What minirt says about its own work: the MINIRT_DEBUG ladder on stderr, and the progress hook of a build."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum

from minirt.errors import BuildCancelled
from minirt.flags import flags


class Detail(IntEnum):
    """How much MINIRT_DEBUG asks to hear; each rung includes those before it."""

    PHASES = 1
    LAUNCHES = 2
    RULES = 3
    SOURCES = 4


def hears(detail: Detail) -> bool:
    """Return whether MINIRT_DEBUG asks for this detail; ask before making a message that costs something."""
    return flags().debug >= detail


def say(detail: Detail, message: str) -> None:
    """Print one message to stderr if MINIRT_DEBUG asks for its detail."""
    if hears(detail):
        print(f"[minirt {detail.name.lower()}] {message}", file=sys.stderr, flush=True)


@contextmanager
def phase(name: str) -> Iterator[None]:
    """Say how long a phase took, in ms, once it is over."""
    start = time.perf_counter()
    try:
        yield
    finally:
        say(Detail.PHASES, f"{name}: {(time.perf_counter() - start) * 1e3:.1f} ms")


Progress = Callable[[str, int, int], bool | None]
"""A progress hook: called with (phase, steps done, steps in all); False cancels the build."""


def no_progress(phase_name: str, done: int, total: int) -> None:
    """Ignore progress: the hook of a build that nobody watches."""


def report(progress: Progress, phase_name: str, done: int, total: int) -> None:
    """Tell a hook how far a phase is; raise BuildCancelled if it answers False."""
    if progress(phase_name, done, total) is False:
        raise BuildCancelled(f"cancelled at step {done} of {total}", phase_name)
