"""The house rules that the linters do not know: lengths, names, cycles, and what a plain import needs."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILE_LINES = 400
FUNCTION_LINES = 50
KERNEL_LINES = 120
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "base"}
GPU_PACKAGES = ("cupy", "cuda", "numba.cuda", "nvidia")
SOURCES = sorted(
    path
    for folder in ("minirt", "tests", "benchmarks", "examples")
    for suffix in ("py", "cu", "cuh")
    for path in (ROOT / folder).rglob(f"*.{suffix}")
)


def test_files_are_short_and_named() -> None:
    """A file holds one concern: its name says which, and it is short enough to read at once."""
    vague = [str(path) for path in SOURCES if path.stem in VAGUE]
    long = {str(path): lines for path in SOURCES if (lines := path.read_text().count("\n")) > FILE_LINES}
    assert (vague, long) == ([], {})


def _functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def test_functions_are_short() -> None:
    """A function does one thing; bodies of kernels may be longer."""
    long = [
        f"{path.relative_to(ROOT)}: {name} has {length} lines"
        for path in SOURCES
        if path.suffix == ".py"
        for name, length in _functions(path)
        if length > (KERNEL_LINES if "kernels" in path.parts else FUNCTION_LINES)
    ]
    assert not long


def test_no_import_cycle() -> None:
    """Modules import each other in one order; graphlib names the cycle if there is one."""
    grimp = pytest.importorskip("grimp", reason="import-linter is not installed")
    graph = grimp.build_graph("minirt")
    order = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    TopologicalSorter(order).prepare()


def test_plain_import_needs_no_gpu_package() -> None:
    """`import minirt` works, and says so quickly, where none of the GPU packages is installed."""
    blocked = f"import sys; sys.modules.update(dict.fromkeys({GPU_PACKAGES!r}))"
    subprocess.run([sys.executable, "-c", f"{blocked}; import minirt; print(minirt.__version__)"], check=True, cwd=ROOT)
