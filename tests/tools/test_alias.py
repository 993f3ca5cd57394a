"""`minirt alias`: a `tensorrt` for other programs, which never touches a real one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from minirt.errors import ApiError
from minirt.tools import alias
from minirt.tools.main import main

ROOT = Path(__file__).parents[2]
PROGRAM = """
import importlib.metadata, tensorrt, tensorrt.plugin
from tensorrt.tensorrt import Builder
print(tensorrt.__version__, importlib.metadata.version("tensorrt"), Builder.__module__)
"""


def test_other_programs_find_it_until_it_is_removed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):  # over an earlier one too
        assert main(["alias", "install", "--folder", str(tmp_path)]) == 0
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}"}
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=environment, timeout=120)
    assert done.stderr == "" and done.stdout.startswith("10.16.1.11 10.16.1.11 tensorrt.tensorrt\n")
    assert main(["alias", "remove", "--folder", str(tmp_path)]) == 0
    assert list(tmp_path.iterdir()) == []
    assert main(["alias", "remove", "--folder", str(tmp_path)]) == 0
    assert capsys.readouterr().out.endswith(f"there is no alias in {tmp_path}\n")


def test_a_folder_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["alias", "install", "--folder", str(tmp_path / "typo")]) == 2
    assert "there is no such folder" in capsys.readouterr().err and list(tmp_path.iterdir()) == []


CUDA = """
import tensorrt, ctypes
import pycuda.driver as cuda
print(type(ctypes.CDLL("libcudart.so")).__module__, cuda.Device.count())
"""


def test_programs_have_cuda_on_host_memory_where_there_is_no_gpu(tmp_path: Path) -> None:
    alias.install(tmp_path)
    environment = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{tmp_path}", "MINIRT_TARGET": "cpu"}
    done = subprocess.run([sys.executable, "-c", CUDA], capture_output=True, text=True, env=environment, timeout=120)
    assert (done.stdout, done.stderr) == ("minirt.standins.libcudart 1\n", "")


@pytest.mark.parametrize("action", [alias.install, alias.remove], ids=["install", "remove"])
@pytest.mark.parametrize("file", ["tensorrt-10.16.1.11.dist-info/INSTALLER", "tensorrt/__init__.py", "tensorrt.py"])
def test_a_real_one_is_left_alone(tmp_path: Path, action: Callable[[Path], str], file: str) -> None:
    there = tmp_path / file
    there.parent.mkdir(exist_ok=True)
    there.write_text("pip\n")
    with pytest.raises(ApiError, match="tensorrt"):
        action(tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [there] and there.read_text() == "pip\n"


def test_a_real_one_elsewhere_is_respected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, folder = tmp_path / "real", tmp_path / "mine"
    (real / "tensorrt-10.0.dist-info").mkdir(parents=True)
    (real / "tensorrt-10.0.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: tensorrt\nVersion: 10.0\n")
    monkeypatch.syspath_prepend(str(real))
    with pytest.raises(ApiError, match="a real TensorRT is installed"):
        alias.install(folder)
    assert not folder.exists()
