"""Timings as bytes and on disk: strict readers, merging, writers that are killed or kept waiting."""

from __future__ import annotations

import fcntl
import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from minirt.build.timing_store import file_of, files_for, folder, load, merge
from minirt.build.timings import REFUSED, Timings, decoded
from minirt.errors import EngineFormatError

KEYS = [f"{i:032x}" for i in range(40)]


def some(count: int = 3, scale: float = 1.0, device: str = "sm_90a Imagined GPU") -> Timings:
    return Timings(device, {k: {1: 1.5 * scale, 2**64 - 1: 0.1 * scale, 7: REFUSED} for k in KEYS[:count]})


def test_bytes_hold_all_and_repeat() -> None:
    held = some()
    data = held.encoded()
    again = decoded(data)
    assert (again.device, again.entries) == (held.device, held.entries)
    mixed = Timings(held.device, {k: dict(reversed(held.entries[k].items())) for k in reversed(held.entries)})
    assert mixed.encoded() == data
    assert decoded(b"").entries == {}


def test_the_fastest_that_runs_is_best() -> None:
    assert some().best(KEYS[0]) == (2**64 - 1, 0.1)
    assert some().best("f" * 32) == (0, float("inf"))
    assert Timings("", {KEYS[0]: {7: REFUSED}}).best(KEYS[0]) == (0, float("inf"))


def test_damaged_bytes_are_refused_wherever_the_damage_is() -> None:
    data = some().encoded()
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(data), 300):
        damaged = bytearray(data)
        damaged[place] ^= 1 << int(rng.integers(8))
        with pytest.raises(EngineFormatError):
            decoded(bytes(damaged))
    for size in (1, 16, 17, 80, len(data) - 1):
        with pytest.raises(EngineFormatError):
            decoded(data[:size])
    with pytest.raises(EngineFormatError):
        decoded(data + b"x")


@pytest.mark.parametrize(
    "entries",
    [
        '{"short":{"0000000000000001":1.0}}',
        '{"KEY":{"1":1.0}}',
        '{"KEY":{"0000000000000001":-2.0}}',
        '{"KEY":{"0000000000000001":NaN}}',
        '{"KEY":{"0000000000000001":true}}',
        '{"KEY":{"0000000000000001":"1"}}',
        '{"KEY":[1]}',
        "[]",
    ],
)
def test_what_no_writer_writes_is_refused_though_its_checksum_is_right(entries: str) -> None:
    text = ('{"device":"","entries":' + entries.replace("KEY", KEYS[0]) + "}").encode()
    with pytest.raises(EngineFormatError, match="holds what none does"):
        decoded(b"minirt timings 1\n" + hashlib.sha256(text).hexdigest().encode() + b"\n" + text)


def test_taking_replaces_times_and_filling_does_not() -> None:
    held = some(2)
    held.take(Timings("x", {KEYS[0]: {1: 9.0}, KEYS[5]: {3: 4.0}}))
    assert held.entries[KEYS[0]] == {1: 9.0, 2**64 - 1: 0.1, 7: REFUSED} and held.entries[KEYS[5]] == {3: 4.0}
    held.fill(Timings("x", {KEYS[0]: {1: 2.0}, KEYS[6]: {3: 4.0}}))
    assert held.entries[KEYS[0]][1] == 9.0 and KEYS[6] in held.entries and held.device == "sm_90a Imagined GPU"


def test_files_are_by_device_and_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MINIRT_CACHE", str(tmp_path))
    path = file_of("sm_90a NVIDIA H100 80GB HBM3", "0123")
    assert path == tmp_path / "timings" / "sm_90a" / "NVIDIA-H100-80GB-HBM3.0123.timings"
    assert load(path).entries == {} and merge(path, some()) and merge(path, some(5, 2.0))
    assert load(path).entries == some(5, 2.0).entries
    assert files_for("sm_90a", "0123") == [path] and files_for("sm_90a", "9") == [] == files_for("sm_80", "0123")
    path.write_bytes(path.read_bytes()[:-3])
    assert load(path).entries == {}, "a damaged file counts as absent"
    assert merge(path, some(1)) and load(path).entries == some(1).entries
    assert not [p for p in folder("sm_90a").iterdir() if p.name.startswith(".new")]


def test_old_files_are_removed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MINIRT_CACHE", str(tmp_path))
    for i in range(20):
        path = file_of("sm_90a GPU", f"{i:04}")
        assert merge(path, some())
        os.utime(path, (i, i))
    assert merge(path, some(4))
    assert len(list(folder("sm_90a").glob("*.timings"))) == 16 and load(path).entries == some(4).entries


def test_a_lock_that_is_held_ends_the_waiting(tmp_path: Path) -> None:
    path = tmp_path / "gpu.1.timings"
    assert merge(path, some(1))
    with path.with_suffix(".lock").open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        start = time.monotonic()
        assert not merge(path, some(5), timeout=0.2)
        assert time.monotonic() - start < 3
    assert load(path).entries == some(1).entries
    assert merge(path, some(5)) and load(path).entries == some(5).entries


def test_a_folder_that_cannot_be_written_costs_nothing_but_the_cache(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert not merge(tmp_path / "file" / "gpu.1.timings", some())


WRITER = """
import sys
from pathlib import Path
from minirt.build.timing_store import merge
from minirt.build.timings import Timings
path, who = Path(sys.argv[1]), int(sys.argv[2])
for i in range(int(sys.argv[3])):
    assert merge(path, Timings("sm_90a GPU", {f"{who:016x}{i:016x}": {k: 1.0 * k for k in range(200)}}), 60)
    print(i, flush=True)
"""


def _writer(path: Path, who: int, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, str(path), str(who), str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_writers_that_are_killed_leave_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "gpu.1.timings"
    told = 0
    for who in range(5):
        writer = _writer(path, who, 100000)
        assert writer.stdout is not None
        for _ in range(3 + who):
            told += bool(writer.stdout.readline())
        time.sleep(0.003 * who)
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        held = decoded(path.read_bytes())
        assert len(held.entries) >= told, "whatever was told to be written is there"
    assert merge(path, some(1), timeout=2.0), "no lock outlives its process"


def test_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "gpu.1.timings"
    writers = [_writer(path, who, 10) for who in range(3)]
    for writer in writers:
        writer.communicate(timeout=120)
        assert writer.returncode == 0
    assert len(load(path).entries) == 30
