"""What is read from model files, and what is refused."""

import random
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from minirt.errors import MinirtError, ModelFormatError
from minirt.parsers.onnx.importing import import_graph
from minirt.parsers.onnx.model import nodes
from minirt.parsers.onnx.read import read_model
from minirt.types.dim import symbol
from minirt.types.dtype import bf16, f32, i4, string
from minirt.types.tensor import Tensor

X = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3])
Y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)


def model(
    made: list[onnx.NodeProto], inputs: Any = (X,), outputs: Any = (Y,), initializer: Any = (), **options: Any
) -> onnx.ModelProto:
    graph = helper.make_graph(made, "net", list(inputs), list(outputs), list(initializer))
    return helper.make_model(graph, **options)


def relu(source: str = "x", target: str = "y", **options: Any) -> onnx.NodeProto:
    return helper.make_node("Relu", [source], [target], **options)


def external(name: str, path: str, shape: tuple[int, ...], **entries: str) -> onnx.TensorProto:
    tensor = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape, data_location=TensorProto.EXTERNAL)
    for key, value in {"location": path, **entries}.items():
        tensor.external_data.add(key=key, value=value)
    return tensor


def test_a_model_from_bytes_and_from_a_path(tmp_path: Path) -> None:
    proto = model([relu(name="act")], producer_name="maker", opset_imports=[helper.make_opsetid("", 18)])
    (tmp_path / "m.onnx").write_bytes(proto.SerializeToString())
    for source in (proto.SerializeToString(), tmp_path / "m.onnx", str(tmp_path / "m.onnx")):
        read = read_model(source)
        assert [n.name for n in nodes(read)] == ["act"]
        assert read.opsets == {"": 18} and read.producer == "maker"
        assert read.graph.inputs[0].type == Tensor(f32, (symbol("N"), 3))


def test_nodes_without_names_get_stable_ones() -> None:
    read = read_model(model([relu("x", "a"), relu("a", "b", name="mine"), relu("b", "y")]).SerializeToString())
    assert [n.name for n in nodes(read)] == ["Relu_0", "mine", "Relu_2"]


def test_nodes_are_sorted() -> None:
    read = read_model(model([relu("a", "y", name="second"), relu("x", "a", name="first")]).SerializeToString())
    assert [n.name for n in nodes(read)] == ["first", "second"]


@pytest.mark.parametrize("keep", [0, 1, 7, 30, 60])
def test_a_cut_model_is_refused(keep: int) -> None:
    whole = model([relu(name="act")]).SerializeToString()
    with pytest.raises(ModelFormatError):
        read_model(whole[:keep])


@pytest.mark.parametrize("data", [b"", b"garbage" * 9, b"\x00" * 64, bytes(range(256))])
def test_garbage_is_refused(data: bytes) -> None:
    with pytest.raises(ModelFormatError, match="not an ONNX model"):
        read_model(data)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelFormatError, match=r"none\.onnx"):
        read_model(tmp_path / "none.onnx")


def test_a_cycle_is_named() -> None:
    add = helper.make_node("Add", ["a", "c"], ["b"], name="one")
    made = [relu("x", "a", name="in"), add, relu("b", "c", name="two")]
    with pytest.raises(ModelFormatError, match="cycle: '(one|two)' <- '(one|two)' <- '(one|two)'"):
        read_model(model([*made, relu("c", "y")]).SerializeToString())


def test_undefined_and_doubled_names_are_named() -> None:
    with pytest.raises(ModelFormatError, match="'nowhere'"):
        read_model(model([relu("nowhere", "y")]).SerializeToString())
    with pytest.raises(ModelFormatError, match="'y'"):
        read_model(model([relu("x", "z")]).SerializeToString())
    with pytest.raises(ModelFormatError, match="'y' is made twice: by node 'p' and by node 'q'"):
        read_model(model([relu(name="p"), relu(name="q")]).SerializeToString())


def test_initializers_may_be_inputs_or_not() -> None:
    weight = numpy_helper.from_array(np.ones(3, np.float32), "w")
    given = helper.make_tensor_value_info("w", TensorProto.FLOAT, [3])
    add = helper.make_node("Add", ["x", "w"], ["y"])
    for inputs in ((X,), (X, given)):
        read = read_model(model([add], inputs, initializer=[weight], ir_version=3).SerializeToString())
        assert [v.name for v in read.graph.inputs] == ["x"]
        assert read.graph.constants["w"].array.tolist() == [1, 1, 1]


