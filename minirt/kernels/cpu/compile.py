"""The CPU's compile service: kernel source in, native addresses out, machine code kept in minirt's own store.

Contract. A kernel is a C function ``void f(int64 lo, int64 hi, const int64* args)`` over the range [lo, hi): ``args``
holds addresses, integers, and the bit patterns of float64 numbers. Its source is Python text that defines
``kernel(lo, hi, args)`` in what Numba compiles: no arrays, no allocation, no exceptions, no Python objects. The text
may import from minirt.kernels.cpu (typed addresses from `pointers`, files of njit functions): those files are part of
the cache key.

    unit = CpuUnit("scale", '''
    from minirt.kernels.cpu.pointers import f32
    def kernel(lo, hi, args):
        x, y = f32(args[0]), f32(args[1])
        for i in range(lo, hi):
            y[i] = x[i] * 2
    ''')
    (address,) = addresses([unit])

`fastmath` names LLVM's flags: "contract" (fused multiply-add) by default; a kernel that may reorder a sum adds
"reassoc" and "nsz". "nnan", "ninf" and "fast" are refused: NaN and infinity stay right.

Machine code is found by the SHA-256 of text, flags, imported files, compiler versions and CPU, in
flags().cache / "cpu". A hit needs llvmlite alone; Numba is imported at the first miss. Many misses are shared with
worker processes (minirt.kernels.cpu.farm), which are started, never forked.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from minirt.errors import CompileError
from minirt.flags import flags
from minirt.interrupts import after_interrupts
from minirt.kernels.cpu.host import cpu_features, cpu_name
from minirt.kernels.cpu.loader import compile_ir, load_binary
from minirt.kernels.store import Store, content_key
from minirt.limits import may_write, workers

_ALLOWED_FASTMATH = frozenset({"contract", "reassoc", "nsz", "arcp", "afn"})
_SHARE_ABOVE = 8  # a worker process takes about a second to start: as long as a dozen kernels
_IMPORT = re.compile(r"^\s*(?:from|import)\s+(minirt(?:\.\w+)+)", re.MULTILINE)
_ABI = "range-3"
_loaded: dict[str, list[int]] = {}
_lock = threading.RLock()


@dataclass(frozen=True)
class CpuUnit:
    """What to compile, as data: a name for people, Python text that defines `kernel(lo, hi, args)`, LLVM's flags."""

    name: str
    text: str
    fastmath: tuple[str, ...] = ("contract",)

    def __post_init__(self) -> None:
        refused = sorted(set(self.fastmath) - _ALLOWED_FASTMATH)
        if refused:
            what = f"fastmath {', '.join(refused)} would lose NaN or is unknown"
            raise CompileError(what, f"CPU kernel '{self.name}'")

    @property
    def key(self) -> str:
        """Where the store keeps this unit's machine code for this CPU."""
        return content_key(_ABI, self.text, ",".join(sorted(self.fastmath)), *_sources(self.text), _toolchain())

    @property
    def symbol(self) -> str:
        """The entry point's name in the object file."""
        return f"minirt_{self.key[:24]}"


def addresses(units: Sequence[CpuUnit], progress: Callable[[int, int], None] | None = None) -> list[int]:
    """The native address of each unit: loaded already, from the store, or compiled now.

    `progress` is told (compiled, to compile). Raises CompileError with the first compiler log.
    """
    keys = [unit.key for unit in units]
    with _lock:
        missing = {key: unit for key, unit in zip(keys, units, strict=True) if not _load_stored(key)}
    if missing:
        _compile_missing(missing, progress or _no_progress)
    return [_loaded[key][0] for key in keys]


def address(unit: CpuUnit) -> int:
    """The native address of one unit; raises CompileError."""
    return addresses([unit])[0]


def ir_addresses(name: str, text: str, symbols: Sequence[str]) -> list[int]:
    """Addresses of functions of a module of LLVM IR text, stored as kernels are; raises CompileError."""
    key = content_key(_ABI, name, text, ",".join(symbols), _toolchain())
    with _lock:
        if not _load_stored(key):
            _keep(key, compile_ir(text, symbols), store())
        return _loaded[key]


def store() -> Store:
    """Where machine code is kept between processes."""
    return Store(flags().cache / "cpu", writes=may_write())


def codegen() -> Any:
    """The compiling module; the first call imports Numba, for a second: an interrupt is taken after it.

    A package whose import is broken off is of no use to the process any more.
    """
    with after_interrupts():
        return importlib.import_module("minirt.kernels.cpu.codegen")


def _compile_missing(missing: dict[str, CpuUnit], progress: Callable[[int, int], None]) -> None:
    count, place = 0, store()

    def _kept(key: str, binary: bytes) -> None:
        nonlocal count
        with _lock:
            _keep(key, binary, place)
            count += 1
            progress(count, len(missing))

    if len(missing) > _SHARE_ABOVE and workers() > 1 and sys.executable:
        farm = importlib.import_module("minirt.kernels.cpu.farm")
        farm.compile_shared(missing, min(workers() - 1, len(missing) // _SHARE_ABOVE), _kept)
        return
    for key, unit in missing.items():
        _kept(key, compile_unit(unit))


def compile_unit(unit: CpuUnit) -> bytes:
    """The binary of one unit, compiled in this process; raises CompileError."""
    binary: bytes = codegen().compile_text(unit.name, unit.text, unit.fastmath, unit.symbol)
    return binary


def _load_stored(key: str) -> bool:
    if key in _loaded:
        return True
    binary = store().get(key)
    if binary is None:
        return False
    try:
        _loaded[key] = load_binary(binary)
    except (CompileError, ValueError, KeyError, RuntimeError):
        return False  # written by a process with other libraries: compiled anew
    return True


def _keep(key: str, binary: bytes, place: Store) -> None:
    if key not in _loaded:
        _loaded[key] = load_binary(binary)
        place.put(key, binary)


def _no_progress(_done: int, _total: int) -> None:
    """Nobody watches."""


@lru_cache(maxsize=1)
def _toolchain() -> str:
    python = ".".join(map(str, sys.version_info[:2]))
    return "|".join((version("numba"), version("llvmlite"), python, sys.platform, cpu_name(), cpu_features()))


def _sources(text: str) -> list[str]:
    """Text of the minirt files that a kernel's text imports, and of those that they import."""
    found: dict[str, str] = {}
    waiting = _IMPORT.findall(text)
    while waiting:
        module = waiting.pop()
        if module not in found:
            found[module] = _source_of(module)
            waiting += _IMPORT.findall(found[module])
    return [part for name in sorted(found) for part in (name, found[name])]


@lru_cache(maxsize=256)
def _source_of(module: str) -> str:
    root = Path(__file__).parents[2]
    path = root.joinpath(*module.split(".")[1:])
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file.read_text()
    raise CompileError(f"there is no module {module} for a kernel to import", fix=f"looked below {os.fspath(root)}")
