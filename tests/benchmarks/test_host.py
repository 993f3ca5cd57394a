"""What calls cost the host, measured on the CPU: every figure is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.host import main
from benchmarks.ours import FREE_DIMS, sized

MODEL = Path(__file__).parents[1] / "data" / "vit-tiny.onnx"


def test_known_and_new_shapes_are_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINIRT_TARGET", "cpu")
    assert main([str(MODEL), "--precision", "fp32", "--engines", str(tmp_path)]) == 0
    line = capsys.readouterr().out
    found = re.match(r"vit-tiny: built ([\d.]+) s \(([\d.]+) at first\), loaded ([\d.]+) s, calls ([\d.]+) us", line)
    assert found and all(float(number) > 0 for number in found.groups()[:2])
    first = re.search(r"12 new shapes: set .* first call ([\d.]+) ms \(at most ([\d.]+)\), second .* third", line)
    assert first and 0 < float(first.group(1)) <= float(first.group(2))
    assert (tmp_path / "vit-tiny.engine").stat().st_size > 1000


def test_a_model_that_took_too_long_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(MODEL), "--seconds", "0"]) == 1
    assert capsys.readouterr().out == "vit-tiny: not measured\n"


def test_free_axes_get_sizes() -> None:
    assert sized((-1, 3, -1, 7), [size for _, _, size in FREE_DIMS]) == (32, 3, 384, 7)
