"""The harness itself, on the CPU: what it reports adds up."""

from __future__ import annotations

import importlib
import itertools
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.compare import main
from benchmarks.contender import BURST, Contender, Timing, interleaved

DATA = Path(__file__).parents[1] / "data"
QUICK = ["--cpu", "--precision", "fp32", "--rounds", "2", "--repeats", "2", "--no-warm"]


@pytest.fixture(autouse=True)
def on_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIRT_TARGET", "cpu")


def test_a_file_is_compared_with_onnxruntime(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("onnxruntime")
    assert main([str(DATA / "vit-tiny.onnx"), *QUICK, "--steps", "2", "--out", str(tmp_path)]) == 0
    (row,) = json.loads((tmp_path / "results.json").read_text())
    ours = row["contenders"]["minirt"]
    assert set(row["contenders"]) == {"minirt", "onnxruntime"}
    assert ours["error"] < 1e-4 and ours["ms"] > 0 and ours["cold build s"] > 0
    assert 0 < row["floor ms"] < sum(s["us"] for s in row["steps"])
    products = [s for s in row["steps"] if s["kernel"] == "GemmTiled"]
    assert products and all(s["flops"] > 0 and s["bytes"] > 0 for s in products)
    assert "geometric mean over 1 cases" in capsys.readouterr().out


def test_a_net_is_compared_with_eager_pytorch(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    pytest.importorskip("onnxscript")
    assert main(["vit-tiny:2", *QUICK, "--peers", "eager", "--out", str(tmp_path)]) == 0
    (row,) = json.loads((tmp_path / "results.json").read_text())
    assert row["contenders"]["minirt"]["error"] < 1e-4 and row["contenders"]["eager"]["error"] < 1e-4


def test_weights_are_the_same_however_convolutions_round(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    case = importlib.import_module("benchmarks.cases").Case("mobilenetv2-tiny:1")
    want, forward = case.conditioned().state_dict(), torch.nn.Conv2d._conv_forward

    def coarse(self: Any, x: Any, weight: Any, bias: Any) -> Any:
        return forward(self, x.half().float() if x.dtype == torch.float32 else x, weight, bias)

    monkeypatch.setattr(torch.nn.Conv2d, "_conv_forward", coarse)
    got = case.conditioned().state_dict()
    assert [name for name in want if not torch.equal(want[name], got[name])] == []


@pytest.mark.parametrize("name", ["resnet50:1", "bert-tiny:2", "llama-tiny:1"])
def test_models_of_other_weights_have_other_files(name: str) -> None:
    pytest.importorskip("torch")
    case = importlib.import_module("benchmarks.cases").Case(name)
    names = {case.file(p) for p in ("fp16", "bf16", "fp32")}
    assert len(names) == (3 if case.net.narrow else 1)


def test_a_spent_budget_skips_cases(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(DATA / "vit-tiny.onnx"), *QUICK, "--budget", "0"]) == 1
    assert "the budget is spent" in capsys.readouterr().out


def test_rounds_take_turns() -> None:
    calls: list[str] = []
    two = [Contender(n, lambda n=n: calls.append(n), lambda: None) for n in "ab"]  # type: ignore[misc,arg-type,return-value]
    timings = interleaved(two, rounds=2, repeats=1)
    assert "".join(calls) == "aaabbb" + "abab" and all(len(t.rounds) == 2 for t in timings)


def test_the_spread_is_half_the_distance_of_the_quartiles() -> None:
    timing = Timing((1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0))
    assert timing.median == 5.0 and timing.spread == pytest.approx((7.0 - 3.0) / 2 / 5.0)


def test_the_first_call_after_a_wait_counts_apart() -> None:
    numbers = itertools.count()

    def call() -> None:
        if next(numbers) % BURST == 0:
            time.sleep(2e-3)

    host = Contender("a", call, lambda: np.zeros(1, np.float32)).host_microseconds()
    assert host.idle >= 2000 > host.following > 0
