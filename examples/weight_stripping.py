"""An engine file without weights: saved, loaded, and given its weights out of the ONNX file that it came from."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

import minirt as trt


def model() -> bytes:
    """Return two convolutions with normalisation, and their weights."""
    rng = np.random.default_rng(6)
    held: dict[str, Any] = {}
    nodes, last = [], "x"
    for name, channels in (("a", 3), ("b", 32)):
        held[f"{name}.w"] = rng.normal(size=(32, channels, 3, 3)) / channels
        held |= {f"{name}.{k}": rng.uniform(0.5, 1.5, 32) for k in ("scale", "shift", "mean", "variance")}
        numbers = [f"{name}.{k}" for k in ("scale", "shift", "mean", "variance")]
        out = "y" if name == "b" else f"{name}.out"
        nodes.append(helper.make_node("Conv", [last, f"{name}.w"], [f"{name}.c"], f"{name}.conv", pads=[1] * 4))
        nodes.append(helper.make_node("BatchNormalization", [f"{name}.c", *numbers], [f"{name}.n"], f"{name}.norm"))
        nodes.append(helper.make_node("Relu", [f"{name}.n"], [out], f"{name}.relu"))
        last = out
    weights = [numpy_helper.from_array(array.astype(np.float32), name) for name, array in held.items()]
    ends = [("x", 3), ("y", 32)]
    x, y = (helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [1, c, 16, 16]) for n, c in ends)
    graph = helper.make_graph(nodes, "net", [x], [y], weights)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    return bytes(made.SerializeToString())


def build(logger: Any, data: bytes, *flags: Any) -> bytes:
    """Return an engine's bytes."""
    builder = trt.Builder(logger)
    network = builder.create_network()
    assert trt.OnnxParser(network, logger).parse(data)
    config = builder.create_builder_config()
    config.clear_flag(trt.BuilderFlag.TF32)  # full float32 products, so that the check can be tight
    for flag in flags:
        config.set_flag(flag)
    return bytes(builder.build_serialized_network(network, config))


def main() -> None:
    """Strip, save, load, refit, and save whole."""
    logger, data = trt.Logger(trt.Logger.ERROR), model()
    x = np.random.default_rng(7).normal(size=(1, 3, 16, 16)).astype(np.float32)
    wanted = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"]).run(None, {"x": x})[0]
    with tempfile.TemporaryDirectory() as folder:
        source, stripped, whole = (Path(folder) / n for n in ("net.onnx", "stripped.engine", "whole.engine"))
        source.write_bytes(data)
        stripped.write_bytes(build(logger, data, trt.BuilderFlag.STRIP_PLAN))
        runtime = trt.Runtime(logger)
        engine = runtime.deserialize_cuda_engine(stripped.read_bytes())
        refitter = trt.Refitter(engine, logger)
        print(f"{len(refitter.get_missing_weights())} weights to set")
        assert trt.OnnxParserRefitter(refitter, logger).refit_from_file(str(source))
        assert refitter.refit_cuda_engine()
        np.testing.assert_allclose(engine.create_execution_context().run({"x": x})["y"], wanted, rtol=1e-3, atol=1e-4)
        config = engine.create_serialization_config()
        config.clear_flag(trt.SerializationFlag.EXCLUDE_WEIGHTS)
        config.set_flag(trt.SerializationFlag.INCLUDE_REFIT)
        whole.write_bytes(engine.serialize_with_config(config))
        again = runtime.deserialize_cuda_engine(whole.read_bytes())
        np.testing.assert_allclose(again.create_execution_context().run({"x": x})["y"], wanted, rtol=1e-3, atol=1e-4)
        sizes = stripped.stat().st_size, whole.stat().st_size
    print("bytes without and with weights:", *sizes)
    assert sizes[1] - sizes[0] >= 4 * 32 * 9 * (3 + 32)


if __name__ == "__main__":
    main()
