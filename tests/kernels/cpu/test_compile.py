"""The compile service: addresses that compute, a store that survives processes and damage, errors with names."""

import ctypes
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from minirt.errors import CompileError
from minirt.kernels.cpu import compile as service
from minirt.kernels.cpu import farm
from minirt.kernels.cpu.compile import CpuUnit, address, addresses, compile_unit, store
from minirt.kernels.cpu.elf import undefined_symbols

RANGE = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)


def scaled(factor: int) -> CpuUnit:
    return CpuUnit(
        f"scale{factor}",
        f"""
import math
from minirt.kernels.cpu.pointers import as_f64, f32
def kernel(lo, hi, args):
    x, y, shift = f32(args[0]), f32(args[1]), as_f64(args[2])
    for i in range(lo, hi):
        y[i] = math.exp(x[i]) * {factor} + shift
""",
    )


def check(entry: int, factor: int) -> None:
    x = np.linspace(-2, 2, 101, dtype=np.float32)
    y = np.zeros_like(x)
    args = np.array([x.ctypes.data, y.ctypes.data, np.float64(0.5).view(np.int64)])
    RANGE(entry)(3, 100, args.ctypes.data)
    np.testing.assert_allclose(y[3:100], np.exp(x[3:100].astype(np.float64)) * factor + 0.5, rtol=1e-6)
    assert not y[:3].any() and not y[100:].any()


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MINIRT_CACHE", str(tmp_path))
    monkeypatch.setattr(service, "_loaded", {})
    return tmp_path


def test_computes_and_is_found_again(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check(address(scaled(2)), 2)
    monkeypatch.setattr(service, "_loaded", {})
    monkeypatch.setattr(service, "codegen", lambda: pytest.fail("compiled twice"))
    check(address(scaled(2)), 2)


def test_damaged_entry_is_compiled_anew(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address(scaled(3))
    path = store().path(scaled(3).key)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))
    monkeypatch.setattr(service, "_loaded", {})
    check(address(scaled(3)), 3)


def test_stored_code_needs_no_numba(fresh: Path) -> None:
    address(scaled(4))
    program = (
        "import sys; from minirt.kernels.cpu.compile import CpuUnit, address\n"
        f"address(CpuUnit('scale4', {scaled(4).text!r}))\n"
        "assert 'numba' not in sys.modules, 'numba was imported'\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(service.__file__).parents[3], timeout=60)


def test_many_units_use_worker_processes_without_a_main_guard(fresh: Path) -> None:
    script = fresh / "script.py"
    script.write_text(
        "from minirt.kernels.cpu.compile import CpuUnit, addresses\n"
        "text = 'def kernel(lo, hi, args):\\n    args[lo] = hi + %d\\n'\n"
        "done = []\n"
        "got = addresses([CpuUnit(f'k{i}', text % i) for i in range(10)], lambda n, of: done.append((n, of)))\n"
        "print(len(set(got)), done[-1])\n"
    )
    root = Path(service.__file__).parents[3]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    run = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120, env=environment)
    assert run.stdout == "10 (10, 10)\n", run.stderr


def test_an_interrupt_ends_the_workers(fresh: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are in a group of their own: Ctrl-C at a terminal does not reach them, and they print nothing then."""
    started: list[subprocess.Popen[str]] = []
    start = farm._start

    def noted() -> subprocess.Popen[str]:
        started.append(start())
        return started[-1]

    def interrupted(done: int, total: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(farm, "_start", noted)
    units = {unit.key: unit for unit in map(scaled, range(40, 60))}
    with pytest.raises(KeyboardInterrupt):
        farm.compile_shared(units, 1, lambda key, binary: interrupted(1, len(units)))
    assert len(started) == 1 and started[0].wait(10) == -signal.SIGTERM
    assert not any(t.name.startswith("minirt-compile") for t in threading.enumerate())


def test_errors_name_the_kernel(fresh: Path) -> None:
    bad = CpuUnit("broken", "def kernel(lo, hi, args):\n    return nothing_like_it(args)\n")
    with pytest.raises(CompileError, match=r"(?s)CPU kernel 'broken'.*nothing_like_it"):
        address(bad)
    many = [CpuUnit(f"ok{i}", f"def kernel(lo, hi, args):\n    args[0] = {i}\n") for i in range(9)]
    with pytest.raises(CompileError, match="broken"):
        addresses([*many, bad])


def test_kernels_that_need_python_are_refused(fresh: Path) -> None:
    text = "import numpy as np\ndef kernel(lo, hi, args):\n    args[0] = len(np.zeros(hi))\n"
    with pytest.raises(CompileError, match="allocates"):
        address(CpuUnit("allocates", text))


def test_nan_losing_flags_are_refused() -> None:
    with pytest.raises(CompileError, match="nnan"):
        CpuUnit("k", "", ("nnan",))


def test_key_follows_imported_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    before = scaled(5).key
    real = service._source_of
    monkeypatch.setattr(service, "_source_of", lambda name: real(name) + "# changed")
    assert scaled(5).key != before


def test_undefined_symbols_are_listed() -> None:
    binary = compile_unit(scaled(6))
    assert undefined_symbols(binary.partition(b"\n")[2]) in (["expf"], ["exp"])
