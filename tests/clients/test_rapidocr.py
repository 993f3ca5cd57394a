"""RapidOCR's TensorRT engine, as it is in its wheel, reads what its onnxruntime engine reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.programs import CPU, run, with_packages

SCRIPT = Path(__file__).parent / "read_page.py"
PACKAGES = (
    "rapidocr==3.10.0", "pyclipper==1.4.0", "shapely==2.2.0", "omegaconf==2.4.0", "colorlog==6.12.0", "six==1.17.0",
    "PyYAML==6.0.3", "tqdm==4.70.1", "requests==2.34.2", "urllib3==2.8.0", "certifi", "idna",
    "charset-normalizer==3.5.2", "pillow==13.0.0", "opencv-python-headless==5.0.0.93",
)  # fmt: skip


@pytest.mark.models
def test_it_reads_the_same_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_packages("rapidocr-3.10.0", PACKAGES, monkeypatch)
    said = run(tmp_path, SCRIPT, tmp_path, environment=CPU)
    assert said.right("engines: 3").count("'Hello engine 2026'") == 4
