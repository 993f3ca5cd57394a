"""Every script in examples/ runs, and its own checks hold, on the CPU target."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHARED = {"__init__", "device"}
SCRIPTS = sorted(p.stem for p in (ROOT / "examples").glob("*.py") if p.stem not in SHARED)


@pytest.mark.parametrize("name", SCRIPTS)
def test_an_example_checks_itself(name: str) -> None:
    command = [sys.executable, "-m", f"examples.{name}"]
    environment = os.environ | {"MINIRT_TARGET": "cpu"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_index_lists_every_example() -> None:
    text = (ROOT / "examples" / "README.md").read_text()
    assert [name for name in SCRIPTS if f"({name}.py)" not in text] == []
    assert all(
        (ROOT / "examples" / line.split("(")[1].split(")")[0]).exists() for line in text.splitlines() if "](" in line
    )
