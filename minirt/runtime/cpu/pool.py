"""Runs CPU programs: one native call each, with worker threads that take pieces of the large records.

A program is a table of records [function, n, grain, args, flags] (see minirt.kernels.cpu.runner_ir, whose addresses
the pool is given): kernels are C functions ``f(lo, hi, args)``. The GIL is free during a run, so Python threads may
run programs at once: one gets the workers, the others run serially in their own thread, all are right.
"""

from __future__ import annotations

import ctypes
import os
import threading
import weakref
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from minirt.errors import ApiError

RECORD = 5
"""int64 words of a record: function address, n, grain, argument address, flags (low byte: pieces for each thread)."""

_WORDS = 56
_WORK, _STOP, _SPINS, _YIELDS, _THREADS = 8, 49, 50, 51, 52
_CLOSED = 0xFFFFFF
_RUN = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)
_WORKER = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class Program:
    """A table of records, int64 [count, 5], ready to run; `keep` holds whatever the records' addresses point into."""

    def __init__(self, table: NDArray[np.int64], keep: object = None) -> None:
        if table.ndim != 2 or table.shape[1] != RECORD or table.dtype != np.int64:
            raise ApiError(f"a program is an int64 table of {RECORD} columns, not {table.dtype} {table.shape}")
        if len(table) and int(table[:, 2].min()) < 1:
            raise ApiError("the grain of a record is at least 1")
        self.table = np.ascontiguousarray(table)
        self.keep = keep
        self.parallel = bool((self.table[:, 1] > self.table[:, 2]).any())
        address = ctypes.c_void_p(self.table.ctypes.data)
        self.arguments = (address, ctypes.c_int64(len(table)), ctypes.c_int64(self.parallel))


class Pool:
    """The native runner and `threads` - 1 workers, which start at the first program that has a use for them.

    Workers are daemon threads that sleep between runs. After a fork the child's pool starts its own.
    """

    def __init__(self, run: int, work: int, threads: int) -> None:
        self.threads = max(1, threads)
        self._run = _RUN(run)
        self._work = _WORKER(work)
        self._lock = threading.Lock()
        self._workers: list[threading.Thread] = []
        self._block = np.zeros(_WORDS + 8, np.int64)
        skip = -self._block.ctypes.data % 64 // 8
        self._state = self._block[skip : skip + _WORDS]  # groups of fields on cache lines of their own
        self._address = ctypes.c_void_p(self._state.ctypes.data)
        self._reset()
        _pools.add(self)

    def run(self, program: Program) -> None:
        """Execute the records in order; returns when the last is done."""
        if program.parallel and not self._workers:
            self._start()
        self._run(self._address, *program.arguments, None)

    def bound(self, program: Program) -> Callable[[], None]:
        """A call that runs the program, with as little Python in it as can be."""
        if program.parallel:
            return lambda: self.run(program)
        run, state, (table, count, parallel) = self._run, self._address, program.arguments
        return lambda: run(state, table, count, parallel, None)

    def profile(self, program: Program) -> NDArray[np.int64]:
        """Run once and return each record's time in nanoseconds."""
        if program.parallel and not self._workers:
            self._start()
        times = np.zeros(len(program.table) + 1, np.int64)
        self._run(self._address, *program.arguments, times.ctypes.data)
        return np.diff(times)

    def close(self) -> None:
        """End the workers; a later run starts them anew. No program may be running."""
        with self._lock:
            workers, self._workers = self._workers, []
            if not workers:
                return
            self._state[_STOP] = 1
            while any(worker.is_alive() for worker in workers):
                self._run(self._address, *_waker().arguments, None)
                for worker in workers:
                    worker.join(0.001)
            self._reset()

    def _reset(self) -> None:
        self._state[:] = 0
        self._state[_WORK] = _CLOSED
        self._state[_SPINS], self._state[_YIELDS] = 1000, 100
        self._state[_THREADS] = self.threads

    def _start(self) -> None:
        with self._lock:
            if self._workers or self.threads == 1:
                return
            given = (self._work, self._block, self._address)
            self._workers = [
                threading.Thread(target=_live, args=given, daemon=True, name=f"minirt-cpu-{i}")
                for i in range(1, self.threads)
            ]
            for worker in self._workers:
                worker.start()

    def _after_fork(self) -> None:
        self._lock = threading.Lock()
        self._workers = []
        self._reset()


@lru_cache(maxsize=8)
def shared_pool(run: int, work: int, threads: int) -> Pool:
    """The process's pool of so many threads, over the runner's addresses."""
    return Pool(run, work, threads)


def records(rows: Sequence[tuple[int, int, int, int, int]]) -> NDArray[np.int64]:
    """A program's table from rows (function, n, grain, args, flags)."""
    return np.array(rows, np.int64).reshape(len(rows), RECORD)


def _live(work: Callable[[ctypes.c_void_p], None], block: NDArray[np.int64], state: ctypes.c_void_p) -> None:
    """A worker's life; it holds the block that its state lies in."""
    work(state)


def _waker() -> Program:
    """An empty program that counts as parallel, so that running it rouses sleeping workers."""
    program = Program(np.zeros((0, RECORD), np.int64))
    address, count, _ = program.arguments
    program.arguments = (address, count, ctypes.c_int64(1))
    return program


def _forked() -> None:
    for pool in list(_pools):
        pool._after_fork()


_pools: weakref.WeakSet[Pool] = weakref.WeakSet()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
