"""NVTX ranges: names that tools such as Nsight Systems show around what this thread does."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from minirt.runtime.device.driver import available, driver


@lru_cache(maxsize=1)
def _nvtx() -> Any:
    """CuPy's NVTX, or None where it was built without."""
    found = getattr(getattr(driver().cupy, "cuda", None), "nvtx", None) if available() else None
    return found if getattr(found, "available", False) else None


class Marked:
    """A range of this thread's, as a context; nothing where there is no NVTX."""

    def __init__(self, text: str) -> None:
        self._text, self._nvtx = text, _nvtx()

    def __enter__(self) -> None:
        if self._nvtx is not None:
            self._nvtx.RangePush(self._text)

    def __exit__(self, *error: object) -> None:
        if self._nvtx is not None:
            self._nvtx.RangePop()
