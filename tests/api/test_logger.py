"""Loggers, callbacks and the boundary between the core's errors and TensorRT's habits."""

from __future__ import annotations

import re

import pytest

import minirt as trt
from minirt import v7
from minirt.api.boundary import Sink, boundary, call_back
from minirt.errors import ShapeError


class Recorder(trt.IErrorRecorder):  # type: ignore[misc]
    def __init__(self) -> None:
        trt.IErrorRecorder.__init__(self)
        self.errors: list[tuple[object, str]] = []

    def report_error(self, code: object, desc: str) -> bool:
        self.errors.append((code, desc))
        return True

    def get_num_errors(self) -> int:
        return len(self.errors)


class Keeper(trt.ILogger):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__()
        self.messages: list[tuple[object, str]] = []

    def log(self, severity: object, msg: str) -> None:
        self.messages.append((severity, msg))


def test_logger_prints_from_its_severity_on(capsys: pytest.CaptureFixture[str]) -> None:
    logger = trt.Logger()
    assert logger.min_severity == trt.Logger.WARNING
    logger.log(trt.Logger.WARNING, "careful")
    logger.log(trt.Logger.INFO, "by the way")
    out = capsys.readouterr().out
    assert re.fullmatch(r"\[\d\d/\d\d/\d{4}-\d\d:\d\d:\d\d\] \[TRT\] \[W\] careful\n", out)
    logger.min_severity = trt.Logger.VERBOSE
    logger.log(trt.Logger.VERBOSE, "all")
    assert "[V] all" in capsys.readouterr().out


def test_logger_of_seven(capsys: pytest.CaptureFixture[str]) -> None:
    v7.Logger(v7.Logger.INFO).log(v7.Logger.INFO, "hello")
    assert capsys.readouterr().err == "[TensorRT] INFO: hello\n"


def test_a_subclass_must_call_the_constructor() -> None:
    class Bad(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            pass

    with pytest.raises(TypeError, match="must be called when overriding __init__"):
        Bad()


def test_callbacks_never_raise(capsys: pytest.CaptureFixture[str]) -> None:
    class Bad(trt.IProgressMonitor):  # type: ignore[misc]
        def step_complete(self, phase_name: str, step: int) -> bool:
            raise ValueError("mine")

    assert call_back(Bad(), "step_complete", False, "build", 1) is False
    assert "ValueError: mine" in capsys.readouterr().err
    assert call_back(Bad(), "phase_finish", None, "build") is None
    assert "not overridden" in capsys.readouterr().err


def test_errors_become_log_lines_and_records(monkeypatch: pytest.MonkeyPatch) -> None:
    logger, recorder = Keeper(), Recorder()

    class State:
        sink = Sink(logger, recorder)

    class Owner:
        _state = State()

        @boundary("failed")
        def work(self) -> str:
            raise ShapeError("dims disagree", "tensor 'x'")

    assert Owner().work() == "failed"
    assert logger.messages == [(trt.ILogger.ERROR, "tensor 'x': dims disagree")]
    assert recorder.errors == [(trt.ErrorCodeTRT.INVALID_ARGUMENT, "tensor 'x': dims disagree")]
    assert recorder.num_errors() == 1
    monkeypatch.setenv("MINIRT_RAISE", "1")
    with pytest.raises(ShapeError):
        Owner().work()
