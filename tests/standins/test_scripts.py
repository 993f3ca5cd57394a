"""Whole TensorRT scripts run on the CPU: their device memory, streams and events are the stand-ins'."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parent / "scripts"
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("script", sorted(SCRIPTS.glob("with_*.py")), ids=lambda path: path.stem)
def test_a_script_runs_as_it_is(script: Path) -> None:
    environment = os.environ | {"MINIRT_TARGET": "cpu", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "minirt", str(script)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=200)
    assert (done.stdout, done.stderr, done.returncode) == ("right\n", "", 0)
