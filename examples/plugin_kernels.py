"""One plugin, its kernel in five languages: CuPy, Numba, Triton, PyTorch and cuda-python; NumPy where there is no GPU.

Every kernel gets the addresses that the engine works on and the stream that it runs on, and returns without waiting.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

import numpy as np

import minirt as trt
from examples.device import ON_GPU

LANGUAGES = {
    "NumPy": ("numpy",),
    "CuPy": ("cupy",),
    "Numba": ("numba.cuda",),
    "Triton": ("triton", "torch"),
    "PyTorch": ("torch",),
    "cuda-python": ("cuda.bindings",),
}
"""The languages, and the packages that each needs; `examples/kernels` has a file for each."""


def kernel_in(language: str) -> Any:
    """Return what launches the kernel: `run(x, y, count, limit, stream)` of the language's file."""
    name = language.lower().replace("-", "_")
    return importlib.import_module(f"examples.kernels.in_{name}").run


class Shrink(trt.IPluginV3, trt.IPluginV3OneCore, trt.IPluginV3OneBuild, trt.IPluginV3OneRuntime):
    """Moves every number toward zero by a limit, and no further."""

    capturable = True  # its launches may become part of the engine's CUDA graph

    def __init__(self, language: str, limit: float) -> None:
        trt.IPluginV3.__init__(self)
        trt.IPluginV3OneCore.__init__(self)
        trt.IPluginV3OneBuild.__init__(self)
        trt.IPluginV3OneRuntime.__init__(self)
        self.plugin_name, self.plugin_version, self.plugin_namespace = "Shrink", "1", "examples"
        self.num_outputs = 1
        self.language, self.limit = language, limit

    def get_capability_interface(self, type: Any) -> Any:
        """One object has all three capabilities."""
        return self

    def get_output_data_types(self, input_types: Any) -> Any:
        """Return the type of what comes in."""
        return [input_types[0]]

    def get_output_shapes(self, inputs: Any, shape_inputs: Any, expr_builder: Any) -> Any:
        """Return the shape of what comes in."""
        return [trt.DimsExprs(inputs[0])]

    def supports_format_combination(self, pos: int, in_out: Any, num_inputs: int) -> bool:
        """Row-major float32."""
        return bool(in_out[pos].desc.type == trt.float32 and in_out[pos].desc.format == trt.TensorFormat.LINEAR)

    def configure_plugin(self, inp: Any, out: Any) -> None:
        """Hear the ranges of shapes."""

    def on_shape_change(self, inp: Any, out: Any) -> None:
        """Hear the shapes of the next run."""
        self.count = int(np.prod(tuple(inp[0].dims)))
        self.run = kernel_in(self.language)

    def attach_to_context(self, resource_context: Any) -> Any:
        """Return a plugin for one context."""
        return Shrink(self.language, self.limit)

    def get_fields_to_serialize(self) -> Any:
        """Return what the creator needs."""
        kinds = trt.PluginFieldType
        return trt.PluginFieldCollection([
            trt.PluginField("language", self.language.encode(), kinds.CHAR),
            trt.PluginField("limit", np.array([self.limit], np.float32), kinds.FLOAT32),
        ])  # fmt: skip

    def enqueue(self, input_desc: Any, output_desc: Any, inputs: Any, outputs: Any, space: int, stream: int) -> None:
        """Launch the kernel of the language."""
        self.run(inputs[0], outputs[0], self.count, self.limit, stream)


class ShrinkCreator(trt.IPluginCreatorV3One):
    """Makes Shrink plugins, for networks and out of engines."""

    def __init__(self) -> None:
        trt.IPluginCreatorV3One.__init__(self)
        self.name, self.plugin_version, self.plugin_namespace = "Shrink", "1", "examples"
        self.field_names = trt.PluginFieldCollection([])

    def create_plugin(self, name: str, fields: Any, phase: Any) -> Shrink:
        """Return a plugin of the fields."""
        given = {f.name: f.data for f in fields}
        return Shrink(bytes(given["language"]).decode(), float(given["limit"][0]))


def engine_of(language: str) -> Any:
    """Return the engine of tanh(shrink(2 x)), with the plugin between layers of minirt's own."""
    logger = trt.Logger(trt.Logger.WARNING)
    builder = trt.Builder(logger)
    network = builder.create_network()
    x = network.add_input("x", trt.float32, (-1, 100))
    twice = network.add_elementwise(x, x, trt.ElementWiseOperation.SUM).get_output(0)
    inner = network.add_plugin_v3([twice], [], Shrink(language, 0.5)).get_output(0)
    out = network.add_activation(inner, trt.ActivationType.TANH).get_output(0)
    out.name = "y"
    network.mark_output(out)
    config = builder.create_builder_config()
    profile = builder.create_optimization_profile()
    profile.set_shape("x", (1, 100), (2, 100), (8, 100))
    config.add_optimization_profile(profile)
    return trt.Runtime(logger).deserialize_cuda_engine(bytes(builder.build_serialized_network(network, config)))


def wanted(x: Any) -> Any:
    """Return what the engine computes."""
    return np.tanh(2 * x - np.clip(2 * x, -0.5, 0.5))


def usable(language: str) -> bool:
    """Return whether a language can be used here."""
    if (language == "NumPy") == ON_GPU:
        return False
    try:
        return all(importlib.util.find_spec(name) is not None for name in LANGUAGES[language])
    except ModuleNotFoundError:  # a package around it is not there
        return False


def main() -> None:
    """Run the plugin in every language that is there."""
    trt.get_plugin_registry().register_creator(ShrinkCreator(), "examples")
    for language in LANGUAGES:
        if not usable(language):
            print(
                f"{language}: skipped, {'it is for the CPU' if ON_GPU else 'there is no GPU'}, or it is not installed"
            )
            continue
        context = engine_of(language).create_execution_context()
        for rows in (2, 8, 2, 2):
            x = np.random.default_rng(rows).normal(size=(rows, 100)).astype(np.float32)
            np.testing.assert_allclose(context.run({"x": x})["y"], wanted(x), rtol=1e-4, atol=1e-6)
        print(f"{language}: right")


if __name__ == "__main__":
    main()
