"""The registration of TensorRT's standard plugins: names, versions, fields and number of outputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from minirt.ops.importer import IMPORTERS, Importer, OnnxNode
from minirt.ops.microsoft.registry import single, standard

__all__ = ["DOMAINS", "PLUGINS", "StandardPlugin", "plugin", "single", "standard"]

DOMAINS = ("", "TRT", "trt", "trt.plugins", "nvinfer", "mmdeploy")
"""The domains that exporters give such nodes; TensorRT's parser goes by the op's name alone."""


@dataclass(frozen=True)
class StandardPlugin:
    """A plugin of TensorRT: what its creator is called, and which fields it takes.

    ``fields`` are names with the kind of their numbers: "f" float32, "i" int32, "F" any number of float32s. Versions of
    the ``third`` generation are for `add_plugin_v3`, the others for `add_plugin_v2`.
    """

    name: str
    outputs: int
    meaning: Importer
    versions: tuple[str, ...] = ("1",)
    fields: dict[str, str] = field(default_factory=dict)
    third: tuple[str, ...] = ()


PLUGINS: dict[str, StandardPlugin] = {}


def plugin(
    *names: str, outputs: int = 1, versions: tuple[str, ...] = ("1",), third: tuple[str, ...] = (), **fields: str
) -> Callable[[Importer], Importer]:
    """Registers the function for plugins, and for ONNX nodes, of these names."""

    def register(function: Importer) -> Importer:
        for name in names:
            PLUGINS[name] = StandardPlugin(name, outputs, function, versions, fields, third)
            for domain in DOMAINS:
                IMPORTERS[domain, name] = function
        return function

    return register


def number_of(node: OnnxNode, name: str, default: float) -> float:
    """A field's number; the default where it is not given."""
    found = node.attributes.get(name, default)
    return float(found[0] if hasattr(found, "__len__") else found)
