"""Plugins at work: what they tell while a network is built, and their runs."""

from __future__ import annotations

import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minirt.api.declare import checked, method
from minirt.api.dialect import dialect_of, wrap
from minirt.api.dims import Dims
from minirt.api.enum import member
from minirt.api.enums import PluginCapabilityType, PluginFieldType, TensorFormat, TensorRTPhase
from minirt.api.network_adding import Adding
from minirt.api.plugin import (
    IPluginResourceContext,
    IPluginV2,
    IPluginV2Layer,
    IPluginV3,
    IPluginV3Layer,
    IPluginV3OneBuildV2,
)
from minirt.api.plugin_data import (
    DimsExprs,
    DynamicPluginTensorDesc,
    IDimensionExpr,
    IExprBuilder,
    PluginField,
    PluginFieldCollection,
    PluginTensorDesc,
    expression,
)
from minirt.api.plugin_registry import find_creator
from minirt.api.tensor import ITensor
from minirt.api.weights import api_dtype, core_dtype
from minirt.build.freeze import value_of
from minirt.build.layers import plugins
from minirt.build.targets import default_target
from minirt.errors import ApiError, MinirtError
from minirt.ir.op import Value
from minirt.ops.user_call import Shaped, UserCall, install
from minirt.runtime.device.device import Device
from minirt.runtime.device.memory import DeviceMemory, copy
from minirt.runtime.device.streams import synchronize
from minirt.types.dim import Dim, Expr
from minirt.types.dtype import Array, DType, from_numpy
from minirt.types.tensor import Tensor

MEANING = plugins


def _asked(plugin: Any, name: str, *args: Any) -> Any:
    """Call a method of a plugin; raises MinirtError, with what it raised, where it fails."""
    try:
        return getattr(plugin, name)(*args)
    except Exception as error:
        print("".join(traceback.format_exception(error)), file=sys.stderr)
        what = f"{name}() failed: {type(error).__name__}: {error}"
        raise MinirtError(what, f"plugin {type(plugin).__name__}") from error


def _desc(dtype: DType, shape: Sequence[Dim], owner: Any) -> PluginTensorDesc:
    made = PluginTensorDesc()
    made.dims = Dims([-1 if isinstance(d, Expr) else int(d) for d in shape])
    made.type = api_dtype(dtype, owner)
    made.format = member(TensorFormat, "LINEAR", dialect_of(owner))
    return made


def _dynamic(desc: PluginTensorDesc) -> DynamicPluginTensorDesc:
    made = DynamicPluginTensorDesc()
    made.desc = desc
    made.min = made.opt = made.max = desc.dims
    return made


def _exprs(shape: Sequence[Dim]) -> DimsExprs:
    return DimsExprs([expression(d) for d in shape])


def _shape(exprs: Any, where: str) -> tuple[Dim, ...]:
    found = [e._state if isinstance(e, IDimensionExpr) else e for e in exprs]
    if any(d is None for d in found):
        raise ApiError("a dim of an output is not set", where)
    return tuple(found)


def _formats(build: Any, descs: list[Any], inputs: int, where: str) -> None:
    """Check that a plugin takes all its operands and results row-major in their types."""
    for place in range(len(descs)):
        if not _asked(build, "supports_format_combination", place, descs, inputs):
            end = "input" if place < inputs else "output"
            raise ApiError(f"the plugin does not take its {end} {place % max(1, inputs)} in row-major order", where)


def _serialized(fields: Any) -> tuple[tuple[str, str, str], ...]:
    """Return plugin fields as text: name, type, and bytes in hexadecimal."""
    out = []
    for field in fields or ():
        data = field.data
        raw = b"" if data is None else data.encode() if isinstance(data, str) else np.ascontiguousarray(data).tobytes()
        out.append((str(field.name), field.type.name, raw.hex()))
    return tuple(out)


_NUMPY = {
    "FLOAT16": np.float16,
    "FLOAT32": np.float32,
    "FLOAT64": np.float64,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
}


def _fields(serialized: Sequence[Sequence[str]]) -> PluginFieldCollection:
    made = PluginFieldCollection()
    for name, kind, text in serialized:
        raw = bytes.fromhex(text)
        data = np.frombuffer(raw, _NUMPY[kind]) if kind in _NUMPY else raw
        made.append(PluginField(name, data, getattr(PluginFieldType, kind)))
    return made


def _capability(plugin: Any, name: str) -> Any:
    found = _asked(plugin, "get_capability_interface", member(PluginCapabilityType, name, dialect_of(plugin)))
    if found is None:
        raise ApiError(f"it has no {name} capability", f"plugin {type(plugin).__name__}")
    return found


