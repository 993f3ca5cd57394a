"""Models of a few bytes that ask for the moon: each is refused in a sentence, at once, and nothing is waited for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import minirt as trt
from minirt.errors import GraphError, MinirtError, ModelFormatError

X = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3])
Y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
OPSETS = [helper.make_opsetid("", 17), helper.make_opsetid("mine", 1)]


@pytest.fixture(autouse=True)
def raising(monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors are raised, on the CPU target."""
    monkeypatch.setenv("MINIRT_RAISE", "1")
    monkeypatch.setenv("MINIRT_TARGET", "cpu")


def model(nodes: list[onnx.NodeProto], held: dict[str, Any] | None = None, inputs: Any = (X,), **options: Any) -> bytes:
    arrays = [numpy_helper.from_array(np.asarray(v), k) for k, v in (held or {}).items()]
    graph = helper.make_graph(nodes, "net", list(inputs), [Y], arrays)
    made: bytes = helper.make_model(graph, opset_imports=OPSETS, ir_version=9, **options).SerializeToString()
    return made


def node(op: str, inputs: Sequence[str], outputs: Sequence[str] = ("y",), **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(op, inputs, outputs, name="it", **attributes)


def built(source: bytes | Path) -> Any:
    """What a build makes of a model; raises what a parse or a build raises."""
    log = trt.Logger(trt.Logger.INTERNAL_ERROR)
    builder = trt.Builder(log)
    network = builder.create_network()
    parser = trt.OnnxParser(network, log)
    parser.parse_from_file(str(source)) if isinstance(source, Path) else parser.parse(source)
    return builder.build_serialized_network(network, builder.create_builder_config())


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (model([node("Reshape", ["x", "s"])], {"s": np.array([-2, -3])}), r"f32\[-2,-3\] has a dim below 0"),
        (model([node("Reshape", ["x", "s"])], {"s": np.array([4, -1])}), "not whole"),
        (model([node("Tile", ["x", "s"])], {"s": np.array([-1, 2])}), "below 0"),
        (model([node("Tile", ["x", "s"])], {"s": np.array([1 << 40, 1 << 40])}), "more elements than there can be"),
        (model([node("Expand", ["x", "s"])], {"s": np.ones((9, 9), np.float32)}), "81 axes is not supported"),
        (model([node("Expand", ["x", "x"])]), "a shape is a vector of integers"),
        (model([node("Unsqueeze", ["x", "a"])], {"a": np.array([0, 0])}), "name a place twice"),
        (model([node("Unsqueeze", ["x", "a"])], {"a": np.arange(70)}), "72 axes is not supported"),
        (model([node("MelWeightMatrix", "abcde")], {"a": np.int64(1 << 20), "b": np.int64(1 << 30), "c": np.int64(8000),
               "d": np.float32(0), "e": np.float32(4000)}), "more memory than there is"),
    ],
)  # fmt: skip
def test_numbers_that_no_tensor_has(made: bytes, why: str) -> None:
    with pytest.raises(MinirtError, match=why) as caught:
        built(made)
    assert "it" in str(caught.value)


def test_a_window_of_nothing() -> None:
    picture = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 1, 4, 4])
    with pytest.raises(MinirtError, match="a window of 0 holds nothing"):
        built(model([node("MaxPool", ["x"], kernel_shape=[0, 0])], inputs=[picture]))


@pytest.mark.parametrize("last", [[], [helper.make_node("Relu", ["a"], ["b"])]])
def test_functions_that_double(last: list[onnx.NodeProto]) -> None:
    """40 functions, each of which calls the next twice, are 2^40 nodes."""

    def function(number: int, body: list[onnx.NodeProto]) -> onnx.FunctionProto:
        return helper.make_function("mine", f"F{number}", ["a"], ["b"], body, OPSETS)

    def call(number: int, source: str, result: str) -> onnx.NodeProto:
        return helper.make_node(f"F{number}", [source], [result], domain="mine")

    chain = [function(i, [call(i + 1, "a", "t"), call(i + 1, "t", "b")]) for i in range(40)]
    with pytest.raises(ModelFormatError, match="stand for more than 262144 nodes") as caught:
        built(model([call(0, "x", "y")], functions=[*chain, function(40, last)]))
    assert len(str(caught.value)) < 250


def test_branches_nested_deeper_than_an_engine_holds() -> None:
    """Refused by the build: the engine would not load."""
    result = [helper.make_tensor_value_info("o", TensorProto.FLOAT, None)]
    plain = helper.make_graph([helper.make_node("Identity", ["x"], ["o"])], "plain", [], result)
    body = plain
    for _ in range(18):
        chosen = helper.make_node("If", ["c"], ["o"], then_branch=body, else_branch=plain)
        body = helper.make_graph([chosen], "inner", [], result)
    flag = helper.make_tensor_value_info("c", TensorProto.BOOL, [])
    with pytest.raises(GraphError, match="nested more than 16 deep"):
        built(model([node("If", ["c"], then_branch=body, else_branch=plain)], inputs=[X, flag]))


def test_constants_that_double_are_not_computed() -> None:
    """Thirty steps would fill 8 GB; what is left of them is run, if ever, where it is asked for."""
    steps = [helper.make_node("Concat", [f"t{i}"] * 2, [f"t{i + 1}"], axis=0) for i in range(30)]
    last = [helper.make_node("ReduceSum", ["t30"], ["r"]), node("Add", ["x", "r"])]
    data = built(model([*steps, *last], {"t0": np.ones(2, np.float32)}))
    assert len(memoryview(data)) < 1 << 30


def test_an_output_that_is_an_input() -> None:
    graph = helper.make_graph([], "net", [X], [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3])])
    with pytest.raises(GraphError, match="'x' is an input and an output"):
        built(helper.make_model(graph, opset_imports=OPSETS).SerializeToString())


def test_text_as_an_output() -> None:
    with pytest.raises(GraphError, match="'y' is text"):
        built(model([node("Identity", ["s"])], {"s": np.array(["a"], object)}))


def test_a_sparse_tensor_of_terabytes() -> None:
    made = onnx.ModelProto.FromString(model([node("Add", ["x", "w"])]))
    values, places = numpy_helper.from_array(np.ones(1, np.float32), "w"), numpy_helper.from_array(np.array([0]), "i")
    made.graph.sparse_initializer.append(helper.make_sparse_tensor(values, places, [1 << 45]))
    with pytest.raises(ModelFormatError, match="Unable to allocate"):
        built(made.SerializeToString())


def test_data_in_a_pipe_are_not_waited_for(tmp_path: Path) -> None:
    made = onnx.ModelProto.FromString(model([node("Add", ["x", "w"])]))
    weight = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[2, 3], data_location=TensorProto.EXTERNAL)
    weight.external_data.add(key="location", value="pipe")
    made.graph.initializer.append(weight)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "m.onnx").write_bytes(made.SerializeToString())
    with pytest.raises(ModelFormatError, match="'pipe' are no file"):
        built(tmp_path / "m.onnx")
