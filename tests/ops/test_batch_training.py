"""Batch normalisation by the batch's own statistics, as old opsets ask for it: by five outputs, no attribute."""

from __future__ import annotations

import numpy as np
from onnx import ValueInfoProto, helper, numpy_helper

from minirt.ops.evaluate import evaluate
from tests.ops.harness import IR_VERSION, assert_close, import_model, run_ort
from tests.ops.on_target import OnTarget
from tests.ops.strategies import array


def test_five_outputs_before_opset_14_normalize_by_the_batch() -> None:
    """How exporters spell weights that are standardized (nets without normalisation of activations)."""
    held = {name: np.arange(3, dtype=np.float32) + start for name, start in (("s", 1), ("b", 0), ("m", 2), ("v", 3))}
    nodes = [helper.make_node("BatchNormalization", ["x", *held], ["y", "m1", "v1", "sm", "sv"], epsilon=1e-3)]
    inputs = [helper.make_tensor_value_info("x", 1, [4, 3, 5])]
    outputs = [ValueInfoProto(name=name) for name in ("y", "m1", "v1")]
    weights = [numpy_helper.from_array(v, k) for k, v in held.items()]
    graph = helper.make_graph(nodes, "standardized", inputs, outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=IR_VERSION)
    feeds = {"x": array((4, 3, 5)) + np.float32(2)}
    imported = import_model(model)
    wanted = run_ort(model, feeds)[0]
    for found in (evaluate(imported, feeds), OnTarget(imported)(feeds)):
        assert_close(found[0], wanted)
        mean = feeds["x"].mean((0, 2))
        assert_close(found[1], held["m"] * np.float32(0.9) + mean * np.float32(0.1))
