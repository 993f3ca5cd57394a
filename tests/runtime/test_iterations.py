"""Loops that the data end, on one context: as many iterations as each run asks for, with states that change places."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import minirt as trt
from tests.api.nets import Keeper

FLOAT, WIDTH = TensorProto.FLOAT, 4


def loop_model() -> bytes:
    """Two states that change places, a scan output, an end by the trip count or by the data."""

    def info(name: str, kind: int, *shape: Any) -> Any:
        return helper.make_tensor_value_info(name, kind, shape)

    nodes = [
        helper.make_node("Mul", ["a", "factor"], ["scaled"]),
        helper.make_node("Add", ["scaled", "b"], ["next"]),
        helper.make_node("Identity", ["a"], ["before"]),
        helper.make_node("ReduceMax", ["next"], ["most"], keepdims=0),
        helper.make_node("Less", ["most", "limit"], ["go"]),
        helper.make_node("Cast", ["i"], ["number"], to=FLOAT),
        helper.make_node("Add", ["most", "number"], ["seen"]),
    ]
    states = [info("a", FLOAT, WIDTH), info("b", FLOAT, WIDTH)]
    results = [info("go", TensorProto.BOOL), info("before", FLOAT, WIDTH), info("next", FLOAT, WIDTH)]
    body = helper.make_graph(
        nodes, "body", [info("i", TensorProto.INT64), info("on", TensorProto.BOOL), *states],
        [*results, info("seen", FLOAT)],
    )  # fmt: skip
    node = helper.make_node("Loop", ["count", "yes", "a0", "b0"], ["a1", "b1", "all"], body=body)
    given = [info("count", TensorProto.INT64), info("limit", FLOAT), info("factor", FLOAT)]
    given += [info("a0", FLOAT, WIDTH), info("b0", FLOAT, WIDTH)]
    outs = [info("a1", FLOAT, WIDTH), info("b1", FLOAT, WIDTH), info("all", FLOAT, "n")]
    graph = helper.make_graph([node], "loop", given, outs, [numpy_helper.from_array(np.array(True), "yes")])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(made.SerializeToString())


def test_each_run_has_its_own_number_of_iterations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINIRT_TARGET", "cpu")
    model, logger = loop_model(), Keeper()
    builder = trt.Builder(logger)
    network = builder.create_network()
    assert trt.OnnxParser(network, logger).parse(model)
    data = builder.build_serialized_network(network, builder.create_builder_config())
    context = trt.Runtime(logger).deserialize_cuda_engine(data).create_execution_context()
    session = onnxruntime.InferenceSession(model)
    rng = np.random.default_rng(2)
    for turn, count in enumerate([1, 0, 2, 9, 3, 12, 5, 40, 8, 1, 11]):
        feeds = {
            "count": np.array(count, np.int64), "factor": np.array(0.25 + 0.25 * (turn % 3), np.float32),
            "limit": np.array(3.0 if turn % 4 == 3 else 1e9, np.float32),
            "a0": rng.uniform(0.1, 1, WIDTH).astype(np.float32), "b0": rng.uniform(0.1, 1, WIDTH).astype(np.float32),
        }  # fmt: skip
        found = context.run(feeds)
        for name, expected in zip(("a1", "b1", "all"), session.run(None, feeds), strict=True):
            np.testing.assert_allclose(found[name], expected, rtol=1e-5, err_msg=f"{name} of run {turn}")
