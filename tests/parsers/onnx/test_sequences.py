"""Sequences against onnxruntime: taken apart at import where they are known, lists on the host elsewhere."""

from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from minirt.errors import MinirtError
from minirt.ir.graph import Graph
from minirt.ops.evaluate import evaluate
from minirt.parsers.onnx.importing import import_graph
from minirt.parsers.onnx.read import read_model

RNG = np.random.default_rng(0)


def run(nodes: list[Any], inputs: dict[str, Any], held: dict[str, Any], feeds: list[dict[str, Any]]) -> Graph:
    given = [helper.make_tensor_value_info(k, *v) for k, v in inputs.items()]
    constants = [numpy_helper.from_array(np.asarray(v), k) for k, v in held.items()]
    graph = helper.make_graph(nodes, "net", given, [helper.make_empty_tensor_value_info("y")], constants)
    data = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10).SerializeToString()
    made = import_graph(read_model(data))
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    for feed in feeds:
        np.testing.assert_allclose(evaluate(made, feed)[0], session.run(None, feed)[0])
    return made


def node(op: str, inputs: str, outputs: str, **attributes: Any) -> Any:
    return helper.make_node(op, inputs.split(" "), outputs.split(" "), **attributes)


def randn(*shape: int) -> Any:
    return RNG.standard_normal(shape).astype(np.float32)


def test_known_elements_leave_no_sequence() -> None:
    nodes = [
        node("SequenceConstruct", "a b", "s"), node("SequenceInsert", "s c one", "t"), node("SequenceErase", "t", "u"),
        node("SequenceAt", "u last", "e"), node("ConcatFromSequence", "u", "f", axis=0),
        node("SequenceLength", "t", "n"),
        node("Cast", "n", "m", to=1), node("Mul", "f m", "g"), node("Concat", "g e", "y", axis=0),
    ]  # fmt: skip
    kinds = {k: (TensorProto.FLOAT, ["N", 3]) for k in "abc"}
    feeds = [{k: randn(n, 3) for k in "abc"} for n in (1, 4)]
    graph = run(nodes, kinds, {"one": np.int64(1), "last": np.int64(-1)}, feeds)
    assert not any("Sequence" in n.op.name for n in graph.nodes)


@pytest.mark.parametrize("sizes", [None, np.int64(2), np.array([1, 3, 1])])
def test_pieces_of_a_known_axis(sizes: Any) -> None:
    held = {"last": np.int64(-1)} | ({} if sizes is None else {"sizes": sizes})
    split = node("SplitToSequence", "x" if sizes is None else "x sizes", "s", axis=1)
    graph = run(
        [split, node("SequenceAt", "s last", "y")], {"x": (TensorProto.FLOAT, ["N", 5])}, held, [{"x": randn(2, 5)}]
    )
    assert not any("Sequence" in n.op.name for n in graph.nodes)


def test_pieces_of_an_axis_of_unknown_size() -> None:
    nodes = [node("SplitToSequence", "x sizes", "s", axis=0), node("SequenceAt", "s at", "e"), node("Neg", "e", "y")]
    held = {"sizes": np.int64(2)}
    inputs = {"x": (TensorProto.FLOAT, ["N", 3]), "at": (TensorProto.INT64, [])}
    run(nodes, inputs, held, [{"x": randn(n, 3), "at": np.array(at)} for n, at in ((5, 2), (4, 0), (7, -1))])


def test_places_outside_are_refused() -> None:
    nodes = [node("SequenceConstruct", "a", "s"), node("SequenceAt", "s two", "y")]
    with pytest.raises(MinirtError, match="1 elements has no place 2"):
        run(nodes, {"a": (TensorProto.FLOAT, [3])}, {"two": np.int64(2)}, [])
