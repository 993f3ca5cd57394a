"""ITimingCache: measurements of kernels, kept from one build for the next."""

from __future__ import annotations

import json
from typing import Any

from minirt.api.declare import attr, method
from minirt.api.dialect import Api, dialect_of, in_dialect, wrap
from minirt.api.host_memory import IHostMemory, host_memory
from minirt.errors import EngineFormatError

_MAGIC = "minirt timing cache 1"


class TimingCacheKey(Api, since=10):
    """What was measured: a problem, as text."""

    _state: str

    @staticmethod
    def parse(text: str) -> TimingCacheKey:
        """Return the key that a text stands for."""
        return wrap(TimingCacheKey, str(text))

    def __str__(self) -> str:
        return self._state


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


def read_cache(data: Any) -> dict[str, list[Any]]:
    """Return the measurements of serialized bytes, none for no bytes; raises EngineFormatError for foreign ones."""
    raw = bytes(memoryview(data))
    if not raw:
        return {}
    try:
        held = json.loads(raw)
        if held["magic"] != _MAGIC:
            raise ValueError(held["magic"])
        return {str(k): [int(v[0]), float(v[1])] for k, v in held["entries"].items()}
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise EngineFormatError(f"not a timing cache: {error}") from error


class ITimingCache(Api, since=8):
    """Measurements of kernels, by what was measured."""

    _state: dict[str, list[Any]]

    @method()
    def serialize(self) -> IHostMemory:
        """Return the measurements as bytes."""
        text = json.dumps({"magic": _MAGIC, "entries": dict(sorted(self._state.items()))}, separators=(",", ":"))
        return host_memory(text.encode(), dialect_of(self))

    @method(fail=False)
    def combine(self, input_cache: ITimingCache, ignore_mismatch: bool) -> bool:
        """Take over the measurements of another cache that this one lacks."""
        for key, value in input_cache._state.items():
            self._state.setdefault(key, list(value))
        return True

    @method(fail=False)
    def reset(self) -> bool:
        """Forget all measurements."""
        self._state.clear()
        return True

    @method(since=10)
    def queryKeys(self) -> list[TimingCacheKey]:  # noqa: N802 - TensorRT's name
        """Return what was measured."""
        return [wrap(TimingCacheKey, key, dialect_of(self)) for key in self._state]

    @method(since=10)
    def query(self, key: TimingCacheKey) -> TimingCacheValue:
        """Return a measurement; one that was not made has tactic 0 and no time."""
        found = self._state.get(key._state, [0, float("inf")])
        return in_dialect(TimingCacheValue, dialect_of(self))(*found)

    @method(since=10, fail=False)
    def update(self, key: TimingCacheKey, value: TimingCacheValue) -> bool:
        """Set a measurement."""
        self._state[key._state] = list(value._state)
        return True
