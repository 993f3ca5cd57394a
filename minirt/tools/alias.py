"""`minirt alias install|remove`: give the other programs of this environment a `tensorrt` that is minirt.

The alias is three small files beside the other packages, and never touches a TensorRT that is none of minirt's. Where
there is no GPU, a program that has imported `tensorrt` finds CUDA on host memory too, as with `python -m minirt`.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import shutil
import sysconfig
from pathlib import Path
from typing import Any

from minirt.errors import ApiError
from minirt.standins.tensorrt_name import TensorRTDistribution, metadata

INSTALLER = "minirt-alias"
_MODULE = '''"""The name `tensorrt`, answered by minirt; `minirt alias remove` takes it away."""

from minirt.tools import script

script.answer_names()
'''


def declare(verbs: Any) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser("alias", help="answer `import tensorrt` in this environment", description=__doc__)
    parser.add_argument("action", choices=("install", "remove"))
    parser.add_argument("--folder", type=Path, help="where the packages are; default: this Python's site-packages")
    parser.set_defaults(verb_function=run)


def run(options: argparse.Namespace) -> int:
    """The verb; raises ApiError where a TensorRT that is not minirt's is in the way."""
    folder = options.folder or Path(sysconfig.get_path("purelib"))
    action = install if options.action == "install" else remove
    print(action(folder))
    return 0


def _alias(folder: Path) -> list[Path]:
    """Return the folders of the alias; raises ApiError, naming it, for a `tensorrt` that is another's."""
    found = [path for path in (folder / "tensorrt", folder / "tensorrt.py") if path.exists()]
    infos = [*folder.glob("tensorrt-*.dist-info"), *folder.glob("tensorrt-*.egg-info")]
    ours = [path for path in infos if _text(path / "INSTALLER") == INSTALLER]
    if foreign := [path for path in infos if path not in ours]:
        raise ApiError("this is a real TensorRT", str(foreign[0]), "use another environment, or `python -m minirt`")
    if foreign := [path for path in found if _text(path / "__init__.py") != _MODULE.strip()]:
        raise ApiError("this is no alias of minirt's", str(foreign[0]), "use another environment")
    return ours + found


def _text(path: Path) -> str:
    return path.read_text().strip() if path.is_file() else ""


def _refuse_elsewhere(folder: Path) -> None:
    """Raise ApiError where a real TensorRT is installed in another folder that Python looks in."""
    for distribution in importlib.metadata.distributions(name="tensorrt"):
        if isinstance(distribution, TensorRTDistribution):
            continue
        installer = (distribution.read_text("INSTALLER") or "").strip()
        if installer != INSTALLER:
            where = str(distribution.locate_file(""))
            raise ApiError("a real TensorRT is installed", where, "use another environment, or `python -m minirt`")


def install(folder: Path) -> str:
    """Write the alias, in place of an earlier one; returns what was done in a sentence.

    Raises ApiError, and writes nothing, where there is no such folder, or a TensorRT that is not minirt's is there.
    """
    _refuse_elsewhere(folder)
    if not folder.is_dir():
        raise ApiError("there is no such folder", str(folder), "say where packages are, or leave --folder out")
    for path in _alias(folder):
        shutil.rmtree(path)
    version = metadata().split("Version: ")[2].split()[0]
    info = folder / f"tensorrt-{version}.dist-info"
    files = {
        folder / "tensorrt" / "__init__.py": _MODULE,
        info / "METADATA": metadata(),
        info / "INSTALLER": f"{INSTALLER}\n",
    }
    names = [path.relative_to(folder).as_posix() for path in (*files, info / "RECORD")]
    files[info / "RECORD"] = "".join(f"{name},,\n" for name in names)
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return f"tensorrt {version} is minirt now, in {folder}"


def remove(folder: Path) -> str:
    """Take the alias away; returns what was done in a sentence.

    Raises ApiError, and removes nothing, where a TensorRT that is not minirt's is there.
    """
    paths = _alias(folder)
    for path in paths:
        shutil.rmtree(path)
    return f"the alias is gone from {folder}" if paths else f"there is no alias in {folder}"
