"""Runs a case on the emulated machine: compiled by the host's g++, threads and copies in random order."""

from __future__ import annotations

import ctypes
import hashlib
import mmap
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import minirt.kernels.cuda
from minirt.kernels.kernel import PACKS, Kernel, Operand, Problem, Target
from minirt.plan.launch import Address, Arg, Integer, Launch, Real, Spec, TensorMap
from minirt.types.evaluate import Evaluator
from tests.kernels.cuda.emulate.translate import cluster_of, translated
from tests.kernels.cuda.execution import Case, sources

Array = np.ndarray[Any, Any]
Way = tuple[Kernel, Problem, Spec]
HERE = Path(__file__).parent
_FLAGS = [
    "-std=c++17", "-w", "-fPIC", "-shared", "-fno-omit-frame-pointer", "-fno-strict-aliasing", "-ffp-contract=off",
    "-U_FORTIFY_SOURCE", "-fno-gnu-unique", "-Wl,-Bsymbolic",
]  # fmt: skip
_KERNEL_FLAGS = ["-O1", "-g1", "-ftrivial-auto-var-init=pattern"]
_PAGE = mmap.PAGESIZE


class EmulationError(AssertionError):
    """What the machine found wrong, and where in the kernel."""


@dataclass(frozen=True)
class Rules:
    """How a run is scheduled; see ``machine.h``."""

    seed: int = 1
    order: int = 0
    copies: int = 1
    products: int = 1


