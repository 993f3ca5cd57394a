"""Weights that stay where they lie while the rest of a model is taken apart."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from minirt.errors import ModelFormatError
from minirt.parsers.onnx import tensors
from minirt.parsers.onnx.lean import LEAST, MODEL, lean
from minirt.parsers.onnx.read import read_model

RNG = np.random.default_rng(3)
LARGE = RNG.standard_normal((101, 67)).astype(np.float32)
SMALL = RNG.standard_normal((3, 67)).astype(np.float16)


def model(name: str = "net") -> onnx.ModelProto:
    """Large and small weights: of the graph, of a node, and of a body of a node."""
    inner = helper.make_graph(
        [helper.make_node("Identity", ["inner"], ["then"])],
        "body",
        [],
        [helper.make_tensor_value_info("then", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(LARGE * 3, "inner")],
    )
    numbers = helper.make_tensor("numbers", TensorProto.INT32, [LEAST], range(LEAST))
    nodes = [
        helper.make_node("Constant", [], ["made"], value=numpy_helper.from_array(LARGE * 2, "")),
        helper.make_node("If", ["x"], ["y"], then_branch=inner, else_branch=inner),
    ]
    boolean = helper.make_tensor_value_info("x", TensorProto.BOOL, [])
    outputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in ("y", "made")]
    kept = [numpy_helper.from_array(LARGE, "large"), numpy_helper.from_array(SMALL, "small"), numbers]
    return helper.make_model(helper.make_graph(nodes, name, [boolean], outputs, kept), producer_name="maker")


@pytest.mark.parametrize("name", ["net", "nets", "netss", "netsss"])  # weights lie at other places
@pytest.mark.parametrize("threads", [False, True])
def test_every_number_is_read_as_it_was(
    name: str, threads: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if threads:
        monkeypatch.setattr(tensors, "_MANY", 0)
    data = model(name).SerializeToString()
    (tmp_path / "m.onnx").write_bytes(data)
    for source in (data, tmp_path / "m.onnx"):
        read = read_model(source).graph
        held = read.constants
        assert held["large"].array.tobytes() == LARGE.tobytes() and held["small"].array.tobytes() == SMALL.tobytes()
        assert held["numbers"].array.tolist() == list(range(LEAST))
        made = {node.op_type: node for node in read.nodes}
        assert np.array_equal(made["Constant"].attributes["value"], LARGE * 2)
        assert np.array_equal(made["If"].bodies["then_branch"].constants["inner"].array, LARGE * 3)
        assert all(d.array.flags.aligned for d in held.values())


def test_what_is_left_out_is_all_that_is_large() -> None:
    whole = model()
    data = memoryview(whole.SerializeToString())
    rest = bytes(lean(data))
    assert len(data) - len(rest) > 3.9 * LARGE.nbytes
    left = onnx.ModelProto.FromString(rest)
    large, small, numbers = left.graph.initializer
    place = {e.key: e.value for e in large.external_data}
    start = int(place["offset"])
    assert place["location"] == MODEL and bytes(data[start : start + int(place["length"])]) == LARGE.tobytes()
    assert (small, numbers) == tuple(whole.graph.initializer)[1:]
    large.CopyFrom(whole.graph.initializer[0])
    for node, full in zip(left.graph.node, whole.graph.node, strict=True):
        node.CopyFrom(full)
    assert left == whole


def test_weights_are_in_memory_once_a_file_was_read(tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(model().SerializeToString())
    held = read_model(path).graph.constants["large"].array
    path.write_bytes(b"")
    assert np.array_equal(held, LARGE)


def test_an_error_names_the_first_tensor_that_is_not_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensors, "_MANY", 0)
    broken = model()
    for tensor in broken.graph.initializer[:2]:
        tensor.dims[0] += 1
    with pytest.raises(ModelFormatError, match="large"):
        read_model(broken.SerializeToString())


def test_what_cannot_be_walked_is_left_as_it_is() -> None:
    data = model().SerializeToString()
    short = [data[:n] for n in range(0, len(data), len(data) // 199)]
    for damaged in (data[:-1], b"\xff" * 2 * LEAST, b"\x0c" * 2 * LEAST, b"\x3a\x80" * LEAST, *short):
        assert bytes(lean(memoryview(damaged))) == damaged


def test_numbers_one_by_one_are_not_walked() -> None:
    node = helper.make_node("Made", ["x"], ["y"], floats=[1.5] * LEAST)
    graph = helper.make_graph([node], "net", [], [])
    data = helper.make_model(graph).SerializeToString()
    assert bytes(lean(memoryview(data))) == data