def describe_v3(plugin: Any, regular: int, where: str, operands: Sequence[Value]) -> UserCall:
    """Return the call of a plugin of the third generation on operands, of which the first `regular` are data."""
    build, core = _capability(plugin, "BUILD"), _capability(plugin, "CORE")
    data, shapes = operands[:regular], operands[regular:]
    if any(v.ints is None for v in shapes):
        raise ApiError("its shape inputs must follow from dims", where)
    builder = IExprBuilder()
    kinds = _asked(build, "get_output_data_types", [api_dtype(v.dtype, plugin) for v in data])
    outs = _asked(
        build, "get_output_shapes", [_exprs(v.shape) for v in data], [_exprs(v.ints or ()) for v in shapes], builder
    )
    types = tuple(Tensor(core_dtype(k), _shape(s, where)) for k, s in zip(kinds, outs, strict=True))
    descs = [_dynamic(_desc(v.dtype, v.shape, plugin)) for v in data]
    results = [_dynamic(_desc(t.dtype, t.shape, plugin)) for t in types]
    _formats(build, [*descs, *results], regular, where)
    _asked(build, "configure_plugin", descs, results)
    fields = _serialized(_asked(_capability(plugin, "RUNTIME"), "get_fields_to_serialize"))
    name, version = str(core.plugin_name), str(core.plugin_version)
    uppers = tuple(sorted(builder._state.items()))
    space = str(core.plugin_namespace or "")
    return UserCall("V3", name, version, space, fields, regular, types, uppers, _aliases(build, data, types, where))


def _aliases(build: Any, data: Sequence[Value], types: Sequence[Tensor], where: str) -> tuple[tuple[int, int], ...]:
    """Return which outputs share the memory of which inputs; raises ApiError where they differ in type or shape."""
    if not isinstance(build, IPluginV3OneBuildV2):
        return ()
    asked = [(i, int(_asked(build, "get_aliased_input", i))) for i in range(len(types))]
    found = tuple((output, source) for output, source in asked if source >= 0)
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
        shape = _asked(plugin, "get_output_dimensions", i, [_exprs(v.shape) for v in operands], builder)
        kind = _asked(plugin, "get_output_datatype", i, kinds)
        types.append(Tensor(core_dtype(kind), _shape(shape, where)))
    descs = [_desc(v.dtype, v.shape, plugin) for v in operands]
    results = [_desc(t.dtype, t.shape, plugin) for t in types]
    _formats(plugin, [*descs, *results], len(operands), where)
    _asked(plugin, "configure_plugin", [_dynamic(d) for d in descs], [_dynamic(d) for d in results])
    raw = bytes(_asked(plugin, "serialize"))
    fields = (("", "UNKNOWN", raw.hex()),)
    name, version = str(plugin.plugin_type), str(plugin.plugin_version)
    space = str(plugin.plugin_namespace or "")
    return UserCall("V2", name, version, space, fields, len(operands), tuple(types))


class _Live:
    """A plugin made anew to run, with the shapes that it last heard."""

    def __init__(self, plugin: Any) -> None:
        self.plugin = plugin
        self.shapes: Any = None
        self.lock = threading.Lock()


_LIVE: dict[Any, _Live] = {}
_LIVE_LOCK = threading.Lock()


def _live(call: UserCall) -> _Live:
    """Return the plugin of a call, made by its registered creator on first use."""
    key = (call.generation, call.plugin, call.plugin_version, call.namespace, call.serialized)
    with _LIVE_LOCK:
        if key not in _LIVE:
            _LIVE[key] = _Live(_created(call))
        return _LIVE[key]


def _created(call: UserCall) -> Any:
    creator = find_creator(call.plugin, call.plugin_version, call.namespace)
    if creator is None:
        what = f"no creator of plugin '{call.plugin}' version '{call.plugin_version}' is registered"
        raise MinirtError(what, f"namespace '{call.namespace}'", "register it before the engine is used")
    if call.generation == "V2":
        made = _asked(creator, "deserialize_plugin", call.plugin, bytes.fromhex(call.serialized[0][2]))
        _asked(made, "initialize")
        return made
    phase = member(TensorRTPhase, "RUNTIME", dialect_of(creator))
    made = _asked(creator, "create_plugin", call.plugin, _fields(call.serialized), phase)
    runtime = _capability(made, "RUNTIME")
    attached = _asked(runtime, "attach_to_context", wrap(IPluginResourceContext, None, dialect_of(creator)))
    return _capability(attached, "RUNTIME") if isinstance(attached, IPluginV3) else runtime


def run_plugin(call: UserCall, arrays: Sequence[Array], wanted: Sequence[Shaped]) -> list[Array]:
    """Run a plugin on host arrays; on a CUDA target it gets copies of them in device memory."""
    data = list(arrays[: call.regular])
    outputs = [np.zeros(shape, dtype.numpy) for dtype, shape in wanted]
    if call.generation == "QUICK":
        _run_quick(call, data, outputs)
        return outputs
    live = _live(call)
    ins = [_desc(from_numpy(a.dtype), a.shape, live.plugin) for a in data]
    outs = [_desc(dtype, shape, live.plugin) for dtype, shape in wanted]
    with live.lock:
        shapes = [tuple(d.dims) for d in (*ins, *outs)]
        if call.generation == "V3" and live.shapes != shapes:
            _asked(live.plugin, "on_shape_change", ins, outs)
            live.shapes = shapes
        shared = dict(call.aliases)
        for number, source in shared.items():
            outputs[number] = data[source] = np.array(data[source])
        with _Places(data, outputs, shared) as places:
            _asked(live.plugin, "enqueue", ins, outs, places[: len(data)], places[len(data) :], 0, 0)
    return outputs