def rules(number: int) -> Rules:
    """The rules of run ``number``: any 36 that follow each other differ."""
    return Rules(number, number % 4, (number + number // 4) % 3, (number + 1 + number // 12) % 3)


@cache
def missing() -> str:
    """Why nothing can be emulated here, "" where it can."""
    if sys.platform != "linux":
        return "threads are emulated on Linux alone"
    if not shutil.which("g++"):
        return "no g++ is here"
    command = ["g++", *_FLAGS, *_KERNEL_FLAGS, "-fsyntax-only", "-x", "c++", "-"]
    done = subprocess.run(command, input="#include <vector>\n", capture_output=True, text=True, check=False)
    return f"g++ does not do: {done.stderr[:200]}" if done.returncode else ""


def _compiled(store: Path, key: bytes, flags: Sequence[str], files: Sequence[Path], text: str = "") -> Path:
    """The library that g++ makes of the files, or of the text, unless it lies in the store."""
    to = store / f"{hashlib.sha256(key).hexdigest()[:24]}.so"
    if to.exists():
        return to
    with tempfile.TemporaryDirectory(dir=store) as folder:
        made = Path(folder) / "made.so"
        if text:
            files = [Path(folder) / "kernel.cpp"]
            files[0].write_text(text, encoding="utf-8")
        command = ["g++", *_FLAGS, *flags, "-o", str(made), *map(str, files)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise EmulationError(f"g++ does not take the translated kernel:\n{done.stderr[:4000]}")
        made.replace(to)
    return to


@cache
def machine(store: Path) -> ctypes.CDLL:
    """The emulator's own library, whose functions kernels call."""
    files = sorted(HERE.glob("*.cpp"))
    key = b"".join(path.read_bytes() for path in [*files, *sorted(HERE.glob("*.h"))])
    return ctypes.CDLL(str(_compiled(store, key, ["-O2"], files)), ctypes.RTLD_GLOBAL)


@cache
def library(text: str, store: Path) -> Path:
    """The compiled kernel."""
    made = translated(text, Path(minirt.kernels.cuda.__file__).parent)
    return _compiled(store, made.encode() + (HERE / "device.h").read_bytes(), _KERNEL_FLAGS, (), made)


class Memory:
    """Bytes that end at a page nobody may touch, so that accesses behind them are found."""

    def __init__(self, size: int, data: bytes | None = None) -> None:
        self.size = max(size, 1)
        self.room = -(-self.size // 256) * 256
        pages = -(-self.room // _PAGE) * _PAGE
        self.whole = mmap.mmap(-1, pages + 2 * _PAGE)
        base = ctypes.addressof(ctypes.c_char.from_buffer(self.whole))
        libc = ctypes.CDLL(None)
        for at in (base, base + _PAGE + pages):
            libc.mprotect(ctypes.c_void_p(at), ctypes.c_size_t(_PAGE), 0)
        self.offset = _PAGE + pages - -(-self.size // 16) * 16
        self.address = base + self.offset
        self.whole[_PAGE : _PAGE + pages] = b"\xff" * pages
        if data is not None:
            self.whole[self.offset : self.offset + len(data)] = data
        self.before = bytes(self.whole[_PAGE : self.offset])

    def read(self) -> bytes:
        """The bytes, where nothing beside them was written."""
        end = self.offset + self.size
        after = self.whole[end : end + -self.size % 16]
        if bytes(self.whole[_PAGE : self.offset]) != self.before or set(after) - {0xFF}:
            raise EmulationError("memory beside a buffer was written")
        return bytes(self.whole[self.offset : end])


class _Map(ctypes.Structure):
    _fields_ = [
        ("address", ctypes.c_uint64), ("dims", ctypes.c_longlong * 5), ("strides", ctypes.c_longlong * 5),
        ("box", ctypes.c_int * 5), ("steps", ctypes.c_int * 5), ("lower", ctypes.c_int * 2),
        ("upper", ctypes.c_int * 2), ("rank", ctypes.c_int), ("bytes", ctypes.c_int), ("swizzle", ctypes.c_int),
        ("tf32", ctypes.c_int), ("channels", ctypes.c_int), ("pixels", ctypes.c_int),
    ]  # fmt: skip


_MAGIC = 0x7E45083A90000001  # see tensor_map.h
_BYTES = {"f16": 2, "bf16": 2, "tf32": 4, "f32": 4}


class Emulated:
    """One choice of kernel and tactic on the emulated machine: memory, launches, results."""

    def __init__(self, case: Case, way: Way, target: Target, store: Path, edit: Callable[[str], str] = str) -> None:
        kernel, self.problem, tactic = way
        self.case, self.store = case, store
        self.number = Evaluator(case.sizes()).integer
        launches = kernel.launch(self.problem, tactic)
        self.inputs = [self._upload(a) for a in case.arrays]
        self.outputs = [Memory(self.number(o.type.size) * o.type.dtype.bits // 8) for o in self.problem.outputs]
        self.work = [Memory(self.number(size)) for size in launches.work]
        self.packs = [self._packed(p.operand, p.function, p.spec) for p in launches.packs]
        self.steps = [(step, edit(s.text)) for step, s in zip(launches.steps, sources(launches, target), strict=True)]
        self.kept: list[Any] = []

    def _upload(self, array: Array) -> Memory:
        span = sum((n - 1) * s for n, s in zip(array.shape, array.strides, strict=True)) // array.itemsize + 1
        whole = np.lib.stride_tricks.as_strided(array, (span if array.size else 0,), (array.itemsize,))
        data = np.concatenate([np.zeros(self.case.shift, array.dtype), whole]).tobytes()
        return Memory(len(data), data)

    def _packed(self, operand: int, function: str, spec: Spec) -> Memory:
        data = np.ascontiguousarray(PACKS[function](np.asarray(self.case.arrays[operand]), spec)).tobytes()
        return Memory(len(data), data)

    def _address(self, arg: Address) -> int:
        shift = self.case.shift * self.case.arrays[arg.index].itemsize if arg.of == "in" else 0
        groups = {"in": self.inputs, "out": self.outputs, "work": self.work, "pack": self.packs}
        return groups[arg.of][arg.index].address + shift + self.number(arg.offset)

    def _map(self, arg: TensorMap) -> Any:
        dims, pitches = list(map(self.number, arg.dims)), list(map(self.number, arg.strides))
        steps = list(map(self.number, arg.element_strides)) or [1] * len(dims)
        address, size = self._address(arg.address), _BYTES[arg.dtype]
        row = (arg.channels or arg.box[0]) * size
        if address % 16 or any(p % 16 for p in pitches) or row > arg.swizzle or row % 16:
            raise EmulationError(f"no tensor map: {arg}")
        made = _Map(
            address, tuple(dims), (size, *pitches), tuple(arg.box), tuple(steps), tuple(arg.lower), tuple(arg.upper),
            len(dims), size, arg.swizzle, int(arg.dtype == "tf32"), arg.channels, arg.pixels,
        )  # fmt: skip
        self.kept.append(made)
        return (ctypes.c_uint64 * 16)(ctypes.addressof(made), _MAGIC)

    def _argument(self, arg: Arg) -> Any:
        if isinstance(arg, TensorMap):
            return self._map(arg)
        if isinstance(arg, Address):
            return ctypes.c_uint64(self._address(arg))
        if isinstance(arg, Integer):
            return (ctypes.c_int32 if arg.bits == 32 else ctypes.c_int64)(self.number(arg.value))
        assert isinstance(arg, Real)
        return (ctypes.c_float if arg.bits == 32 else ctypes.c_double)(arg.value)

    def _launch(self, step: Launch, text: str, how: Rules) -> None:
        path, run = library(text, self.store), machine(self.store).emulate_run
        kernel = ctypes.cast(ctypes.CDLL(str(path)).emulate_kernel, ctypes.c_void_p)
        values = [self._argument(a) for a in step.args]
        args = (ctypes.c_void_p * len(values))(*(ctypes.addressof(v) for v in values))
        sizes = (ctypes.c_uint * 9)(*map(self.number, step.grid), *step.block, *cluster_of(text))
        modes = (ctypes.c_int * 3)(how.order, how.copies, how.products)
        error = ctypes.create_string_buffer(1 << 16)
        seed = ctypes.c_ulonglong(how.seed)
        if run(kernel, args, sizes, ctypes.c_uint(step.shared), modes, seed, error, len(error)):
            raise EmulationError(explained(error.value.decode(), path))

    def run(self, how: Rules) -> list[Array]:
        """The results, as logical arrays; raises EmulationError for a fault, or where no thread can go on."""
        for step, text in self.steps:
            self._launch(step, text, how)
        for memory in (*self.inputs, *self.work, *self.packs):
            memory.read()
        return [self._result(o, m) for o, m in zip(self.problem.outputs, self.outputs, strict=True)]

    def _result(self, operand: Operand, memory: Memory) -> Array:
        shape, order = [self.number(d) for d in operand.shape], operand.type.order
        raw = np.frombuffer(memory.read(), operand.type.dtype.numpy)[: int(np.prod(shape))]
        return raw.reshape([shape[a] for a in order]).transpose(np.argsort(order))


def explained(error: str, path: Path) -> str:
    """The error with lines of the kernel for addresses of its code."""
    base = 0
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
        if line.endswith(path.name):
            base = base or int(line.split("-")[0], 16)
    end = base + path.stat().st_size

    def lines(found: re.Match[str]) -> str:
        at = int(found[1], 16)
        if not base <= at < end or not shutil.which("addr2line"):
            return ""
        command = ["addr2line", "-i", "-f", "-C", "-s", "-e", str(path), hex(at - base - 1)]
        out = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split("\n")
        return "".join(f"\n    {name.split('(')[0]} {place}" for name, place in zip(out[::2], out[1::2], strict=False))

    return re.sub(r" @(0x[0-9a-f]+)", lines, error)
