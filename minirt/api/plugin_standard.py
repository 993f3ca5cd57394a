"""TensorRT's standard plugins as scripts make them: creators that are registered from the start, and their layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minirt.api.enums import PluginFieldType
from minirt.api.plugin import IPluginV2DynamicExt, IPluginV3, IPluginV3OneBuild, IPluginV3OneCore
from minirt.api.plugin_data import PluginField, PluginFieldCollection, PluginFieldCollection_
from minirt.api.plugin_registry import IPluginCreator, IPluginCreatorV3One, come_with
from minirt.build.layers.emit import OPSET
from minirt.ir.op import Value
from minirt.ops.importer import OnnxNode
from minirt.ops.nvidia.registry import PLUGINS, StandardPlugin

_TYPES = {"f": PluginFieldType.FLOAT32, "i": PluginFieldType.INT32}
_NUMPY: dict[str, Any] = {"f": np.float32, "i": np.int32}
Values = dict[str, list[float]]


def values_of(kind: StandardPlugin, values: Values, where: str, operands: Sequence[Value | None]) -> tuple[Value, ...]:
    """Return what a plugin with these fields computes of operands; raises MinirtError where it does not take them."""
    given = {n: _attribute(kind.fields[n], v) for n, v in values.items() if v}
    made = kind.meaning(OnnxNode(kind.name, where, OPSET, tuple(operands), given, kind.outputs))
    return (made,) if isinstance(made, Value) else tuple(made)


def _attribute(kind: str, numbers: list[float]) -> Any:
    """Return a field's numbers as a node's attribute has them."""
    if kind.isupper():
        return numbers
    return int(numbers[0]) if kind == "i" else numbers[0]


class StandardLayerPlugin(IPluginV2DynamicExt):
    """A standard plugin: what it is, and the numbers of its fields."""

    __slots__ = ("kind", "values")

    def __init__(self, kind: StandardPlugin, version: str, values: Values) -> None:
        super().__init__()
        self.kind, self.values = kind, values
        self._state.num_outputs = kind.outputs
        self._state.plugin_type, self._state.plugin_version = kind.name, version

    def clone(self) -> StandardLayerPlugin:
        """Return an equal plugin."""
        return type(self)(self.kind, str(self._state.plugin_version), dict(self.values))

    def serialize(self) -> bytes:
        """Return how many numbers each field has, as int64, and then the numbers in float64."""
        numbers = [np.asarray(self.values.get(n, ()), np.float64) for n in self.kind.fields]
        return np.array([n.size for n in numbers], np.int64).tobytes() + b"".join(n.tobytes() for n in numbers)


class StandardPluginV3(IPluginV3, IPluginV3OneCore, IPluginV3OneBuild, since=10):
    """A standard plugin of the third generation: what it is, and the numbers of its fields."""

    __slots__ = ("kind", "values")

    def __init__(self, kind: StandardPlugin, version: str, values: Values) -> None:
        super().__init__()
        self.kind, self.values = kind, values
        self._state.num_outputs = kind.outputs
        self._state.plugin_name, self._state.plugin_version = kind.name, version

    def get_capability_interface(self, type: Any) -> Any:
        """Return itself: it says what it is and how many outputs it has."""
        return self

    def clone(self) -> StandardPluginV3:
        """Return an equal plugin."""
        return type(self)(self.kind, str(self._state.plugin_version), dict(self.values))


class StandardCreator(IPluginCreator):
    """Makes a standard plugin."""

    __slots__ = ("kind",)

    def __init__(self, kind: StandardPlugin, version: str) -> None:
        super().__init__()
        self.kind = kind
        _introduce(self, kind, version)

    def deserialize_plugin(self, name: str, serialized_plugin: bytes) -> Any:
        """Return the plugin of what `serialize` gave."""
        fields = list(self.kind.fields)
        counts = np.frombuffer(serialized_plugin, np.int64, len(fields))
        parts = np.split(np.frombuffer(serialized_plugin, np.float64, offset=8 * len(fields)), np.cumsum(counts)[:-1])
        values = {n: part.tolist() for n, part in zip(fields, parts, strict=True) if part.size}
        return StandardLayerPlugin(self.kind, str(self._state.plugin_version), values)

    def create_plugin(self, name: str, field_collection: PluginFieldCollection_) -> Any:
        """Return the plugin with these fields; those that it does not know are passed over."""
        return StandardLayerPlugin(self.kind, str(self._state.plugin_version), _given(self.kind, field_collection))


class StandardCreatorV3(IPluginCreatorV3One, since=10):
    """Makes a standard plugin of the third generation."""

    __slots__ = ("kind",)

    def __init__(self, kind: StandardPlugin, version: str) -> None:
        super().__init__()
        self.kind = kind
        _introduce(self, kind, version)

    def create_plugin(self, name: str, field_collection: PluginFieldCollection_, phase: Any = None) -> Any:
        """Return the plugin with these fields; those that it does not know are passed over."""
        return StandardPluginV3(self.kind, str(self._state.plugin_version), _given(self.kind, field_collection))


def _introduce(creator: Any, kind: StandardPlugin, version: str) -> None:
    """Let a creator say which plugin it makes, of which fields."""
    creator._state.name, creator._state.plugin_version = kind.name, version
    fields = [(name, t.lower()) for name, t in kind.fields.items()]
    made = [PluginField(name, np.array([], _NUMPY[t]), _TYPES[t]) for name, t in fields]
    creator._state.field_names = PluginFieldCollection_(PluginFieldCollection(made))


def _given(kind: StandardPlugin, fields: PluginFieldCollection_) -> Values:
    given = [fields[i] for i in range(len(fields))]
    return {str(f.name): _numbers(f) for f in given if str(f.name) in kind.fields}


def _numbers(field: PluginField) -> list[float]:
    """Return a field's numbers, which scripts give as arrays, scalars or bytes."""
    data = field.data
    if isinstance(data, bytes | bytearray | memoryview):
        data = np.frombuffer(data, np.float32 if field.type.name == "FLOAT32" else np.int32)
    return [float(v) for v in np.ravel(np.asarray(data))]


come_with([StandardCreator(kind, version) for kind in PLUGINS.values() for version in kind.versions])
come_with([StandardCreatorV3(kind, version) for kind in PLUGINS.values() for version in kind.third])
