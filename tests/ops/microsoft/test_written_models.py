"""Models as onnxruntime's optimizer and quantizers write them, from file to results, against onnxruntime."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import helper, numpy_helper

import minirt as trt
from tests.ops.harness import run_ort

quantization = pytest.importorskip("onnxruntime.quantization")

RNG = np.random.default_rng(51)
DATA = Path(__file__).parents[2] / "data"


def randn(*shape: int) -> Any:
    return RNG.standard_normal(shape).astype(np.float32)


def picture_net() -> onnx.ModelProto:
    """Two convolutions, a residual, a pool, a concatenation, a product."""
    held = {"w0": randn(8, 3, 3, 3) / 5, "b0": randn(8), "w1": randn(8, 8, 3, 3) / 8, "w2": randn(16, 10) / 4}
    held |= {"b2": randn(10)}
    node = helper.make_node
    nodes = [
        node("Conv", ["x", "w0", "b0"], ["a"], pads=[1, 1, 1, 1]),
        node("Relu", ["a"], ["r"]),
        node("Conv", ["r", "w1"], ["c"], pads=[1, 1, 1, 1]),
        node("Add", ["c", "r"], ["s"]),
        node("LeakyRelu", ["s"], ["l"], alpha=0.1),
        node("Sigmoid", ["l"], ["g"]),
        node("Mul", ["l", "g"], ["m"]),
        node("AveragePool", ["m"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        node("MaxPool", ["m"], ["q"], kernel_shape=[2, 2], strides=[2, 2]),
        node("Concat", ["p", "q"], ["k"], axis=1),
        node("GlobalAveragePool", ["k"], ["v"]),
        node("Flatten", ["v"], ["f"]),
        node("Gemm", ["f", "w2", "b2"], ["h"]),
        node("Softmax", ["h"], ["y"], axis=-1),
    ]
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "picture",
        [info("x", onnx.TensorProto.FLOAT, [2, 3, 8, 8])],
        [info("y", onnx.TensorProto.FLOAT, [2, 10])],
        [numpy_helper.from_array(a, n) for n, a in held.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


class Pictures:
    """Random pictures to calibrate with."""

    def __init__(self) -> None:
        self.left: Iterator[Any] = iter([{"x": randn(2, 3, 8, 8)} for _ in range(4)])

    def get_next(self) -> Any:
        """The next ones."""
        return next(self.left, None)


def optimized(path: Path, target: Path) -> onnx.ModelProto:
    """The model as onnxruntime's optimizer writes it, on every CPU alike."""
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(target)
    options.log_severity_level = 4
    ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return onnx.load(target)


def ran(model: onnx.ModelProto, feeds: dict[str, Any]) -> dict[str, Any]:
    """The outputs by name: parsed, built, loaded, run."""
    log = trt.Logger(trt.Logger.ERROR)
    builder = trt.Builder(log)
    network = builder.create_network(0)
    parser = trt.OnnxParser(network, log)
    assert parser.parse(model.SerializeToString()), [str(parser.get_error(i)) for i in range(parser.num_errors)]
    config, profile = builder.create_builder_config(), builder.create_optimization_profile()
    config.clear_flag(trt.BuilderFlag.TF32)
    for name, array in feeds.items():
        profile.set_shape(name, array.shape, array.shape, array.shape)
    config.add_optimization_profile(profile)
    engine = trt.Runtime(log).deserialize_cuda_engine(builder.build_serialized_network(network, config))
    found: dict[str, Any] = engine.create_execution_context().run(feeds)
    return found


def agree(model: onnx.ModelProto, feeds: dict[str, Any], ops: set[str], bound: float, step: float = 0.0) -> None:
    """The model holds these ops; its results are near onnxruntime's: a step, and a bound of the greatest number."""
    assert ops <= {n.op_type for n in model.graph.node}
    found = ran(model, feeds)
    for output, wanted in zip(model.graph.output, run_ort(model, feeds), strict=True):
        assert np.abs(found[output.name] - wanted).max() <= step + bound * np.abs(wanted).max()


WHOLE = {"QLinearConv", "QLinearAdd", "QLinearMul", "QLinearSigmoid", "QLinearLeakyRelu", "QLinearAveragePool"}
WHOLE |= {"QLinearConcat", "QLinearGlobalAveragePool", "QGemm", "QLinearSoftmax"}


@pytest.mark.parametrize(("form", "by_channel"), [("QOperator", False), ("QOperator", True), ("QDQ", True)])
def test_static_quantization(form: str, by_channel: bool, tmp_path: Path) -> None:
    """As it is written, and as the optimizer fuses it.

    Results are multiples of a scale, about 1/256.  Sums of integers are exact; those of floats between a dequantization
    and a quantization are not, so that a result may be one step off.
    """
    path, target = tmp_path / "plain.onnx", tmp_path / "quantized.onnx"
    onnx.save(picture_net(), path)
    kinds = {"activation_type": quantization.QuantType.QUInt8, "weight_type": quantization.QuantType.QInt8}
    style = quantization.QuantFormat[form]
    quantization.quantize_static(path, target, Pictures(), quant_format=style, per_channel=by_channel, **kinds)
    feeds = {"x": randn(2, 3, 8, 8)}
    ops = WHOLE if form == "QOperator" else {"QuantizeLinear", "DequantizeLinear"}
    step = 0.0 if form == "QOperator" else 1.01 / 256
    agree(onnx.load(target), feeds, ops, 1e-5, step)
    if by_channel:
        agree(optimized(target, tmp_path / "fused.onnx"), feeds, {"QLinearConv", "QLinearAdd"}, 1e-5)


def words() -> dict[str, Any]:
    """Tokens for the tiny BERT."""
    model = onnx.load(DATA / "bert-tiny.onnx", load_external_data=False)
    out: dict[str, Any] = {}
    for info in model.graph.input:
        dims = info.type.tensor_type.shape.dim
        shape = [d.dim_value or (2 if i == 0 else 7) for i, d in enumerate(dims)]
        out[info.name] = RNG.integers(0, 2, shape).astype(np.int64)
    return out


@pytest.mark.parametrize("weights", ["QUInt8", "QInt8"])
def test_dynamic_quantization(weights: str, tmp_path: Path) -> None:
    """As the optimizer fuses it."""
    target = tmp_path / "quantized.onnx"
    quantization.quantize_dynamic(DATA / "bert-tiny.onnx", target, weight_type=quantization.QuantType[weights])
    ops = {"DynamicQuantizeMatMul", "MatMulIntegerToFloat", "SkipLayerNormalization"}
    agree(optimized(target, tmp_path / "fused.onnx"), words(), ops, 1e-4)


def test_optimized(tmp_path: Path) -> None:
    """A transformer with its parts fused."""
    model = optimized(DATA / "bert-tiny.onnx", tmp_path / "fused.onnx")
    agree(model, words(), {"FusedMatMul", "SkipLayerNormalization", "BiasGelu", "FusedGemm"}, 1e-5)
