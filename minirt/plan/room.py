"""Room for gigabytes in a bytearray: lengthened without being filled, of few pages, written by all cores."""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from minirt.limits import workers

_HUGE = 1 << 21
"""Bytes of a huge page."""
_PIECE = 1 << 24
"""Bytes that a thread copies at a time."""
Bytes = bytes | bytearray | memoryview
_resize = ctypes.pythonapi.PyByteArray_Resize
_resize.argtypes = (ctypes.py_object, ctypes.c_ssize_t)
_address = ctypes.pythonapi.PyByteArray_AsString
_address.argtypes, _address.restype = (ctypes.py_object,), ctypes.c_void_p


def extend(out: bytearray, parts: Sequence[Bytes]) -> None:
    """Append parts, one after another.

    The system hands memory out page by page as it is first written, which takes longer than the copy where pages are
    small. So a large array asks for huge pages first, and is written by several threads.
    """
    sizes = [memoryview(part).nbytes for part in parts]
    start = len(memoryview(out))
    _resize(out, start + sum(sizes))
    _ask_for_huge_pages(out)
    held = np.frombuffer(out, np.uint8)
    pieces: list[tuple[int, memoryview]] = []
    for part, size in zip(parts, sizes, strict=True):
        if size:
            view = memoryview(part).cast("B")
            pieces += [(start + at, view[at : at + _PIECE]) for at in range(0, size, _PIECE)]
        start += size

    def put(piece: tuple[int, memoryview]) -> None:
        at, data = piece
        held[at : at + len(data)] = np.frombuffer(data, np.uint8)

    if sum(sizes) < _PIECE:
        for piece in pieces:
            put(piece)
        return
    with ThreadPoolExecutor(workers()) as pool:
        list(pool.map(put, pieces))


def _ask_for_huge_pages(out: bytearray) -> None:
    advice = getattr(mmap, "MADV_HUGEPAGE", None)  # Linux has it
    if advice is None:
        return
    first, size = int(_address(out) or 0), memoryview(out).nbytes
    start = -(-first // _HUGE) * _HUGE
    if first + size - start >= _HUGE:
        ctypes.CDLL(None).madvise(ctypes.c_void_p(start), ctypes.c_size_t(first + size - start), advice)
