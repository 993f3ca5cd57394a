"""Trained models: imported with their dims kept as names, and evaluated with NumPy against onnxruntime."""

from collections.abc import Iterator

import pytest

from minirt.ir.graph import Graph
from minirt.ops.evaluate import evaluate
from minirt.parsers.onnx.importing import import_graph
from minirt.parsers.onnx.read import read_model
from minirt.types.dim import symbols
from tests.models import oracle, zoo

ROUNDING = 5e-2
"""For 8-bit models: one number that rounds the other way changes the result by more than their usual tolerance."""
IN_FLOAT64 = {"ppocrv6t-det": 1e-3}
"""Where onnxruntime's means, in float32, are far from NumPy's in float64; targets add as onnxruntime does."""
RANK_DEPENDS_ON_BATCH = ("aecmos-16k",)


def ops_of(graph: Graph) -> Iterator[str]:
    """Names of all ops, those of bodies included."""
    for node in graph.nodes:
        yield node.op.name
        for value in node.op.fields().values():
            if isinstance(value, Graph):
                yield from ops_of(value)


def keys() -> list[object]:
    small = [pytest.mark.models, pytest.mark.small]
    return [pytest.param(key, marks=small if key in zoo.SMALL else pytest.mark.models) for key in zoo.MODELS]


@pytest.mark.parametrize("key", keys())
def test_zoo(key: str) -> None:
    """Shape arithmetic folds: every size of the results is an expression of the inputs' dims."""
    model, path = zoo.MODELS[key], zoo.fetch(key)
    graph = import_graph(read_model(path))
    assert not [op for op in ops_of(graph) if op.startswith("Dynamic")]
    for value in graph.outputs:
        assert all(symbols(d) <= graph.dims for d in value.shape)
    if key in RANK_DEPENDS_ON_BATCH:
        return
    feeds = model.feeds()
    wanted = oracle.outputs(path, feeds, model.optimized_oracle)
    for name, found in zip(graph.names, evaluate(graph, feeds), strict=True):
        bound = IN_FLOAT64.get(key, model.tolerance) if model.optimized_oracle else ROUNDING
        assert oracle.error_of_scale(found, wanted[name]) <= bound
