"""Timings on disk: one file for each GPU and kernel version, shared by every process of a user.

A file is read whole and replaced whole: it is written beside its place and renamed into it under a lock, so a process
that is killed leaves the old one or the new one. What cannot be read counts as absent, what cannot be written is left:
losing a cache costs time only.
"""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from minirt.build.timings import Timings, decoded
from minirt.errors import EngineFormatError
from minirt.flags import flags

LOCK_SECONDS = 5.0
_KEPT_FILES = 16
_SUFFIX = ".timings"


def folder(arch: str) -> Path:
    """Where the files of an architecture lie, below MINIRT_CACHE."""
    return flags().cache / "timings" / arch


def file_of(device: str, version: str) -> Path:
    """The file of a device, called "ARCH NAME", for one version of kernels and toolchain."""
    arch, _, name = device.partition(" ")
    slug = re.sub(r"[^A-Za-z0-9]+", "-", name).strip("-") or "gpu"
    return folder(arch) / f"{slug}.{version}{_SUFFIX}"


def files_for(arch: str, version: str) -> list[Path]:
    """The files of every device of an architecture, in the order of their names."""
    return sorted(folder(arch).glob(f"*.{version}{_SUFFIX}"))


def load(path: Path) -> Timings:
    """What a file holds; nothing for one that is absent, damaged or foreign."""
    try:
        return decoded(path.read_bytes())
    except (OSError, EngineFormatError):
        return Timings()


def merge(path: Path, news: Timings, timeout: float = LOCK_SECONDS) -> bool:
    """Add times to a file; False where it cannot be written, or another process holds the lock for too long."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path.with_suffix(".lock"), timeout) as held:
            if not held:
                return False
            whole = load(path)
            whole.take(news)
            _replace(path, whole.encoded())
            _prune(path.parent)
    except OSError:
        return False
    return True


@contextmanager
def _locked(path: Path, timeout: float) -> Iterator[bool]:
    """Hold a file's lock, which the system lets go when a process dies; False after ``timeout`` seconds of waiting."""
    end = time.monotonic() + timeout
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        held = _lock(handle)
        while not held and time.monotonic() < end:
            time.sleep(0.02)
            held = _lock(handle)
        yield held
    finally:
        os.close(handle)


def _lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _replace(path: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def _prune(folder_of: Path) -> None:
    """Remove files of kernel versions long gone, and what killed writers left."""
    found = sorted(((_age(p), p) for p in folder_of.glob(f"*{_SUFFIX}")), reverse=True)
    old = [p for _, p in found[_KEPT_FILES:]]
    stale = [p for p in folder_of.glob(".new-*") if time.time() - _age(p) > 3600]
    for path in (*old, *(p.with_suffix(".lock") for p in old), *stale):
        with suppress(OSError):
            path.unlink()


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
