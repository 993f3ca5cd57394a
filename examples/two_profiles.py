"""One engine with a profile for single samples and one for batches, a context and a thread for each."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

import minirt as trt

W = np.random.default_rng(14).normal(size=(8, 4)).astype(np.float32)
RANGES = (((1, 8), (1, 8), (1, 8)), ((2, 8), (16, 8), (64, 8)))


def serve(context: Any, rows: int, wrong: list[str]) -> None:
    """Run twenty times, and note wrong results."""
    rng = np.random.default_rng(rows)
    for _ in range(20):
        x = rng.normal(size=(rows, 8)).astype(np.float32)
        got = context.run({"x": x})
        if got is None or not np.allclose(got["y"], np.maximum(x @ W, 0), atol=1e-4):
            wrong.append(f"{rows} rows")


def main() -> None:
    """Build with two profiles, run both at once."""
    logger = trt.Logger(trt.Logger.WARNING)
    builder = trt.Builder(logger)
    network = builder.create_network()
    x = network.add_input("x", trt.float32, (-1, 8))
    w = network.add_constant(W.shape, W).get_output(0)
    none = trt.MatrixOperation.NONE
    product = network.add_matrix_multiply(x, none, w, none).get_output(0)
    out = network.add_activation(product, trt.ActivationType.RELU).get_output(0)
    out.name = "y"
    network.mark_output(out)
    config = builder.create_builder_config()
    config.clear_flag(trt.BuilderFlag.TF32)  # full float32 products, so that the check can be tight
    for index, shapes in enumerate(RANGES):
        profile = builder.create_optimization_profile()
        profile.set_shape("x", *shapes)
        assert config.add_optimization_profile(profile) == index
    data = builder.build_serialized_network(network, config)
    engine = trt.Runtime(logger).deserialize_cuda_engine(data)
    assert engine.num_optimization_profiles == len(RANGES)
    wrong: list[str] = []
    threads = []
    for index, rows in enumerate((1, 33)):
        assert tuple(map(tuple, engine.get_tensor_profile_shape("x", index))) == RANGES[index]
        context = engine.create_execution_context()
        assert context.set_optimization_profile_async(index, 0)
        assert context.active_optimization_profile == index
        threads.append(threading.Thread(target=serve, args=(context, rows, wrong)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong, wrong
    print("40 runs in two threads are right")


if __name__ == "__main__":
    main()
