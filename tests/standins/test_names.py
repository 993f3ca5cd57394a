"""The names of CUDA that scripts import: answered by the stand-ins, beside what else is installed under them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

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
    import pycuda.compiler
except ModuleNotFoundError as error:
    print(error)
"""


def test_names(tmp_path: Path) -> None:
    (tmp_path / "cuda").mkdir()
    (tmp_path / "cuda" / "other.py").write_text("WORD = 'installed'\n")
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "MINIRT_TARGET": "cpu"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=120)
    assert (done.stdout, done.stderr) == ("No module named 'pycuda.compiler'\n", "")
