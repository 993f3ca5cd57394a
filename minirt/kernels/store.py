"""A content-addressed store of binaries on disk: compiled kernels outlive the process that made them.

One entry is one file, ``root/ab/abcdef....bin``: a magic word, the SHA-256 of the payload, the payload. Entries are
written beside their place and renamed into it, so readers in other processes see an entire file or none; a damaged one
is removed and counts as absent. Nothing read from the store is ever unpickled or evaluated.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

_MAGIC = b"MINIRTS1"
_HEADER = len(_MAGIC) + 32
_KEY = re.compile(r"[0-9a-f]{64}")
_FOLDERS = 256
_EVICT_TO = 0.8  # an eviction frees a fifth, so that not every later write evicts again


def content_key(*parts: str | bytes) -> str:
    """SHA-256, in hex, of `parts` with their lengths: ("ab", "c") and ("a", "bc") differ."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()


class Store:
    """Binaries by SHA-256 key, in files below `root`; safe to share between threads and processes.

    `max_bytes` bounds the payloads kept (0: no bound), each of the 256 folders to its equal part, so that a `put` looks
    at one folder and not at all entries; the least recently used of a folder go first. A root that cannot be written
    makes every `put` a no-op, as does ``writes`` being False: the store is a cache, and losing it costs time only.
    """

    def __init__(self, root: str | os.PathLike[str], max_bytes: int = 0, writes: bool = True) -> None:
        self.root, self.writes = Path(root), writes
        self.max_bytes = max_bytes
        self._lock = threading.Lock()

    def get(self, key: str) -> bytes | None:
        """The payload stored under `key`, checked against its checksum; None when absent or damaged."""
        path = self.path(key)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        payload = data[_HEADER:]
        intact = data[: len(_MAGIC)] == _MAGIC and data[len(_MAGIC) : _HEADER] == hashlib.sha256(payload).digest()
        if not intact:
            _remove(path)
            return None
        if self.max_bytes:
            _touch(path)
        return payload

    def put(self, key: str, data: bytes) -> None:
        """Store `data` under `key`, replacing what was there."""
        path = self.path(key)
        if not self.writes:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=".new-")
        except OSError:
            return
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(_MAGIC + hashlib.sha256(data).digest() + data)
            os.replace(name, path)
        except OSError:
            _remove(Path(name))
            return
        except BaseException:  # an interrupt
            _remove(Path(name))
            raise
        if self.max_bytes:
            self._evict(path)

    def path(self, key: str) -> Path:
        """Where the entry of `key` lies, present or not; raises ValueError unless `key` is a SHA-256 in hex."""
        if not _KEY.fullmatch(key):
            raise ValueError(f"store key {key!r} is not a SHA-256 in lower-case hex")
        return self.root / key[:2] / f"{key}.bin"

    def total_bytes(self) -> int:
        """Bytes of all payloads now in the store."""
        return sum(size for _, size, _ in _entries(self.root.glob("??/*.bin")))

    def _evict(self, newest: Path) -> None:
        limit = self.max_bytes / _FOLDERS
        with self._lock:
            entries = sorted(_entries(newest.parent.glob("*.bin")))
            total = sum(size for _, size, _ in entries)
            if total <= limit:
                return
            for _, size, path in entries:
                if total <= limit * _EVICT_TO:
                    break
                if path != newest:
                    _remove(path)
                    total -= size


def _entries(paths: Iterable[Path]) -> Iterator[tuple[float, int, Path]]:
    """When each entry was last used, its payload's bytes, and where it lies."""
    for path in paths:
        try:
            stat = path.stat()
        except OSError:
            continue
        yield stat.st_mtime, max(stat.st_size - _HEADER, 0), path


def _remove(path: Path) -> None:
    try:
        path.unlink()
    except OSError:
        pass  # another process was faster, or the folder is read-only: absent or ignored either way


def _touch(path: Path) -> None:
    try:
        os.utime(path)
    except OSError:
        pass  # a read-only store has no order of use to keep
