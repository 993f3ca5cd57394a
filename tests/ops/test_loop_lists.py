"""Lists that loops append to: stacks of slices, so that nothing of them is left for the host."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from minirt.build.build import lower, optimize
from minirt.build.options import Options, Profile
from minirt.build.targets import CPU, target_of
from minirt.ops.evaluate import evaluate
from minirt.parsers.onnx.importing import import_graph
from minirt.parsers.onnx.read import read_model
from minirt.plan.plan import HostStep, IfStep, LoopStep, Plan
from tests.ops import on_target
from tests.ops.harness import assert_close, run_ort

RNG = np.random.default_rng(5)
Node = onnx.NodeProto


def node(op: str, inputs: Sequence[str], outputs: Sequence[str], **given: Any) -> Node:
    return helper.make_node(op, inputs, outputs, **given)


def value(name: str, kind: int, shape: Sequence[str | int | None] | None) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def held(**arrays: Any) -> list[onnx.TensorProto]:
    return [numpy_helper.from_array(np.asarray(a), name) for name, a in arrays.items()]


def bags(tail: Sequence[Node]) -> onnx.ModelProto:
    """Sums of rows x[a[i] : a[i + 1]], as PyTorch's exporter spells EmbeddingBag; ``tail`` makes y of the list."""
    some = helper.make_graph(
        [node("Slice", ["x", "start", "end"], ["rows"]), node("ReduceSum", ["rows", "first"], ["some"])],
        "some", [], [value("some", TensorProto.FLOAT, None)],
    )  # fmt: skip
    none = helper.make_graph(
        [], "none", [], [value("zeros", TensorProto.FLOAT, [1, 4])], held(zeros=np.zeros((1, 4), "f"))
    )
    body = helper.make_graph(
        [
            node("Reshape", ["i", "flat"], ["at"]),
            node("Add", ["at", "one"], ["next"]),
            node("Add", ["next", "one"], ["after"]),
            node("Slice", ["a", "at", "next"], ["start"]),
            node("Slice", ["a", "next", "after"], ["end"]),
            node("Equal", ["start", "end"], ["empty"]),
            node("If", ["empty"], ["row"], then_branch=none, else_branch=some),
            node("SequenceInsert", ["list", "row"], ["longer"]),
            node("Add", ["i", "one"], ["i_out"]),
            node("Less", ["i_out", "count"], ["more"]),
        ],
        "body",
        [value("round", TensorProto.INT64, []), value("going", TensorProto.BOOL, []), value("i", TensorProto.INT64, []),
         helper.make_tensor_sequence_value_info("list", TensorProto.FLOAT, None)],
        [value("more", TensorProto.BOOL, []), value("i_out", TensorProto.INT64, []),
         helper.make_tensor_sequence_value_info("longer", TensorProto.FLOAT, None)],
    )  # fmt: skip
    nodes = [
        node("Size", ["a"], ["size"]),
        node("Sub", ["size", "one"], ["count"]),
        node("SequenceEmpty", [], ["nothing"]),
        node("Less", ["zero", "count"], ["any"]),
        node("Loop", ["", "any", "zero", "nothing"], ["last", "list_out"], body=body),
        *tail,
    ]
    inputs = [value("x", TensorProto.FLOAT, ["n", 4]), value("a", TensorProto.INT64, ["bags"])]
    numbers = held(one=np.int64(1), zero=np.int64(0), flat=np.array([-1]), first=np.array([0]), second=np.int64(2))
    return model(nodes, inputs, numbers)


