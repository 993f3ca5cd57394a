"""Ctrl-C during a long inference on the CPU: it ends it between steps, and the context is as good as before."""

from __future__ import annotations

import os
import signal
import threading
import time

import numpy as np
import pytest

import minirt as trt

SIZE = 640
STEPS = 160


def test_a_long_run_is_interrupted_between_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIRT_TARGET", "cpu")
    builder = trt.Builder(trt.Logger(trt.Logger.ERROR))
    network = builder.create_network()
    y = network.add_input("x", trt.float32, (SIZE, SIZE))
    turn = network.add_constant((SIZE, SIZE), np.eye(SIZE, k=1, dtype=np.float32)).get_output(0)
    none = trt.MatrixOperation.NONE
    for _ in range(STEPS):
        y = network.add_matrix_multiply(y, none, turn, none).get_output(0)
        y = network.add_softmax(y).get_output(0)
    y.name = "y"
    network.mark_output(y)
    engine = builder.build_engine_with_config(network, builder.create_builder_config())
    context = engine.create_execution_context()
    feeds = {"x": np.ones((SIZE, SIZE), np.float32)}
    start = time.perf_counter()
    whole = context.run(feeds)["y"]
    took = time.perf_counter() - start
    if took < 0.25:
        pytest.skip(f"this machine needs {took:.2f} s for it, which is no long run")
    for _ in range(3):
        threading.Timer(took / 4, os.kill, (os.getpid(), signal.SIGINT)).start()
        start = time.perf_counter()
        with pytest.raises(KeyboardInterrupt):
            context.run(feeds)
            time.sleep(10)
        assert time.perf_counter() - start < max(0.8 * took, 0.5)
    np.testing.assert_array_equal(context.run(feeds)["y"], whole)
