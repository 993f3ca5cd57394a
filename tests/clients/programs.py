"""Runs a program under `python -m minirt`, and keeps what it said."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.models.wheels import locked, store

ROOT = Path(__file__).parents[2]
CPU = {"MINIRT_TARGET": "cpu"}


@dataclass(frozen=True)
class Said:
    """What a program said, and its exit status."""

    status: int
    text: str

    def right(self, *words: str) -> str:
        """Return the text; fails where the program did, or where it lacks one of the words."""
        assert self.status == 0, self.text
        for word in words:
            assert word in self.text, f"no '{word}' in:\n{self.text}"
        return self.text


def run(folder: Path, *words: object, environment: dict[str, str] | None = None, seconds: float = 200) -> Said:
    """Run `python -m minirt WORDS...` in a folder; on the CPU, unless another environment is given."""
    given = os.environ | {"PYTHONPATH": _path(), "PYTHONWARNINGS": "ignore"}
    given |= CPU if environment is None else environment
    command = [sys.executable, "-m", "minirt", *map(str, words)]
    done = subprocess.run(
        command, cwd=folder, env=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds
    )
    return Said(done.returncode, done.stdout)


def _path() -> str:
    return os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH", ""))))


def need(*modules: str) -> pytest.MarkDecorator:
    """Return the mark that skips a test where a program's modules are not installed."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


def with_packages(name: str, packages: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Put packages on the path of the programs of a test, fetched once into a folder of the store of models."""
    folder = store() / name
    with locked(f"{name}-packages"):
        if not folder.exists():
            fresh = folder.with_name(f".{name}")
            shutil.rmtree(fresh, ignore_errors=True)
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
            subprocess.run([*command, "--target", str(fresh), *packages], check=True, timeout=600)
            fresh.rename(folder)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH", "")))))
