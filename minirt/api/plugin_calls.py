"""Plugins as layers: what they tell while a network is built."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minirt.api.declare import checked, method
from minirt.api.dialect import dialect_of
from minirt.api.network_adding import Adding
from minirt.api.plugin import IPluginV2, IPluginV2Layer, IPluginV3, IPluginV3Layer, IPluginV3OneBuildV2
from minirt.api.plugin_data import DimsExprs, IDimensionExpr, IExprBuilder, expression
from minirt.api.plugin_runs import asked, capability, desc_of, dynamic, remember
from minirt.api.plugin_standard import StandardLayerPlugin, StandardPluginV3, values_of
from minirt.api.tensor import ITensor
from minirt.api.weights import api_dtype, core_dtype
from minirt.build.freeze import value_of
from minirt.build.layers import plugins
from minirt.errors import ApiError
from minirt.ir.op import Value
from minirt.ops.user_call import TypesRefused, UserCall
from minirt.types.dim import Dim
from minirt.types.tensor import Tensor

MEANING = plugins


def _exprs(shape: Sequence[Dim]) -> DimsExprs:
    return DimsExprs([expression(d) for d in shape])


def _shape(exprs: Any, where: str) -> tuple[Dim, ...]:
    found = [e._state if isinstance(e, IDimensionExpr) else e for e in exprs]
    if any(d is None for d in found):
        raise ApiError("a dim of an output is not set", where)
    return tuple(found)


def _type_name(desc: Any) -> str:
    """Return the name of a description's element type."""
    return str(getattr(desc, "desc", desc).type.name)


def _formats(build: Any, descs: list[Any], inputs: int, where: str) -> None:
    """Check that a plugin takes all its operands and results row-major in their types."""
    for place in range(len(descs)):
        if not asked(build, "supports_format_combination", place, descs, inputs):
            end = f"input {place}" if place < inputs else f"output {place - inputs}"
            what = f"the plugin does not take its {end} as row-major {_type_name(descs[place])}"
            raise TypesRefused(what, where)


def _serialized(fields: Any) -> tuple[tuple[str, str, str], ...]:
    """Return plugin fields as text: name, type, and bytes in hexadecimal."""
    out = []
    for field in fields or ():
        data = field.data
        raw = b"" if data is None else data.encode() if isinstance(data, str) else np.ascontiguousarray(data).tobytes()
        out.append((str(field.name), field.type.name, raw.hex()))
    return tuple(out)


def describe_v3(plugin: Any, regular: int, where: str, operands: Sequence[Value]) -> UserCall:
    """Return the call of a plugin of the third generation on operands, of which the first `regular` are data."""
    build, core = capability(plugin, "BUILD"), capability(plugin, "CORE")
    data, shapes = operands[:regular], operands[regular:]
    if any(v.ints is None for v in shapes):
        raise ApiError("its shape inputs must follow from dims", where)
    builder = IExprBuilder()
    kinds = asked(build, "get_output_data_types", [api_dtype(v.dtype, plugin) for v in data])
    outs = asked(
        build, "get_output_shapes", [_exprs(v.shape) for v in data], [_exprs(v.ints or ()) for v in shapes], builder
    )
    types = tuple(Tensor(core_dtype(k), _shape(s, where)) for k, s in zip(kinds, outs, strict=True))
    descs = [dynamic(desc_of(v.dtype, v.shape, plugin)) for v in data]
    results = [dynamic(desc_of(t.dtype, t.shape, plugin)) for t in types]
    _formats(build, [*descs, *results], regular, where)
    asked(build, "configure_plugin", descs, results)
    fields = _serialized(asked(capability(plugin, "RUNTIME"), "get_fields_to_serialize"))
    name, version = str(core.plugin_name), str(core.plugin_version)
    uppers = tuple(sorted(builder._state.items()))
    space = str(core.plugin_namespace or "")
    aliases = _aliases(build, data, types, where)
    return remember(plugin, UserCall("V3", name, version, space, fields, regular, types, uppers, aliases))


def _aliases(build: Any, data: Sequence[Value], types: Sequence[Tensor], where: str) -> tuple[tuple[int, int], ...]:
    """Return which outputs share the memory of which inputs; raises ApiError where they differ in type or shape."""
    if not isinstance(build, IPluginV3OneBuildV2):
        return ()
    told = [(i, int(asked(build, "get_aliased_input", i))) for i in range(len(types))]
    found = tuple((output, source) for output, source in told if source >= 0)
    for output, source in found:
        if source >= len(data) or data[source].type != types[output]:
            raise ApiError(f"output {output} cannot share the memory of input {source}: they differ", where)
    return found


