"""Other weights for engines that are there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import helper

import minirt as trt
from tests.api.nets import Keeper, same
from tests.api.test_parser import W, conv_relu, info, model

RNG = np.random.default_rng(10)
K = RNG.normal(size=(4, 3, 1, 1)).astype(np.float32)
B = RNG.normal(size=4).astype(np.float32)
C = RNG.normal(size=(1, 4, 1, 1)).astype(np.float32)
X = RNG.normal(size=(1, 3, 5, 5)).astype(np.float32)


@pytest.fixture(autouse=True)
def _cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIRT_TARGET", "cpu")


def wanted(k: Any, b: Any, c: Any) -> Any:
    """Return what the network below computes."""
    return np.maximum(np.einsum("nchw,mc->nmhw", X, k[:, :, 0, 0]) + b[:, None, None], 0) * c


def engine_of(logger: Keeper, *flags: Any) -> Any:
    """Return an engine of relu(convolution) * constant."""
    builder = trt.Builder(logger)
    net = builder.create_network()
    conv = net.add_convolution_nd(net.add_input("x", trt.float32, X.shape), 4, (1, 1), K, B)
    conv.name = "conv"
    act = net.add_activation(conv.get_output(0), trt.ActivationType.RELU)
    held = net.add_constant(C.shape, C)
    held.name = "factor"
    out = net.add_elementwise(act.get_output(0), held.get_output(0), trt.ElementWiseOperation.PROD).get_output(0)
    out.name = "y"
    net.mark_output(out)
    config = builder.create_builder_config()
    for flag in flags:
        config.set_flag(flag)
    return trt.Runtime(logger).deserialize_cuda_engine(builder.build_serialized_network(net, config))


def test_refit_by_layer_and_role() -> None:
    logger = Keeper()
    engine = engine_of(logger, trt.BuilderFlag.REFIT)
    assert engine.refittable
    context = engine.create_execution_context()
    same(context.run({"x": X})["y"], wanted(K, B, C), 1e-4)
    refitter = trt.Refitter(engine, logger)
    layers, roles = refitter.get_all()
    role = trt.WeightsRole
    assert set(zip(layers, roles, strict=True)) == {
        ("conv", role.KERNEL),
        ("conv", role.BIAS),
        ("factor", role.CONSTANT),
    }
    k, c = -K, C + 1
    assert refitter.set_weights("conv", role.KERNEL, k)
    assert refitter.set_weights("factor", role.CONSTANT, c)
    assert refitter.get_missing() == ([], [])
    same(context.run({"x": X})["y"], wanted(K, B, C), 1e-4)
    assert refitter.refit_cuda_engine()
    same(context.run({"x": X})["y"], wanted(k, B, c), 1e-4)
    again = trt.Runtime(logger).deserialize_cuda_engine(engine.serialize())
    same(again.create_execution_context().run({"x": X})["y"], wanted(k, B, c), 1e-4)
    second = trt.Refitter(again, logger)
    assert second.set_weights("conv", role.BIAS, B * 2)
    assert second.refit_cuda_engine()
    same(again.create_execution_context().run({"x": X})["y"], wanted(k, B * 2, c), 1e-4)


def test_refit_refuses_what_does_not_fit() -> None:
    logger = Keeper()
    refitter = trt.Refitter(engine_of(logger, trt.BuilderFlag.REFIT), logger)
    assert not refitter.set_weights("conv", trt.WeightsRole.KERNEL, B)
    assert not refitter.set_weights("none", trt.WeightsRole.KERNEL, K)
    assert not refitter.set_weights("conv", trt.WeightsRole.BIAS, B * np.float32(np.nan))
    assert not refitter.set_named_weights("none", K)
    assert not refitter.set_weights("conv", trt.WeightsRole.BIAS, B.astype(np.float16))
    assert "float16" in logger.errors[-1] and len(logger.errors) == 5
    refitter.weights_validation = False
    assert refitter.set_weights("conv", trt.WeightsRole.BIAS, B * np.float32(np.nan))


def test_weights_that_were_read_from_a_layer_are_named() -> None:
    builder = trt.Builder(Keeper())
    net = builder.create_network()
    layers = [net.add_constant((4,), trt.Weights(values)) for values in (B, B + 1)]
    total = net.add_elementwise(layers[0].get_output(0), layers[1].get_output(0), trt.ElementWiseOperation.SUM)
    total.get_output(0).name = "y"
    net.mark_output(total.get_output(0))
    assert net.set_weights_name(trt.Weights(np.array(layers[1].weights)), "copied") is False
    assert net.set_weights_name(layers[1].weights, "mine")
    config = builder.create_builder_config()
    config.set_flag(trt.BuilderFlag.REFIT)
    engine = trt.Runtime(Keeper()).deserialize_cuda_engine(builder.build_serialized_network(net, config))
    refitter = trt.Refitter(engine, Keeper())
    assert "mine" in refitter.get_all_weights() and "copied" not in refitter.get_all_weights()
    assert refitter.set_named_weights("mine", C.reshape(-1)) and refitter.refit_cuda_engine()
    same(engine.create_execution_context().run({})["y"], B + C.reshape(-1))


def test_an_engine_without_the_flag_is_not_refittable() -> None:
    logger = Keeper()
    engine = engine_of(logger)
    assert not engine.refittable
    with pytest.raises(TypeError, match="nullptr"):
        trt.Refitter(engine, logger)
    assert "BuilderFlag.REFIT" in logger.errors[0]


def test_refit_from_onnx() -> None:
    logger = Keeper()
    builder = trt.Builder(logger)
    net = builder.create_network()
    assert trt.OnnxParser(net, logger).parse(conv_relu((1, 3, 8, 8)))
    config = builder.create_builder_config()
    config.set_flag(trt.BuilderFlag.REFIT)
    engine = builder.build_engine_with_config(net, config)
    refitter = trt.Refitter(engine, logger)
    assert refitter.get_all_weights() == ["w"]
    assert refitter.get_weights_prototype("w").size == W.size
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"], name="conv", pads=[1, 1, 1, 1])]
    other = model(nodes, [info("x", [1, 3, 8, 8])], [info("y", [1, 4, 8, 8])], w=-W)
    parser = trt.OnnxParserRefitter(refitter, logger)
    assert parser.refit_from_bytes(other)
    assert (refitter.get_named_weights("w").numpy() == -W.reshape(-1)).all()
    x = RNG.normal(size=(1, 3, 8, 8)).astype(np.float32)
    before = engine.create_execution_context().run({"x": x})["y"]
    assert refitter.refit_cuda_engine()
    after = engine.create_execution_context().run({"x": x})["y"]
    raw = np.where(before > 0, before, 0)
    assert (before > 0).any()
    assert not after[raw > 0].any()
    bad = model(nodes, [info("x", [1, 3, 8, 8])], [info("y", [1, 4, 8, 8])], w=np.zeros((4, 3, 1, 1), np.float32))
    assert not parser.refit_from_bytes(bad)
    assert parser.num_errors == 1
    assert not parser.refit_from_bytes(b"junk")
    assert "w" not in refitter._state.pending  # type: ignore[attr-defined]


def test_equal_weights_of_two_layers_are_refitted_apart() -> None:
    logger = Keeper()
    builder = trt.Builder(logger)
    net = builder.create_network()
    x = net.add_input("x", trt.float32, (2,))
    for name in ("a", "b"):
        layer = net.add_constant((2,), np.ones(2, np.float32))
        layer.name = name
        x = net.add_elementwise(x, layer.get_output(0), trt.ElementWiseOperation.SUM).get_output(0)
    net.mark_output(x)
    config = builder.create_builder_config()
    config.set_flag(trt.BuilderFlag.REFIT)
    engine = builder.build_engine_with_config(net, config)
    refitter = trt.Refitter(engine, logger)
    assert refitter.set_weights("b", trt.WeightsRole.CONSTANT, np.array([10, 20], np.float32))
    assert refitter.refit_cuda_engine()
    got = engine.create_execution_context().run({"x": np.zeros(2, np.float32)})
    assert next(iter(got.values())).tolist() == [11, 21]


def test_lists_of_nodes() -> None:
    nodes = trt.NodeIndices([1, 2, 3])
    nodes.append(4)
    assert nodes == [1, 2, 3, 4]
    assert (len(nodes), nodes[0], list(nodes[1:3]), 4 in nodes, nodes.pop()) == (4, 1, [2, 3], True, 4)
    parts = trt.SubGraphCollection([([0], True)])
    assert parts == [([0], True)]
