"""Graphs: order, uses, rebuilding, substitution, text."""

from __future__ import annotations

import time

import numpy as np
import pytest

from minirt.errors import EngineFormatError, GraphError
from minirt.ir.graph import Data, Graph, Input, constant, rebuild
from minirt.ir.op import Node, Value, apply, apply_all, origin
from minirt.ir.substitute import specialize
from minirt.ir.text import blobs_of, parse_graph, print_graph
from minirt.ops.activation import LeakyRelu, Relu, Sigmoid
from minirt.ops.arithmetic import Add, Mul
from minirt.ops.evaluate import evaluate
from minirt.ops.movement import Reshape, Slice
from minirt.types.dim import symbol
from minirt.types.dtype import f32
from minirt.types.tensor import Tensor

N = symbol("N")


def small() -> Graph:
    """sigmoid(leaky(x * w)) twice used, one output sliced."""
    x = apply(Input("x", Tensor(f32, (N, 4))))
    with origin(("scale",)):
        scaled = apply(Mul(), x, constant(np.arange(4, dtype=np.float32)))
    act = apply(Sigmoid(), apply(LeakyRelu(0.3), scaled))
    flat = apply(Reshape((N * 4,)), apply(Add(), act, scaled))
    half = apply(Slice((N,), (N * 2,), (1,)), flat)
    return Graph("small", [x], [half, act], ["half", "act"])


def test_order_uses_and_names() -> None:
    """Operands first; an output counts as a use."""
    graph = small()
    seen: set[Node] = set()
    for node in graph.nodes:
        assert all(v.node in seen for v in node.inputs)
        seen.add(node)
    assert graph.uses[graph.outputs[1]] == 2 and graph.uses[graph.outputs[0]] == 1
    assert graph.input_names == ("x",) and graph.dims == {"N"}
    with pytest.raises(GraphError, match="2 outputs have 1 names"):
        Graph("g", graph.inputs, graph.outputs, ["a"])


def test_constants_are_compared_by_content() -> None:
    """Type, shape and elements."""
    a = Data(np.arange(6, dtype=np.float32).reshape(2, 3))
    assert a == Data(np.arange(6, dtype=np.float32).reshape(2, 3).T.copy().T)
    assert a != Data(np.arange(6, dtype=np.float32)) and a != Data(np.arange(6, dtype=np.int32).reshape(2, 3))
    assert constant(np.float32(1)) is constant(np.float32(1))


@pytest.mark.parametrize("size", [3, 1 << 15, (1 << 17) + 5])
def test_large_constants_are_compared_everywhere(size: int) -> None:
    numbers = np.arange(size, dtype=np.uint8 if size % 8 else np.float32)
    a = Data(numbers)
    assert a == Data(numbers) and a == Data(numbers.copy())
    for place in (0, size // 3, size // 2, size - 1):
        other = numbers.copy()
        other[place] += 1
        assert a != Data(other)
        assert a.digest != Data(other).digest
        assert a != Data(other)  # and now that one digest is known


def test_equal_bytes_of_other_types_and_shapes_are_other_constants() -> None:
    a, b = Data(np.zeros(8, np.float32)), Data(np.zeros(8, np.int32))
    assert a.content == b.content and a != b and a.digest != b.digest
    assert a != Data(np.zeros((2, 4), np.float32)) and a.digest != Data(np.zeros((2, 4), np.float32)).digest


def test_substituted_graphs_compute_the_same() -> None:
    """Fields and types hold numbers afterwards."""
    graph, x = small(), np.linspace(-1, 1, 12).astype(np.float32).reshape(3, 4)
    pinned = specialize(graph, {"N": 3})
    assert pinned.outputs[0].shape == (6,) and not pinned.dims
    for a, b in zip(evaluate(graph, {"x": x}), evaluate(pinned, {"x": x}), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(GraphError, match="'x' is missing"):
        evaluate(graph, {})


def test_text_gives_the_graph_back() -> None:
    """The same ops between the same inputs and outputs; names kept; damage refused."""
    graph = small()
    text = print_graph(graph)
    again = parse_graph(text, blobs_of(graph))
    assert [n.op for n in again.nodes] == [n.op for n in graph.nodes] and again.names == graph.names
    assert '"scale"' in text and print_graph(again) == text
    half = text[: len(text) // 2]
    for damaged in (text.replace("Sigmoid", "Sigmoidal"), text.replace("%1", "%9"), half, "", "graph 1\n"):
        with pytest.raises(EngineFormatError):
            parse_graph(damaged, blobs_of(graph))


def test_a_chain_of_20000_nodes_is_rebuilt_quickly() -> None:
    """Iterative, so neither depth nor time is a problem."""
    start = time.process_time()
    x = apply(Input("x", Tensor(f32, (4,))))
    value: Value = x
    for i in range(20_000):
        value = apply(LeakyRelu(1.0 + i), value)
    graph = Graph("chain", [x], [value], ["y"])

    def plain(node: Node, operands: tuple[Value, ...]) -> tuple[Value, ...]:
        return apply_all(Relu() if isinstance(node.op, LeakyRelu) else node.op, *operands)

    made = rebuild(graph, plain)
    assert len(graph.nodes) == 20_001
    assert len(made.nodes) == 20_001
    assert time.process_time() - start < 10
