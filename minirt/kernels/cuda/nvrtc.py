"""NVRTC itself: CUDA C++ text to a cubin for a named architecture, on any machine; and a worker that does so by pipe.

The file imports nothing of minirt, because it is also run as a script: a compile worker must start in a few hundredths
of a second. Requests and replies are frames: a little-endian u32 length, a JSON header, and for a reply that many more
bytes of cubin as the header's `size` says.
"""

from __future__ import annotations

import importlib
import json
import re
import struct
import sys
import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import IO, Any

STANDARD_OPTIONS = ("--std=c++17", "--ptxas-options=-v", "--ptxas-options=--warn-on-spills")
_INCLUDE = re.compile(r"^\s*#\s*include\s*[<\"]", re.MULTILINE)
_LOCK = threading.Lock()  # loading the library twice at once from two threads is not safe


@dataclass(frozen=True)
class Outcome:
    """What one run of NVRTC gave: `cubin` is empty when it failed; `log` is the compiler's and assembler's output."""

    cubin: bytes
    log: str


class NvrtcMissing(Exception):
    """NVRTC or its Python binding cannot be loaded; the text says which."""


@lru_cache(maxsize=1)
def library() -> Any:
    """The module cuda.bindings.nvrtc with its shared library loaded; raises NvrtcMissing."""
    with _LOCK:
        try:
            module = importlib.import_module("cuda.bindings.nvrtc")
            module.nvrtcVersion()
        except Exception as error:  # the binding raises ImportError, RuntimeError or its own class by version
            raise NvrtcMissing(str(error)) from error
        return module


@lru_cache(maxsize=1)
def version() -> str:
    """NVRTC's version as "13.0"; raises NvrtcMissing."""
    _, major, minor = library().nvrtcVersion()
    return f"{major}.{minor}"


@lru_cache(maxsize=1)
def header_folders() -> tuple[str, ...]:
    """Folders of the CUDA headers that are installed (cuda_fp16.h, mma.h; CCCL's), for kernels that include any."""
    pathfinder = importlib.import_module("cuda.pathfinder")
    found = []
    for package in ("cudart", "cccl"):
        try:
            folder = pathfinder.find_nvidia_header_directory(package)
        except Exception:  # not installed: the compiler will name the header that it misses
            continue
        if folder:
            found.append(str(folder))
    return tuple(dict.fromkeys(found))


def compile_text(text: str, name: str, options: tuple[str, ...], arch: str) -> Outcome:
    """Compile `text` for `arch` ("sm_90a"); a failure is an Outcome without cubin. Raises NvrtcMissing."""
    nvrtc = library()
    flags = [f"--gpu-architecture={arch}", *STANDARD_OPTIONS, *options]
    if _INCLUDE.search(text):
        flags += [f"-I{folder}" for folder in header_folders()]
    status, program = nvrtc.nvrtcCreateProgram(text.encode(), f"{name}.cu".encode(), 0, [], [])
    if int(status):
        return Outcome(b"", f"nvrtcCreateProgram: {status.name}")
    try:
        (status,) = nvrtc.nvrtcCompileProgram(program, len(flags), [flag.encode() for flag in flags])
        log = _fetch(nvrtc.nvrtcGetProgramLogSize, nvrtc.nvrtcGetProgramLog, program)
        text_log = log.rstrip(b"\x00").decode(errors="replace")
        if int(status):
            return Outcome(b"", text_log or status.name)
        return Outcome(_fetch(nvrtc.nvrtcGetCUBINSize, nvrtc.nvrtcGetCUBIN, program), text_log)
    finally:
        nvrtc.nvrtcDestroyProgram(program)


def _fetch(measure: Any, fill: Any, program: Any) -> bytes:
    status, size = measure(program)
    if int(status) or size <= 1:
        return b""  # one byte is an empty log's terminator; bytes objects of one byte are shared, so none is written
    data = bytes(size)  # NVRTC writes into this very object, which nothing else holds
    (status,) = fill(program, data)
    return b"" if int(status) else data


def read_frame(stream: IO[bytes]) -> tuple[dict[str, Any], bytes] | None:
    """The next header and its payload; None at the end of the stream, also one cut within a frame."""
    prefix = stream.read(4)
    if len(prefix) < 4:
        return None
    (length,) = struct.unpack("<I", prefix)
    head = stream.read(length)
    if len(head) < length:
        return None
    header: dict[str, Any] = json.loads(head)
    size = int(header.get("size", 0))
    payload = stream.read(size) if size else b""
    return (header, payload) if len(payload) == size else None


def write_frame(stream: IO[bytes], header: dict[str, Any], payload: bytes = b"") -> None:
    """Write one frame and flush it."""
    head = json.dumps({**header, "size": len(payload)}).encode()
    stream.write(struct.pack("<I", len(head)) + head + payload)
    stream.flush()


def serve(requests: IO[bytes], replies: IO[bytes]) -> None:
    """Compile what `requests` asks for, one frame each, until it ends."""
    while (frame := read_frame(requests)) is not None:
        ask, _ = frame
        try:
            outcome = compile_text(ask["text"], ask["name"], tuple(ask["options"]), ask["arch"])
        except NvrtcMissing as error:
            write_frame(replies, {"log": "", "missing": str(error)})
            continue
        write_frame(replies, {"log": outcome.log}, outcome.cubin)


if __name__ == "__main__":
    serve(sys.stdin.buffer, sys.stdout.buffer)
