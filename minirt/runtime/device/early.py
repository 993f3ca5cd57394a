"""When a launch is set up beside the one before it, and when launches run beside each other.

Both save about as much as a launch costs, a microsecond or less. Blocks that are there early, though, lie where the
last blocks of the launch before leave room, a few multiprocessors maybe, and stay there: what fills the device loses
more by that than it saves. So only launches of few blocks do it, unless the variables ask for all or for none.

Early launches are in order all the same. Each of their blocks waits until the launch before has ended, before it reads
or writes what launches write, and only then lets the next launch be set up: when a launch begins its work, all those
before it have ended, not the last one alone.
"""

from __future__ import annotations

import math

SHORT_WAVES = 2
"""Blocks for each multiprocessor up to which a launch counts as short."""


def is_short(grid: tuple[int, int, int], multiprocessors: int) -> bool:
    """True for a launch of few blocks."""
    return math.prod(grid) <= SHORT_WAVES * multiprocessors


def is_early(
    asked: bool | None, before: tuple[int, int, int] | None, grid: tuple[int, int, int], multiprocessors: int
) -> bool:
    """True where a launch is to be set up while the one before it, None where it is the first, still runs."""
    if asked is not None:
        return asked
    return before is not None and is_short(before, multiprocessors) and is_short(grid, multiprocessors)
