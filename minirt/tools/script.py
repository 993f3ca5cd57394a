"""`python -m minirt SCRIPT.py ...`: run a TensorRT script as it is, with minirt in the place of `tensorrt`.

Where there is no GPU, `cuda.bindings`, `cudart`, `pycuda` and libcudart are answered by stand-ins on host memory.
Processes that the script starts, by multiprocessing or as subprocesses of the same Python, have these names too.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import os
import runpy
import sys
import traceback
from pathlib import Path
from typing import Any

from minirt.build.targets import default_target
from minirt.errors import ApiError
from minirt.standins import c_loading, cuda_names, tensorrt_name
from minirt.standins.children import told


def declare(verbs: Any) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser("script", help="run a script that says `import tensorrt`", description=__doc__)
    parser.add_argument("-m", dest="module", action="store_true", help="the script is a module's name, as in python -m")
    parser.add_argument("script", help="a Python file or folder, or a module's name after -m")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="what the script finds in sys.argv")
    parser.set_defaults(verb_function=lambda options: run(options.script, options.arguments, module=options.module))


def run(script: str, arguments: list[str], *, module: bool = False) -> int:
    """Run a file, or a module, as `__main__`; returns its status, or 1 after printing what the script raised.

    SystemExit goes through, so that the script's own exit status is the command's.

    Raises ApiError where there is no such file or module.
    """
    if not module and not Path(script).exists():
        raise ApiError("there is no such file", script, "name a script, or -m and a module")
    answer_names()
    sys.argv = [script, *arguments]
    sys.path[0] = os.getcwd() if module else str(Path(script).resolve().parent)
    if module and importlib.util.find_spec(script.partition(".")[0]) is None:
        raise ApiError("there is no such module", script, "is its package installed in this environment?")
    try:
        with told(cuda_names.installed()):
            if module and (command := _command(script)) is not None:
                return int(command.load()() or 0)
            if module:
                runpy.run_module(script, run_name="__main__", alter_sys=True)
            else:
                runpy.run_path(script, run_name="__main__")
    except Exception:  # the script's own: shown as Python shows it, not as a wrong use of the command
        traceback.print_exc()
        return 1
    return 0


def _command(name: str) -> importlib.metadata.EntryPoint | None:
    """Return the installed command of a package that cannot be run by -m, as it has no `__main__`, or None."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.submodule_search_locations is None or importlib.util.find_spec(f"{name}.__main__"):
        return None
    return next(iter(importlib.metadata.entry_points(group="console_scripts", name=name)), None)


def answer_names() -> None:
    """Answer `tensorrt` and its libraries with minirt and, when the target is the CPU, CUDA with stand-ins."""
    tensorrt_name.install()
    if default_target().name == "cpu":
        cuda_names.install()
    else:
        cuda_names.answer_old_names()
        c_loading.install(cuda=False)
