"""The classic TensorRT script, as it stands in countless repositories, runs unchanged on a trained model."""

from pathlib import Path

import numpy as np
import pytest

import minirt as trt
from tests.models.oracle import error_of_scale, outputs
from tests.models.zoo import MODELS, fetch

TRT_LOGGER = trt.Logger(trt.Logger.WARNING)
KEY = "silero-openvino"


def build_engine(model_path: str) -> trt.ICudaEngine:
    """Build an engine as TensorRT 7's samples do."""
    with (
        trt.Builder(TRT_LOGGER) as builder,
        builder.create_network() as network,
        trt.OnnxParser(network, TRT_LOGGER) as parser,
    ):
        builder.max_workspace_size = 2**30
        with open(model_path, "rb") as model:
            assert parser.parse(model.read())
        return builder.build_cuda_engine(network)


@pytest.mark.models
@pytest.mark.small
def test_classic_script(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Build, then infer by execute_v2 on a list of addresses in the engine's order of tensors."""
    monkeypatch.setenv("MINIRT_TARGET", "cpu")
    feeds = MODELS[KEY].feeds()
    with build_engine(str(fetch(KEY))) as engine, engine.create_execution_context() as context:
        names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
        arrays = {}
        for name in names:
            shape = tuple(engine.get_tensor_shape(name))
            arrays[name] = feeds[name] if name in feeds else np.empty(shape, trt.nptype(engine.get_tensor_dtype(name)))
        assert context.execute_v2([arrays[name].ctypes.data for name in names])
    for name, wanted in outputs(fetch(KEY), feeds).items():
        assert error_of_scale(arrays[name], wanted) <= 1e-4, name
