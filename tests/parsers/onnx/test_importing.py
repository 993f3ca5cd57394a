"""Whole small models imported, evaluated, and compared with onnxruntime."""

import time
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from minirt.errors import ModelFormatError, TypeInferenceError, UnsupportedNodeError
from minirt.ir.graph import Graph, Raise
from minirt.ops.control import If, Loop
from minirt.ops.evaluate import evaluate
from minirt.parsers.onnx.importing import ImportFailure, check_nodes, import_graph
from minirt.parsers.onnx.read import read_model
from minirt.types.dim import symbol
from minirt.types.dtype import f32
from minirt.types.tensor import Tensor

F, I64, B = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
RNG = np.random.default_rng(0)


def info(name: str, kind: int = F, shape: Any = None) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def node(op: str, inputs: str, outputs: str, **attributes: Any) -> onnx.NodeProto:
    return helper.make_node(op, inputs.split(" "), outputs.split(" "), **attributes)


def const(name: str, value: Any) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(value), name)


def model(
    made: list[onnx.NodeProto], inputs: Any, outputs: Any, held: Any = (), functions: Any = (), opset: int = 18
) -> bytes:
    graph = helper.make_graph(made, "net", list(inputs), list(outputs), list(held))
    imports = [helper.make_opsetid("", opset), helper.make_opsetid("own", 1)]
    whole = helper.make_model(graph, opset_imports=imports, functions=list(functions), ir_version=10)
    data: bytes = whole.SerializeToString()
    return data


def agree(data: bytes, *feeds: dict[str, Any], tolerance: float = 1e-5) -> Graph:
    graph = import_graph(read_model(data))
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    for given in feeds:
        for found, wanted in zip(evaluate(graph, given), session.run(None, given), strict=True):
            assert found.dtype == wanted.dtype and found.shape == wanted.shape
            np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)
    return graph


def randn(*shape: int) -> Any:
    return RNG.standard_normal(shape).astype(np.float32)


def test_shape_arithmetic_folds() -> None:
    """Flatten by Shape, Gather, Concat and Reshape: the target is an expression of the input's dims."""
    made = [
        node("Shape", "x", "s"), node("Gather", "s zero", "n"), node("Unsqueeze", "n axes", "n1"),
        node("Concat", "n1 minus", "target", axis=0), node("Reshape", "x target", "y"),
    ]  # fmt: skip
    held = [const("zero", np.int64(0)), const("axes", [0]), const("minus", [-1])]
    data = model(made, [info("x", F, ["N", 3, "H"])], [info("y")], held)
    graph = agree(data, {"x": randn(2, 3, 4)}, {"x": randn(1, 3, 7)})
    assert graph.outputs[0].type == Tensor(f32, (symbol("N"), 3 * symbol("H")))
    assert {n.op.name for n in graph.nodes} == {"Input", "Reshape"}


def test_input_types_may_be_replaced() -> None:
    data = model([node("Relu", "x", "y")], [info("x", F, ["N", 3])], [info("y")])
    graph = import_graph(read_model(data), {"x": Tensor(f32, (5, 3))})
    assert graph.outputs[0].shape == (5, 3)


def test_untyped_inputs_are_refused() -> None:
    data = model([node("Relu", "x", "y")], [info("x", F, None)], [info("y")])
    with pytest.raises(ModelFormatError, match="input 'x'"):
        import_graph(read_model(data))


def test_values_keep_the_names_of_their_nodes() -> None:
    data = model([node("Relu", "x", "y", name="stage.relu")], [info("x", F, [3])], [info("y")])
    assert import_graph(read_model(data)).outputs[0].node.label == "stage.relu"


def test_every_unsupported_node_is_named() -> None:
    made = [node("Relu", "x", "a"), node("Mystery", "a", "b", domain="own"), node("Relu", "b", "c"),
            node("Enigma", "c", "y", domain="own", name="last")]  # fmt: skip
    data = model(made, [info("x", F, [3])], [info("y")])
    with pytest.raises(ImportFailure) as failure:
        import_graph(read_model(data))
    errors = failure.value.errors
    assert all(isinstance(e, UnsupportedNodeError) for e in errors)
    wanted = [("Mystery_1", "Mystery", "own", 1), ("last", "Enigma", "own", 1)]
    assert [(e.node, e.op, e.domain, e.opset) for e in errors if isinstance(e, UnsupportedNodeError)] == wanted
    assert [e.node for e in check_nodes(read_model(data).graph)] == ["Mystery_1", "last"]


