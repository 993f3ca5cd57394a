"""What is bound for one set of sizes."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from minirt.runtime.backend import Memory, Segment
from minirt.types.evaluate import Evaluator


@dataclass
class Frame:
    """One set of sizes: memory of its own size, and the segments bound so far."""

    sizes: dict[str, int]
    dynamic: dict[int, Memory] = field(default_factory=dict)
    segments: dict[int, tuple[tuple[int | None, ...], Segment]] = field(default_factory=dict)
    outside: dict[int, int] = field(default_factory=dict)
    baked: dict[int, set[int]] = field(default_factory=dict)
    """Segments that hold a caller's address unpatchably, by buffer: rebuilt when it changes."""
    kept: dict[tuple[int, str], list[Memory]] = field(default_factory=dict)
    staged: dict[int, Memory] = field(default_factory=dict)
    """Aligned memory that stands for a caller's, by buffer."""
    repeats: OrderedDict[tuple[int | None, ...], Any] = field(default_factory=OrderedDict)
    """Runs that can be put on a stream again as they were (`minirt.runtime.repeat`), by their addresses."""
    turns: dict[tuple[int, ...], Any] = field(default_factory=dict)
    """Iterations that can be run again as they were (`minirt.runtime.turns`), by their addresses."""
    untold: tuple[str, ...] = ()
    """Dims of the results of a loop that is running: those of the run before, which are nothing to its body."""
    recording: Any = None
    """The run as one graph, where plugins allow it (`minirt.runtime.replay`)."""
    _evaluator: Evaluator = field(default_factory=lambda: Evaluator({}))

    @property
    def told(self) -> dict[str, int]:
        """The sizes that are known to what runs now."""
        return {name: size for name, size in self.sizes.items() if name not in self.untold}

    @property
    def evaluate(self) -> Evaluator:
        """Evaluates expressions for the sizes, remembering what it has seen until they are replaced."""
        if self._evaluator.sizes is not self.sizes:
            self._evaluator = Evaluator(self.sizes)
        return self._evaluator
