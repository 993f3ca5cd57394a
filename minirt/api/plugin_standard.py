"""TensorRT's standard plugins as scripts make them: creators that are registered from the start, and their layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minirt.api.enums import PluginFieldType
from minirt.api.plugin import IPluginV2DynamicExt
from minirt.api.plugin_data import PluginField, PluginFieldCollection, PluginFieldCollection_
from minirt.api.plugin_registry import IPluginCreator, come_with
from minirt.build.layers.emit import OPSET
from minirt.ir.op import Value
from minirt.ops.importer import OnnxNode
from minirt.ops.nvidia.registry import PLUGINS, StandardPlugin

_TYPES = {"f": PluginFieldType.FLOAT32, "i": PluginFieldType.INT32}
_NUMPY: dict[str, Any] = {"f": np.float32, "i": np.int32}


class StandardLayerPlugin(IPluginV2DynamicExt):
    """A standard plugin: what it is, and the numbers of its fields."""

    __slots__ = ("kind", "values")

    def __init__(self, kind: StandardPlugin, version: str, values: dict[str, Any]) -> None:
        super().__init__()
        self.kind, self.values = kind, values
        self._state.num_outputs = kind.outputs
        self._state.plugin_type, self._state.plugin_version = kind.name, version

    def clone(self) -> StandardLayerPlugin:
        """Return an equal plugin."""
        return type(self)(self.kind, str(self._state.plugin_version), dict(self.values))

    def serialize(self) -> bytes:
        """Return which fields are set, a byte each, and their first numbers in float64."""
        there = [n in self.values for n in self.kind.fields]
        numbers = [np.ravel(self.values[n])[:1] for n in self.kind.fields if n in self.values]
        return bytes(there) + np.asarray(numbers, np.float64).tobytes()

    def values_of(self, where: str, operands: Sequence[Value | None]) -> tuple[Value, ...]:
        """Return what it computes of operands; raises MinirtError where it does not take them."""
        kind = self.kind
        made = kind.meaning(OnnxNode(kind.name, where, OPSET, tuple(operands), self.values, kind.outputs))
        return (made,) if isinstance(made, Value) else tuple(made)


class StandardCreator(IPluginCreator):
    """Makes a standard plugin."""

    __slots__ = ("kind",)

    def __init__(self, kind: StandardPlugin, version: str) -> None:
        super().__init__()
        self.kind = kind
        self._state.name, self._state.plugin_version = kind.name, version
        fields = [PluginField(name, np.array([], _NUMPY[t]), _TYPES[t]) for name, t in kind.fields.items()]
        self._state.field_names = PluginFieldCollection_(PluginFieldCollection(fields))

    def deserialize_plugin(self, name: str, serialized_plugin: bytes) -> Any:
        """Return the plugin of what `serialize` gave: which fields are set, then their numbers."""
        kept = [n for n, there in zip(self.kind.fields, serialized_plugin, strict=False) if there]
        numbers = np.frombuffer(serialized_plugin[len(self.kind.fields) :], np.float64)
        values = {n: [float(v)] for n, v in zip(kept, numbers, strict=True)}
        return StandardLayerPlugin(self.kind, str(self._state.plugin_version), values)

    def create_plugin(self, name: str, field_collection: PluginFieldCollection_) -> Any:
        """Return the plugin with these fields; those that it does not know are passed over."""
        given = [field_collection[i] for i in range(len(field_collection))]
        values = {str(f.name): _numbers(f) for f in given if str(f.name) in self.kind.fields}
        return StandardLayerPlugin(self.kind, str(self._state.plugin_version), values)


def _numbers(field: PluginField) -> list[float]:
    """Return a field's numbers, which scripts give as arrays, scalars or bytes."""
    data = field.data
    if isinstance(data, bytes | bytearray | memoryview):
        data = np.frombuffer(data, np.float32 if field.type.name == "FLOAT32" else np.int32)
    return [float(v) for v in np.ravel(np.asarray(data))]


come_with([StandardCreator(kind, version) for kind in PLUGINS.values() for version in kind.versions])
