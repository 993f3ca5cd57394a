"""Whole TensorRT scripts run on the CPU: their device memory, streams and events are the stand-ins'."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parent / "scripts"
ROOT = Path(__file__).parents[2]


TORCH = pytest.mark.skipif(find_spec("torch") is None, reason="PyTorch is not installed")


def run(script: Path, dialect: str = "") -> None:
    environment = os.environ | {"MINIRT_TARGET": "cpu", "MINIRT_DIALECT": dialect, "PYTHONPATH": _path()}
    environment["PYTHONWARNINGS"] = "ignore::DeprecationWarning"  # as TensorRT gives them too
    command = [sys.executable, "-m", "minirt", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=200)
    assert (done.stdout, done.stderr, done.returncode) == ("right\n", "", 0)


def _path() -> str:
    return os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("with_*.py")), ids=lambda path: path.stem)
def test_a_script_runs_as_it_is(script: Path) -> None:
    run(script)


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("of8_*.py")), ids=lambda path: path.stem)
def test_a_script_of_tensorrt_8(script: Path) -> None:
    run(script, "8")


@TORCH
def test_modules_of_pytorch() -> None:
    run(SCRIPTS / "torch_modules.py")
