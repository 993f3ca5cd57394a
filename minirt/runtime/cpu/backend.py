"""The CPU as a target: NumPy memory, and programs for the native runner."""

from __future__ import annotations

import ctypes
import struct
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from minirt.errors import DeviceError, MinirtError, ShapeError
from minirt.plan.launch import Address, Arg, Integer, Launch, Real, Unit
from minirt.runtime.backend import Again, Bases, Held, Manner, Work
from minirt.runtime.cpu.pool import Pool, Program, records
from minirt.types.dtype import Array
from minirt.types.evaluate import Evaluator

_ALIGN = 64
_PATIENCE = 0.2
"""Seconds that a program may take in one native call, in which Python takes no interrupt."""
_AT_ONCE = 8
"""Records in a native call of a program that takes longer, or has not been run yet."""
_ARGUMENTS = 3
"""The word of a record that holds where its arguments are."""


class HostMemory:
    """Host memory on a cache line; raises DeviceError where there is too little."""

    def __init__(self, nbytes: int) -> None:
        try:
            self._block = np.empty(nbytes + _ALIGN, np.uint8)
        except (MemoryError, ValueError) as error:
            raise DeviceError(f"the host has no {nbytes} bytes to give", fix="use smaller shapes") from error
        self.address = int(self._block.ctypes.data + -self._block.ctypes.data % _ALIGN)


class CpuSegment:
    """A native program, its arguments in one array that is patched in place."""

    def __init__(
        self,
        pool: Pool,
        rows: Sequence[tuple[int, int, int, list[int]]],
        slots: Mapping[int, list[tuple[int, int]]],
        labels: Sequence[tuple[str, str]] = (),
        manner: Manner | None = None,
    ) -> None:
        self._manner = manner or Manner()
        self._args = np.zeros(max(1, sum(len(r[3]) for r in rows)), np.int64)
        self._slots: dict[int, tuple[NDArray[np.int64], NDArray[np.int64]]] = {
            b: (np.array([i for i, _ in s]), np.array([o for _, o in s], np.int64)) for b, s in slots.items()
        }
        base, at, table = self._args.ctypes.data, 0, []
        for function, extent, grain, values in rows:
            try:
                self._args[at : at + len(values)] = values
            except OverflowError as error:
                raise ShapeError("a size or an offset takes more than 64 bits", fix="use smaller shapes") from error
            if extent > 0:
                table.append((function, extent, max(1, grain), base + 8 * at, 0))
            at += len(values)
        self._program = Program(records(table), self)
        self._run = pool.bound(self._program)
        self._pool, self._quick = pool, False
        self._labels = [label for label, row in zip(labels, rows, strict=False) if row[1] > 0]

    def patch(self, buffer: int, address: int) -> None:
        """Give a caller's buffer a new address."""
        if buffer in self._slots:
            places, offsets = self._slots[buffer]
            self._args[places] = offsets + address

    def run(self, stream: int) -> None:
        """Run every record; the stream means nothing here."""
        if self._manner.done is None:
            if self._quick or threading.current_thread() is not threading.main_thread():
                self._run()
            else:
                self._run_in_parts()
            return
        for (label, _), row in zip(self._labels, self._program.table, strict=True):
            self._pool.run(Program(row[None], self))
            self._manner.done(label)

    def _run_in_parts(self) -> None:
        """Run so that Ctrl-C need not wait for the end; at once from then on, where that is soon."""
        start, table = time.perf_counter(), self._program.table
        for first in range(0, len(table), _AT_ONCE):
            self._pool.run(Program(table[first : first + _AT_ONCE], self))
        self._quick = time.perf_counter() - start < _PATIENCE

    def repeat(self) -> Again:
        """The records at the addresses that they hold now, in a copy that is not patched."""
        args, table = self._args.copy(), self._program.table.copy()
        table[:, _ARGUMENTS] += args.ctypes.data - self._args.ctypes.data
        program = Program(table, (args, self))
        run = self._pool.bound(program)

        def again(stream: int, held: Program = program) -> None:
            run()

        return Again(lambda: True, again)

    @property
    def entries(self) -> list[str]:
        """The kernel of each record."""
        return [kernel for _, kernel in self._labels]

    def profile(self, stream: int = 0) -> list[tuple[str, str, float]]:
        """Run once: for each launch its node, its kernel and its microseconds."""
        times = self._pool.profile(self._program)
        return [(n, kernel, float(t) / 1e3) for (n, kernel), t in zip(self._labels, times, strict=True)]


