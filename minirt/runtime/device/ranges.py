"""NVTX ranges: names that tools such as Nsight Systems show around what this thread does."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
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
        nvtx = _nvtx()
        self.begin: Callable[[], Any] = _nothing if nvtx is None else partial(nvtx.RangePush, text)
        """Begins it, for those who see to it that it ends."""
        self.end: Callable[[], Any] = _nothing if nvtx is None else nvtx.RangePop

    def __enter__(self) -> None:
        self.begin()

    def __exit__(self, *error: object) -> None:
        self.end()


def _nothing() -> None:
    """What marks a range where nothing shows it."""
