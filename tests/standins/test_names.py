"""The names of CUDA that scripts import: answered by the stand-ins, beside what else is installed under them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from minirt.standins.finder import installed_path

ROOT = Path(__file__).parents[2]

PROGRAM = """
import sys
from minirt.standins import cuda_names
sys.path.insert(0, sys.argv[1])
cuda_names.install()
cuda_names.install()
import cuda.other, cuda.bindings.runtime, cuda.bindings.driver as driver, cuda.bindings.nvrtc as nvrtc
from cuda import cuda as old_driver, cudart, nvrtc as old_nvrtc
import pycuda.autoinit, pycuda.driver, pycuda.gpuarray
assert cuda.other.WORD == "installed" and cuda.bindings.runtime is cudart
assert old_driver is driver and old_nvrtc is nvrtc and driver.__name__ == "minirt.standins.cuda_driver"
assert driver.cuDeviceGetCount() == (0, 1) and pycuda.autoinit.device.name() == "minirt host memory"
try:
    import pycuda.curandom
except ModuleNotFoundError as error:
    print(error)
"""


def test_names(tmp_path: Path) -> None:
    (tmp_path / "cuda").mkdir()
    (tmp_path / "cuda" / "other.py").write_text("WORD = 'installed'\n")
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "MINIRT_TARGET": "cpu"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert (done.stdout, done.stderr) == ("No module named 'pycuda.curandom'\n", "")


@pytest.mark.parametrize("package", ["cupy", "cuda.core"])
def test_packages_that_use_cuda_themselves_import_after_the_stand_ins(package: str) -> None:
    if not installed_path(package):
        pytest.skip(f"{package} is not installed")
    text = f"import {package}, cuda.bindings.runtime as r; print(r.__name__, r.cudaMalloc(0)[1])"
    command = [sys.executable, "-c", f"from minirt.standins import cuda_names; cuda_names.install(); {text}"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert (done.stdout, done.stderr) == ("minirt.standins.cuda_runtime 0\n", "")


CORE = """
from minirt.standins import cuda_names
cuda_names.installed_path = lambda name: []
cuda_names.install()
from cuda.core.experimental import Device, StreamOptions, Program
import cuda.core, numpy as np
import minirt.standins.host_memory as memory
device = Device()
device.set_current()
stream = device.create_stream(options=StreamOptions(nonblocking=True))
a, b = device.allocate(16, stream=stream), device.allocate(16)
x = np.arange(4, dtype=np.float32)
memory.copy(a.handle, x, 16)
start = stream.record()
graph = stream.create_graph_builder().begin_building().end_building().complete()
graph.launch(stream)
a.copy_to(b, stream=stream)
y = np.empty_like(x)
memory.copy(y, b.handle, 16)
assert (y == x).all() and stream.record() - start > 0 and cuda.core.Device is Device
try:
    Program("", "c++")
except Exception as error:
    print(error)
"""


def test_core_where_it_is_not_installed() -> None:
    command = [sys.executable, "-c", CORE]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "MINIRT_TARGET": "cpu"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    wanted = "cuda.core.Program: CUDA source cannot run on the CPU (run the script where there is a GPU)\n"
    assert (done.stdout, done.stderr) == (wanted, "")


def test_names_that_cuda_python_took_away() -> None:
    if not installed_path("cuda.bindings"):
        pytest.skip("cuda.bindings is not installed")
    text = "from cuda import cuda, cudart, nvrtc; import cuda.bindings.runtime as r; print(cudart is r, cuda.__name__)"
    command = [sys.executable, "-c", f"from minirt.standins import cuda_names; cuda_names.answer_old_names(); {text}"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert (done.stdout, done.stderr) == ("True cuda.bindings.driver\n", "")
