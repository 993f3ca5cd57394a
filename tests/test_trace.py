"""The debug ladder and the progress hook."""

import pytest

from minirt.errors import BuildCancelled
from minirt.trace import Detail, no_progress, phase, report, say


def test_each_rung_includes_those_before(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """MINIRT_DEBUG=2 hears phases and launches, not rules."""
    monkeypatch.setenv("MINIRT_DEBUG", "2")
    with phase("fuse"):
        say(Detail.LAUNCHES, "gemm")
        say(Detail.RULES, "rule")
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "[minirt launches] gemm"
    assert lines[1].startswith("[minirt phases] fuse: ")
    assert len(lines) == 2


def test_silence_by_default(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is said unless asked for."""
    monkeypatch.delenv("MINIRT_DEBUG", raising=False)
    say(Detail.PHASES, "x")
    assert capsys.readouterr().err == ""


def test_a_hook_that_says_no_cancels() -> None:
    """False from the hook ends the build; None and True let it go on."""
    report(no_progress, "lower", 1, 2)
    report(lambda phase_name, done, total: True, "lower", 1, 2)
    with pytest.raises(BuildCancelled, match="lower: cancelled at step 1 of 2"):
        report(lambda phase_name, done, total: False, "lower", 1, 2)
