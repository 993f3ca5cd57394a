"""ONNX models that come with other weights for each seed, and engines of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import minirt as trt

Array = Any


def value(name: str, shape: list[Any]) -> Any:
    """Return an input's or output's type."""
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def model(nodes: list[Any], x: list[Any], y: list[Any], **held: Array) -> bytes:
    """Return a model of one input x and one output y."""
    tensors = [numpy_helper.from_array(np.asarray(array), name) for name, array in held.items()]
    graph = helper.make_graph(nodes, "net", [value("x", x)], [value("y", y)], tensors)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    return bytes(made.SerializeToString())


def _norm(rng: Any, name: str, channels: int) -> dict[str, Array]:
    low = {"scale": 0.5, "bias": -0.5, "mean": -0.5, "var": 0.5}
    return {f"{name}.{k}": rng.uniform(v, v + 1, channels).astype(np.float32) for k, v in low.items()}


def residual(seed: int) -> bytes:
    """Return relu(bn(conv(relu(bn(conv(x) + bias)))) + bn(conv(x))), global pooling and a dense layer."""
    rng = np.random.default_rng(seed)
    held: dict[str, Array] = {}
    for name, shape in (("c1", (16, 8, 3, 3)), ("c2", (16, 16, 3, 3)), ("c3", (16, 8, 1, 1))):
        held[f"{name}.w"] = (rng.normal(size=shape) / np.sqrt(np.prod(shape[1:]))).astype(np.float32)
        held |= _norm(rng, name, 16)
    held["c1.b"] = rng.normal(size=16).astype(np.float32)
    held["fc.w"] = (rng.normal(size=(10, 16)) / 4).astype(np.float32)
    held["fc.b"] = rng.normal(size=10).astype(np.float32)
    node = helper.make_node
    nodes = []
    for name, x, bias, pad in (("c1", "x", ["c1.b"], 1), ("c2", "r1", [], 1), ("c3", "x", [], 0)):
        nodes.append(node("Conv", [x, f"{name}.w", *bias], [name], name, pads=[pad] * 4))
        numbers = [f"{name}.{k}" for k in ("scale", "bias", "mean", "var")]
        nodes.append(node("BatchNormalization", [name, *numbers], [f"{name}.bn"], f"{name}.bn"))
        if name == "c1":
            nodes.append(node("Relu", ["c1.bn"], ["r1"], "r1"))
    nodes += [
        node("Add", ["c2.bn", "c3.bn"], ["sum"], "sum"),
        node("Relu", ["sum"], ["r2"], "r2"),
        node("GlobalAveragePool", ["r2"], ["pool"], "pool"),
        node("Flatten", ["pool"], ["flat"], "flat"),
        node("Gemm", ["flat", "fc.w", "fc.b"], ["y"], "fc", transB=1),
    ]
    return model(nodes, ["N", 8, 12, 12], ["N", 10], **held)


def perceptron(seed: int, width: int = 64, depth: int = 3) -> bytes:
    """Return dense layers, each with a bias and relu."""
    rng = np.random.default_rng(seed)
    held: dict[str, Array] = {}
    nodes, last = [], "x"
    for i in range(depth):
        held[f"w{i}"] = (rng.normal(size=(width, width)) * np.sqrt(2 / width)).astype(np.float32)
        held[f"b{i}"] = rng.normal(size=width).astype(np.float32)
        out = "y" if i == depth - 1 else f"r{i}"
        nodes.append(helper.make_node("Gemm", [last, f"w{i}", f"b{i}"], [f"g{i}"], f"gemm{i}"))
        nodes.append(helper.make_node("Relu", [f"g{i}"], [out], f"relu{i}"))
        last = out
    return model(nodes, ["N", width], ["N", width], **held)


def recurrent(seed: int) -> bytes:
    """Return an LSTM in two directions, and a dense layer on its states."""
    rng = np.random.default_rng(seed)
    held = {
        "w": rng.normal(size=(2, 64, 12)) / 3,
        "r": rng.normal(size=(2, 64, 16)) / 4,
        "b": rng.normal(size=(2, 128)) / 4,
        "out": rng.normal(size=(16, 5)),
    }
    held = {k: v.astype(np.float32) for k, v in held.items()}
    nodes = [
        helper.make_node("LSTM", ["x", "w", "r", "b"], ["h"], "lstm", hidden_size=16, direction="bidirectional"),
        helper.make_node("MatMul", ["h", "out"], ["y"], "out"),
    ]
    return model(nodes, [7, "N", 12], [7, 2, "N", 5], **held)


def rooted(seed: int) -> bytes:
    """Return a normalisation written out, with its exponent, its epsilon and the scales of a resize as weights."""
    rng = np.random.default_rng(seed)
    numbers = {"two": np.array([2.0]), "epsilon": np.array([1e-5]), "scales": np.array([1.0, 2.0])}
    held = {k: v.astype(np.float32) for k, v in numbers.items()}
    held["gain"] = rng.uniform(0.5, 1.5, 24).astype(np.float32)
    held["axis"] = np.array([1], np.int64)
    node = helper.make_node
    nodes = [
        node("ReduceMean", ["x"], ["mean"], "mean", axes=[1]),
        node("Sub", ["x", "mean"], ["centred"], "centred"),
        node("Pow", ["centred", "two"], ["square"], "square"),
        node("ReduceMean", ["square"], ["variance"], "variance", axes=[1]),
        node("Add", ["variance", "epsilon"], ["more"], "more"),
        node("Sqrt", ["more"], ["root"], "root"),
        node("Div", ["centred", "root"], ["normal"], "normal"),
        node("Mul", ["normal", "gain"], ["scaled"], "scaled"),
        node("Resize", ["scaled", "", "scales"], ["wide"], "wide", mode="nearest"),
        node("ReduceSum", ["wide", "axis"], ["y"], "y", keepdims=0),
    ]
    return model(nodes, ["N", 24], ["N"], **held)


def branching(seed: int) -> bytes:
    """Return one dense layer or another, as the input's sum is positive or not; each branch has its own weights."""
    rng = np.random.default_rng(seed)
    node, arms = helper.make_node, {}
    for arm in ("then_branch", "else_branch"):
        w = numpy_helper.from_array(rng.normal(size=(24, 24)).astype(np.float32), f"{arm}.w")
        inside = [node("MatMul", ["x", f"{arm}.w"], [f"{arm}.p"]), node("Add", [f"{arm}.p", "shared"], [f"{arm}.y"])]
        arms[arm] = helper.make_graph(inside, arm, [], [value(f"{arm}.y", ["N", 24])], [w])
    nodes = [
        node("ReduceSum", ["x"], ["sum"], "sum", keepdims=0),
        node("Greater", ["sum", "zero"], ["positive"], "positive"),
        node("If", ["positive"], ["y"], "if", **arms),
    ]
    shared = rng.normal(size=24).astype(np.float32)
    return model(nodes, ["N", 24], ["N", 24], zero=np.float32(0), shared=shared)


