"""Compiles many units at once, in this process and in worker processes that it starts (never forks).

A worker is ``python -m minirt.kernels.cpu.worker``: one JSON line in for each unit, one JSON line out with the binary
in base64 or the error's text. Plain pipes need no import of the caller's main module, so scripts without a
``__name__`` guard, ``python -c`` and notebooks work as they are.
"""

from __future__ import annotations

import base64
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from minirt.errors import CompileError
from minirt.kernels.cpu.compile import CpuUnit, compile_unit

Keep = Callable[[str, bytes], None]


def compile_shared(missing: dict[str, CpuUnit], workers: int, keep: Keep) -> None:
    """Compile every unit with `workers` processes and this one, calling `keep(key, binary)` for each as it is done.

    A worker that dies costs time only: its unit is compiled here. Raises the first CompileError.
    """
    waiting: queue.SimpleQueue[tuple[str, CpuUnit]] = queue.SimpleQueue()
    for item in missing.items():
        waiting.put(item)
    errors: list[BaseException] = []
    started: list[subprocess.Popen[str]] = []
    feeders = [
        threading.Thread(target=_feed, args=(waiting, keep, errors, started), name=f"minirt-compile-{i}", daemon=True)
        for i in range(workers)
    ]
    for feeder in feeders:
        feeder.start()
    try:
        for _ in range(2):  # what a worker that died has left is compiled here
            _drain(waiting, errors, lambda key, unit: keep(key, compile_unit(unit)))
            _end(started if errors else ())
            for feeder in feeders:
                feeder.join()
    except BaseException as error:  # an interrupt
        errors.append(error)
        _end(started)
        raise
    if errors:
        raise errors[0]


def _end(started: Iterable[subprocess.Popen[str]]) -> None:
    """End processes that compile what nobody waits for any more."""
    for process in started:
        process.terminate()


def _drain(
    waiting: queue.SimpleQueue[tuple[str, CpuUnit]], errors: list[BaseException], take: Callable[[str, CpuUnit], None]
) -> None:
    while not errors:
        try:
            key, unit = waiting.get_nowait()
        except queue.Empty:
            return
        try:
            take(key, unit)
        except _WorkerGone:
            waiting.put((key, unit))
            return
        except BaseException as error:
            errors.append(error)
            return


class _WorkerGone(Exception):
    """A worker process ended before it answered."""


def _feed(
    waiting: queue.SimpleQueue[tuple[str, CpuUnit]],
    keep: Keep,
    errors: list[BaseException],
    started: list[subprocess.Popen[str]],
) -> None:
    try:
        process = _start()
    except OSError:
        return  # no process to be had: this one compiles all
    with process:
        started.append(process)

        def _take(key: str, unit: CpuUnit) -> None:
            keep(key, _ask(process, unit))

        _drain(waiting, errors, _take)
        _end([process] if errors else ())
        if process.stdin:
            try:
                process.stdin.close()
            except OSError:
                pass  # it has gone already


def _start() -> subprocess.Popen[str]:
    root = str(Path(__file__).parents[3])
    path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
    return subprocess.Popen(  # in a group of its own: Ctrl-C is for who started it, and ends it with the build
        [sys.executable, "-m", "minirt.kernels.cpu.worker"], process_group=0,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip


def _ask(process: subprocess.Popen[str], unit: CpuUnit) -> bytes:
    if process.stdin is None or process.stdout is None:
        raise _WorkerGone
    try:
        process.stdin.write(json.dumps([unit.name, unit.text, list(unit.fastmath)]) + "\n")
        process.stdin.flush()
        answer = process.stdout.readline()
    except OSError as error:
        raise _WorkerGone from error
    if not answer:
        raise _WorkerGone
    reply: dict[str, str] = json.loads(answer)
    if "error" in reply:
        raise CompileError(reply["error"], f"CPU kernel '{unit.name}'")
    return base64.b64decode(reply["binary"])