def test_element_types() -> None:
    narrow = helper.make_tensor("b", TensorProto.BFLOAT16, [2], [1.5, -2.0])
    packed = numpy_helper.from_array(np.array([[1, -8, 7]], dtype=ml_dtypes.int4), "p")
    words = TensorProto(name="s", data_type=TensorProto.STRING, dims=[2], string_data=[b"one", b"two"])
    read = read_model(model([relu()], initializer=[narrow, packed, words]).SerializeToString()).graph.constants
    assert read["b"].dtype is bf16 and read["b"].array.astype(float).tolist() == [1.5, -2]
    assert read["p"].dtype is i4 and read["p"].array.astype(int).tolist() == [[1, -8, 7]]
    assert read["s"].dtype is string and read["s"].array.tolist() == ["one", "two"]


def test_short_inline_data_are_refused() -> None:
    bad = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[4], raw_data=bytes(12))
    with pytest.raises(ModelFormatError, match="w: 12 bytes of data do not fill f32"):
        read_model(model([relu()], initializer=[bad]).SerializeToString())


def test_dim_names_become_identifiers() -> None:
    dims: list[Any] = ["a.b", "a_b", "a.b", "?", -1, "2x", "d7", "seq len"]
    value = helper.make_tensor_value_info("in put", TensorProto.FLOAT, dims)
    read = read_model(model([relu("in put")], [value]).SerializeToString())
    found = read.graph.inputs[0].type
    assert isinstance(found, Tensor)
    names = [str(d) for d in found.shape]
    assert names == ["a_b", "a_b_2", "a_b", "in_put_3", "in_put_4", "dim_2x", "dim_d7", "seq_len"]


class TestExternalData:
    values = np.arange(6, dtype=np.float32)

    def load(self, folder: Path, tensor: onnx.TensorProto) -> Any:
        path = folder / "m.onnx"
        path.write_bytes(model([relu()], initializer=[tensor]).SerializeToString())
        return read_model(path).graph.constants["w"].array

    def test_it_is_read_beside_the_model(self, tmp_path: Path) -> None:
        (tmp_path / "sub").mkdir()
        (tmp_path / "sub" / "w.bin").write_bytes(b"1234" + self.values.tobytes())
        found = self.load(tmp_path, external("w", "sub/w.bin", (2, 3), offset="4", length="24"))
        assert found.tolist() == self.values.reshape(2, 3).tolist()

    def test_a_short_file_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "w.bin").write_bytes(self.values.tobytes()[:20])
        with pytest.raises(ModelFormatError, match="w: external data end at byte 24, file 'w.bin' has 20 bytes"):
            self.load(tmp_path, external("w", "w.bin", (6,)))

    def test_a_wrong_length_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "w.bin").write_bytes(self.values.tobytes())
        for entries in ({"length": "20"}, {"offset": "-4"}, {"length": "x"}):
            with pytest.raises(ModelFormatError, match="w: "):
                self.load(tmp_path, external("w", "w.bin", (6,), **entries))

    @pytest.mark.parametrize("path", ["../w.bin", "sub/../../w.bin", "/etc/passwd", "C:\\w.bin", "..\\w.bin", ""])
    def test_it_may_not_leave_the_folder(self, tmp_path: Path, path: str) -> None:
        inner = tmp_path / "inner"
        inner.mkdir()
        (tmp_path / "w.bin").write_bytes(self.values.tobytes())
        with pytest.raises(ModelFormatError, match="outside the model's folder|cannot be read"):
            self.load(inner, external("w", path, (6,)))

    def test_a_link_may_not_leave_the_folder(self, tmp_path: Path) -> None:
        inner = tmp_path / "inner"
        inner.mkdir()
        (tmp_path / "w.bin").write_bytes(self.values.tobytes())
        (inner / "link.bin").symlink_to(tmp_path / "w.bin")
        with pytest.raises(ModelFormatError, match="outside the model's folder"):
            self.load(inner, external("w", "link.bin", (6,)))

    def test_bytes_alone_have_no_folder(self) -> None:
        with pytest.raises(ModelFormatError, match=r"'w\.bin', but the model's folder is unknown"):
            read_model(model([relu()], initializer=[external("w", "w.bin", (6,))]).SerializeToString())


def test_damaged_models_give_clear_errors() -> None:
    """Whatever bytes change, only minirt's own errors come out."""
    weight = numpy_helper.from_array(np.ones((3, 4), np.float32), "w")
    made = [helper.make_node("MatMul", ["x", "w"], ["a"]), relu("a", "b", name="act")]
    made.append(helper.make_node("Softmax", ["b"], ["y"], axis=-1))
    whole = model(made, initializer=[weight]).SerializeToString()
    rng = random.Random(0)
    refused = 0
    for _ in range(600):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        try:
            import_graph(read_model(bytes(data)))
        except MinirtError:
            refused += 1
    assert refused > 100
