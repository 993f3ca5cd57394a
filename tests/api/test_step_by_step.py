"""Runs layer by layer, each waited for and logged: `debug_sync`, BuilderFlag.DEBUG and Builder.debug_sync of 7."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import minirt as trt
from minirt import v7
from tests.api.nets import Keeper

pytestmark = pytest.mark.usefixtures("cpu")


def filled(net: Any) -> None:
    """Fill a network: y = softmax(softmax(x @ W) @ W), with a branch that only the data chooses."""
    none = trt.MatrixOperation.NONE
    y = net.add_input("x", trt.float32, (8, 8))
    for number in range(2):
        matrix = net.add_constant((8, 8), np.eye(8, dtype=np.float32)).get_output(0)
        product = net.add_matrix_multiply(y, none, matrix, none)
        product.name = f"product {number}"
        soft = net.add_softmax(product.get_output(0))
        soft.name, soft.axes = f"softmax {number}", 2
        y = soft.get_output(0)
    places = net.add_non_zero(y)
    places.name = "places"
    for name, tensor in (("y", y), ("places", places.get_output(0))):
        tensor.name = name
        net.mark_output(tensor)


def engine_of(logger: Keeper, debug: bool) -> Any:
    builder: Any = trt.Builder(logger)
    net, config = builder.create_network(), builder.create_builder_config()
    filled(net)
    if debug:
        config.set_flag(trt.BuilderFlag.DEBUG)
    return trt.Runtime(logger).deserialize_cuda_engine(builder.build_serialized_network(net, config))


def told(logger: Keeper) -> list[str]:
    """Take the layers that the log tells of, in order."""
    heard = [text for severity, text in logger.messages if severity == trt.Logger.VERBOSE and text.endswith(" is done")]
    logger.messages.clear()
    return [text.split("'")[1] for text in heard]


def in_order(layers: list[str]) -> bool:
    """Whether each layer of the network is told of, after those before it."""
    names = ["product 0", "softmax 0", "product 1", "softmax 1", "places"]
    found = [next((i for i, layer in enumerate(layers) if name in layer), -1) for name in names]
    return found == sorted(found) and -1 not in found


X = {"x": np.random.default_rng(0).normal(size=(8, 8)).astype(np.float32)}


def test_debug_sync_tells_each_layer_as_it_ends() -> None:
    logger = Keeper()
    context = engine_of(logger, False).create_execution_context()
    plain = context.run(X)
    assert told(logger) == []
    assert not context.debug_sync
    context.debug_sync = True
    for _ in range(2):
        checked = context.run(X)
        assert in_order(told(logger))
        np.testing.assert_array_equal(checked["y"], plain["y"])
        np.testing.assert_array_equal(checked["places"], plain["places"])
    context.debug_sync = False
    context.run(X)
    assert told(logger) == []


def test_an_engine_of_the_debug_flag_always_does_so() -> None:
    logger = Keeper()
    engine = engine_of(logger, True)
    assert not any("DEBUG" in text for _, text in logger.messages)
    context = engine.create_execution_context()
    assert not context.debug_sync
    context.run(X)
    assert in_order(told(logger))
    context.debug_sync = False
    context.run(X)
    assert in_order(told(logger))


def test_so_does_a_builder_of_seven() -> None:
    logger: Any = Keeper()
    builder: Any = v7.Builder(logger)
    net = builder.create_network(1 << int(v7.NetworkDefinitionCreationFlag.EXPLICIT_BATCH))
    x = net.add_input("x", v7.float32, (8, 8))
    soft = net.add_softmax(x)
    soft.name = "soft"
    net.mark_output(soft.get_output(0))
    for on in (False, True):
        builder.debug_sync = on
        context = builder.build_cuda_engine(net).create_execution_context()
        logger.messages.clear()
        context.run(X)
        assert told(logger) == ["soft"] * on
