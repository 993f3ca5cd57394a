"""What plans do in a way of their own for parts of nets, on a GPU: appended keys, skips, heads, decoding steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

import minirt as trt

pytestmark = pytest.mark.gpu
Array = NDArray[Any]
RNG = np.random.default_rng(5)


def model(
    nodes: list[Any], inputs: dict[str, tuple[int, ...]], outputs: dict[str, tuple[int, ...]], **held: Array
) -> bytes:
    """A model in half precision."""
    kind = TensorProto.FLOAT16
    graph = helper.make_graph(
        nodes, "net", [helper.make_tensor_value_info(n, kind, s) for n, s in inputs.items()],
        [helper.make_tensor_value_info(n, kind, s) for n, s in outputs.items()],
        [numpy_helper.from_array(a.astype(np.float16), n) for n, a in held.items()],
    )  # fmt: skip
    made: bytes = helper.make_model(
        graph, ir_version=10, opset_imports=[helper.make_opsetid("", 20)]
    ).SerializeToString()
    return made


def run(data: bytes, feeds: dict[str, Array], level: int, times: int = 3) -> dict[str, Array]:
    """What the net gives the third time, when it is a graph."""
    logger = trt.Logger(trt.Logger.ERROR)
    builder = trt.Builder(logger)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    assert trt.OnnxParser(network, logger).parse(data)
    config = builder.create_builder_config()
    config.builder_optimization_level = level
    built = builder.build_serialized_network(network, config)
    engine = trt.Runtime(logger).deserialize_cuda_engine(built)
    context: Any = engine.create_execution_context()
    for _ in range(times):
        found = context.run(feeds)
    return {k: np.asarray(v, np.float64) for k, v in found.items()}


def half(*shape: int, scale: float = 1.0) -> Array:
    return (RNG.standard_normal(shape) * scale).astype(np.float16)


@pytest.mark.parametrize("level", [0, 3])
def test_a_token_is_appended_to_long_keys(level: int) -> None:
    """The keys are copied beside what makes the token's."""
    past, x, w = half(1, 8, 1023, 64), half(1, 512, scale=0.1), half(512, 512)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["row"]),
        helper.make_node("Reshape", ["row", "shape"], ["new"]),
        helper.make_node("Concat", ["past", "new"], ["keys"], axis=2),
        helper.make_node("ReduceSum", ["keys", "axes"], ["sum"], keepdims=0),
    ]
    data = model(nodes, {"past": past.shape, "x": x.shape}, {"keys": (1, 8, 1024, 64), "sum": (1, 8, 64)}, w=w)
    held = onnx.load_from_string(data)
    held.graph.initializer.append(numpy_helper.from_array(np.array([1, 8, 1, 64]), "shape"))
    held.graph.initializer.append(numpy_helper.from_array(np.array([2]), "axes"))
    got = run(held.SerializeToString(), {"past": past, "x": x}, level)
    row = (x.astype(np.float64) @ w.astype(np.float64)).reshape(1, 8, 1, 64)
    want = np.concatenate([past.astype(np.float64), row], 2)
    assert np.array_equal(got["keys"][:, :, :1023], want[:, :, :1023])
    assert np.abs(got["keys"] - want).max() < 2e-3 * np.abs(row).max()
    assert np.abs(got["sum"] - want.sum(2)).max() < 2e-3 * np.abs(want.sum(2)).max()


@pytest.mark.parametrize("k", [64, 520, 2048, 8192])
@pytest.mark.parametrize("n", [8, 40, 3072])
def test_a_chain_of_products_of_one_row(k: int, n: int) -> None:
    """Weights are fetched while the launch before ends; each product reads what the one before wrote."""
    x, a, b = half(1, k, scale=0.1), half(k, n, scale=k**-0.5), half(n, k, scale=n**-0.5)
    nodes, value = [], "x"
    for i in range(6):
        nodes.append(helper.make_node("MatMul", [value, "ab"[i % 2]], [f"y{i}"]))
        value = f"y{i}"
    got = run(model(nodes, {"x": x.shape}, {value: (1, k)}, a=a, b=b), {"x": x}, 3)[value]
    want = x.astype(np.float64)
    for i in range(6):
        want = want @ (a, b)[i % 2].astype(np.float64)
    assert np.abs(got - want).max() < 1e-2 * np.abs(want).max()


def convolved(x: Array, w: Array) -> Array:
    """3x3, padded by one."""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    view = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    return np.asarray(np.einsum("nchwrs,kcrs->nkhw", view, w, optimize=True))


