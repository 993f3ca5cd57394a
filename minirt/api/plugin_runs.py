"""Plugins at work: asked what they need while an engine is built, and run on addresses by its contexts."""

from __future__ import annotations

import sys
import threading
import traceback
import weakref
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from minirt.api.allocation import PluginAllocator, Resources
from minirt.api.boundary import SILENT, call_back
from minirt.api.dialect import dialect_of, wrap
from minirt.api.dims import Dims
from minirt.api.enum import member
from minirt.api.enums import PluginCapabilityType, PluginFieldType, TensorFormat, TensorRTPhase
from minirt.api.plugin import IPluginResourceContext, IPluginV3
from minirt.api.plugin_data import DynamicPluginTensorDesc, PluginField, PluginFieldCollection, PluginTensorDesc
from minirt.api.plugin_registry import find_creator
from minirt.api.weights import api_dtype
from minirt.build.targets import default_target
from minirt.errors import ApiError, MinirtError
from minirt.ops.user_call import Ahead, Needs, Plugins, Range, Row, Runner, UserCall, install
from minirt.types.dim import Dim, Expr
from minirt.types.dtype import DType

_REMEMBERED = 64

_NUMPY = {
    "FLOAT16": np.float16,
    "FLOAT32": np.float32,
    "FLOAT64": np.float64,
    "INT8": np.int8,
    "INT16": np.int16,
    "INT32": np.int32,
    "INT64": np.int64,
}


def failed(error: Exception, what: str, where: str) -> MinirtError:
    """Print the traceback of what a user's function raised, and return the error that stands for it."""
    print("".join(traceback.format_exception(error)), file=sys.stderr)
    return MinirtError(f"{what}{type(error).__name__}: {error}", where)


def asked(plugin: Any, name: str, *args: Any) -> Any:
    """Call a method of a plugin; raises MinirtError, with what it raised, where it fails."""
    try:
        return getattr(plugin, name)(*args)
    except Exception as error:  # whatever a plugin raises must not cross the API
        raise failed(error, f"{name}() failed: ", f"plugin {type(plugin).__name__}") from error


def desc_of(dtype: DType, shape: Sequence[Dim], owner: Any) -> PluginTensorDesc:
    """Return a row-major tensor as plugins are told of it; dims that are not known are -1."""
    made = PluginTensorDesc()
    made.dims = Dims([-1 if isinstance(d, Expr) else int(d) for d in shape])
    made.type = api_dtype(dtype, owner)
    made.format = member(TensorFormat, "LINEAR", dialect_of(owner))
    return made


def dynamic(desc: PluginTensorDesc, range: Range | None = None) -> DynamicPluginTensorDesc:
    """Return a tensor with its least, usual and greatest shape: as it is, where no range is given."""
    made = DynamicPluginTensorDesc()
    made.desc = desc
    made.min = made.opt = made.max = desc.dims
    if range is not None:
        made.min, made.opt, made.max = Dims(range.low), Dims(range.usual), Dims(range.high)
    return made


def capability(plugin: Any, name: str) -> Any:
    """Return what a plugin does in a role; raises ApiError where it has no such role."""
    found = asked(plugin, "get_capability_interface", member(PluginCapabilityType, name, dialect_of(plugin)))
    if found is None:
        raise ApiError(f"it has no {name} capability", f"plugin {type(plugin).__name__}")
    return found


# While an engine is built

_built: OrderedDict[Any, Any] = OrderedDict()
_lock = threading.Lock()


def _key(call: UserCall) -> Any:
    return call.generation, call.plugin, call.plugin_version, call.namespace, call.serialized


def remember(plugin: Any, call: UserCall) -> UserCall:
    """Keep a network's plugin for the questions that lowering asks; return its call."""
    with _lock:
        _built[_key(call)] = plugin
        _built.move_to_end(_key(call))
        while len(_built) > _REMEMBERED:
            _built.popitem(last=False)
    return call


def _builder_of(call: UserCall) -> Any:
    """Return the plugin of a network, or one that its creator makes where the network is gone."""
    with _lock:
        found = _built.get(_key(call))
    return _created(call, "BUILD") if found is None else found


def _configured(call: UserCall, inputs: Sequence[Range], outputs: Sequence[Range]) -> Needs:
    plugin = _builder_of(call)
    asks = capability(plugin, "BUILD") if call.generation == "V3" else plugin
    ins, outs = ([dynamic(desc_of(r.type.dtype, r.type.shape, asks), r) for r in rows] for rows in (inputs, outputs))
    asked(asks, "configure_plugin", ins, outs)
    if call.generation == "V3":
        tactics = tuple(int(t) for t in asked(asks, "get_valid_tactics") or ())
        return Needs(int(asked(asks, "get_workspace_size", ins, outs) or 0), tactics)
    most = [[desc_of(r.type.dtype, r.high, asks) for r in rows] for rows in (inputs, outputs)]
    return Needs(int(asked(asks, "get_workspace_size", *most) or 0))


# While an engine runs


