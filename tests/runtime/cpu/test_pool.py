"""The native runner: every element once, in order, from several threads, after a fork, with and without workers."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from minirt.errors import ApiError
from minirt.kernels.cpu.compile import CpuUnit, address
from minirt.kernels.cpu.runner_ir import CLOSED, STATE_WORDS, WORD, runner_addresses
from minirt.runtime.cpu import pool as module
from minirt.runtime.cpu.pool import Pool, Program, records

ADD = CpuUnit(
    "add",
    """
from minirt.kernels.cpu.pointers import i64
def kernel(lo, hi, args):
    x, y, step = i64(args[0]), i64(args[1]), args[2]
    for i in range(lo, hi):
        y[i] += x[i] + step
""",
)


def program(n: int, grain: int, count: int, flags: int = 0) -> tuple[Program, NDArray[np.int64], NDArray[np.int64]]:
    """`count` records, each adding x + its number to y."""
    x, y = np.arange(n), np.zeros(n, np.int64)
    args = np.array([[x.ctypes.data, y.ctypes.data, step] for step in range(count)])
    entry = address(ADD)
    rows = [(entry, n, grain, args[step].ctypes.data, flags) for step in range(count)]
    return Program(records(rows), keep=(x, y, args)), y, x * count + count * (count - 1) // 2


def new_pool(threads: int) -> Pool:
    return Pool(*runner_addresses(), threads)


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("n", [0, 1, 7, 64, 1000, 4099])
def test_every_element_once(threads: int, n: int) -> None:
    pool = new_pool(threads)
    for grain in (1, 3, 64, 5000):
        for flags in (0, 1, 255):
            ran, got, expected = program(n, grain, 3, flags)
            pool.run(ran)
            np.testing.assert_array_equal(got, expected)
    pool.close()


def test_records_run_in_order() -> None:
    chain = CpuUnit(
        "chain",
        """
from minirt.kernels.cpu.pointers import i64
def kernel(lo, hi, args):
    x, y = i64(args[0]), i64(args[1])
    for i in range(lo, hi):
        y[i] = x[args[2] - 1 - i] * 3 + 1
""",
    )
    n, count, pool, entry = 999, 20, new_pool(4), address(chain)
    data = np.zeros((count + 1, n), np.int64)
    data[0] = np.arange(n)
    args = np.array([[data[i].ctypes.data, data[i + 1].ctypes.data, n] for i in range(count)])
    pool.run(Program(records([(entry, n, 10, args[i].ctypes.data, 0) for i in range(count)])))
    expected = np.arange(n)
    for _ in range(count):
        expected = expected[::-1] * 3 + 1
    np.testing.assert_array_equal(data[-1], expected)
    pool.close()


def test_threads_share_a_pool() -> None:
    pool, wrong = new_pool(3), []

    def hammer(seed: int) -> None:
        random = np.random.default_rng(seed)
        for _ in range(300):
            ran, got, expected = program(int(random.integers(1, 3000)), int(random.integers(1, 400)), 3)
            pool.run(ran)
            if not np.array_equal(got, expected):
                wrong.append(seed)

    threads = [threading.Thread(target=hammer, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    pool.close()


def test_bound_profile_and_restart() -> None:
    pool = new_pool(2)
    ran, got, expected = program(500, 10, 4)
    pool.bound(ran)()
    np.testing.assert_array_equal(got, expected)
    pool.close()
    times = pool.profile(ran)
    assert times.shape == (4,) and (times >= 0).all()
    np.testing.assert_array_equal(got, expected * 2)
    pool.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_has_its_own_workers() -> None:
    root = Path(__file__).parents[3]
    script = """
import os, sys
from tests.runtime.cpu.test_pool import new_pool, program
pool = new_pool(3)
def right():
    ran, got, expected = program(5000, 10, 5)
    pool.run(ran)
    return (got == expected).all()
assert right()
child = os.fork()
if child == 0:
    os._exit(0 if right() and len(pool._workers) == 2 else 1)
assert os.waitpid(child, 0)[1] == 0 and right()
print("done")
"""
    run = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, timeout=60)
    assert run.stdout == "done\n" and run.returncode == 0, run.stderr  # and the interpreter ends with workers parked


def test_bad_tables_are_refused() -> None:
    with pytest.raises(ApiError, match="5 columns"):
        Program(np.zeros((2, 4), np.int64))
    with pytest.raises(ApiError, match="grain"):
        Program(records([(0, 1, 0, 0, 0)]))


def test_the_pool_and_the_runner_mean_the_same_words() -> None:
    named = {"work": module._WORK, "stop": module._STOP, "spins": module._SPINS, "yields": module._YIELDS}
    assert named == {name: WORD[name] for name in named} and module._THREADS == WORD["threads"]
    assert (module._CLOSED, module._WORDS) == (CLOSED, STATE_WORDS)
