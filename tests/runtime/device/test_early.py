"""Which launches are set up early, and which run beside others, by the variables and by default."""

from __future__ import annotations

import math
from typing import Any

import onnx
import pytest

import minirt as trt
from minirt.runtime.device import Graph, segments
from tests.runtime.device.pretend import Pretend, pretend

__all__ = ["pretend"]
MODEL = """<ir_version: 10, opset_import: ["": 20]>
apart (float[N, 64] x) => (float[N, 64] y) {
  m = Neg (x)
  n = Abs (x)
  a = Softmax (x)
  b = Softmax (m)
  c = Softmax (n)
  p = Mul (a, b)
  d = Softmax (p)
  y = Add (d, c)
}"""


@pytest.fixture(scope="module")
def built() -> bytes:
    """The model's engine for an H100."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINIRT_TUNE", "0")
        patch.setenv("MINIRT_TARGET", "cuda:sm_90")
        logger = trt.Logger(trt.Logger.ERROR)
        builder = trt.Builder(logger)
        network = builder.create_network()
        assert trt.OnnxParser(network, logger).parse(onnx.parser.parse_model(MODEL).SerializeToString())
        profile = builder.create_optimization_profile()
        profile.set_shape("x", (1, 64), (8, 64), (1 << 16, 64))
        config = builder.create_builder_config()
        config.add_optimization_profile(profile)
        return bytes(builder.build_serialized_network(network, config))


def bound(built: bytes, rows: int, monkeypatch: pytest.MonkeyPatch, **variables: str) -> tuple[list[Any], list[Any]]:
    """The launches of a run that has a graph, and what each node of the graph waits for."""
    monkeypatch.setenv("MINIRT_TARGET", "cuda:sm_90")
    for name, value in variables.items():
        monkeypatch.setenv(f"MINIRT_{name}", value)
    connected: list[Any] = []

    def graph(device: Any, nodes: Any, waits: Any) -> Any:
        connected.append(waits)
        return Graph(device, nodes, waits)

    monkeypatch.setattr(segments, "Graph", graph)
    engine = trt.Runtime(trt.Logger(trt.Logger.ERROR)).deserialize_cuda_engine(built)
    assert engine is not None
    context: Any = engine.create_execution_context()
    context.set_input_shape("x", (rows, 64))
    context.set_tensor_address("x", 1 << 32)
    context.set_tensor_address("y", 2 << 32)
    assert context.execute_async_v3(512)
    assert context.execute_async_v3(512)
    ((_, segment),) = context._state.executor.segments()
    return list(segment.launches), connected[0]


def test_launches_of_few_blocks_are_early(pretend: Pretend, built: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    few, _ = bound(built, 8, monkeypatch)
    assert len(few) >= 3
    assert [x.programmatic for x in few] == [False] + [True] * (len(few) - 1)
    many, _ = bound(built, 1 << 16, monkeypatch)
    assert min(math.prod(x.grid) for x in many) > 264
    assert not any(x.programmatic for x in many)


@pytest.mark.parametrize("rows", [8, 1 << 16])
@pytest.mark.parametrize("value", ["0", "1"])
def test_a_variable_decides_for_all(
    pretend: Pretend, built: bytes, rows: int, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    launches, waits = bound(built, rows, monkeypatch, OVERLAP=value, BRANCHES=value)
    assert {x.programmatic for x in launches} == {value == "1"}
    assert (waits is not None) == (value == "1")


def test_short_branches_run_beside_each_other(pretend: Pretend, built: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    launches, waits = bound(built, 8, monkeypatch)
    assert waits is not None and any(not w for w in waits[1:])
    _, waits = bound(built, 1 << 16, monkeypatch)
    assert waits is None
