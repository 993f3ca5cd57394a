"""The decorators of quick plugins, and what they register."""

from __future__ import annotations

import inspect
import json
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from minirt.api.plugin_runs import failed
from minirt.api.tensor import ITensor
from minirt.api.weights import core_dtype
from minirt.errors import ApiError
from minirt.ir.op import Value
from minirt.ops.user_call import TypesRefused, UserCall, size_symbol
from minirt.plugin._launch import type_names
from minirt.plugin._tensor import ShapeExpr, SizeTensorDesc, TensorDesc, desc_like
from minirt.types.dim import Dim
from minirt.types.evaluate import substitute
from minirt.types.tensor import Tensor as CoreTensor

F = TypeVar("F", bound=Callable[..., Any])
_CONVERT = {int: int, float: float, str: str, bool: bool, bytes: bytes}
_RESERVED = ("trt", "tensorrt", "std")
_LAST = {"impl": ("outputs", "stream", "tactic"), "aot_impl": ("outputs", "tactic"), "autotune": ("outputs",)}
"""The arguments that a plugin's functions take behind tensors and attributes; a tactic may be left out."""


@dataclass
class QuickPlugin:
    """A plugin in the making: its functions, and the names of tensors and attributes in their signature."""

    plugin_id: str
    describe: Callable[..., Any]
    tensors: list[str]
    attributes: dict[str, Any]
    impl: Callable[..., Any] | None = None
    aot_impl: Callable[..., Any] | None = None
    autotune: Callable[..., Any] | None = None
    lazy: bool = False
    waiting: list[Any] = field(default_factory=list)

    def taken(self, function: Callable[..., Any], given: dict[str, Any]) -> dict[str, Any]:
        """Return those of the attributes that one of its functions takes: each may leave some out."""
        names = inspect.signature(function).parameters
        return {name: value for name, value in given.items() if name in names}

    def check(self, kind: str, function: Callable[..., Any]) -> None:
        """Raise ValueError where a function's arguments are not tensors, some of the attributes, and what follows."""
        names = list(inspect.signature(function).parameters)
        attributes = [n for n in self.attributes if n in names]
        wanted = [*self.tensors, *attributes, *_LAST[kind]]
        if names not in (wanted, [n for n in wanted if n != "tactic"]):
            shown = f"'{self.plugin_id}': its {kind} takes ({', '.join(names)})"
            raise ValueError(f"{shown}, expected ({', '.join(wanted)})")

    def combinations(self, inputs: Sequence[TensorDesc], outputs: Sequence[TensorDesc], given: dict[str, Any]) -> Any:
        """Return what its autotune offers, as a list; attributes are ``given``."""
        assert self.autotune is not None
        made = self.autotune(*inputs, **self.taken(self.autotune, given), outputs=tuple(outputs))
        return made if isinstance(made, list | tuple) else [made]


QDP_REGISTRY: dict[str, QuickPlugin] = {}


def _checked_id(plugin_id: str) -> str:
    space, separator, name = plugin_id.partition("::")
    if not separator or not space.isidentifier() or not name.isidentifier():
        raise ValueError(f"'{plugin_id}' is not of the form 'namespace::name'")
    if space in _RESERVED:
        raise ValueError(f"'{plugin_id}': the namespace '{space}' is reserved")
    return plugin_id


def _found(plugin_id: str) -> QuickPlugin:
    if _checked_id(plugin_id) not in QDP_REGISTRY:
        raise ValueError(f"plugin '{plugin_id}' is not registered; use tensorrt.plugin.register first")
    return QDP_REGISTRY[plugin_id]


