"""What the engine inspector tells, by dialect, verbosity and format."""

from __future__ import annotations

import json
from typing import Any

import pytest
from onnx import TensorProto, helper

import minirt as trt
from minirt import v8, v11

pytestmark = [pytest.mark.usefixtures("cpu"), pytest.mark.filterwarnings("ignore::DeprecationWarning")]


def _engine(module: Any, verbosity: str) -> Any:
    """Return an engine of relu(softmax(x)) from ONNX, with a debug tensor."""
    chain = (("Softmax", "x", "s", "soft"), ("Relu", "s", "y", "relu"))
    nodes = [helper.make_node(op, [source], [made], name=name) for op, source, made, name in chain]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 3]) for name in "xy"]
    model = helper.make_model(
        helper.make_graph(nodes, "g", ends[:1], ends[1:]), opset_imports=[helper.make_opsetid("", 17)]
    )
    builder = module.Builder(module.Logger())
    net = builder.create_network(int(module is v8))
    assert module.OnnxParser(net, module.Logger()).parse(model.SerializeToString())
    config = builder.create_builder_config()
    config.profiling_verbosity = getattr(module.ProfilingVerbosity, verbosity)
    profile = builder.create_optimization_profile()
    profile.set_shape("x", (1, 3), (2, 3), (8, 3))
    config.add_optimization_profile(profile)
    if module is not v8:
        net.mark_debug(net[0].get_output(0))
    return module.Runtime(module.Logger()).deserialize_cuda_engine(builder.build_serialized_network(net, config))


@pytest.mark.parametrize("module", [v8, trt, v11])
def test_details(module: Any) -> None:
    engine = _engine(module, "DETAILED")
    inspector, kinds = engine.create_engine_inspector(), module.LayerInformationFormat
    whole = json.loads(inspector.get_engine_information(kinds.JSON))
    if module is v11:
        assert set(whole) == {"Layers", "I/O Tensors"}
        assert [(t["Name"], t["IOMode"], t["Dimensions"]) for t in whole["I/O Tensors"]] == [
            ("x", "Input", [-1, 3]), ("y", "Output", [-1, 3]),
        ]  # fmt: skip
    else:
        assert set(whole) == {"Layers", "Bindings"}
        assert whole["Bindings"] == ["x", "y"]
    assert len(whole["Layers"]) == engine.num_layers
    for place, row in enumerate(whole["Layers"]):
        assert row == json.loads(inspector.get_layer_information(place, kinds.JSON))
        assert {"Name", "LayerType", "Inputs", "Outputs", "StreamId", "Metadata"} <= set(row)
        for tensor in row["Inputs"] + row["Outputs"]:
            assert tensor["Dimensions"] == [-1, 3]
            if module is v11:
                assert (tensor["Datatype"], tensor["Format"]) == ("Float", "Row major linear FP32 format")
                assert "Format/Datatype" not in tensor
            else:
                assert tensor["Format/Datatype"] == "Row major linear FP32 format"
        line = inspector.get_layer_information(place, kinds.ONELINE)
        assert row["Name"] in line
        assert "\n" not in line
    told = "\x1e".join(row["Metadata"] for row in whole["Layers"])
    assert set(told.split("\x1e")) - {""} == {"[ONNX Layer: soft]", "[ONNX Layer: relu]"}
    context = engine.create_execution_context()
    inspector.execution_context = context
    context.set_input_shape("x", (5, 3))
    row = json.loads(inspector.get_layer_information(0, kinds.JSON))
    assert row["Inputs"][0]["Dimensions"] == [5, 3]
    assert inspector.execution_context is context


@pytest.mark.parametrize("module", [v8, trt, v11])
def test_names_only_and_nothing(module: Any) -> None:
    kinds = module.LayerInformationFormat
    named = _engine(module, "LAYER_NAMES_ONLY").create_engine_inspector()
    layers = json.loads(named.get_engine_information(kinds.JSON))["Layers"]
    assert all(isinstance(name, str) for name in layers)
    assert json.loads(named.get_layer_information(0, kinds.JSON)) == layers[0]
    assert named.get_layer_information(0, kinds.ONELINE) == layers[0]
    lines = named.get_engine_information(kinds.ONELINE).splitlines()
    assert lines[0] == "Layers:"
    assert lines[1 : 1 + len(layers)] == layers
    assert lines[-3:] == ["Bindings:", "x", "y"]
    engine = _engine(module, "NONE")
    silent = engine.create_engine_inspector()
    assert json.loads(silent.get_engine_information(kinds.JSON))["Layers"] == []
    for index in range(engine.num_layers):
        assert json.loads(silent.get_layer_information(index, kinds.JSON)) == {}
        assert silent.get_layer_information(index, kinds.ONELINE) == ""
    assert silent.get_layer_information(engine.num_layers, kinds.JSON) is None


def test_inputs_and_outputs_as_the_eleventh_tells_them() -> None:
    """The documented schema: types and modes in words, and each profile's shapes for inputs."""
    engine = _engine(v11, "DETAILED")
    text = engine.create_engine_inspector().get_engine_information(v11.LayerInformationFormat.JSON)
    x, y = json.loads(text)["I/O Tensors"]
    form = "Row major linear FP32 format (kLINEAR)"
    common = {"DataType": "Float", "Dimensions": [-1, 3], "Location": "Device", "IsShapeInferenceIO": False}
    shapes = {"MinShape": [1, 3], "OptShape": [2, 3], "MaxShape": [8, 3]}
    assert x == {"Name": "x", "IOMode": "Input", **common, "ProfileInfo": [{**shapes, "Format": form}]}
    assert y == {"Name": "y", "IOMode": "Output", **common, "ProfileInfo": [{"Format": form}]}


def test_a_layer_that_is_not_there() -> None:
    inspector = _engine(trt, "DETAILED").create_engine_inspector()
    recorder: list[Any] = []

    class Recorder(trt.IErrorRecorder):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IErrorRecorder.__init__(self)

        def report_error(self, code: Any, desc: str) -> bool:
            recorder.append(code)
            return True

    inspector.error_recorder = Recorder()
    assert inspector.get_layer_information(99, trt.LayerInformationFormat.JSON) is None
    assert recorder == [trt.ErrorCodeTRT.INVALID_ARGUMENT]
