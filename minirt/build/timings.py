"""Measured times of tactics, by what was measured: data alone, with a strict format."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from math import inf, isfinite
from typing import Any

from minirt.errors import EngineFormatError

REFUSED = -1.0
"""The time of a tactic that does not compile, cannot be launched, or faults: it is never asked again."""

_MAGIC = b"minirt timings 1\n"
_KEY = re.compile(r"[0-9a-f]{32}")
_TACTIC = re.compile(r"[0-9a-f]{16}")
_LONGEST = 1 << 28


@dataclass(eq=False)
class Timings:
    """Microseconds of each tactic's number, by the key of its problem: 32 hex digits.

    ``device`` says what they were measured on, "sm_90a NVIDIA H100 80GB HBM3"; "" where nothing was measured yet.
    """

    device: str = ""
    entries: dict[str, dict[int, float]] = field(default_factory=dict)

    def best(self, key: str) -> tuple[int, float]:
        """The fastest tactic of a problem and its microseconds; (0, inf) where none is known to run."""
        runs = [(us, number) for number, us in self.entries.get(key, {}).items() if us >= 0]
        us, number = min(runs, default=(inf, 0))
        return number, us

    def take(self, other: Timings) -> None:
        """Add what another one holds; where both know a tactic of a problem, the other's time replaces this one's."""
        self.device = self.device or other.device
        for key, times in other.entries.items():
            self.entries.setdefault(key, {}).update(times)

    def fill(self, other: Timings) -> None:
        """Add the problems that only the other one knows."""
        self.device = self.device or other.device
        for key, times in other.entries.items():
            self.entries.setdefault(key, dict(times))

    def encoded(self) -> bytes:
        """The times as bytes, the same for equal times: a magic line, the SHA-256 of the rest, canonical JSON."""
        entries = {k: {f"{n:016x}": us for n, us in sorted(v.items())} for k, v in sorted(self.entries.items())}
        text = json.dumps({"device": self.device, "entries": entries}, separators=(",", ":"), allow_nan=False).encode()
        return _MAGIC + hashlib.sha256(text).hexdigest().encode() + b"\n" + text


def decoded(data: bytes) -> Timings:
    """The times that ``encoded`` wrote; no bytes are no times. Raises EngineFormatError for anything else."""
    if not data:
        return Timings()
    head = len(_MAGIC) + 65
    if len(data) < head or len(data) > _LONGEST or data[: len(_MAGIC)] != _MAGIC:
        raise EngineFormatError("these bytes are not a timing cache", fix="pass what a timing cache's serialize() gave")
    text = data[head:]
    if data[len(_MAGIC) : head] != hashlib.sha256(text).hexdigest().encode() + b"\n":
        raise EngineFormatError("the timing cache is damaged: its checksum is that of other bytes")
    try:
        return _read(json.loads(text))
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise EngineFormatError(f"the timing cache holds what none does: {error}") from error


def _read(held: Any) -> Timings:
    if set(held) != {"device", "entries"} or not isinstance(held["device"], str):
        raise ValueError(f"parts {sorted(held)}")
    made = Timings(held["device"])
    for key, times in held["entries"].items():
        if not _KEY.fullmatch(key):
            raise ValueError(f"key {key[:40]!r}")
        made.entries[key] = {_number(n): _time(us) for n, us in times.items()}
    return made


def _number(text: str) -> int:
    if not _TACTIC.fullmatch(text):
        raise ValueError(f"tactic {text[:40]!r}")
    return int(text, 16)


def _time(us: Any) -> float:
    if isinstance(us, bool) or not isinstance(us, int | float) or not isfinite(us) or (us < 0 and us != REFUSED):
        raise ValueError(f"time {us!r}")
    return float(us)