def test_unsupported_nodes_in_bodies_are_named() -> None:
    inner = helper.make_graph([node("Mystery", "x", "t", domain="own", name="deep")], "b", [], [info("t")])
    made = [node("If", "c", "y", then_branch=inner, else_branch=inner)]
    data = model(made, [info("c", B, []), info("x", F, [3])], [info("y")])
    assert [e.node for e in check_nodes(read_model(data).graph)] == ["deep", "deep"]
    with pytest.raises((ImportFailure, UnsupportedNodeError), match="deep"):
        import_graph(read_model(data))


def test_misfits_name_the_node() -> None:
    data = model([node("Add", "x x2", "y", name="sum")], [info("x", F, [3]), info("x2", F, [4])], [info("y")])
    with pytest.raises(TypeInferenceError, match="'sum'"):
        import_graph(read_model(data))


def test_malformed_attributes_are_errors_of_the_node() -> None:
    data = model([node("Transpose", "x", "y", perm=[0, 0, 9], name="turn")], [info("x", F, [3, 4])], [info("y")])
    with pytest.raises((TypeInferenceError, UnsupportedNodeError), match="turn"):
        import_graph(read_model(data))


def test_a_long_chain_is_quick() -> None:
    made = [node("Relu" if i % 2 else "Neg", f"v{i}", f"v{i + 1}") for i in range(20000)]
    start = time.perf_counter()
    graph = import_graph(read_model(model(made, [info("v0", F, ["N"])], [info("v20000")])))
    assert len(graph.nodes) == 20001
    assert time.perf_counter() - start < 10


class TestFunctions:
    def test_model_functions_are_inlined(self) -> None:
        alpha = onnx.AttributeProto(name="alpha", ref_attr_name="slope", type=onnx.AttributeProto.FLOAT)
        leaky = node("LeakyRelu", "a", "t", name="act")
        leaky.attribute.append(alpha)
        opsets = [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)]
        inner = helper.make_function("own", "Slope", ["a"], ["t"], [leaky], opsets, ["slope"])
        call = node("Slope", "a", "t", domain="own")
        call.attribute.append(onnx.AttributeProto(name="slope", ref_attr_name="k", type=onnx.AttributeProto.FLOAT))
        nodes = [call, node("Add", "t b", "r")]
        outer = helper.make_function("own", "Twice", ["a", "b"], ["r"], nodes, opsets, ["k"])
        made = [
            node("Twice", "x x", "m", domain="own", k=0.5, name="first"),
            node("Twice", "m x", "y", domain="own", k=2.0),
        ]
        data = model(made, [info("x", F, [4])], [info("y")], functions=[inner, outer])
        agree(data, {"x": randn(4)})
        names = [n.name for n in read_model(data).graph.nodes]
        assert names == ["first/Slope_0/act", "first/Add_1", "Twice_1/Slope_0/act", "Twice_1/Add_1"]

    def test_functions_that_call_themselves_are_refused(self) -> None:
        opsets = [helper.make_opsetid("own", 1)]
        loop = helper.make_function("own", "Self", ["a"], ["b"], [node("Self", "a", "b", domain="own")], opsets)
        data = model([node("Self", "x", "y", domain="own")], [info("x", F, [4])], [info("y")], functions=[loop])
        with pytest.raises(ModelFormatError, match="deep"):
            read_model(data)

    def test_ops_that_the_standard_defines_by_others(self) -> None:
        made = [node("HannWindow", "n", "w"), node("Mul", "x w", "y")]
        data = model(made, [info("x", F, ["N", 8])], [info("y")], [const("n", np.int64(8))])
        agree(data, {"x": randn(2, 8)})


