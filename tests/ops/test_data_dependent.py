"""Chains of nodes whose sizes only the data tells, against onnxruntime, by reference and on the CPU."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, ValueInfoProto, helper, numpy_helper

from minirt.ops.evaluate import evaluate
from tests.ops.harness import IR_VERSION, assert_close, import_model, run_ort
from tests.ops.on_target import OnTarget
from tests.ops.plans import TARGETS, host_steps, plan_for
from tests.ops.strategies import array

Node = tuple[str, list[str], list[str], dict[str, Any]]

CHAINS: dict[str, tuple[list[Node], list[str]]] = {
    "elements that are positive, doubled and summed": (
        [
            ("Greater", ["x", "zero"], ["positive"], {}),
            ("NonZero", ["positive"], ["found"], {}),
            ("Transpose", ["found"], ["rows"], {"perm": [1, 0]}),
            ("GatherND", ["x", "rows"], ["kept"], {}),
            ("Add", ["kept", "kept"], ["doubled"], {}),
            ("ReduceSum", ["doubled"], ["total"], {"keepdims": 0}),
        ],
        ["doubled", "total"],
    ),
    "as many ones as are positive": (
        [
            ("Greater", ["x", "zero"], ["positive"], {}),
            ("NonZero", ["positive"], ["found"], {}),
            ("Shape", ["found"], ["size"], {"start": 1}),
            ("Expand", ["one", "size"], ["ones"], {}),
        ],
        ["ones"],
    ),
    "as many of the greatest as are positive": (
        [
            ("Greater", ["x", "zero"], ["positive"], {}),
            ("NonZero", ["positive"], ["found"], {}),
            ("Shape", ["found"], ["size"], {"start": 1}),
            ("Reshape", ["x", "all"], ["flat"], {}),
            ("TopK", ["flat", "size"], ["best", "places"], {}),
            ("Slice", ["flat", "none", "size"], ["head"], {}),
            ("Expand", ["one", "size"], ["ones"], {}),
            ("Mul", ["best", "ones"], ["product"], {}),
        ],
        ["product", "places", "head", "found"],
    ),
    "a range and a mask of a length read from the data": (
        [
            ("ReduceMax", ["n"], ["most"], {"keepdims": 0}),
            ("Range", ["none0", "most", "step"], ["places"], {}),
            ("Unsqueeze", ["n", "last"], ["lengths"], {}),
            ("Less", ["places", "lengths"], ["mask"], {}),
            ("Cast", ["mask"], ["weights"], {"to": TensorProto.FLOAT}),
            ("Softmax", ["weights"], ["shares"], {}),
            ("Shape", ["shares"], ["sizes"], {}),
            ("ConstantOfShape", ["sizes"], ["zeros"], {}),
            ("Concat", ["shares", "zeros"], ["both"], {"axis": 1}),
            ("Compress", ["both", "positive"], ["some"], {"axis": 0}),
        ],
        ["both", "sizes", "some"],
    ),
    "an image resized, padded, repeated and split by numbers that are computed": (
        [
            ("ReduceMax", ["n"], ["most"], {"keepdims": 1}),
            ("Concat", ["two", "most"], ["image"], {"axis": 0}),
            ("Resize", ["x", "", "", "image"], ["scaled"], {"mode": "linear"}),
            ("Concat", ["none", "most", "two", "none"], ["pads"], {"axis": 0}),
            ("Pad", ["scaled", "pads"], ["padded"], {}),
            ("Concat", ["most", "two"], ["repeats"], {"axis": 0}),
            ("Tile", ["x", "repeats"], ["tiled"], {}),
            ("ReduceMin", ["n"], ["least"], {"keepdims": 1}),
            ("Sub", ["seven", "least"], ["rest"], {}),
            ("Concat", ["least", "rest"], ["parts"], {"axis": 0}),
            ("Split", ["row", "parts"], ["left", "right"], {"axis": 0}),
            ("TopK", ["row", "least"], ["best", "where"], {}),
            ("OneHot", ["n", "most", "off_on"], ["hot"], {}),
        ],
        ["scaled", "padded", "tiled", "left", "right", "best", "where", "hot"],
    ),
    "a part of a concatenation that is made before the size of the other is read": (
        [
            ("Add", ["x", "x"], ["doubled"], {}),
            ("ReduceMax", ["doubled"], ["top"], {"keepdims": 1}),
            ("Greater", ["x", "zero"], ["positive"], {}),
            ("NonZero", ["positive"], ["found"], {}),
            ("Shape", ["found"], ["size"], {"start": 1}),
            ("Sub", ["x", "top"], ["less"], {}),
            ("Shape", ["x"], ["sizes"], {"end": 1}),
            ("Concat", ["sizes", "size"], ["shape"], {"axis": 0}),
            ("Expand", ["one", "shape"], ["ones"], {}),
            ("Concat", ["less", "ones"], ["both"], {"axis": 1}),
            ("Mul", ["x", "top"], ["times"], {}),
            ("Concat", ["both", "times"], ["three"], {"axis": 1}),
        ],
        ["three"],
    ),
}
NUMBERS: dict[str, Any] = {
    "zero": np.float32(0),
    "one": np.ones(1, np.float32),
    "all": np.array([-1]),
    "none": np.array([0]),
    "none0": np.array(0),
    "step": np.array(1),
    "last": np.array([-1]),
    "two": np.array([2]),
    "seven": np.array([7]),
    "row": np.arange(7, dtype=np.float32) % 4,
    "off_on": np.array([0, 1], np.float32),
}


def test_a_count_of_which_nothing_else_is_used() -> None:
    """The dim is named by Shape's result, which has no operands; it keeps NonZero."""
    nodes = [helper.make_node("NonZero", ["x"], ["found"]), helper.make_node("Shape", ["found"], ["size"])]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["A", "B"])
    graph = helper.make_graph(nodes, "count", [x], [ValueInfoProto(name="size")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=IR_VERSION)
    feeds = {"x": array((3, 4))}
    imported = import_model(model)
    for found in (evaluate(imported, feeds), OnTarget(imported)(feeds)):
        assert_close(found[0], run_ort(model, feeds)[0])


@pytest.mark.parametrize("chain", CHAINS)
def test_chain(chain: str) -> None:
    """One engine, several sizes."""
    nodes, outputs = CHAINS[chain]
    used = {name for node in nodes for name in node[1]}
    kinds = {
        "x": (TensorProto.FLOAT, ["A", "B"]),
        "n": (TensorProto.INT64, ["A"]),
        "positive": (TensorProto.BOOL, ["A"]),
    }
    made = {name for node in nodes for name in node[2]}
    inputs = [helper.make_tensor_value_info(k, *v) for k, v in kinds.items() if k in used - made]
    held = [numpy_helper.from_array(np.asarray(v), k) for k, v in NUMBERS.items() if k in used]
    listed = [helper.make_node(op, i, o, **attributes) for op, i, o, attributes in nodes]
    graph = helper.make_graph(listed, "chain", inputs, [ValueInfoProto(name=o) for o in outputs], held)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=IR_VERSION)
    imported = import_model(model)
    built = OnTarget(imported)
    for target in TARGETS:
        assert not host_steps(plan_for(imported, target))
    for seed, (a, b) in enumerate([(3, 4), (5, 2), (2, 7)]):
        given = {
            "x": array((a, b), seed=seed),
            "n": array((a,), np.int64, seed, 1, 6),
            "positive": array((a,), np.bool_, seed),
        }
        feeds = {i.name: given[i.name] for i in inputs}
        wanted = run_ort(model, feeds)
        for found in (evaluate(imported, feeds), built(feeds)):
            for got, want in zip(found, wanted, strict=True):
                assert_close(got, want)
