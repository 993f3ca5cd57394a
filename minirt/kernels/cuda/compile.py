"""Compile CUDA kernels: text to cubin by NVRTC, cached by content, in several processes where there are many.

No GPU and no driver is needed. A cubin is for one architecture ("sm_80", "sm_90a"); nothing here asks which is there.
"""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from queue import Empty, SimpleQueue

from minirt.errors import CompileError, DeviceError
from minirt.flags import flags
from minirt.kernels.cuda import nvrtc
from minirt.kernels.store import Store, content_key
from minirt.limits import may_write
from minirt.limits import workers as allowed

_FORMAT = "cubin-1"  # part of every key: raise the number when an entry's meaning changes
_WORTH_A_WORKER = 4  # fewer kernels than this compile sooner here than a second process starts
_STORE_BYTES = 1 << 30
_HEARD_SECONDS = 0.2
_ERROR = re.compile(r"^.*\b(?:catastrophic error|error|fatal)\b.*$", re.MULTILINE)
_USED = re.compile(r"Compiling entry function '(\w+)'.*?(\d+) bytes stack frame, (\d+) bytes spill stores, "
                   r"(\d+) bytes spill loads.*?Used (\d+) registers", re.DOTALL)  # fmt: skip
_SHARED = re.compile(r"(\d+) bytes smem")
_ADVISORY = re.compile(
    r"^.*(?:\(C75\d\d\)|wgmma.*serializ|Potential Performance Loss).*$", re.MULTILINE | re.IGNORECASE
)


@dataclass(frozen=True)
class CudaSource:
    """A kernel to compile: CUDA C++ `text`, the ``extern "C"`` name of its `entry`, and further NVRTC `options`."""

    text: str
    entry: str
    options: tuple[str, ...] = ()

    def key(self, arch: str) -> str:
        """The key of its cubin for `arch` in a store: changes with everything that decides the bytes."""
        options = "\0".join((*nvrtc.STANDARD_OPTIONS, *self.options))
        return content_key(_FORMAT, self.text, self.entry, options, arch, nvrtc_version())


@dataclass(frozen=True)
class Resources:
    """What the assembler says that an entry function uses; bytes a thread, shared memory bytes a block."""

    entry: str
    registers: int
    stack: int
    spill_stores: int
    spill_loads: int
    shared: int


@dataclass(frozen=True)
class Compiled:
    """A cubin and the log that came with it."""

    cubin: bytes
    log: str

    @property
    def resources(self) -> tuple[Resources, ...]:
        """Each entry function's use of registers, stack and shared memory."""
        found = []
        for match in _USED.finditer(self.log):
            entry, stack, stores, loads, registers = match.groups()
            shared = _SHARED.search(self.log.splitlines()[self.log[: match.end()].count("\n")])
            number = int(shared.group(1)) if shared else 0
            found.append(Resources(entry, int(registers), int(stack), int(stores), int(loads), number))
        return tuple(found)

    @property
    def spills(self) -> int:
        """Bytes of registers spilled to local memory, stores and loads, over all entries."""
        return sum(used.spill_stores + used.spill_loads for used in self.resources)

    @property
    def advisories(self) -> tuple[str, ...]:
        """Lines in which the assembler says that it gave up speed, such as wgmma instructions it serialised."""
        return tuple(line.strip() for line in _ADVISORY.findall(self.log))


def nvrtc_version() -> str:
    """NVRTC's version, as "13.0"; raises DeviceError when NVRTC is not installed."""
    try:
        return nvrtc.version()
    except nvrtc.NvrtcMissing as error:
        raise _missing(str(error)) from error


def default_store() -> Store:
    """The store of cubins below the user's cache folder (MINIRT_CACHE)."""
    return Store(flags().cache / "cubin", _STORE_BYTES, may_write())


def compile_source(source: CudaSource, arch: str, store: Store | None = None) -> Compiled:
    """Compile one kernel for `arch`, or fetch it from `store`; raises CompileError with the compiler's first errors."""
    key = source.key(arch)
    stored = store.get(key) if store is not None else None
    if stored is not None:
        return _unpack(stored)
    outcome = nvrtc.compile_text(source.text, source.entry, source.options, arch)
    return _finish(source, arch, key, outcome, store)


def compile_cubin(source: CudaSource, arch: str, store: Store | None = None) -> bytes:
    """The cubin of one kernel for `arch`, by way of `store` if one is given; raises CompileError."""
    return compile_source(source, arch, store).cubin


Heard = Callable[[int, int], object]
"""Hears of kernels compiled, and of how many there are."""


class NotCompiled(CompileError):
    """The time for compiling was over before the kernel's turn."""


