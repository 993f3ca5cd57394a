"""Loggers and error recorders: what a script hands in to hear about the work, and the plain Logger that prints."""

from __future__ import annotations

import sys
import time
import warnings
from typing import Any

from minirt.api.declare import attr, plain
from minirt.api.dialect import Api, dialect_of, spanned
from minirt.api.enum import Enum
from minirt.api.enums import ErrorCodeTRT

_LETTERS = {"INTERNAL_ERROR": "F", "ERROR": "E", "WARNING": "W", "INFO": "I", "VERBOSE": "V"}


WITH_WARNING = (
    "Context managers for TensorRT types are deprecated. "
    "Memory will be freed automatically when the reference count reaches 0."
)


class _Severity(Enum, members="INTERNAL_ERROR=0 ERROR=1 WARNING=2 INFO=3 VERBOSE=4", arithmetic=True):
    """How grave a message is; the lower the graver."""


_Severity.__name__ = "Severity"
_Severity.__qualname__ = "ILogger.Severity"


class Managed(Api):
    """Base of objects that work in a `with` statement, which does not end their life."""

    def __enter__(self) -> Any:
        if dialect_of(self) >= 8:
            warnings.warn(WITH_WARNING, DeprecationWarning, stacklevel=2)
        return self

    def __exit__(self, exc_type: Any, exc_value: Any, traceback: Any) -> None:
        return None


class ILogger(Managed):
    """Base of loggers: a subclass overrides `log`."""

    Severity = _Severity
    INTERNAL_ERROR = _Severity.INTERNAL_ERROR
    ERROR = _Severity.ERROR
    WARNING = _Severity.WARNING
    INFO = _Severity.INFO
    VERBOSE = _Severity.VERBOSE

    def __init__(self) -> None:
        self._state: Any = None

    @spanned(since=8)
    def log(self, severity: _Severity, msg: str) -> None:
        """Take one message; subclasses override this."""
        raise NotImplementedError(f"{type(self).__name__}.log() was not overridden")


class _Threshold:
    """The state of a Logger: the least grave severity that it prints."""

    __slots__ = ("min_severity",)

    def __init__(self, min_severity: Any) -> None:
        self.min_severity = min_severity


class Logger(ILogger):
    """A logger that prints messages of a severity and graver ones."""

    min_severity = plain("min_severity", _Severity, "The least grave severity that is printed.")

    def __init__(self, min_severity: Any = None) -> None:
        if min_severity is not None and not _Severity.takes(min_severity):
            raise TypeError(f"min_severity is an ILogger.Severity, not {min_severity!r}")
        self._state = _Threshold(self.Severity.WARNING if min_severity is None else min_severity)

    def log(self, severity: _Severity, msg: str) -> None:
        """Print a message if it is grave enough: `[MM/DD/YYYY-HH:MM:SS] [TRT] [W] text`."""
        if int(severity) > int(self._state.min_severity):
            return
        if dialect_of(self) < 8:
            print(f"[TensorRT] {severity.name}: {msg}", file=sys.stderr, flush=True)
        else:
            moment = time.strftime("%m/%d/%Y-%H:%M:%S")
            print(f"[{moment}] [TRT] [{_LETTERS.get(severity.name, 'E')}] {msg}", flush=True)


def _unreadable(recorder: object) -> int:
    raise TypeError("MAX_DESC_LENGTH cannot be read on an instance, in the bindings neither")


class IErrorRecorder(Api):
    """Base of error recorders: a subclass overrides all of it, `get_num_errors` in place of `num_errors`."""

    def __init__(self) -> None:
        self._state: Any = None

    MAX_DESC_LENGTH = attr(_unreadable, doc="Longest description kept; not readable on an instance.", since=8)

    def num_errors(self) -> int:
        """Return how many errors are held."""
        return int(self.get_num_errors())

    def get_num_errors(self) -> int:
        """Return how many errors are held; subclasses override this."""
        raise NotImplementedError

    def get_error_code(self, error_idx: int, /) -> ErrorCodeTRT:
        """Return the code of an error; subclasses override this."""
        raise NotImplementedError

    def get_error_desc(self, error_idx: int, /) -> str:
        """Return the description of an error; subclasses override this."""
        raise NotImplementedError

    def has_overflowed(self) -> bool:
        """Return whether errors were dropped; subclasses override this."""
        raise NotImplementedError

    def clear(self) -> None:
        """Forget all errors; subclasses override this."""
        raise NotImplementedError

    def report_error(self, code: ErrorCodeTRT, desc: str, /) -> bool:
        """Take an error and return whether it was kept; subclasses override this."""
        raise NotImplementedError
