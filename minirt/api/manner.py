"""How a context uses streams, as its script wants it: NVTX ranges, streams beside that of a run, waits, and events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minirt.api.boundary import Sink
from minirt.build.load import Loaded
from minirt.errors import ApiError
from minirt.runtime.backend import Manner
from minirt.runtime.device.streams import LEGACY, PER_THREAD, mark, stream_handle
from minirt.runtime.recording import record_event

_RANKS = ("NONE", "LAYER_NAMES_ONLY", "DETAILED")
_RENAMED = {"DEFAULT": "LAYER_NAMES_ONLY", "VERBOSE": "DETAILED"}  # what TensorRT 8 called them
_DEFAULT_STREAMS = (0, LEGACY, PER_THREAD)


def fresh_manner(loaded: Loaded) -> Manner:
    """Return how a new context of an engine uses streams: with some of its own, and ranges as it was built to tell."""
    return Manner(loaded.backend.streams(loaded.streams), (), _built(loaded), str(loaded.package.about["name"]))


def step(manner: Manner, loaded: Loaded, sink: Sink, on: bool) -> None:
    """Run each layer to its end and log it, where a script wants it or the engine was built with BuilderFlag.DEBUG."""
    asked = on or bool(loaded.package.about.get("debug", False))
    manner.done = (lambda label: sink.log("VERBOSE", f"layer '{label}' is done")) if asked else None


class InputsRead:
    """The event that each run records: after the last launch that reads inputs, or at its end where that is not seen.

    ``event`` is its handle, 0 for none.
    """

    event = 0
    _recorded = False

    def begin(self, manner: Manner, seen: bool) -> None:
        """Begin a run; ``seen``: its launches are put on the stream in one list."""
        self._recorded = False
        manner.consumed = self if seen and self.event else None

    def __call__(self, stream: int, on_host: bool = False) -> None:
        """Record it on the stream, unless the run has done so."""
        if self.event and not self._recorded:
            record_event(self.event) if on_host else mark(stream, self.event)
            self._recorded = True


def tell(manner: Manner, loaded: Loaded, verbosity: str) -> None:
    """Set what NVTX ranges tell; raises ApiError for more than the engine was built to tell."""
    wanted, built = _RENAMED.get(verbosity, verbosity), _built(loaded)
    if _RANKS.index(wanted) > _RANKS.index(built):
        fix = "set profiling_verbosity of the builder's config"
        raise ApiError(f"the engine was built to tell {built}, not {wanted}", "nvtx_verbosity", fix)
    manner.ranges = wanted


def lend(manner: Manner, streams: Sequence[Any]) -> None:
    """Take streams of the caller's to use beside that of a run; raises ApiError for default or equal ones."""
    handles = [stream_handle(s) for s in streams]
    if any(h in _DEFAULT_STREAMS for h in handles) or len(set(handles)) < len(handles):
        what = "auxiliary streams must differ, and none is a default stream"
        raise ApiError(what, "set_aux_streams", "make a stream for each")
    manner.lent = handles


def _built(loaded: Loaded) -> str:
    told = str(loaded.package.about.get("verbosity", "NONE"))
    return _RENAMED.get(told, told)