class TestIf:
    def branches(self, then: list[onnx.NodeProto], otherwise: list[onnx.NodeProto]) -> dict[str, Any]:
        graphs = [helper.make_graph(b, "branch", [], [info("t")]) for b in (then, otherwise)]
        return dict(zip(("then_branch", "else_branch"), graphs, strict=True))

    def test_a_condition_read_from_data(self) -> None:
        bodies = self.branches([node("Add", "x w", "t")], [node("Mul", "x z", "t")])
        made = [node("Relu", "x", "z"), node("If", "c", "y", **bodies)]
        data = model(made, [info("c", B, []), info("x", F, ["N"])], [info("y")], [const("w", np.float32(2))])
        graph = agree(data, *({"c": np.array(c), "x": randn(5)} for c in (True, False)))
        assert graph.outputs[0].shape == (symbol("N"),)

    def test_branches_of_different_sizes(self) -> None:
        bodies = self.branches([node("Concat", "x x", "t", axis=0)], [node("Relu", "x", "t")])
        data = model(
            [node("If", "c", "s", **bodies), node("Neg", "s", "y")],
            [info("c", B, []), info("x", F, ["N", 2])],
            [info("y")],
        )
        graph = agree(data, *({"c": np.array(c), "x": randn(5, 2)} for c in (True, False)))
        assert graph.outputs[0].shape[1] == 2 and graph.outputs[0].shape[0] is not symbol("N")

    def test_a_known_condition_takes_its_branch(self) -> None:
        bodies = self.branches([node("Relu", "x", "t")], [node("Neg", "x", "t")])
        for known in (True, False):
            data = model([node("If", "c", "y", **bodies)], [info("x", F, [3])], [info("y")], [const("c", known)])
            graph = agree(data, {"x": randn(3)})
            assert not any(isinstance(n.op, If) for n in graph.nodes)

    def test_a_condition_on_static_dims_takes_its_branch(self) -> None:
        bodies = self.branches([node("Squeeze", "x last", "t")], [node("Identity", "x", "t")])
        made = [node("Shape", "x", "s", start=1), node("Equal", "s one", "c"), node("If", "c", "y", **bodies)]
        held = [const("one", [1]), const("last", [1])]
        for size in (1, 3):
            graph = import_graph(read_model(model(made, [info("x", F, ["N", size])], [info("y")], held)))
            assert graph.outputs[0].rank == (1 if size == 1 else 2)

    def test_a_branch_that_fits_no_input_raises_if_taken(self) -> None:
        bodies = self.branches([node("MatMul", "x x", "t")], [node("Relu", "x", "t")])
        data = model([node("If", "c", "y", **bodies)], [info("c", B, []), info("x", F, [2, 3])], [info("y")])
        graph = import_graph(read_model(data))
        op = graph.outputs[0].op
        assert isinstance(op, If) and isinstance(op.then.outputs[0].op, Raise)
        x = randn(2, 3)
        np.testing.assert_array_equal(evaluate(graph, {"c": np.array(False), "x": x})[0], np.maximum(x, 0))
        with pytest.raises(Exception, match="inner dims"):
            evaluate(graph, {"c": np.array(True), "x": x})