def register(plugin_id: str, lazy_register: bool = False) -> Callable[[F], F]:
    """Register a plugin by the function that tells its outputs: tensors in, then attributes, all annotated."""

    def decorate(function: F) -> F:
        if _checked_id(plugin_id) in QDP_REGISTRY:
            raise ValueError(f"plugin '{plugin_id}' is registered already")
        hints = typing.get_type_hints(function)
        tensors: list[str] = []
        attributes: dict[str, Any] = {}
        for name in inspect.signature(function).parameters:
            if name not in hints:
                raise ValueError(f"argument '{name}' of '{plugin_id}' has no annotation")
            if hints[name] is TensorDesc:
                if attributes:
                    raise ValueError(f"'{plugin_id}': tensors come before attributes, but '{name}' does not")
                tensors.append(name)
            else:
                attributes[name] = hints[name]
        QDP_REGISTRY[plugin_id] = QuickPlugin(plugin_id, function, tensors, attributes, lazy=lazy_register)
        return function

    return decorate


def _part(plugin_id: str, name: str) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        plugin = _found(plugin_id)
        if getattr(plugin, name) is not None:
            raise ValueError(f"plugin '{plugin_id}' has its {name} already")
        plugin.check(name, function)
        setattr(plugin, name, function)
        return function

    return decorate


def impl(plugin_id: str) -> Callable[[F], F]:
    """Register what computes a plugin: it takes tensors, attributes, `outputs`, `stream`, and perhaps `tactic`."""
    return _part(plugin_id, "impl")


def aot_impl(plugin_id: str) -> Callable[[F], F]:
    """Register what compiles a plugin's kernel while a network is built.

    It takes tensor descriptions, attributes, `outputs` and `tactic`, and returns the kernel's name, its PTX or cubin,
    `KernelLaunchParams`, and `SymExprs`: 32-bit arguments between the addresses of inputs and outputs.
    """
    return _part(plugin_id, "aot_impl")


def autotune(plugin_id: str) -> Callable[[F], F]:
    """Register which types, layouts and tactics a plugin can run with: a list of `AutoTuneCombination`."""
    return _part(plugin_id, "autotune")


@dataclass
class QuickCall:
    """A plugin on tensors of a network: what `network.add_plugin` takes."""

    plugin: QuickPlugin
    inputs: list[ITensor]
    attributes: dict[str, Any]
    ahead: bool = False

    def __call__(self, *_: Any) -> QuickCall:
        """Return itself: a function of a network, as add_plugin takes it."""
        return self

    def prefer(self, ahead: bool | None) -> None:
        """Say whether a kernel compiled ahead of time runs: None for yes, where there is one."""
        if ahead and self.plugin.aot_impl is None:
            raise ApiError("it has no aot_impl", f"plugin '{self.plugin.plugin_id}'", "register one, or pass aot=False")
        self.ahead = self.plugin.aot_impl is not None and ahead is not False

    def describe(self, operands: Sequence[Value], of_types: bool = True) -> UserCall:
        """Return the call on values of the graph; raises MinirtError where the plugin fails.

        With ``of_types`` it raises TypesRefused where the plugin does not run with their types.
        """
        descs = [desc_like(v.tensor) for v in operands]
        try:
            made = self.plugin.describe(*descs, **self.attributes)
        except Exception as error:  # whatever a plugin raises must not cross the API
            raise failed(error, "", f"plugin '{self.plugin.plugin_id}'") from error
        outputs = list(made) if isinstance(made, tuple | list) else [made]
        if of_types:
            self._check_types(descs, outputs)
        written = [(i, d) for i, d in enumerate(outputs) if isinstance(d, SizeTensorDesc)]
        sizes: dict[str, Dim] = {d.symbol: size_symbol(i) for i, d in written}
        uppers = tuple((i, ShapeExpr(d.upper_bound).dim) for i, d in written)
        types = tuple(_type(d, sizes) for d in outputs)
        aliases = tuple((i, descs.index(d.get_aliased())) for i, d in enumerate(outputs) if d.is_aliased)
        text = json.dumps({"attributes": _plain(self.attributes), "ahead": self.ahead})
        space, _, name = self.plugin.plugin_id.partition("::")
        fields = (("call", "UNKNOWN", text.encode().hex()),)
        return UserCall("QUICK", name, "1", space, fields, len(operands), types, uppers, aliases)

    def _check_types(self, inputs: Sequence[TensorDesc], outputs: Sequence[TensorDesc]) -> None:
        """Raise TypesRefused where the plugin's `autotune` offers no combination of these types, row-major."""
        plugin = self.plugin
        if plugin.autotune is None:
            return
        try:
            offered = plugin.combinations(inputs, outputs, self.attributes)
        except Exception as error:  # whatever a plugin raises must not cross the API
            raise failed(error, "", f"plugin '{plugin.plugin_id}'") from error
        names = type_names((*inputs, *outputs))
        if not any(combination._takes(names) for combination in offered):
            what = f"autotune offers no combination of {', '.join(names)}, row-major"
            raise TypesRefused(what, f"plugin '{plugin.plugin_id}'")


