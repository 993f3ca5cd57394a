"""Quick plugins at work: their tactics, their kernels compiled ahead of time, and their runs."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from minirt.api.plugin_runs import failed, install_quick
from minirt.errors import MinirtError
from minirt.ops.user_call import Ahead, Needs, Range, Row, UserCall
from minirt.plugin._launch import type_names
from minirt.plugin._lib import QDP_REGISTRY, QuickCall, QuickPlugin, attribute_of, restored
from minirt.plugin._memory import tensor_at
from minirt.plugin._tensor import TensorDesc, desc_like, dim_of
from minirt.types.dim import Dim, Expr


def _where(call: UserCall) -> str:
    return f"plugin '{call.namespace}::{call.plugin}'"


def _found(call: UserCall) -> QuickPlugin:
    plugin = QDP_REGISTRY.get(f"{call.namespace}::{call.plugin}")
    if plugin is None:
        raise MinirtError("is not registered here", _where(call), "import the module that registers it")
    return plugin


def _held(call: UserCall) -> tuple[dict[str, Any], bool]:
    """Return a call's attributes, and whether its kernel is compiled ahead of time."""
    held = json.loads(bytes.fromhex(call.serialized[0][2]))
    return {name: restored(value) for name, value in held["attributes"].items()}, bool(held["ahead"])


def _asked(call: UserCall, function: Callable[..., Any], *args: Any, **named: Any) -> Any:
    """Call a plugin's function; raises MinirtError, with what it raised, where it fails."""
    try:
        return function(*args, **named)
    except MinirtError:
        raise
    except Exception as error:  # whatever a plugin raises must not cross the API
        raise failed(error, "", _where(call)) from error


def _descs(call: UserCall, inputs: Sequence[Range], outputs: Sequence[Range]) -> tuple[list[TensorDesc], Any]:
    ins, outs = ([desc_like(r.type) for r in rows] for rows in (inputs, outputs))
    for number, source in call.aliases:
        outs[number]._aliased = ins[source]
    return ins, tuple(outs)


def _tactics(call: UserCall, inputs: Sequence[Range], outputs: Sequence[Range]) -> tuple[int, ...]:
    """Return the tactics of the combinations that take the types as they are, row-major; none where none are named."""
    plugin = _found(call)
    if plugin.autotune is None:
        return ()
    ins, outs = _descs(call, inputs, outputs)
    offered = _asked(call, plugin.combinations, ins, outs, _held(call)[0])
    names = type_names((*ins, *outs))
    taken = [combination for combination in offered if combination._takes(names)]
    if not taken:
        raise MinirtError(f"autotune offers no combination of {', '.join(names)}, row-major", _where(call))
    return tuple(dict.fromkeys(int(tactic) for combination in taken for tactic in combination._tactics or [0]))


class _Attached:
    """A quick plugin of one executor."""

    def __init__(self, call: UserCall, tactic: int, on_device: bool) -> None:
        plugin = _found(call)
        if plugin.impl is None:
            what = "has no impl, and kernels compiled ahead of time run on a CUDA target only"
            raise MinirtError(what, _where(call), "register one with minirt.plugin.impl")
        self._call, self._on_device, self._impl = call, on_device, plugin.impl
        self._named = plugin.taken(plugin.impl, _held(call)[0])
        if "tactic" in inspect.signature(plugin.impl).parameters:
            self._named["tactic"] = tactic

    @property
    def capturable(self) -> bool:
        """True where the function has `capturable = True`."""
        return getattr(self._impl, "capturable", False) is True

    def enqueue(self, inputs: Sequence[Row], outputs: Sequence[Row], workspace: int, stream: int) -> None:
        """Run the function on tensors."""
        ins, outs = ([tensor_at(r, self._on_device) for r in rows] for rows in (inputs, outputs))
        for number, source in self._call.aliases:
            outs[number]._aliased = ins[source]
        for number, _ in self._call.uppers:
            outs[number].is_data_dependent = True
        _asked(self._call, self._impl, *ins, **self._named, outputs=tuple(outs), stream=stream)


class _Quick:
    """Finds quick plugins by their decorators."""

    def find(self, call: UserCall) -> None:
        """Raise MinirtError where none of the name is registered."""
        _found(call)

    def configure(self, call: UserCall, inputs: Sequence[Range], outputs: Sequence[Range], on_device: bool) -> Needs:
        """Return the tactics that a plugin can run with; quick plugins have no scratch memory."""
        tactics = _tactics(call, inputs, outputs)
        impl = _found(call).impl
        differs = impl is not None and "tactic" in inspect.signature(impl).parameters
        return Needs(0, tactics if differs else tactics[:1])

    def ahead(self, call: UserCall, inputs: Sequence[Range], outputs: Sequence[Range]) -> Ahead | None:
        """Return a plugin's kernel compiled ahead of time, None for one that runs its impl."""
        attributes, wanted = _held(call)
        plugin = _found(call) if wanted else None
        if plugin is None or plugin.aot_impl is None:
            return None
        ins, outs = _descs(call, inputs, outputs)
        tactic = Needs(0, _tactics(call, inputs, outputs)).tactic
        named: dict[str, Any] = {**plugin.taken(plugin.aot_impl, attributes), "outputs": outs}
        if "tactic" in inspect.signature(plugin.aot_impl).parameters:
            named["tactic"] = tactic
        made = _asked(call, plugin.aot_impl, *ins, **named)
        try:
            name, image, params, extras = made
        except (TypeError, ValueError):
            what = "its aot_impl must return the kernel's name, its code, launch parameters and extra arguments"
            raise MinirtError(what, _where(call)) from None
        text = name.decode() if isinstance(name, bytes) else str(name)
        code = image.encode() if isinstance(image, str) else bytes(image)
        grid = _dim(params.grid_x), _dim(params.grid_y), _dim(params.grid_z)
        block = _size(call, params.block_x), _size(call, params.block_y), _size(call, params.block_z)
        shared = _size(call, params.shared_mem)
        return Ahead(code, text, grid, block, shared, tuple(map(_dim, extras or ())))

    def attach(self, call: UserCall, tactic: int, on_device: bool, resources: Any = None) -> _Attached:
        """Return a plugin for one executor."""
        return _Attached(call, tactic, on_device)


def _dim(value: Any) -> Dim:
    return 1 if value is None else dim_of(value)


def _size(call: UserCall, value: Any) -> int:
    found = _dim(value)
    if isinstance(found, Expr):
        raise MinirtError(f"a kernel's block and shared memory must be numbers, not {found}", _where(call))
    return int(found)


def _named(plugin_id: str, attributes: Mapping[str, Any]) -> QuickCall | None:
    """Return the call of a plugin with the attributes of a node; raises MinirtError for one of another type."""
    plugin = QDP_REGISTRY.get(plugin_id)
    if plugin is None:
        return None
    try:
        given = {n: attribute_of(plugin, n, attributes[n]) for n in plugin.attributes if n in attributes}
    except ValueError as error:
        raise MinirtError(str(error), f"plugin '{plugin_id}'") from error
    call = QuickCall(plugin, [], given)
    call.prefer(None)
    return call


install_quick(_Quick(), _named)
