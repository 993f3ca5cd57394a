"""What is bound for one set of sizes."""

from __future__ import annotations

from dataclasses import dataclass, field

from minirt.runtime.backend import Memory, Segment


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