class TestLoop:
    def loop(
        self, body: list[onnx.NodeProto], carried: list[str], scanned: list[str], shape: Any = None
    ) -> onnx.GraphProto:
        inputs = [info("i", I64, []), info("go", B, []), *(info(c, F, shape) for c in carried)]
        outputs = [info("going", B), *(info(f"{c}_out") for c in carried), *(info(s) for s in scanned)]
        return helper.make_graph(body, "body", inputs, outputs)

    def test_a_counted_loop(self) -> None:
        body = [node("Identity", "go", "going"), node("Add", "v w", "v_out"), node("Mul", "v v", "s")]
        graph = self.loop(body, ["v"], ["s"], [3])
        data = model(
            [node("Loop", "trip  x", "y stack", body=graph)], [info("x", F, [3]), info("w", F, [3])],
            [info("y"), info("stack")], [const("trip", np.int64(4))],
        )  # fmt: skip
        found = agree(data, {"x": randn(3), "w": randn(3)})
        assert [v.shape for v in found.outputs] == [(3,), (4, 3)]

    def test_a_condition_ends_it(self) -> None:
        body = [node("ReduceSum", "v", "sum", keepdims=0), node("Less", "sum limit", "going")]
        body += [node("Add", "v v", "v_out"), node("Identity", "v", "s")]
        data = model(
            [node("Loop", "trip go x", "y stack", body=self.loop(body, ["v"], ["s"], [3]))],
            [info("trip", I64, []), info("go", B, []), info("x", F, [3])], [info("y"), info("stack")],
            [const("limit", np.float32(40))],
        )  # fmt: skip
        x = np.ones(3, np.float32)
        for trip, go in ((100, True), (2, True), (100, False), (0, True)):
            agree(data, {"trip": np.array(trip), "go": np.array(go), "x": x})

    def test_carried_values_that_grow(self) -> None:
        body = [node("Identity", "go", "going"), node("Concat", "v x", "v_out", axis=0)]
        data = model(
            [node("Loop", "trip go v0", "y", body=self.loop(body, ["v"], [], ["?"]))],
            [info("trip", I64, []), info("go", B, []), info("v0", F, [1]), info("x", F, ["N"])], [info("y")],
        )  # fmt: skip
        more = {"go": np.array(True), "v0": randn(1), "x": randn(2)}
        graph = agree(data, *({"trip": np.array(t), **more} for t in (0, 1, 3)))
        assert isinstance(graph.outputs[0].op, Loop)

    def test_a_placeholder_that_the_first_round_replaces(self) -> None:
        body = [node("Identity", "go", "going"), node("Cast", "i", "f", to=F), node("Add", "x f", "v_out")]
        data = model(
            [node("Loop", "trip go v0", "y", body=self.loop(body, ["v"], []))], [info("x", F, ["N", 2])], [info("y")],
            [const("trip", np.int64(3)), const("go", np.array(True)), const("v0", np.float32(7))],
        )  # fmt: skip
        graph = agree(data, {"x": randn(3, 2)}, {"x": randn(1, 2)})
        assert graph.outputs[0].rank == 2

    def test_one_number_of_rank_0_or_1(self) -> None:
        one, other = [node("Identity", "v", "t")], [node("Reshape", "v one", "t")]
        bodies = {f"{w}_branch": helper.make_graph(b, w, [], [info("t")]) for w, b in (("then", one), ("else", other))}
        body = [node("Identity", "go", "going"), node("Mod", "i two", "odd"), node("Cast", "odd", "c", to=B)]
        body += [node("If", "c", "kept", **bodies), node("Add", "kept step", "v_out")]
        made = [node("Loop", "trip go v0", "last", body=self.loop(body, ["v"], [])), node("Reshape", "last one", "y")]
        held = [const("one", np.array([1])), const("two", np.int64(2)), const("step", np.array([0.5], np.float32))]
        held += [const("go", np.array(True)), const("v0", np.float32(7))]
        agree(model(made, [info("trip", I64, [])], [info("y")], held), *({"trip": np.array(n)} for n in (1, 2, 5)))

    def test_results_may_set_dims(self) -> None:
        body = [node("Identity", "go", "going"), node("Identity", "v", "v_out"), node("Identity", "i", "s")]
        graph = self.loop(body, ["v"], [], [1])
        graph.output.append(info("s", I64))
        made = [node("Loop", "trip  x", "last stack", body=graph),
                node("Shape", "stack", "size"), node("Expand", "x size", "y")]  # fmt: skip
        data = model(made, [info("trip", I64, []), info("x", F, [1])], [info("y"), info("stack", I64)])
        agree(data, {"trip": np.array(5), "x": randn(1)}, {"trip": np.array(1), "x": randn(1)})

    @pytest.mark.parametrize("back", [0, 1])
    def test_scan(self, back: int) -> None:
        body = helper.make_graph(
            [node("Add", "s a", "s_out"), node("Mul", "s_out b", "o")], "body",
            [info("s", F, [2]), info("a", F, [2]), info("b", F, [2])], [info("s_out"), info("o")],
        )  # fmt: skip
        scan = node(
            "Scan", "s0 xs ys", "last out", body=body, num_scan_inputs=2, scan_input_axes=[0, 1],
            scan_input_directions=[back, 0], scan_output_axes=[1], scan_output_directions=[back],
        )  # fmt: skip
        inputs = [info("s0", F, [2]), info("xs", F, ["T", 2]), info("ys", F, [2, "T"])]
        data = model([scan], inputs, [info("last"), info("out")])
        agree(data, *({"s0": randn(2), "xs": randn(t, 2), "ys": randn(2, t)} for t in (1, 5)))
