"""Decoding steps on a GPU: normalizations and gates that products of a few rows take in, tokens appended to caches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

import minirt as trt

pytestmark = pytest.mark.gpu
Array = NDArray[Any]
RNG = np.random.default_rng(7)
KINDS = {"f16": (TensorProto.FLOAT16, np.float16, 4e-3), "f32": (TensorProto.FLOAT, np.float32, 1e-4)}


def built(nodes: list[Any], shapes: dict[str, tuple[int, ...]], held: dict[str, Array], kind: str) -> bytes:
    """A model whose output is y."""
    element, dtype, _ = KINDS[kind]
    known = [numpy_helper.from_array(a if a.dtype == np.int64 else a.astype(dtype), n) for n, a in held.items()]
    inputs = [helper.make_tensor_value_info(n, element, s) for n, s in shapes.items()]
    outputs = [helper.make_tensor_value_info(n, element, None) for n in ("y", "keys") if _makes(nodes, n)]
    graph = helper.make_graph(nodes, "step", inputs, outputs, known)
    opset = [helper.make_opsetid("", 18)]
    data: bytes = helper.make_model(graph, ir_version=10, opset_imports=opset).SerializeToString()
    return data


def _makes(nodes: list[Any], name: str) -> bool:
    return any(name in node.output for node in nodes)


def run(data: bytes, feeds: dict[str, Array], level: int) -> dict[str, Array]:
    """What the net gives the third time, when it is a graph."""
    logger = trt.Logger(trt.Logger.ERROR)
    builder = trt.Builder(logger)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    assert trt.OnnxParser(network, logger).parse(data)
    config = builder.create_builder_config()
    config.builder_optimization_level = level
    config.clear_flag(trt.BuilderFlag.TF32)
    engine = trt.Runtime(logger).deserialize_cuda_engine(builder.build_serialized_network(network, config))
    context: Any = engine.create_execution_context()
    for _ in range(3):
        found = context.run(feeds)
    return {k: np.asarray(v, np.float64) for k, v in found.items()}


def norm_nodes(x: str, scale: str, y: str) -> list[Any]:
    """x / sqrt(mean(x * x) + epsilon) * scale."""
    return [
        helper.make_node("Mul", [x, x], [f"{y}-square"]),
        helper.make_node("ReduceMean", [f"{y}-square", "last"], [f"{y}-mean"], keepdims=1),
        helper.make_node("Add", [f"{y}-mean", "epsilon"], [f"{y}-more"]),
        helper.make_node("Sqrt", [f"{y}-more"], [f"{y}-root"]),
        helper.make_node("Div", [x, f"{y}-root"], [f"{y}-unit"]),
        helper.make_node("Mul", [f"{y}-unit", scale], [y]),
    ]


def normal(x: Array, scale: Array) -> Array:
    return np.asarray(x / np.sqrt(np.mean(x * x, -1, keepdims=True) + 1e-3) * scale)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rows", [1, 2, 8])
@pytest.mark.parametrize(("width", "hidden"), [(512, 1536), (250, 90)])
@pytest.mark.parametrize("level", [0, 3])
def test_two_gated_blocks(kind: str, rows: int, width: int, hidden: int, level: int) -> None:
    """x + silu(norm(x) @ gate) * (norm(x) @ up) @ down, twice, by one kernel a block and one for the way back."""
    _, dtype, most = KINDS[kind]
    held: dict[str, Array] = {"last": np.array([-1]), "epsilon": np.array(1e-3)}
    nodes: list[Any] = []
    value = "x0"
    for i in range(2):
        held[f"s{i}"] = 1 + 0.2 * RNG.standard_normal(width)
        for name, shape in (("gate", (width, hidden)), ("up", (width, hidden)), ("down", (hidden, width))):
            held[f"{name}{i}"] = RNG.standard_normal(shape) * shape[0] ** -0.5
        nodes += norm_nodes(value, f"s{i}", f"n{i}")
        nodes += [
            helper.make_node("MatMul", [f"n{i}", f"gate{i}"], [f"g{i}"]),
            helper.make_node("Sigmoid", [f"g{i}"], [f"h{i}"]),
            helper.make_node("Mul", [f"g{i}", f"h{i}"], [f"silu{i}"]),
            helper.make_node("MatMul", [f"n{i}", f"up{i}"], [f"u{i}"]),
            helper.make_node("Mul", [f"silu{i}", f"u{i}"], [f"a{i}"]),
            helper.make_node("MatMul", [f"a{i}", f"down{i}"], [f"d{i}"]),
            helper.make_node("Add", [value, f"d{i}"], ["y" if i else "x1"]),
        ]
        value = "x1"
    x = (RNG.standard_normal((rows, 1, width)) * 3 + 0.5).astype(dtype)
    got = run(built(nodes, {"x0": x.shape}, held, kind), {"x0": x}, level)["y"]
    rounded = {k: v.astype(dtype).astype(np.float64) for k, v in held.items()}
    want = x.astype(np.float64)
    for i in range(2):
        n = normal(want, rounded[f"s{i}"])
        gate = n @ rounded[f"gate{i}"]
        want = want + (gate / (1 + np.exp(-gate)) * (n @ rounded[f"up{i}"])) @ rounded[f"down{i}"]
    assert np.abs(got - want).max() < most * np.abs(want).max()


@pytest.mark.parametrize("past", [1023, 40])
@pytest.mark.parametrize("level", [0, 3])
def test_a_turned_token_is_made_in_its_place_in_the_cache(past: int, level: int) -> None:
    """keys = past and the turned row of a product, of which something else reads too."""
    shared, size, width = 8, 64, 256
    held: dict[str, Array] = {
        "w": RNG.standard_normal((width, shared * size)) * width**-0.5, "shape": np.array([1, 1, shared, size]),
        "cos": np.cos(np.arange(size)), "sin": np.sin(np.arange(size)), "axis": np.array([2]),
    }  # fmt: skip
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["row"]),
        helper.make_node("Reshape", ["row", "shape"], ["heads"]),
        helper.make_node("Transpose", ["heads"], ["new"], perm=[0, 2, 1, 3]),
        helper.make_node("Split", ["new"], ["first", "second"], axis=3, num_outputs=2),
        helper.make_node("Neg", ["second"], ["minus"]),
        helper.make_node("Concat", ["minus", "first"], ["turned"], axis=3),
        helper.make_node("Mul", ["new", "cos"], ["a"]),
        helper.make_node("Mul", ["turned", "sin"], ["b"]),
        helper.make_node("Add", ["a", "b"], ["token"]),
        helper.make_node("Concat", ["past", "token"], ["keys"], axis=2),
        helper.make_node("ReduceSum", ["keys", "axis"], ["y"], keepdims=0),
    ]
    x, before = RNG.standard_normal((1, width)).astype(np.float16), RNG.standard_normal((1, shared, past, size))
    feeds = {"x": x, "past": before.astype(np.float16)}
    got = run(built(nodes, {k: v.shape for k, v in feeds.items()}, held, "f16"), feeds, level)
    row = x.astype(np.float64) @ held["w"].astype(np.float16).astype(np.float64)
    new = row.reshape(1, 1, shared, size).transpose(0, 2, 1, 3)
    turned = np.concatenate([-new[..., size // 2 :], new[..., : size // 2]], 3)
    token = new * held["cos"] + turned * held["sin"]
    want = np.concatenate([feeds["past"].astype(np.float64), token], 2)
    assert np.array_equal(got["keys"][:, :, :past], want[:, :, :past])
    assert np.abs(got["keys"] - want).max() < 4e-3 * np.abs(token).max()
    assert np.abs(got["y"] - want.sum(2)).max() < 4e-3 * np.abs(want.sum(2)).max()
