"""Plugins for nodes of ONNX models that no importer takes: found by the op's name, made from its attributes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minirt.api.dialect import dialect_of
from minirt.api.enum import member
from minirt.api.enums import PluginFieldType, TensorRTPhase
from minirt.api.plugin_calls import describe_v2, describe_v3
from minirt.api.plugin_data import PluginField, PluginFieldCollection, PluginFieldCollection_
from minirt.api.plugin_registry import IPluginCreator, find_creator
from minirt.api.plugin_runs import asked, capability, quick_call
from minirt.api.plugin_standard import StandardLayerPlugin, StandardPluginV3, values_of
from minirt.build.onnx_cells import CustomNode
from minirt.ir.op import Value
from minirt.parsers.onnx.model import ParsedNode

_NUMPY: dict[str, Any] = {
    "FLOAT16": np.float16, "FLOAT32": np.float32, "FLOAT64": np.float64,
    "INT8": np.int8, "INT16": np.int16, "INT32": np.int32, "INT64": np.int64, "DIMS": np.int64,
}  # fmt: skip
_SHAPES = "tensorrt_plugin_shape_input_indices"


def plugin_of(node: ParsedNode) -> CustomNode | None:
    """Return the layer that stands for a node: its plugin's, where a creator of the op's name is registered.

    The attributes `plugin_version` ("1" without it) and `plugin_namespace` tell creators apart; those named as the
    creator's fields are handed to it. A quick plugin is called as its namespace, or the op's domain, and the op's name.
    Raises MinirtError where the creator fails.
    """
    given = node.attributes
    version, space = str(given.get("plugin_version", "1")), str(given.get("plugin_namespace", ""))
    creator = find_creator(node.op_type, version, space)
    if creator is None:
        quick = quick_call(f"{space or node.domain}::{node.op_type}", given)
        return None if quick is None else _layer("PLUGIN_V3", quick, quick.describe, len(node.outputs))
    fields = PluginFieldCollection([_field(f, given[f.name]) for f in _wanted(creator) if f.name in given])
    if isinstance(creator, IPluginCreator):
        plugin = asked(creator, "create_plugin", node.name, PluginFieldCollection_(fields))
        if isinstance(plugin, StandardLayerPlugin):
            return _standard("PLUGIN_V2", node, plugin)
        return _layer(
            "PLUGIN_V2", plugin, lambda operands: describe_v2(plugin, node.name, operands), plugin.num_outputs
        )
    phase = member(TensorRTPhase, "BUILD", dialect_of(creator))
    plugin = asked(creator, "create_plugin", node.name, PluginFieldCollection_(fields), phase)
    if isinstance(plugin, StandardPluginV3):
        return _standard("PLUGIN_V3", node, plugin)
    shapes = [int(i) for i in given.get(_SHAPES, ())]
    order = [i for i in range(len(node.operands)) if i not in shapes] + shapes
    regular = len(order) - len(shapes)
    count = capability(plugin, "BUILD").num_outputs
    return _layer("PLUGIN_V3", plugin, lambda ops: describe_v3(plugin, regular, node.name, ops), count, tuple(order))


def _standard(kind: str, node: ParsedNode, plugin: StandardLayerPlugin | StandardPluginV3) -> CustomNode:
    """Return the layer of a standard plugin, for a node of a domain of its own."""

    def meaning(operands: Sequence[Value | None]) -> tuple[Value, ...]:
        return values_of(plugin.kind, plugin.values, node.name, operands)

    return CustomNode(kind, {"plugin": plugin, "meaning": meaning}, len(node.outputs))


def _layer(
    kind: str, plugin: Any, describe: Callable[..., Any], outputs: Any, order: tuple[int, ...] | None = None
) -> CustomNode:
    return CustomNode(kind, {"plugin": plugin, "describe": describe}, int(outputs), order)


def _wanted(creator: Any) -> list[PluginField]:
    return list(creator.field_names or ())


def _field(wanted: PluginField, value: Any) -> PluginField:
    """Return an attribute as a field, of the type that the creator declares, else of the attribute's own."""
    kind = wanted.type.name
    if isinstance(value, str):
        return PluginField(wanted.name, value.encode(), PluginFieldType.CHAR)
    array = np.atleast_1d(np.asarray(value))
    if kind not in _NUMPY:
        kind = {"f": "FLOAT32", "i": "INT32"}.get(array.dtype.kind, "UNKNOWN")
    array = array.astype(_NUMPY.get(kind, array.dtype)).reshape(-1)
    return PluginField(wanted.name, array, getattr(PluginFieldType, kind))