def model(nodes: Sequence[Node], inputs: Sequence[Any], numbers: Sequence[onnx.TensorProto]) -> onnx.ModelProto:
    graph = helper.make_graph(nodes, "g", inputs, [value("y", TensorProto.FLOAT, None)], numbers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def on_the_host(plan: Plan) -> list[str]:
    """Labels of host steps, those of loops and branches among them."""
    found = []
    for step in plan.steps:
        if isinstance(step, HostStep):
            found.append(step.label)
        elif isinstance(step, IfStep):
            found += [*on_the_host(step.then), *on_the_host(step.otherwise)]
        elif isinstance(step, LoopStep):
            found += on_the_host(step.body)
    return found


def check(made: onnx.ModelProto, feeds: Sequence[dict[str, Any]]) -> None:
    graph = import_graph(read_model(made.SerializeToString()))
    shapes = {}
    for name in feeds[0]:
        seen = [f[name].shape for f in feeds]
        shapes[name] = tuple(map(min, *seen)), seen[0], tuple(map(max, *seen))
    for target in (CPU, target_of("cuda:sm_90a")):
        plan = lower(optimize(graph), target, Options((target,), (Profile(shapes),))).run()
        assert not on_the_host(plan)
    for feed in feeds:
        answers = [evaluate(graph, feed)] + ([on_target.OnTarget(graph)(feed)] if on_target.wanted(graph) else [])
        (wanted,) = run_ort(made, feed)
        for (found,) in answers:
            assert_close(found, wanted, 1e-5)


TAILS = {
    "joined": [node("ConcatFromSequence", ["list_out"], ["y"], axis=0)],
    "joined along the last axis": [node("ConcatFromSequence", ["list_out"], ["y"], axis=-1)],
    "stacked": [node("ConcatFromSequence", ["list_out"], ["y"], axis=0, new_axis=1)],
    "stacked in the middle": [node("ConcatFromSequence", ["list_out"], ["y"], axis=1, new_axis=1)],
    "one": [node("SequenceAt", ["list_out", "second"], ["y"])],
    "its length": [node("SequenceLength", ["list_out"], ["many"]), node("Cast", ["many"], ["y"], to=TensorProto.FLOAT)],
}


@pytest.mark.parametrize("tail", TAILS)
def test_rows_of_bags(tail: str) -> None:
    x = RNG.normal(size=(9, 4)).astype(np.float32)
    feeds = [{"x": x, "a": np.array([0, 3, 3, 7, 9])}, {"x": x[:6], "a": np.array([0, 1, 5, 6])}]
    check(bags(TAILS[tail]), feeds)


def test_one_element_where_the_data_says_is_one() -> None:
    """Each row over the number of its bag's rows: a number that would else be of unknown length beside four columns."""
    body = helper.make_graph(
        [
            node("Reshape", ["round", "flat"], ["at"]),
            node("Add", ["at", "one"], ["next"]),
            node("Slice", ["a", "at", "next"], ["start"]),
            node("Gather", ["x", "round"], ["row"]),
            node("Cast", ["start"], ["by"], to=TensorProto.FLOAT),
            node("Div", ["row", "by"], ["quotient"]),
            node("Identity", ["going"], ["more"]),
        ],
        "body",
        [value("round", TensorProto.INT64, []), value("going", TensorProto.BOOL, [])],
        [value("more", TensorProto.BOOL, []), value("quotient", TensorProto.FLOAT, [4])],
    )  # fmt: skip
    nodes = [node("Size", ["a"], ["count"]), node("Loop", ["count", ""], ["y"], body=body)]
    inputs = [value("x", TensorProto.FLOAT, ["n", 4]), value("a", TensorProto.INT64, ["bags"])]
    made = model(nodes, inputs, held(one=np.int64(1), flat=np.array([-1])))
    x = RNG.normal(size=(9, 4)).astype(np.float32)
    check(made, [{"x": x, "a": np.array([1, 4, 2])}, {"x": x[:6], "a": np.array([3, 5])}])


def test_a_list_that_another_loop_reads() -> None:
    """Partial sums, read from the last to the first."""
    first = helper.make_graph(
        [
            node("Gather", ["x", "round"], ["row"]),
            node("Add", ["total", "row"], ["total_out"]),
            node("SequenceInsert", ["list", "total_out"], ["longer"]),
            node("Identity", ["going"], ["more"]),
        ],
        "first",
        [value("round", TensorProto.INT64, []), value("going", TensorProto.BOOL, []),
         value("total", TensorProto.FLOAT, [4]),
         helper.make_tensor_sequence_value_info("list", TensorProto.FLOAT, [4])],
        [value("more", TensorProto.BOOL, []), value("total_out", TensorProto.FLOAT, [4]),
         helper.make_tensor_sequence_value_info("longer", TensorProto.FLOAT, [4])],
    )  # fmt: skip
    second = helper.make_graph(
        [
            node("SequenceLength", ["sums"], ["many"]),
            node("Sub", ["many", "again"], ["left"]),
            node("Sub", ["left", "one"], ["at"]),
            node("SequenceAt", ["sums", "at"], ["sum"]),
            node("Identity", ["on"], ["on_out"]),
        ],
        "second",
        [value("again", TensorProto.INT64, []), value("on", TensorProto.BOOL, [])],
        [value("on_out", TensorProto.BOOL, []), value("sum", TensorProto.FLOAT, [4])],
    )  # fmt: skip
    nodes = [
        node("Shape", ["x"], ["shape"], start=0, end=1),
        node("Squeeze", ["shape"], ["count"]),
        node("SequenceConstruct", ["start"], ["begun"]),
        node("Loop", ["count", "", "start", "begun"], ["whole", "sums"], body=first),
        node("Loop", ["count", ""], ["y"], body=second),
    ]
    made = model(nodes, [value("x", TensorProto.FLOAT, ["n", 4])], held(start=np.ones(4, "f"), one=np.int64(1)))
    check(made, [{"x": RNG.normal(size=(n, 4)).astype(np.float32)} for n in (5, 2)])
