"""When a launch is set up beside the one before it, and when launches run beside each other.

Both save about as much as a launch costs, a microsecond or less. Blocks that are there early, though, lie where the
last blocks of the launch before leave room, a few multiprocessors maybe, and stay there: what fills the device loses
more by that than it saves. So only launches of few blocks do it, and of more blocks where those are small and alike
(products of a few rows, which fetch their weights while they wait), unless the variables ask for all or for none.

Early launches are in order all the same. Each of their blocks waits until the launch before has ended, before it reads
or writes what launches write, and only then lets the next launch be set up: when a launch begins its work, all those
before it have ended, not the last one alone.
"""

from __future__ import annotations

import math

SHORT_WAVES = 2
"""Blocks for each multiprocessor up to which a launch counts as short."""
EVEN_WAVES = 16
"""The same for blocks that are small and alike: a decoding Llama takes 1.18 ms with all launches early and branches
beside each other, 1.39 ms with none, on an H100 (its products have up to 2,048 blocks, but for the last one)."""


def is_short(grid: tuple[int, int, int], even: bool, multiprocessors: int) -> bool:
    """True for a launch of few blocks."""
    return math.prod(grid) <= (EVEN_WAVES if even else SHORT_WAVES) * multiprocessors


def is_early(asked: bool | None, short_before: bool, short: bool) -> bool:
    """True where a launch is to be set up while the one before it, if that one is short, still runs."""
    return asked if asked is not None else short_before and short
