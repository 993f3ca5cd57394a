"""A script that uses Polygraphy as a library: loaders, runners, profiles, device arrays, comparators, a calibrator."""

import sys
from typing import Any

import numpy as np
import tensorrt as trt
from polygraphy import cuda, func
from polygraphy.backend.common import BytesFromPath
from polygraphy.backend.onnx import BytesFromOnnx, ModifyOutputs, OnnxFromPath
from polygraphy.backend.onnxrt import OnnxrtRunner, SessionFromOnnx
from polygraphy.backend.trt import (
    Calibrator,
    CreateConfig,
    CreateNetwork,
    EngineFromBytes,
    EngineFromNetwork,
    ModifyNetworkOutputs,
    NetworkFromOnnxPath,
    Profile,
    SaveEngine,
    TrtRunner,
)
from polygraphy.comparator import Comparator, CompareFunc, DataLoader

VIT = sys.argv[1]


@func.extend(CreateNetwork())  # type: ignore[untyped-decorator]
def exponential(builder: Any, network: Any) -> None:
    """y = exp(x)."""
    x = network.add_input("x", trt.float32, (1, 4))
    y = network.add_unary(x, trt.UnaryOperation.EXP).get_output(0)
    y.name = "y"
    network.mark_output(y)


def profiles() -> None:
    """An engine of two profiles, saved and loaded, on host and device arrays."""
    shapes = [((1, 3, 32, 32), (2, 3, 32, 32), (4, 3, 32, 32)), ((5, 3, 32, 32), (6, 3, 32, 32), (8, 3, 32, 32))]
    config = CreateConfig(profiles=[Profile().add("image", *shape) for shape in shapes], refittable=True)
    SaveEngine(EngineFromNetwork(NetworkFromOnnxPath(VIT), config), "vit.engine")()
    engine = EngineFromBytes(BytesFromPath("vit.engine"))()
    for number, batch in ((0, 3), (1, 7)):
        x = np.random.default_rng(batch).random((batch, 3, 32, 32)).astype(np.float32)
        with TrtRunner(engine, optimization_profile=number) as runner, cuda.DeviceArray(x.shape, x.dtype) as there:
            assert runner.get_input_metadata()["image"].dtype == np.float32
            wanted = np.array(runner.infer({"image": x})["logits"])
            found = runner.infer({"image": there.copy_from(x)}, copy_outputs_to_host=False)["logits"]
            assert isinstance(found, cuda.DeviceView) and runner.last_inference_time() > 0
            np.testing.assert_array_equal(found.numpy(), wanted)
            assert wanted.shape == (batch, 30)


def comparison() -> None:
    """More outputs than the model has, and onnxruntime beside it; int8 by a calibrator is near it."""
    outputs = ["conv2d", "logits"]
    calibrated = CreateConfig(int8=True, calibrator=Calibrator(DataLoader(), cache="ranges"))
    network = ModifyNetworkOutputs(NetworkFromOnnxPath(VIT), outputs=outputs)
    session = SessionFromOnnx(BytesFromOnnx(ModifyOutputs(OnnxFromPath(VIT), outputs=outputs)))
    for config, bound in ((CreateConfig(), 1e-3), (calibrated, 0.2)):
        results = Comparator.run([TrtRunner(EngineFromNetwork(network, config)), OnnxrtRunner(session)], warm_up=1)
        assert bool(Comparator.compare_accuracy(results, compare_func=CompareFunc.simple(atol=bound)))


profiles()
comparison()
with TrtRunner(EngineFromNetwork(exponential)) as runner:
    found = runner.infer({"x": np.ones((1, 4), np.float32)})["y"]
    np.testing.assert_allclose(found, np.e, rtol=1e-6)
print("all of it is right")
