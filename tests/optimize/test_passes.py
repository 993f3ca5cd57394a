"""Each pass keeps what the graph computes: float64 before and after agree to 1e-9 of scale."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from minirt.errors import ApiError
from minirt.ir.graph import Graph
from minirt.ir.text import blobs_of, parse_graph, print_graph
from minirt.ops.evaluate import evaluate
from minirt.optimize.pipeline import FUSING, NEUTRAL, Pass, run_passes
from tests.optimize.random_graphs import random_feeds, random_graph

PASSES = {p.name: p for p in (*NEUTRAL, *FUSING)}


def assert_same(before: Graph, after: Graph, seed: int) -> None:
    feeds = random_feeds(before, seed)
    for want, got in zip(evaluate(before, feeds, wide=True), evaluate(after, feeds, wide=True), strict=True):
        scale = max(1.0, float(np.abs(want).max(initial=0)))
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-9 * scale)


@pytest.mark.parametrize("name", PASSES)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_pass_keeps_the_numbers(name: str, data: st.DataObject) -> None:
    graph = random_graph(lambda n: data.draw(st.integers(0, n - 1)))
    assert_same(graph, run_passes(graph, (PASSES[name],)), 0)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), seed=st.integers(0, 3))
def test_all_passes_keep_the_numbers(data: st.DataObject, seed: int) -> None:
    graph = random_graph(lambda n: data.draw(st.integers(0, n - 1)))
    assert_same(graph, run_passes(graph, NEUTRAL + FUSING), seed)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_graph_prints_and_parses_back(data: st.DataObject) -> None:
    graph = run_passes(random_graph(lambda n: data.draw(st.integers(0, n - 1))), NEUTRAL + FUSING)
    text = print_graph(graph)
    again = parse_graph(text, blobs_of(graph))
    assert print_graph(again) == text


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_passes_settle(data: st.DataObject) -> None:
    graph = random_graph(lambda n: data.draw(st.integers(0, n - 1)))
    once = run_passes(graph, NEUTRAL)
    assert run_passes(once, NEUTRAL).outputs == once.outputs


def test_every_pass_has_rules_with_equations() -> None:
    for each in PASSES.values():
        assert isinstance(each, Pass) and each.rules
        assert all(r.function.__doc__ for r in each.rules), each.name


def test_graphs_are_dumped_inside_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a model calls itself."""
    folder = tmp_path / "dump"
    monkeypatch.setenv("MINIRT_DUMP", str(folder))
    graph = random_graph(lambda n: 0)
    for name in ("net", "../up", "/etc/x", "a/b", "", "n" * 300):
        run_passes(Graph(name, graph.inputs, graph.outputs, graph.names), NEUTRAL[:1])
    assert [p.name for p in tmp_path.iterdir()] == ["dump"] and len(list(folder.iterdir())) == 6
    (tmp_path / "file").touch()
    monkeypatch.setenv("MINIRT_DUMP", str(tmp_path / "file"))
    with pytest.raises(ApiError, match="MINIRT_DUMP: nothing can be written"):
        run_passes(graph, NEUTRAL[:1])
