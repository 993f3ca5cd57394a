"""ITimingCache: measurements of kernels, kept from one build for the next."""

from __future__ import annotations

import re
from typing import Any

from minirt.api.boundary import SILENT, Sink
from minirt.api.declare import attr, method
from minirt.api.dialect import Api, dialect_of, in_dialect, wrap
from minirt.api.host_memory import IHostMemory, host_memory
from minirt.build.timings import Timings, decoded
from minirt.errors import ApiError

_HEX = re.compile(r"(?:0[xX])?([0-9a-fA-F]{1,32})")


class TimingCacheKey(Api, since=10):
    """What was measured: 128 bits that stand for a problem, a version of the kernels and an architecture."""

    _state: str

    @staticmethod
    def parse(text: str) -> TimingCacheKey:
        """Return the key that up to 32 hexadecimal digits stand for; raises ApiError for other texts."""
        found = _HEX.fullmatch(str(text))
        if found is None:
            raise ApiError(f"'{text}' is no key of a timing cache", fix="pass 0x and up to 32 hexadecimal digits")
        return wrap(TimingCacheKey, found.group(1).lower().zfill(32))

    def __str__(self) -> str:
        return f"0x{self._state}"


class TimingCacheValue(Api, since=10):
    """What was measured: the best tactic, and its time."""

    _state: list[Any]
    tacticHash = attr(  # noqa: N815 - TensorRT's name
        lambda self: self._state[0], lambda self, v: self._state.__setitem__(0, v), int, "The tactic's number."
    )
    timingMSec = attr(  # noqa: N815 - TensorRT's name
        lambda self: self._state[1], lambda self, v: self._state.__setitem__(1, v), float, "Its milliseconds."
    )

    def __init__(self, tactic_hash: int, timing_ms: float, /) -> None:
        self._state = [int(tactic_hash), float(timing_ms)]


class CacheState:
    """A timing cache's measurements, and where it reports."""

    __slots__ = ("sink", "timings")

    def __init__(self, timings: Timings, sink: Sink = SILENT) -> None:
        self.timings, self.sink = timings, sink


def read_cache(data: Any) -> Timings:
    """Return the measurements of serialized bytes, none for no bytes; raises EngineFormatError for foreign ones."""
    return decoded(bytes(memoryview(data)))


class ITimingCache(Api, since=8):
    """Measurements of kernels, by what was measured."""

    _state: CacheState

    @method()
    def serialize(self) -> IHostMemory:
        """Return the measurements as bytes."""
        return host_memory(self._state.timings.encoded(), dialect_of(self))

    @method(fail=False)
    def combine(self, input_cache: ITimingCache, ignore_mismatch: bool) -> bool:
        """Take over the measurements of another cache that this one lacks; False, logged, for another device's."""
        mine, other = self._state.timings, input_cache._state.timings
        if mine.device and other.device and mine.device != other.device and not ignore_mismatch:
            what = f"the other cache was measured on {other.device}, this one on {mine.device}"
            raise ApiError(what, "ITimingCache.combine", "pass ignore_mismatch=True to take it over all the same")
        mine.fill(other)
        return True

    @method(fail=False)
    def reset(self) -> bool:
        """Forget all measurements."""
        self._state.timings.entries.clear()
        self._state.timings.device = ""
        return True

    @method(since=10)
    def queryKeys(self) -> list[TimingCacheKey]:  # noqa: N802 - TensorRT's name
        """Return what was measured."""
        return [wrap(TimingCacheKey, key, dialect_of(self)) for key in sorted(self._state.timings.entries)]

    @method(since=10)
    def query(self, key: TimingCacheKey) -> TimingCacheValue:
        """Return the fastest tactic of what was measured; for what was not, tactic 0 and no time."""
        number, us = self._state.timings.best(key._state)
        return in_dialect(TimingCacheValue, dialect_of(self))(number, us / 1e3)

    @method(since=10, fail=False)
    def update(self, key: TimingCacheKey, value: TimingCacheValue) -> bool:
        """Set the tactic of a problem, for builds with BuilderFlag.EDITABLE_TIMING_CACHE; its other times are dropped.

        A later build that is not editable measures the tactics that it misses.
        """
        number, ms = value._state
        if not (0 < number < 1 << 64 and 0 <= ms < float("inf")):
            what = f"tactic {number} of {ms} ms is no measurement"
            raise ApiError(what, "ITimingCache.update", "pass a 64-bit tactic number above 0, and milliseconds")
        self._state.timings.entries[key._state] = {number: ms * 1e3}
        return True
