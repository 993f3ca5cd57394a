"""What is run under compute-sanitizer, and how its reports are told; the runs themselves need a device."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from minirt.kernels.kernel import KERNELS
from tests.kernels.cuda import sanitize
from tests.kernels.cuda.execution import HOPPER

LOG = """========= COMPUTE-SANITIZER
========= Error: Race reported between Write access at pack+0x1f0 in a.cu:12
=========     and Read access at pack+0x2b0 in a.cu:14 [16 hazards]
=========
========= RACECHECK SUMMARY: 1 hazard displayed (1 error, 0 warnings)
"""
CLEAN = "========= COMPUTE-SANITIZER\n========= RACECHECK SUMMARY: 0 hazards displayed (0 errors, 0 warnings)\n"


def part(folder: Path, number: int, lines: str, log: str) -> None:
    (folder / f"{number}.out").write_text(lines)
    (folder / f"{number}.log").write_text(log)


def test_what_shows_something_new_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sanitize, "cuda_target", lambda: HOPPER)
    found, singles = sanitize.chosen("^Gemm(Wgmma|Mma)$", True)
    traits = [sanitize.traits(run)[0] for run in found]
    assert 10 < singles < len(found) / 2
    assert set().union(*traits[:singles]) == set().union(*traits)
    assert all(sanitize.shares(run) for run in found)


def test_every_kernel_of_a_gpu_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sanitize, "cuda_target", lambda: HOPPER)
    found, _ = sanitize.chosen("", False)
    ran = {run[1].name for run in found}
    assert len(ran) > 40 and ran <= set(KERNELS)
    keys = [(run[1].name, str(run[3]), str(sanitize.traits(run)[0])) for run in found if run[3]]
    assert max(len(list(group)) for _, group in itertools.groupby(sorted(keys))) == 1


def test_a_clean_run_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for i in (1, 2):
        part(tmp_path, i, "begins a\nbegins b\n2 of 2 ran, 0 failed, 1 s\n", CLEAN)
    assert sanitize.tell(tmp_path, 2, 4, 3) == 0
    assert "4 of 4 ran, 3 of the 3 that show" in capsys.readouterr().out


def test_reports_and_stops_are_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    part(tmp_path, 1, "begins a\nbegins b\n2 of 2 ran, 0 failed, 1 s\n", LOG)
    part(tmp_path, 2, "begins a\nbegins ConvStem x\n", CLEAN)
    assert sanitize.tell(tmp_path, 2, 4, 3) == 1
    out = capsys.readouterr().out
    assert "3 of 4 ran" in out and "part 2 ended in: begins ConvStem x" in out
    assert "Race reported between Write access at pack" in out
