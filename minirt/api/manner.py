"""How a context uses streams, as its script wants it: NVTX ranges, and streams beside that of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minirt.build.load import Loaded
from minirt.errors import ApiError
from minirt.runtime.backend import Manner
from minirt.runtime.device.streams import LEGACY, PER_THREAD, stream_handle

_RANKS = ("NONE", "LAYER_NAMES_ONLY", "DETAILED")
_RENAMED = {"DEFAULT": "LAYER_NAMES_ONLY", "VERBOSE": "DETAILED"}  # what TensorRT 8 called them
_DEFAULT_STREAMS = (0, LEGACY, PER_THREAD)


def fresh_manner(loaded: Loaded) -> Manner:
    """Return how a new context of an engine uses streams: with some of its own, and ranges as it was built to tell."""
    return Manner(loaded.backend.streams(loaded.streams), (), _built(loaded), str(loaded.package.about["name"]))


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