def compile_many(
    sources: Sequence[CudaSource],
    arch: str,
    store: Store | None = None,
    workers: int = 0,
    until: float = inf,
    heard: Heard | None = None,
) -> list[Compiled | CompileError]:
    """Compile kernels for `arch`, in the order given, each a Compiled or the CompileError that it met.

    None is begun once `time.monotonic()` is past `until`: what is left is NotCompiled. `heard` is called in this
    thread while others compile; what it raises ends the compiling.

    Equal sources compile once. `workers` counts processes (0: one per core that may be used, and at most one
    for every two kernels that the store lacks); workers are started afresh, never forked. Where none can be started,
    this process compiles alone.
    """
    keys = [source.key(arch) for source in sources]
    done: dict[str, Compiled | CompileError] = {}
    todo: dict[str, CudaSource] = {}
    for key, source in zip(keys, sources, strict=True):
        if key in done or key in todo:
            continue
        stored = store.get(key) if store is not None else None
        if stored is not None:
            done[key] = _unpack(stored)
        else:
            todo[key] = source
    count = min(workers or allowed(), len(todo) // 2)
    _Crew(arch, store, todo, done, until).run(count if len(todo) >= _WORTH_A_WORKER else 0, heard)
    return [done.get(key) or NotCompiled(f"no time was left to compile '{todo[key].entry}'") for key in keys]


class _Crew:
    """One thread a worker process, all taking kernels from one queue; this thread takes what is left when none can."""

    def __init__(
        self,
        arch: str,
        store: Store | None,
        todo: dict[str, CudaSource],
        done: dict[str, Compiled | CompileError],
        until: float = inf,
    ) -> None:
        self.arch = arch
        self.until = until
        self.store = store
        self.done = done
        self.queue: SimpleQueue[tuple[str, CudaSource]] = SimpleQueue()
        for item in todo.items():
            self.queue.put(item)

    def run(self, workers: int, heard: Heard | None = None) -> None:
        """Empty the queue with `workers` processes beside this one; with 0 or 1, with this one alone."""
        threads = [threading.Thread(target=self._drive, daemon=True) for _ in range(workers if workers > 1 else 0)]
        tell, before = heard or _ignore, len(self.done)
        total = before + self.queue.qsize()
        for thread in threads:
            thread.start()
        try:
            for thread in threads:
                while thread.is_alive():
                    thread.join(_HEARD_SECONDS if heard else None)
                    tell(len(self.done), total)
            while (item := self._next()) is not None:
                key, source = item
                self._keep(key, source, nvrtc.compile_text(source.text, source.entry, source.options, self.arch))
                tell(len(self.done), total)
        except BaseException:
            self.until = 0  # the workers stop once they have finished what they are at
            raise

    def _next(self) -> tuple[str, CudaSource] | None:
        if time.monotonic() >= self.until:
            return None
        try:
            return self.queue.get_nowait()
        except Empty:
            return None

    def _keep(self, key: str, source: CudaSource, outcome: nvrtc.Outcome) -> None:
        try:
            self.done[key] = _finish(source, self.arch, key, outcome, self.store)
        except CompileError as error:
            self.done[key] = error

    def _drive(self) -> None:
        """Feed one worker until the queue is empty; a worker that dies gives its kernel back to the queue."""
        try:
            process = _start_worker()
        except OSError:
            return
        assert process.stdin is not None and process.stdout is not None
        try:
            while (item := self._next()) is not None:
                key, source = item
                ask = {"text": source.text, "name": source.entry, "options": source.options, "arch": self.arch}
                try:
                    nvrtc.write_frame(process.stdin, ask)
                    reply = nvrtc.read_frame(process.stdout)
                except (OSError, ValueError):
                    reply = None
                if reply is None or "missing" in reply[0]:
                    self.queue.put(item)
                    return
                self._keep(key, source, nvrtc.Outcome(reply[1], reply[0]["log"]))
        finally:
            _stop_worker(process)


def _ignore(done: int, total: int) -> None:
    """Tell nobody."""


def _start_worker() -> subprocess.Popen[bytes]:
    # -P keeps this folder off the worker's module path, where kernels' file names would hide standard modules
    command = [sys.executable, "-P", nvrtc.__file__]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def _stop_worker(process: subprocess.Popen[bytes]) -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            try:
                stream.close()
            except OSError:
                pass  # the worker is gone already
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _finish(source: CudaSource, arch: str, key: str, outcome: nvrtc.Outcome, store: Store | None) -> Compiled:
    if not outcome.cubin:
        errors = _ERROR.findall(outcome.log)[:3] or outcome.log.strip().splitlines()[:3] or ["no message"]
        raise CompileError("\n  ".join(["does not compile:", *errors]), f"kernel '{source.entry}' for {arch}")
    if store is not None:
        log = outcome.log.encode()
        store.put(key, len(log).to_bytes(4, "little") + log + outcome.cubin)
    return Compiled(outcome.cubin, outcome.log)


def _unpack(entry: bytes) -> Compiled:
    end = 4 + int.from_bytes(entry[:4], "little")
    return Compiled(entry[end:], entry[4:end].decode())


def _missing(reason: str) -> DeviceError:
    return DeviceError(f"NVRTC is not available: {reason}", fix="install minirt[cuda], which brings nvidia-cuda-nvrtc")