class _Places:
    """Addresses of operands and results on the target; results in device memory are copied back at the end.

    `shared` says which results, by their place, have the memory of which operand.
    """

    def __init__(self, data: Sequence[Array], outputs: Sequence[Array], shared: dict[int, int]) -> None:
        self.data, self.outputs, self.shared = data, outputs, shared
        self.on_device = default_target().kind == "cuda"
        self.memory: list[DeviceMemory] = []

    def __enter__(self) -> list[int]:
        arrays = [*self.data, *self.outputs]
        if not self.on_device:
            return [int(a.ctypes.data) for a in arrays]
        device = Device(0)
        self.memory = [DeviceMemory(device, max(1, a.nbytes)) for a in arrays]
        for number, source in self.shared.items():
            self.memory[len(self.data) + number] = self.memory[source]
        for array, memory in zip(self.data, self.memory, strict=False):
            copy(device, memory.address, int(array.ctypes.data), array.nbytes, 0)
        return [m.address for m in self.memory]

    def __exit__(self, kind: Any, *_: Any) -> None:
        if self.on_device and kind is None:
            for array, memory in zip(self.outputs, self.memory[len(self.data) :], strict=True):
                copy(Device(0), int(array.ctypes.data), memory.address, array.nbytes, 0)
            synchronize(0)


Quick = tuple[Callable[..., None], Callable[[UserCall], dict[int, int]]]
_quick: list[Quick] = []


def install_quick(run: Callable[..., None], aliases: Callable[[UserCall], dict[int, int]]) -> None:
    """Set what runs quick plugins, and what tells which outputs share an input's memory."""
    _quick[:] = [(run, aliases)]


def _run_quick(call: UserCall, data: list[Array], outputs: list[Array]) -> None:
    name = f"plugin '{call.namespace}::{call.plugin}'"
    if not _quick:
        raise MinirtError("no quick plugins are registered here", name, "import the module that registers it")
    run, aliases = _quick[0]
    shared = aliases(call)
    for number, source in shared.items():
        outputs[number] = data[source] = np.array(data[source])
    with _Places(data, outputs, shared) as found:
        arrays = [*data, *outputs]
        rows = [(p, from_numpy(a.dtype), a.shape) for p, a in zip(found, arrays, strict=True)]
        try:
            run(call, rows, len(data), default_target().kind == "cuda")
        except MinirtError:
            raise
        except Exception as error:
            print("".join(traceback.format_exception(error)), file=sys.stderr)
            raise MinirtError(f"{type(error).__name__}: {error}", name) from error


install(run_plugin)


class PluginAdding(Adding):
    """The part of INetworkDefinition that adds plugins."""

    @method()
    def add_plugin_v2(self, inputs: list[ITensor], plugin: IPluginV2) -> IPluginV2Layer:
        """Add a plugin of the second generation."""
        layer = self._add(IPluginV2Layer, "PLUGIN_V2", inputs, int(plugin.num_outputs), plugin=plugin)
        where = layer._state.name
        layer._state.fields["describe"] = lambda operands: describe_v2(plugin, where, operands)
        return layer

    @method(since=10)
    def add_plugin_v3(
        self, inputs: list[ITensor], shape_inputs: list[ITensor], plugin: IPluginV3
    ) -> IPluginV3Layer | None:
        """Add a plugin of the third generation; shape inputs are read as dims of its outputs."""
        count, regular = int(_capability(plugin, "BUILD").num_outputs), len(inputs)
        layer = self._add(IPluginV3Layer, "PLUGIN_V3", [*inputs, *shape_inputs], count, plugin=plugin)
        where = layer._state.name
        layer._state.fields["describe"] = lambda operands: describe_v3(plugin, regular, where, operands)
        return layer

    @checked
    def add_plugin(
        self, tuple: Any = None, func: Any = None, aot: bool | None = None, inputs: Any = None, plugin: Any = None
    ) -> IPluginV3Layer | None:
        """Add a plugin: what `plugin.op.namespace.name(...)` returns, or (inputs, shape inputs, IPluginV3).

        In 7 and 8 it is the call for a plugin of the first generation, (inputs, plugin), and raises ApiError.
        """
        if dialect_of(self) < 10:
            instead = "write an IPluginV2 and add it with add_plugin_v2"
            raise ApiError("first-generation plugins do not run", "INetworkDefinition.add_plugin", instead)
        return self._add_plugin(tuple, func)

    @method()
    def _add_plugin(self, tuple: Any, func: Any) -> IPluginV3Layer | None:
        given = tuple if tuple is not None else func
        if callable(given):
            call = given() if not hasattr(given, "describe") else given
            count = len(call.describe([value_of(t._state) for t in call.inputs]).types)
            layer = self._add(IPluginV3Layer, "PLUGIN_V3", call.inputs, count, plugin=call)
            layer._state.fields["describe"] = call.describe
            return layer
        inputs, shapes, made = given
        return self.add_plugin_v3(inputs, shapes, made)
