"""An ONNX model with a dynamic batch and size: a profile at build time, shapes at run time, checked by onnxruntime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime

import minirt as trt
from examples.device import host, xp

MODEL = Path(__file__).parents[1] / "tests" / "data" / "mobilenetv3-tiny.onnx"


def main() -> None:
    """Parse, build for a range of shapes, run at three of them with addresses set by name."""
    logger = trt.Logger(trt.Logger.WARNING)
    builder = trt.Builder(logger)
    network = builder.create_network()
    parser = trt.OnnxParser(network, logger)
    if not parser.parse_from_file(str(MODEL)):
        raise SystemExit("\n".join(str(parser.get_error(i)) for i in range(parser.num_errors)))
    profile = builder.create_optimization_profile()
    profile.set_shape("image", min=(1, 3, 64, 64), opt=(2, 3, 64, 64), max=(4, 3, 96, 96))
    config = builder.create_builder_config()
    config.clear_flag(trt.BuilderFlag.TF32)
    assert config.add_optimization_profile(profile) == 0
    engine = trt.Runtime(logger).deserialize_cuda_engine(builder.build_serialized_network(network, config))
    assert engine.get_tensor_profile_shape("image", 0)[2] == (4, 3, 96, 96)

    context = engine.create_execution_context()
    oracle = onnxruntime.InferenceSession(str(MODEL), providers=["CPUExecutionProvider"])
    for shape in ((1, 3, 64, 64), (3, 3, 64, 64), (4, 3, 96, 96)):
        image = np.random.default_rng(shape[0]).normal(size=shape).astype(np.float32)
        assert context.set_input_shape("image", shape)
        source = xp.asarray(image)
        out = xp.empty(tuple(context.get_tensor_shape("logits")), xp.float32)
        context.set_tensor_address("image", source)
        context.set_tensor_address("logits", out)
        assert context.execute_async_v3(0)
        wanted = oracle.run(None, {"image": image})[0]
        np.testing.assert_allclose(host(out), wanted, atol=1e-4 * abs(wanted).max())
        print(shape, "->", out.shape)
    assert not context.set_input_shape("image", (9, 3, 64, 64)), "out of the profile's range"


if __name__ == "__main__":
    main()
