"""The one place where errors of the core become TensorRT's habits: a log line, a recorded error, a failure value."""

from __future__ import annotations

import functools
import sys
import traceback
from collections.abc import Callable
from typing import Any, TypeVar

from minirt.api.dialect import dialect_of
from minirt.api.enum import member
from minirt.api.enums import ErrorCodeTRT
from minirt.errors import (
    ApiError,
    BuildCancelled,
    DeviceError,
    EngineFormatError,
    GraphError,
    MinirtError,
    ModelFormatError,
    NoKernelError,
    ShapeError,
    TypeInferenceError,
    UnsupportedNodeError,
)
from minirt.flags import flags

F = TypeVar("F", bound=Callable[..., Any])

_CODES: tuple[tuple[type[MinirtError], str], ...] = (
    (ApiError, "INVALID_ARGUMENT"),
    (ShapeError, "INVALID_ARGUMENT"),
    (TypeInferenceError, "INVALID_ARGUMENT"),
    (GraphError, "INVALID_STATE"),
    (ModelFormatError, "INVALID_ARGUMENT"),
    (UnsupportedNodeError, "UNSUPPORTED_STATE"),
    (NoKernelError, "UNSUPPORTED_STATE"),
    (EngineFormatError, "FAILED_INITIALIZATION"),
    (DeviceError, "FAILED_EXECUTION"),
    (BuildCancelled, "INVALID_STATE"),
)


def code_of(error: MinirtError) -> str:
    """Return the name of the ErrorCodeTRT member that stands for an error."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), "INTERNAL_ERROR")


def call_back(owner: object, name: str, failure: Any, *args: Any, raised: list[Exception] | None = None) -> Any:
    """Call a method of a user's object; what it raises is printed to stderr and becomes the `failure` value.

    `raised` is given what the method raised, for callers that have more to do then.
    """
    try:
        function = getattr(owner, name)
    except AttributeError:
        print(f"[ERROR] {type(owner).__name__}.{name}() was not overridden", file=sys.stderr)
        return failure
    try:
        return function(*args)
    except NotImplementedError as error:
        print(f"[ERROR] {error or f'{type(owner).__name__}.{name}() was not overridden'}", file=sys.stderr)
        return failure
    except Exception as error:  # noqa: BLE001 - whatever a callback raises must not cross the API
        print(f"[ERROR] Exception caught in {type(owner).__name__}.{name}():", file=sys.stderr)
        traceback.print_exc(file=sys.stderr)
        if raised is not None:
            raised.append(error)
        return failure


class Sink:
    """Where an object reports: its logger, and the error recorder that a script may have set."""

    __slots__ = ("logger", "recorder")

    def __init__(self, logger: Any = None, recorder: Any = None) -> None:
        self.logger = logger
        self.recorder = recorder

    def log(self, severity: str, text: str) -> None:
        """Hand one message to the logger; `severity` is the name of an ILogger.Severity member."""
        if self.logger is not None:
            call_back(self.logger, "log", None, getattr(self.logger.Severity, severity), text)

    def error(self, error: MinirtError) -> None:
        """Log an error of the core and report it to the error recorder."""
        self.log("ERROR", str(error))
        self.record(code_of(error), str(error))

    def record(self, code: str, text: str) -> None:
        """Report an error to the error recorder; `code` is the name of an ErrorCodeTRT member."""
        if self.recorder is not None:
            made = member(ErrorCodeTRT, code, dialect_of(self.recorder))
            call_back(self.recorder, "report_error", False, made, text)


SILENT = Sink()


def sink_of(owner: Any) -> Sink:
    """Return where an object of the API reports: its state's sink."""
    return getattr(getattr(owner, "_state", None), "sink", None) or SILENT


def boundary(failure: Any = None) -> Callable[[F], F]:
    """Turn errors of the core into a log line, a recorded error and the `failure` value; MINIRT_RAISE=1 raises."""

    def guard(function: F) -> F:
        @functools.wraps(function)
        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                return function(self, *args, **kwargs)
            except (MinirtError, MemoryError) as error:
                return told(self, error, failure)

        return call  # type: ignore[return-value]

    return guard


def told(owner: object, error: MinirtError | MemoryError, failure: Any) -> Any:
    """Return the failure value once an error is logged and recorded; raise the error where MINIRT_RAISE asks."""
    if isinstance(error, MinirtError):
        if flags().raise_errors:
            raise error
        sink_of(owner).error(error)
        return failure
    short = DeviceError(f"the host has too little memory: {error}", fix="use smaller shapes")
    if flags().raise_errors:
        raise short from error
    sink_of(owner).error(short)
    return failure
