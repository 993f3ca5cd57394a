"""What an engine is made of: its layers, tensors and tactics, as JSON and as text."""

from __future__ import annotations

import json
from pathlib import Path

import minirt as trt

MODEL = Path(__file__).parents[1] / "tests" / "data" / "unet-tiny.onnx"


def main() -> None:
    """Build with all details, read them back."""
    logger = trt.Logger(trt.Logger.WARNING)
    builder = trt.Builder(logger)
    network = builder.create_network()
    parser = trt.OnnxParser(network, logger)
    assert parser.parse_from_file(str(MODEL))
    config = builder.create_builder_config()
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
    profile = builder.create_optimization_profile()
    for i in range(network.num_inputs):
        tensor = network.get_input(i)
        shape = [32 if size == -1 and axis > 1 else abs(size) for axis, size in enumerate(tensor.shape)]
        profile.set_shape(tensor.name, shape, shape, shape)
    config.add_optimization_profile(profile)
    engine = trt.Runtime(logger).deserialize_cuda_engine(builder.build_serialized_network(network, config))
    inspector = engine.create_engine_inspector()
    whole = json.loads(inspector.get_engine_information(trt.LayerInformationFormat.JSON))
    assert len(whole["Layers"]) == engine.num_layers
    assert whole["Bindings"] == [engine.get_tensor_name(i) for i in range(engine.num_io_tensors)]
    for layer in whole["Layers"]:
        print(f"{layer['LayerType']:<12} {layer['TacticName']:<40.40} {layer['Name']:.60}")
    assert any("Conv" in layer["Name"] or "conv" in layer["Name"] for layer in whole["Layers"])
    line = inspector.get_layer_information(0, trt.LayerInformationFormat.ONELINE)
    assert whole["Layers"][0]["Name"] in line
    assert "\n" not in line
    print(engine.num_layers, "layers of", network.num_layers)


if __name__ == "__main__":
    main()
