r"""The engine file: named sections of data, checksummed, aligned, read strictly.

Layout (little endian)::

    0   8   magic  b"minirt\r\n"
    8   4   format version
    12  4   bytes of the header
    16  32  SHA-256 of the header
    48  ..  header: JSON {"sections": [[name, offset, bytes, sha256], ...]}, sorted by offset
    ..      sections, each on a multiple of 256, zeros between them; nothing after the last

There is no code for the host in it, and reading it runs none.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from minirt.errors import EngineFormatError
from minirt.limits import workers
from minirt.plan.room import extend

MAGIC = b"minirt\r\n"
VERSION = 1
ALIGN = 256
_HEAD = struct.Struct("<8sII32s")
_MAX_HEADER = 1 << 28
_LARGE = 1 << 16
"""Bytes from which a digest is worth a thread."""
Bytes = bytes | bytearray | memoryview


def write_sections(sections: Mapping[str, Bytes]) -> bytes:
    """The file's bytes; the same sections give the same bytes."""
    out = bytearray()
    append_sections(out, sections)
    return bytes(out)


def append_sections(out: bytearray, sections: Mapping[str, Bytes], known: Mapping[str, str] | None = None) -> None:
    """Write the file into an array that is empty: gigabytes are copied once. ``known`` are digests of some sections."""
    names = list(sections)
    hashes = dict(known or {})
    rest = [name for name in names if name not in hashes]
    hashes |= zip(rest, digests([sections[name] for name in rest]), strict=True)
    header = b""
    for _ in range(4):  # offsets depend on the header's length, which settles at once
        offset = _aligned(_HEAD.size + len(header))
        rows: list[tuple[str, int, int, str]] = []
        for name in names:
            size = memoryview(sections[name]).nbytes
            rows.append((name, offset, size, hashes[name]))
            offset = _aligned(offset + size)
        made = json.dumps({"sections": rows}, separators=(",", ":")).encode()
        if len(made) == len(header):
            header = made
            break
        header = made
    parts: list[Bytes] = [_HEAD.pack(MAGIC, VERSION, len(header), hashlib.sha256(header).digest()), header]
    end = _HEAD.size + len(header)
    for name, start, size, _ in rows:
        parts += [b"\0" * (start - end), sections[name]]
        end = start + size
    extend(out, parts)


def digests(parts: Sequence[Bytes]) -> list[str]:
    """SHA-256 of each, in hexadecimal; large ones at once, one on each core that may be used."""
    sizes = [memoryview(part).nbytes for part in parts]
    large = sorted((i for i, size in enumerate(sizes) if size >= _LARGE), key=lambda i: -sizes[i])
    if len(large) < 2:
        return [_digest(part) for part in parts]
    with ThreadPoolExecutor(workers()) as pool:
        found = dict(zip(large, pool.map(_digest, [parts[i] for i in large]), strict=True))
    return [found[i] if i in found else _digest(part) for i, part in enumerate(parts)]


def _digest(part: Bytes) -> str:
    return hashlib.sha256(part).hexdigest()


def read_sections(data: Bytes) -> dict[str, memoryview]:
    """The sections, as views into ``data``; raises EngineFormatError for any byte that is not as written."""
    view = memoryview(data).cast("B") if memoryview(data).nbytes else memoryview(b"")
    rows, end = _header(view)
    found: dict[str, memoryview] = {}
    for name, start, size, _ in rows:
        if start < end or start % ALIGN or start + size > len(view) or name in found:
            raise EngineFormatError(
                f"section {name!r} of {size} bytes at {start} does not fit the file of {len(view)} bytes"
            )
        if any(view[end:start]) or start - end >= ALIGN:
            raise EngineFormatError(f"bytes between sections are not zero before {name!r}")
        found[name] = view[start : start + size]
        end = start + size
    if end != len(view):
        raise EngineFormatError(f"{len(view) - end} bytes follow the last section")
    for (name, _, _, wanted), digest in zip(rows, digests(list(found.values())), strict=True):
        if digest != wanted:
            raise EngineFormatError(f"section {name!r} is damaged: its checksum does not match")
    return found


def _header(view: memoryview) -> tuple[list[tuple[str, int, int, str]], int]:
    if len(view) < _HEAD.size:
        raise EngineFormatError(f"{len(view)} bytes are too few for an engine")
    magic, version, size, digest = _HEAD.unpack_from(view)
    if magic != MAGIC:
        raise EngineFormatError("this is not a minirt engine (its first bytes are another format's)")
    if version != VERSION:
        raise EngineFormatError(
            f"the engine has format {version}, this minirt reads {VERSION}", fix="upgrade minirt or build it anew"
        )
    if size > min(_MAX_HEADER, len(view) - _HEAD.size):
        raise EngineFormatError("the engine is truncated in its header")
    header = view[_HEAD.size : _HEAD.size + size]
    if hashlib.sha256(header).digest() != digest:
        raise EngineFormatError("the engine's header is damaged: its checksum does not match")
    try:
        rows = [(str(n), int(o), int(b), str(d)) for n, o, b, d in json.loads(bytes(header))["sections"]]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise EngineFormatError(f"the engine's header is not as written: {error}") from error
    if any(b < 0 for _, _, b, _ in rows):
        raise EngineFormatError("a section has a negative size")
    return rows, _HEAD.size + size


def _aligned(offset: int) -> int:
    return -(-offset // ALIGN) * ALIGN
