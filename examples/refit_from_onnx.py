"""New weights for an engine out of a second ONNX file, as after more training; checked by onnxruntime."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

import minirt as trt


def model(seed: int) -> Any:
    """Return relu(x @ w + b), with other weights for each seed."""
    rng = np.random.default_rng(seed)
    held = {"w": rng.normal(size=(8, 4)).astype(np.float32), "b": rng.normal(size=4).astype(np.float32)}
    x, y = (helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, [2, k]) for n, k in (("x", 8), ("y", 4)))
    nodes = [helper.make_node("Gemm", ["x", "w", "b"], ["g"], "gemm"), helper.make_node("Relu", ["g"], ["y"], "relu")]
    weights = [numpy_helper.from_array(array, name) for name, array in held.items()]
    graph = helper.make_graph(nodes, "net", [x], [y], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10).SerializeToString()


def main() -> None:
    """Build from one model, refit from another."""
    logger = trt.Logger(trt.Logger.WARNING)
    builder = trt.Builder(logger)
    network = builder.create_network()
    assert trt.OnnxParser(network, logger).parse(model(0))
    config = builder.create_builder_config()
    config.set_flag(trt.BuilderFlag.REFIT)
    config.clear_flag(trt.BuilderFlag.TF32)  # full float32 products, so that the check can be tight
    engine = trt.Runtime(logger).deserialize_cuda_engine(builder.build_serialized_network(network, config))
    refitter = trt.Refitter(engine, logger)
    print("weights:", refitter.get_all_weights())
    context = engine.create_execution_context()
    x = np.random.default_rng(9).normal(size=(2, 8)).astype(np.float32)
    for seed in (0, 1):
        if seed:
            assert trt.OnnxParserRefitter(refitter, logger).refit_from_bytes(model(seed))
            assert refitter.refit_cuda_engine()
        oracle = onnxruntime.InferenceSession(model(seed), providers=["CPUExecutionProvider"])
        wanted = oracle.run(None, {"x": x})[0]
        np.testing.assert_allclose(context.run({"x": x})["y"], wanted, atol=1e-4)


if __name__ == "__main__":
    main()
