"""RapidOCR's TensorRT engine, as it is in its wheel, reads what its onnxruntime engine reads."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.programs import CPU, run
from tests.models.wheels import locked, store

SCRIPT = Path(__file__).parent / "read_page.py"
PACKAGES = (
    "rapidocr==3.10.0", "pyclipper==1.4.0", "shapely==2.2.0", "omegaconf==2.4.0", "colorlog==6.12.0", "six==1.17.0",
    "PyYAML==6.0.3", "tqdm==4.70.1", "requests==2.34.2", "urllib3==2.8.0", "certifi", "idna",
    "charset-normalizer==3.5.2", "pillow==13.0.0", "opencv-python-headless==5.0.0.93",
)  # fmt: skip


def packages() -> Path:
    """Return a folder with RapidOCR and what it needs beside minirt's own packages, fetched once."""
    folder = store() / "rapidocr-3.10.0"
    with locked("rapidocr-packages"):
        if not folder.exists():
            fresh = folder.with_suffix(".fresh")
            shutil.rmtree(fresh, ignore_errors=True)
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
            subprocess.run([*command, "--target", str(fresh), *PACKAGES], check=True, timeout=600)
            fresh.rename(folder)
    return folder


@pytest.mark.models
def test_it_reads_the_same_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(packages()), os.environ.get("PYTHONPATH")))))
    said = run(tmp_path, SCRIPT, tmp_path, environment=CPU)
    assert said.right("engines: 3").count("'Hello engine 2026'") == 4