def describe_v2(plugin: Any, where: str, operands: Sequence[Value]) -> UserCall:
    """Return the call of a plugin of the second generation with dynamic shapes."""
    kinds = [api_dtype(v.dtype, plugin) for v in operands]
    builder = IExprBuilder()
    types = []
    for i in range(int(plugin.num_outputs)):
        shape = asked(plugin, "get_output_dimensions", i, [_exprs(v.shape) for v in operands], builder)
        kind = asked(plugin, "get_output_datatype", i, kinds)
        types.append(Tensor(core_dtype(kind), _shape(shape, where)))
    descs = [desc_of(v.dtype, v.shape, plugin) for v in operands]
    results = [desc_of(t.dtype, t.shape, plugin) for t in types]
    _formats(plugin, [*descs, *results], len(operands), where)
    asked(plugin, "configure_plugin", [dynamic(d) for d in descs], [dynamic(d) for d in results])
    raw = bytes(asked(plugin, "serialize"))
    fields = (("", "UNKNOWN", raw.hex()),)
    name, version = str(plugin.plugin_type), str(plugin.plugin_version)
    space = str(plugin.plugin_namespace or "")
    return remember(plugin, UserCall("V2", name, version, space, fields, len(operands), tuple(types)))


class PluginAdding(Adding):
    """The part of INetworkDefinition that adds plugins."""

    @method()
    def add_plugin_v2(self, inputs: list[ITensor], plugin: IPluginV2) -> IPluginV2Layer:
        """Add a plugin of the second generation."""
        layer = self._add(IPluginV2Layer, "PLUGIN_V2", inputs, int(plugin.num_outputs), plugin=plugin)
        where = layer._state.name
        if isinstance(plugin, StandardLayerPlugin):
            layer._state.fields["meaning"] = lambda operands: values_of(plugin.kind, plugin.values, where, operands)
        else:
            layer._state.fields["describe"] = lambda operands: describe_v2(plugin, where, operands)
        return layer

    @method(since=10)
    def add_plugin_v3(
        self, inputs: list[ITensor], shape_inputs: list[ITensor], plugin: IPluginV3
    ) -> IPluginV3Layer | None:
        """Add a plugin of the third generation; shape inputs are read as dims of its outputs."""
        count, regular = int(capability(plugin, "BUILD").num_outputs), len(inputs)
        layer = self._add(IPluginV3Layer, "PLUGIN_V3", [*inputs, *shape_inputs], count, plugin=plugin)
        where = layer._state.name
        if isinstance(plugin, StandardPluginV3):
            layer._state.fields["meaning"] = lambda operands: values_of(plugin.kind, plugin.values, where, operands)
        else:
            layer._state.fields["describe"] = lambda operands: describe_v3(plugin, regular, where, operands)
        return layer

    @checked
    def add_plugin(
        self, tuple: Any = None, func: Any = None, aot: bool | None = None, inputs: Any = None, plugin: Any = None
    ) -> IPluginV3Layer | None:
        """Add a plugin: what `plugin.op.namespace.name(...)` returns, or (inputs, shape inputs, IPluginV3).

        In 7 and 8 it takes (inputs, IPluginV2); a plugin of the first generation raises ApiError.
        """
        if dialect_of(self) < 10:
            made = func if plugin is None else plugin
            if isinstance(made, IPluginV2):
                return self.add_plugin_v2(tuple if inputs is None else inputs, made)  # type: ignore[return-value]
            instead = "write an IPluginV2 and add it with add_plugin_v2"
            raise ApiError("first-generation plugins do not run", "INetworkDefinition.add_plugin", instead)
        return self._add_plugin(tuple, func, aot)

    @method()
    def _add_plugin(self, tuple: Any, func: Any, aot: bool | None) -> IPluginV3Layer | None:
        given = tuple if tuple is not None else func
        if callable(given):
            call = given() if not hasattr(given, "describe") else given
            call.prefer(aot)
            count = len(call.describe([value_of(t._state) for t in call.inputs], False).types)
            layer = self._add(IPluginV3Layer, "PLUGIN_V3", call.inputs, count, plugin=call)
            layer._state.fields["describe"] = call.describe
            return layer
        inputs, shapes, made = given
        return self.add_plugin_v3(inputs, shapes, made)