def _fields(serialized: Sequence[Sequence[str]]) -> PluginFieldCollection:
    made = PluginFieldCollection()
    for name, kind, text in serialized:
        raw = bytes.fromhex(text)
        data = np.frombuffer(raw, _NUMPY[kind]) if kind in _NUMPY else raw
        made.append(PluginField(name, data, getattr(PluginFieldType, kind)))
    return made


def _creator(call: UserCall) -> Any:
    creator = find_creator(call.plugin, call.plugin_version, call.namespace)
    if creator is None:
        what = f"no creator of plugin '{call.plugin}' version '{call.plugin_version}' is registered"
        raise MinirtError(what, f"namespace '{call.namespace}'", "register it before the engine is deserialized")
    return creator


def _created(call: UserCall, phase: str) -> Any:
    creator = _creator(call)
    if call.generation == "V2":
        return asked(creator, "deserialize_plugin", call.plugin, bytes.fromhex(call.serialized[0][2]))
    made = member(TensorRTPhase, phase, dialect_of(creator))
    return asked(creator, "create_plugin", call.plugin, _fields(call.serialized), made)


class _Attached:
    """A plugin made anew for one executor, with the descriptions that it last heard."""

    def __init__(self, call: UserCall, tactic: int, resources: Resources) -> None:
        plugin = _created(call, "RUNTIME")
        self._told = call.generation == "V3"
        if self._told:
            context = wrap(IPluginResourceContext, resources, dialect_of(plugin))
            runtime = capability(plugin, "RUNTIME")
            found = asked(runtime, "attach_to_context", context)
            plugin = runtime if found is None else found
            if isinstance(found, IPluginV3):
                plugin = capability(found, "RUNTIME")
            asked(plugin, "set_tactic", tactic)
        else:
            asked(plugin, "initialize")
            weakref.finalize(self, call_back, plugin, "terminate", None).atexit = False
        self._plugin = plugin
        self._key: Any = None
        self._descs: tuple[list[PluginTensorDesc], list[PluginTensorDesc]] = ([], [])

    @property
    def capturable(self) -> bool:
        """True where the plugin has `capturable = True`."""
        return getattr(self._plugin, "capturable", False) is True

    def enqueue(self, inputs: Sequence[Row], outputs: Sequence[Row], workspace: int, stream: int) -> None:
        """Run the plugin on addresses, telling it new shapes first."""
        key = [(r.dtype, r.shape) for r in (*inputs, *outputs)]
        if key != self._key:
            ins, outs = ([desc_of(r.dtype, r.shape, self._plugin) for r in rows] for rows in (inputs, outputs))
            if self._told:
                asked(self._plugin, "on_shape_change", ins, outs)
            else:  # the second generation hears the shapes of a run as it heard the ranges of the build
                asked(self._plugin, "configure_plugin", [dynamic(d) for d in ins], [dynamic(d) for d in outs])
            self._key, self._descs = key, (ins, outs)
        ins, outs = self._descs
        places = [r.address for r in inputs], [r.address for r in outputs]
        asked(self._plugin, "enqueue", ins, outs, *places, workspace, stream)


Named = Callable[[str, Mapping[str, Any]], Any]
"""Gives the call of a quick plugin by its id and attributes, None for one that is not registered."""
_quick: list[tuple[Plugins, Named]] = []


def install_quick(found: Plugins, named: Named) -> None:
    """Set who finds quick plugins, and who makes calls of them by name."""
    _quick[:] = [(found, named)]


def quick_call(plugin_id: str, attributes: Mapping[str, Any]) -> Any:
    """Return the call of a quick plugin, None where none of the id is registered."""
    return _quick[0][1](plugin_id, attributes) if _quick else None


def _quick_of(call: UserCall) -> Plugins:
    if not _quick:
        name = f"plugin '{call.namespace}::{call.plugin}'"
        raise MinirtError("no quick plugins are registered here", name, "import the module that registers it")
    return _quick[0][0]


class _Found:
    """Finds plugins: quick ones by their decorators, the others by the registry."""

    def find(self, call: UserCall) -> None:
        """Raise MinirtError where nobody can make the plugin."""
        if call.generation == "QUICK":
            _quick_of(call).find(call)
        else:
            _creator(call)

    def configure(self, call: UserCall, inputs: Sequence[Range], outputs: Sequence[Range], on_device: bool) -> Needs:
        """Tell a plugin what it is built for, and return what it asks for."""
        if call.generation == "QUICK":
            return _quick_of(call).configure(call, inputs, outputs, on_device)
        return _configured(call, inputs, outputs)

    def ahead(self, call: UserCall, inputs: Sequence[Range], outputs: Sequence[Range]) -> Ahead | None:
        """Return the kernel of a quick plugin that is compiled ahead of time."""
        return _quick_of(call).ahead(call, inputs, outputs) if call.generation == "QUICK" else None

    def attach(self, call: UserCall, tactic: int, on_device: bool, resources: Any = None) -> Runner:
        """Return a plugin for one executor."""
        if not on_device and default_target().kind == "cuda":
            raise MinirtError("on a CUDA target it runs on the device only", f"plugin '{call.plugin}'")
        if call.generation == "QUICK":
            return _quick_of(call).attach(call, tactic, on_device)
        return _Attached(call, tactic, resources or Resources(PluginAllocator(on_device), SILENT))


install(_Found())