def _type(desc: TensorDesc, sizes: dict[str, Dim]) -> CoreTensor:
    dims = tuple(substitute(e.dim, sizes) for e in desc.shape_expr)
    return CoreTensor(core_dtype(desc.dtype), dims)


def _plain(attributes: dict[str, Any]) -> dict[str, Any]:
    """Return attributes as JSON holds them."""
    out: dict[str, Any] = {}
    for name, value in attributes.items():
        if isinstance(value, np.ndarray):
            out[name] = {"array": value.reshape(-1).tolist(), "dtype": value.dtype.str, "shape": list(value.shape)}
        elif isinstance(value, bytes):
            out[name] = {"bytes": value.hex()}
        else:
            out[name] = value
    return out


def restored(value: Any) -> Any:
    """Return an attribute from its form in JSON."""
    if isinstance(value, dict):
        if "bytes" in value:
            return bytes.fromhex(value["bytes"])
        return np.array(value["array"], value["dtype"]).reshape(value["shape"])
    return value


class _Namespace:
    """The plugins of a namespace, as attributes."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Callable[..., QuickCall]:
        plugin_id = f"{self._name}::{name}"
        if plugin_id not in QDP_REGISTRY:
            raise AttributeError(f"plugin '{plugin_id}' is not registered")
        return lambda *args, **kwargs: _call(QDP_REGISTRY[plugin_id], args, kwargs)


class _Op:
    """The namespaces of registered plugins, as attributes."""

    def __getattr__(self, name: str) -> _Namespace:
        if not any(plugin_id.startswith(f"{name}::") for plugin_id in QDP_REGISTRY):
            raise AttributeError(f"no plugin of namespace '{name}' is registered")
        return _Namespace(name)


op = _Op()


def _call(plugin: QuickPlugin, args: Sequence[Any], kwargs: dict[str, Any]) -> QuickCall:
    names = [*plugin.tensors, *plugin.attributes]
    if len(args) > len(names) or set(kwargs) - set(names):
        raise ValueError(f"'{plugin.plugin_id}' takes {', '.join(names)}")
    given = dict(zip(names, args, strict=False)) | kwargs
    missing = [n for n in names if n not in given and not _has_default(plugin, n)]
    if missing:
        raise ValueError(f"'{plugin.plugin_id}' needs {', '.join(missing)}")
    tensors = [given[n] for n in plugin.tensors]
    if any(not isinstance(t, ITensor) for t in tensors):
        raise ValueError(f"inputs {', '.join(plugin.tensors)} of '{plugin.plugin_id}' must be ITensors")
    attributes = {n: attribute_of(plugin, n, given[n]) for n in plugin.attributes if n in given}
    return QuickCall(plugin, tensors, attributes)


def _has_default(plugin: QuickPlugin, name: str) -> bool:
    parameter = inspect.signature(plugin.describe).parameters[name]
    return parameter.default is not inspect.Parameter.empty


def attribute_of(plugin: QuickPlugin, name: str, value: Any) -> Any:
    """Return an attribute as the plugin takes it; raises ValueError for another type."""
    kind = plugin.attributes[name]
    if kind not in _CONVERT:
        return np.asarray(value)
    if isinstance(value, str) != (kind is str) or (kind is int and isinstance(value, float)):
        raise ValueError(f"attribute '{name}' of '{plugin.plugin_id}' must be {kind.__name__}, not {value!r}")
    return kind(value)
