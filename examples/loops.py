"""Loops by the network API: a recurrent network over a sequence, and a loop that runs while a condition holds."""

from __future__ import annotations

from typing import Any

import numpy as np

import minirt as trt

rng = np.random.default_rng(11)
W = rng.normal(size=(3, 5)).astype(np.float32)
U = rng.normal(size=(5, 5)).astype(np.float32) / 2
NONE = trt.MatrixOperation.NONE
SUM = trt.ElementWiseOperation.SUM


def add_rnn(network: Any) -> None:
    """Add h = tanh(x[t] @ W + h @ U) over all steps: the last state, and the states of all steps."""
    x = network.add_input("x", trt.float32, (7, 2, 3))
    w, u = (network.add_constant(a.shape, a).get_output(0) for a in (W, U))
    start = network.add_constant((2, 5), np.zeros((2, 5), np.float32)).get_output(0)
    steps = network.add_constant((), np.array([7], np.int32)).get_output(0)
    loop = network.add_loop()
    loop.add_trip_limit(steps, trt.TripLimit.COUNT)
    step = loop.add_iterator(x).get_output(0)
    state = loop.add_recurrence(start)
    from_input = network.add_matrix_multiply(step, NONE, w, NONE).get_output(0)
    from_state = network.add_matrix_multiply(state.get_output(0), NONE, u, NONE).get_output(0)
    total = network.add_elementwise(from_input, from_state, SUM).get_output(0)
    after = network.add_activation(total, trt.ActivationType.TANH).get_output(0)
    state.set_input(1, after)
    last = loop.add_loop_output(state.get_output(0), trt.LoopOutput.LAST_VALUE).get_output(0)
    every = loop.add_loop_output(after, trt.LoopOutput.CONCATENATE, 0)
    every.set_input(1, steps)
    last.name, every.get_output(0).name = "last", "every"
    network.mark_output(last)
    network.mark_output(every.get_output(0))


def add_doubling(network: Any) -> None:
    """Add a loop that doubles 1 while it is below a limit."""
    limit = network.add_input("limit", trt.float32, ())
    loop = network.add_loop()
    value = loop.add_recurrence(network.add_constant((), np.ones(1, np.float32)).get_output(0))
    now = value.get_output(0)
    less = network.add_elementwise(now, limit, trt.ElementWiseOperation.LESS).get_output(0)
    loop.add_trip_limit(less, trt.TripLimit.WHILE)
    value.set_input(1, network.add_elementwise(now, now, SUM).get_output(0))
    power = loop.add_loop_output(now, trt.LoopOutput.LAST_VALUE).get_output(0)
    power.name = "power"
    network.mark_output(power)


def main() -> None:
    """Build both loops into one engine, run, compare."""
    logger = trt.Logger(trt.Logger.WARNING)
    builder = trt.Builder(logger)
    network = builder.create_network()
    add_rnn(network)
    add_doubling(network)
    config = builder.create_builder_config()
    config.clear_flag(trt.BuilderFlag.TF32)  # full float32 products, so that the check can be tight
    data = builder.build_serialized_network(network, config)
    context = trt.Runtime(logger).deserialize_cuda_engine(data).create_execution_context()
    x = rng.normal(size=(7, 2, 3)).astype(np.float32)
    states, h = [], np.zeros((2, 5))
    for step in x:
        h = np.tanh(step @ W + h @ U)
        states.append(h)
    for limit, power in ((100, 128), (1, 1), (4096, 4096)):
        got = context.run({"x": x, "limit": np.array(limit, np.float32)})
        np.testing.assert_allclose(got["last"], h, atol=1e-5)
        np.testing.assert_allclose(got["every"], states, atol=1e-5)
        assert float(got["power"]) == power
    print("last state:", np.round(got["last"][0], 3))


if __name__ == "__main__":
    main()