def quantized(seed: int) -> bytes:
    """Return a dense layer with int8 weights and a scale for each column."""
    rng = np.random.default_rng(seed)
    held = {
        "w": rng.integers(-127, 128, (24, 24)).astype(np.int8),
        "scale": rng.uniform(0.01, 0.02, 24).astype(np.float32),
        "zero": np.zeros(24, np.int8),
    }
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "scale", "zero"], ["wide"], "dequantize", axis=1),
        helper.make_node("MatMul", ["x", "wide"], ["y"], "product"),
    ]
    return model(nodes, ["N", 24], ["N", 24], **held)


def noded(seed: int) -> bytes:
    """Return a dense layer whose weights are nodes, two layers of one operand, and a plain number that is a node."""
    rng = np.random.default_rng(seed)
    held = {"w": rng.normal(size=(24, 24)), "b": rng.normal(size=24), "half": np.array([0.5])}
    nodes = [
        helper.make_node("Constant", [], [k], f"node.{k}", value=numpy_helper.from_array(v.astype(np.float32)))
        for k, v in held.items()
    ]
    pair = {k: rng.normal(size=(24, 24)).astype(np.float32) for k in ("left", "right")}
    nodes += [
        helper.make_node("Gemm", ["x", "w", "b"], ["g"], "gemm"),
        helper.make_node("Mul", ["g", "half"], ["h"], "mul"),
        helper.make_node("MatMul", ["h", "left"], ["l"], "left"),
        helper.make_node("MatMul", ["h", "right"], ["r"], "right"),
        helper.make_node("Tanh", ["l"], ["t"], "tanh"),
        helper.make_node("Add", ["t", "r"], ["y"], "add"),
    ]
    return model(nodes, ["N", 24], ["N", 24], **pair)


MODELS = {
    "noded": noded,
    "quantized": quantized,
    "residual": residual,
    "perceptron": perceptron,
    "recurrent": recurrent,
    "rooted": rooted,
    "branching": branching,
}
SHAPES = {
    "noded": (3, 24),
    "quantized": (3, 24),
    "residual": (3, 8, 12, 12),
    "perceptron": (3, 64),
    "recurrent": (7, 3, 12),
    "rooted": (3, 24),
    "branching": (3, 24),
}


def picture(name: str) -> Array:
    """Return an input of a model."""
    return np.random.default_rng(9).normal(size=SHAPES[name]).astype(np.float32)


def oracle(data: bytes, x: Array) -> Array:
    """Return what onnxruntime computes, without its optimisations, which round products of int8 weights."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]


def build(logger: Any, data: bytes, shape: tuple[int, ...], *flags: Any, marked: tuple[str, ...] = ()) -> bytes:
    """Return the bytes of an engine with TF32 off, for inputs of this shape."""
    builder = trt.Builder(logger)
    network = builder.create_network()
    assert trt.OnnxParser(network, logger).parse(data)
    for name in marked:
        assert network.mark_weights_refittable(name)
    config = builder.create_builder_config()
    config.clear_flag(trt.BuilderFlag.TF32)
    for flag in flags:
        config.set_flag(flag)
    profile = builder.create_optimization_profile()
    profile.set_shape("x", shape, shape, shape)
    config.add_optimization_profile(profile)
    return bytes(builder.build_serialized_network(network, config))


def load(logger: Any, data: Any) -> Any:
    """Return an engine of its bytes."""
    return trt.Runtime(logger).deserialize_cuda_engine(data)


def run(engine: Any, x: Any) -> Array:
    """Return what a fresh context computes."""
    return engine.create_execution_context().run({"x": x})["y"]


def close(got: Array, wanted: Array, bound: float = 1e-5) -> None:
    """Assert that the error is within a share of the largest number."""
    error = float(np.abs(np.asarray(got, np.float64) - wanted).max() / np.abs(wanted).max())
    assert error <= bound, error