class CpuBackend:
    """Runs launches whose units are native addresses."""

    host_memory = True

    def __init__(self, pool: Pool, functions: Mapping[Unit, int]) -> None:
        self._pool, self._functions = pool, functions

    def allocate(self, nbytes: int) -> HostMemory:
        """Uninitialised host memory."""
        return HostMemory(nbytes)

    def pinned(self, nbytes: int) -> HostMemory:
        """Uninitialised host memory."""
        return HostMemory(nbytes)

    def segment(
        self, launches: Sequence[tuple[str, Work]], sizes: Mapping[str, int], bases: Bases,
        lanes: Sequence[int] = (), manner: Manner | None = None,
    ) -> CpuSegment:  # fmt: skip
        """The launches as one native program; there are no streams."""
        evaluate = Evaluator(sizes)
        slots: dict[int, list[tuple[int, int]]] = {}
        rows: list[tuple[int, int, int, list[int]]] = []
        at = 0
        labels: list[tuple[str, str]] = []
        for label, launch in launches:
            assert isinstance(launch, Launch), "weights are not streamed to host memory"
            labels.append((label, launch.unit.kernel))
            values = []
            for arg in launch.args:
                if isinstance(arg, Address) and bases.outside(arg.index):
                    slots.setdefault(arg.index, []).append((at, evaluate.integer(arg.offset)))
                values.append(_value(arg, evaluate, bases))
                at += 1
            extent, grain = evaluate.integer(launch.grid[0]), evaluate.integer(launch.grid[1])
            rows.append((self._functions[launch.unit], extent, grain, values))
        return CpuSegment(self._pool, rows, slots, labels, manner)

    def streams(self, count: int) -> list[Held]:
        """None: there are no streams."""
        return []

    def marked(self, text: str) -> AbstractContextManager[Any]:
        """Nothing."""
        return nullcontext()

    def again(self, parts: Sequence[Again], name: str) -> NoReturn:
        """Raises MinirtError: runs on the CPU are made in full."""
        raise MinirtError("runs on the CPU are made in full")

    def read(self, address: int, nbytes: int, stream: int) -> Array:
        """The bytes at the address, as a view."""
        return bytes_at(address, nbytes)

    def write(self, address: int, data: Array, stream: int) -> None:
        """Copy a contiguous array to the address."""
        ctypes.memmove(address, data.ctypes.data, data.nbytes)

    def copy(self, target: int, source: int, nbytes: int, stream: int) -> None:
        """Copy bytes."""
        ctypes.memmove(target, source, nbytes)

    def capturing(self, stream: int) -> bool:
        """Never: streams mean nothing here."""
        return False

    def current(self) -> AbstractContextManager[None]:
        """Nothing: there is one host."""
        return nullcontext()

    def record(self, run: Callable[[int], None]) -> NoReturn:
        """Raises MinirtError: there are no graphs here."""
        raise MinirtError("there are no graphs on the CPU")

    def finish(self) -> None:
        """Nothing runs between calls."""

    def free(self) -> int:
        """As many as an address can tell: memory of the host is the system's to hand out."""
        return sys.maxsize

    def close(self) -> None:
        """Nothing is held."""


def bytes_at(address: int, nbytes: int) -> NDArray[np.uint8]:
    """Host memory as an array, without a copy."""
    if nbytes == 0:
        return np.empty(0, np.uint8)
    return np.ctypeslib.as_array((ctypes.c_uint8 * nbytes).from_address(address))


def _value(arg: Arg, evaluate: Evaluator, bases: Bases) -> int:
    if isinstance(arg, Integer):
        return evaluate.integer(arg.value)
    if isinstance(arg, Real):
        return int(struct.unpack("<q", struct.pack("<d", arg.value))[0])
    assert isinstance(arg, Address), "CPU kernels take no tensor maps"
    return bases.address(arg.index) + evaluate.integer(arg.offset)
