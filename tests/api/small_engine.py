"""A small engine that several tests run: relu(x @ W.T) for x of 1 to 8 rows, on the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np

import minirt as trt

RNG = np.random.default_rng(2)
W = RNG.normal(size=(5, 4)).astype(np.float32)


def plan(logger: Any, dynamic: bool = True) -> Any:
    """Return the bytes of relu(x @ W.T) for x of 1 to 8 rows."""
    builder = trt.Builder(logger)
    net = builder.create_network()
    x = net.add_input("x", trt.float32, (-1 if dynamic else 3, 4))
    w = net.add_constant(W.shape, W).get_output(0)
    product = net.add_matrix_multiply(x, trt.MatrixOperation.NONE, w, trt.MatrixOperation.TRANSPOSE)
    out = net.add_activation(product.get_output(0), trt.ActivationType.RELU).get_output(0)
    out.name = "y"
    net.mark_output(out)
    config = builder.create_builder_config()
    if dynamic:
        profile = builder.create_optimization_profile()
        profile.set_shape("x", (1, 4), (4, 4), (8, 4))
        assert config.add_optimization_profile(profile) == 0
    return builder.build_serialized_network(net, config)


def wanted(x: Any) -> Any:
    """Return what the engine computes."""
    return np.maximum(x @ W.T, 0)