@pytest.mark.parametrize("level", [0, 3])
@pytest.mark.parametrize("channels", [32, 36, 64])
def test_a_skip_lies_in_the_concatenation_and_a_head_is_made_channels_last(level: int, channels: int) -> None:
    x = half(2, 16, 24, 24)
    w = [half(channels, 16, 3, 3, scale=0.08), half(48, channels, 3, 3, scale=0.06)]
    w += [half(4, 48 + channels, 3, 3, scale=0.05)]
    nodes = [
        helper.make_node("Conv", ["x", "w0"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["skip"]),
        helper.make_node("Conv", ["skip", "w1"], ["b"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["b"], ["deep"]),
        helper.make_node("Concat", ["deep", "skip"], ["both"], axis=1),
        helper.make_node("Conv", ["both", "w2"], ["y"], pads=[1, 1, 1, 1]),
    ]
    got = run(model(nodes, {"x": x.shape}, {"y": (2, 4, 24, 24)}, w0=w[0], w1=w[1], w2=w[2]), {"x": x}, level)["y"]
    held = [v.astype(np.float64) for v in w]
    skip = np.maximum(convolved(x.astype(np.float64), held[0]), 0)
    deep = np.maximum(convolved(skip, held[1]), 0)
    want = convolved(np.concatenate([deep, skip], 1), held[2])
    assert np.abs(got - want).max() < 1e-2 * np.abs(want).max()


@pytest.mark.parametrize(("taps", "size"), [(7, 28), (5, 14), (3, 30)])
def test_depthwise_of_many_taps_by_default(taps: int, size: int) -> None:
    x, w, v = half(8, 96, size, size), half(96, 1, taps, taps, scale=1 / taps), half(96, 96, 1, 1, scale=0.1)
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], pads=[taps // 2] * 4, group=96),
        helper.make_node("Conv", ["a", "v"], ["y"]),
    ]
    got = run(model(nodes, {"x": x.shape}, {"y": x.shape}, w=w, v=v), {"x": x}, 0)["y"]
    padded = np.pad(x.astype(np.float64), ((0, 0), (0, 0), (taps // 2,) * 2, (taps // 2,) * 2))
    view = np.lib.stride_tricks.sliding_window_view(padded, (taps, taps), axis=(2, 3))
    want = np.einsum("nchwrs,crs->nchw", view, w[:, 0].astype(np.float64), optimize=True)
    want = np.einsum("nchw,kc->nkhw", want, v[:, :, 0, 0].astype(np.float64), optimize=True)
    assert np.abs(got - want).max() < 1e-2 * np.abs(want).max()


@pytest.mark.parametrize("level", [0, 3])
@pytest.mark.parametrize(("batch", "channels", "hidden"), [(32, 96, 4), (31, 240, 10), (17, 1152, 48), (9, 40, 8)])
def test_what_squeezes_and_excites_is_a_product_of_rows(batch: int, channels: int, hidden: int, level: int) -> None:
    x, w, v = half(batch, channels, 1, 1), half(hidden, channels, 1, 1, scale=0.1), half(channels, hidden, 1, 1)
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["a"]),
        helper.make_node("Relu", ["a"], ["c"]),
        helper.make_node("Conv", ["c", "v"], ["d"]),
        helper.make_node("Sigmoid", ["d"], ["y"]),
    ]
    bias = half(hidden)
    got = run(model(nodes, {"x": x.shape}, {"y": x.shape}, w=w, v=v, b=bias), {"x": x}, level)["y"]
    inside = np.maximum(x[:, :, 0, 0].astype(np.float64) @ w[:, :, 0, 0].astype(np.float64).T + bias, 0)
    want = 1 / (1 + np.exp(-inside @ v[:, :, 0, 0].astype(np.float64).T))
    assert np.abs(got[:, :, 0, 0] - want).max() < 1e-2


@pytest.mark.parametrize("rows", [9, 16, 17, 31, 32])
def test_products_of_a_few_rows_in_turns(rows: int) -> None:
    """Whatever is the fastest of all tactics."""
    x, w = half(rows, 1160, scale=0.1), half(1160, 40)
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    got = run(model(nodes, {"x": x.shape}, {"y": (rows, 40)}, w=w), {"x": x}, 5)["y"]
    want = x.astype(np.float64) @ w.astype(np.float64)
    assert np.abs(got - want).max() < 3e-3 * np.abs(want).max()
