"""`minirt profile`: each step's time, work and floor."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from minirt.runtime.measure import Ceilings, StepTime
from minirt.tools.main import main
from minirt.tools.profile import as_table

MODEL = str(Path(__file__).parents[1] / "data" / "vit-tiny.onnx")
COMMAND = ["profile", MODEL, "--target", "cpu", "--shapes", "image:2x3x32x32"]


@pytest.fixture(autouse=True)
def on_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIRT_TARGET", "cpu")


def test_every_step_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*COMMAND, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["target"] == "cpu" and len(found["steps"]) > 20
    assert all(s["us"] > 0 and s["floor us"] >= 0 and s["bytes"] > 0 and s["entries"] for s in found["steps"])


def test_the_slowest_come_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*COMMAND, "--top", "3"]) == 0
    head, *rows, total = capsys.readouterr().out.splitlines()
    times = [float(r.split()[0]) for r in rows]
    assert head.split()[0] == "us" and len(rows) == 3 and times == sorted(times, reverse=True)
    assert "all" in total and float(total.split()[0]) > sum(times)


def test_the_floor_is_the_larger_of_bytes_and_arithmetic() -> None:
    limits = Ceilings(1000.0, {"f16": 100.0}, 2.0)
    moved = StepTime("a", "Map", ("map",), 10.0, 3_000_000, 0, "f16")
    multiplied = StepTime("b", "Gemm", ("gemm",), 50.0, 1_000_000, 2_000_000_000, "f16")
    assert limits.floor(moved) == pytest.approx(3 + 2) and limits.floor(multiplied) == pytest.approx(20 + 2)
    assert moved.bandwidth == pytest.approx(300) and multiplied.rate == pytest.approx(40)
    last = as_table([moved, multiplied], limits).splitlines()[-1].split()
    assert [float(last[0]), float(last[2]), float(last[3])] == [60.0, 27.0, 2.2]
