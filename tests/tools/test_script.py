"""`python -m minirt SCRIPT.py`: names, arguments, exit statuses and errors of scripts that say `import tensorrt`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

NAMES = """
import importlib.metadata, importlib.util, os, pickle, sys
import tensorrt
import tensorrt.plugin as trtp
import tensorrt.tensorrt as bindings
from tensorrt.plugin._lib import QDP_REGISTRY
import minirt.plugin._lib
assert tensorrt.__version__ == importlib.metadata.version("tensorrt") == "10.16.1.11"
assert importlib.util.find_spec("tensorrt").name == "tensorrt" and os.path.exists(tensorrt.__file__)
assert "Builder" in dir(tensorrt) and "float16" in tensorrt.__all__ and tensorrt.__name__ == "tensorrt"
assert tensorrt.Builder is bindings.Builder and tensorrt.Builder.__module__ == "tensorrt.tensorrt"
assert type(tensorrt.float32).__module__ == "tensorrt.tensorrt"
assert pickle.loads(pickle.dumps(tensorrt.float16)) == tensorrt.float16
assert QDP_REGISTRY is minirt.plugin._lib.QDP_REGISTRY and tensorrt.plugin is trtp
assert not hasattr(tensorrt, "no_such_name")
class Log(tensorrt.ILogger):
    def __init__(self):
        tensorrt.ILogger.__init__(self)
    def log(self, severity, text):
        pass
assert tensorrt.Builder(Log()).create_network().num_layers == 0
print(sys.argv, __name__, __file__)
"""


def run(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run `python -m minirt` for the CPU."""
    environment = os.environ | {"MINIRT_TARGET": "cpu", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "minirt", *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder, timeout=120)


def test_the_names_are_minirts(tmp_path: Path) -> None:
    script = tmp_path / "names.py"
    script.write_text(NAMES)
    done = run(str(script), "--engine", "a b", "-h")
    assert done.stderr == "" and done.returncode == 0
    assert done.stdout == f"{[str(script), '--engine', 'a b', '-h']} __main__ {script}\n"


def test_an_older_dialect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "import importlib.metadata, tensorrt as trt\nassert hasattr(trt.ICudaEngine, 'num_bindings')\n"
    (tmp_path / "older.py").write_text(text + "print(trt.__version__, importlib.metadata.version('tensorrt'))\n")
    monkeypatch.setenv("MINIRT_DIALECT", "8")
    done = run("older.py", folder=tmp_path)
    assert (done.stdout, done.stderr) == ("8.6.1 8.6.1\n", "")


def test_a_module_and_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "neighbour.py").write_text("word = 'found'\n")
    (tmp_path / "program.py").write_text("import neighbour, sys, tensorrt\nprint(neighbour.word, sys.argv[1:])\n")
    for how in (["-m", "program"], ["program.py"], ["script", "program.py"]):
        done = run(*how, "x", folder=tmp_path)
        assert (done.stdout, done.stderr) == ("found ['x']\n", "")


def test_a_package_without_a_main_runs_its_command(tmp_path: Path) -> None:
    (tmp_path / "shown").mkdir()
    (tmp_path / "shown" / "__init__.py").write_text(
        "def main():\n    import sys\n    print(sys.argv[1:])\n    return 4\n"
    )
    info = tmp_path / "shown-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shown\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[console_scripts]\nshown = shown:main\n")
    done = run("-m", "shown", "y", folder=tmp_path)
    assert (done.stdout, done.stderr, done.returncode) == ("['y']\n", "", 4)


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        ("raise SystemExit(3)", 3, ""),
        ("import sys; sys.exit('enough')", 1, "enough"),
        ("open('/no/such/file')", 1, "FileNotFoundError"),
    ],
)
def test_exits_and_errors_are_the_scripts_own(tmp_path: Path, text: str, status: int, said: str) -> None:
    (tmp_path / "ends.py").write_text(text + "\n")
    done = run("ends.py", folder=tmp_path)
    assert done.returncode == status and said in done.stderr and "minirt: " not in done.stderr


def test_no_such_script() -> None:
    done = run("absent.py")
    assert done.returncode == 2
    assert done.stderr == "minirt: absent.py: there is no such file (name a script, or -m and a module)\n"
    done = run("-m", "absent.part")
    assert done.returncode == 2 and done.stderr.startswith("minirt: absent.part: there is no such module")
