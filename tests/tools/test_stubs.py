"""The stubs are what the declarations say, and a type checker takes right scripts and refuses wrong ones."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from minirt.api.dialect import DIALECTS, MODULES
from minirt.api.namespace import namespace
from minirt.tools.stubs import Stub, path_of

ROOT = Path(__file__).parents[2]
RIGHT = """
import {module} as trt

logger = trt.Logger(trt.Logger.WARNING)
builder = trt.Builder(logger)
network = builder.create_network(0)
x = network.add_input("x", trt.float32, (1, 3, 8, 8))
layer = network.add_activation(input=x, type=trt.ActivationType.RELU)
layer.get_output(0).name = "y"
network.mark_output(layer.get_output(0))
config = builder.create_builder_config()
config.set_flag(trt.BuilderFlag.TF32)
shape: tuple[int, ...] = tuple(x.shape)
memory: trt.IHostMemory = builder.build_serialized_network(network, config)
view = memoryview(memory)
"""
WRONG = """
import {module} as trt

builder = trt.Builder(trt.Logger())
builder.no_such_member
trt.Builder(5)
trt.ActivationType.NO_SUCH
builder.create_builder_config().set_flag("TF32")
"""


@pytest.mark.parametrize("dialect", DIALECTS)
def test_stubs_are_up_to_date(dialect: int) -> None:
    assert path_of(dialect).read_text() == Stub(dialect).text(), "run python -m minirt.tools.stubs"


@pytest.mark.parametrize("dialect", DIALECTS)
def test_stubs_have_every_name(dialect: int) -> None:
    tree = ast.parse(path_of(dialect).read_text())
    found = {n.name for n in tree.body if isinstance(n, ast.ClassDef | ast.FunctionDef)}
    found |= {n.target.id for n in tree.body if isinstance(n, ast.AnnAssign) and isinstance(n.target, ast.Name)}
    found |= {t.id for n in tree.body if isinstance(n, ast.Assign) for t in n.targets if isinstance(t, ast.Name)}
    assert not {name for name in namespace(dialect) if name[0] != "_"} - found


def _check(path: Path) -> tuple[int, list[str]]:
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--follow-imports=silent", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, [
        line.rpartition("[")[2].rstrip("]") for line in done.stdout.splitlines() if "error:" in line
    ]


@pytest.mark.parametrize("dialect", [8, 10])
def test_mypy_uses_the_stubs(dialect: int, tmp_path: Path) -> None:
    right, wrong = tmp_path / "right.py", tmp_path / "wrong.py"
    right.write_text(RIGHT.format(module=MODULES[dialect]))
    wrong.write_text(WRONG.format(module=MODULES[dialect]))
    assert _check(right) == (0, [])
    assert _check(wrong) == (1, ["attr-defined", "arg-type", "attr-defined", "arg-type"])


def test_stubtest_finds_nothing(tmp_path: Path) -> None:
    """The stubs of every dialect, and minirt.plugin, are as the modules are when they run."""
    config = tmp_path / "mypy.ini"
    config.write_text("[mypy]\nignore_missing_imports = true\n")
    allowed = ROOT / "tests" / "data" / "stubtest.txt"
    options = ["--concise", "--ignore-unused-allowlist", "--allowlist", str(allowed), "--mypy-config-file", str(config)]
    command = [sys.executable, "-W", "ignore", "-m", "mypy.stubtest", "minirt", *options]
    paths = {"MYPYPATH": str(ROOT), "PYTHONPATH": str(ROOT), "MINIRT_DIALECT": ""}
    done = subprocess.run(
        command, cwd=tmp_path, env=os.environ | paths, capture_output=True, text=True, check=False, timeout=240
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
