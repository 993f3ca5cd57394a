"""Errors kept for a program to read, with their codes, beside the log that people read."""

from __future__ import annotations

from typing import Any

import numpy as np

import minirt as trt


class Errors(trt.IErrorRecorder):
    """Keeps the first errors."""

    MOST = 8

    def __init__(self) -> None:
        trt.IErrorRecorder.__init__(self)
        self.held: list[tuple[Any, str]] = []
        self.lost = False

    def get_num_errors(self) -> int:
        """Return how many errors are held."""
        return len(self.held)

    def get_error_code(self, index: int) -> Any:
        """Return an error's code."""
        return self.held[index][0]

    def get_error_desc(self, index: int) -> str:
        """Return an error's text."""
        return self.held[index][1]

    def has_overflowed(self) -> bool:
        """Return whether errors were dropped."""
        return self.lost

    def clear(self) -> None:
        """Forget all errors."""
        self.held.clear()
        self.lost = False

    def report_error(self, code: Any, desc: str) -> bool:
        """Take an error."""
        self.lost = len(self.held) >= self.MOST
        if not self.lost:
            self.held.append((code, desc))
        return True


class Quiet(trt.ILogger):
    """Says nothing: what goes wrong here does so on purpose."""

    def log(self, severity: Any, msg: str) -> None:
        """Hear a message."""


def main() -> None:
    """Make mistakes, read what was recorded, go on."""
    logger, errors = Quiet(), Errors()
    runtime = trt.Runtime(logger)
    runtime.error_recorder = errors
    assert runtime.deserialize_cuda_engine(b"not an engine") is None
    assert errors.num_errors() == 1
    assert errors.get_error_code(0) == trt.ErrorCodeTRT.FAILED_INITIALIZATION

    builder = trt.Builder(logger)
    network = builder.create_network()
    out = network.add_unary(network.add_input("x", trt.float32, (4,)), trt.UnaryOperation.NEG).get_output(0)
    out.name = "y"
    network.mark_output(out)
    data = builder.build_serialized_network(network, builder.create_builder_config())
    context = runtime.deserialize_cuda_engine(data).create_execution_context()
    errors.clear()
    assert not context.set_input_shape("x", (5,))
    assert not context.execute_async_v3(0)
    assert [code for code, _ in errors.held] == [trt.ErrorCodeTRT.INVALID_ARGUMENT] * 2
    for i in range(errors.num_errors()):
        print(errors.get_error_code(i), "-", errors.get_error_desc(i))
    x = np.arange(4, dtype=np.float32)
    assert (context.run({"x": x})["y"] == -x).all(), "the context is usable after errors"
    assert errors.num_errors() == 2


if __name__ == "__main__":
    main()
