"""The decorators of quick plugins, and what they register."""

from __future__ import annotations

import inspect
import json
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from minirt.api.dialect import DEFAULT
from minirt.api.enum import member
from minirt.api.enums import DataType
from minirt.api.plugin_calls import install_quick
from minirt.api.tensor import ITensor
from minirt.api.weights import core_dtype
from minirt.errors import MinirtError
from minirt.ir.op import Value
from minirt.ops.user_call import UserCall, size_symbol
from minirt.plugin._tensor import ShapeExpr, ShapeExprs, SizeTensorDesc, Tensor, TensorDesc
from minirt.types.dim import Dim
from minirt.types.dtype import DType
from minirt.types.evaluate import substitute
from minirt.types.tensor import Tensor as CoreTensor

F = TypeVar("F", bound=Callable[..., Any])
_CONVERT = {int: int, float: float, str: str, bool: bool, bytes: bytes}


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


QDP_REGISTRY: dict[str, QuickPlugin] = {}


def _checked_id(plugin_id: str) -> str:
    space, separator, name = plugin_id.partition("::")
    if not separator or not space.isidentifier() or not name.isidentifier():
        raise ValueError(f"'{plugin_id}' is not of the form 'namespace::name'")
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
        tensors, attributes = [], {}
        for name in inspect.signature(function).parameters:
            if name not in hints:
                raise ValueError(f"argument '{name}' of '{plugin_id}' has no annotation")
            if hints[name] is TensorDesc:
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
        setattr(plugin, name, function)
        return function

    return decorate


def impl(plugin_id: str) -> Callable[[F], F]:
    """Register what computes a plugin: it takes tensors, attributes, `outputs`, `stream`, and perhaps `tactic`."""
    return _part(plugin_id, "impl")


def aot_impl(plugin_id: str) -> Callable[[F], F]:
    """Register what compiles a plugin's kernel ahead of time; minirt runs `impl`."""
    return _part(plugin_id, "aot_impl")


def autotune(plugin_id: str) -> Callable[[F], F]:
    """Register which types, layouts and tactics a plugin can run with."""
    return _part(plugin_id, "autotune")


@dataclass
class QuickCall:
    """A plugin on tensors of a network: what `network.add_plugin` takes."""

    plugin: QuickPlugin
    inputs: list[ITensor]
    attributes: dict[str, Any]

    def __call__(self, *_: Any) -> QuickCall:
        """Return itself: a function of a network, as add_plugin takes it."""
        return self

    def describe(self, operands: Sequence[Value]) -> UserCall:
        """Return the call on values of the graph; raises MinirtError where the plugin fails."""
        descs = [_desc(v) for v in operands]
        try:
            made = self.plugin.describe(*descs, **self.attributes)
        except Exception as error:
            raise MinirtError(f"{type(error).__name__}: {error}", f"plugin '{self.plugin.plugin_id}'") from error
        outputs = list(made) if isinstance(made, tuple | list) else [made]
        written = [(i, d) for i, d in enumerate(outputs) if isinstance(d, SizeTensorDesc)]
        sizes: dict[str, Dim] = {d.symbol: size_symbol(i) for i, d in written}
        uppers = tuple((i, ShapeExpr(d.upper_bound).dim) for i, d in written)
        types = tuple(_type(d, sizes) for d in outputs)
        aliases = {i: descs.index(d.get_aliased()) for i, d in enumerate(outputs) if d.is_aliased}
        text = json.dumps({"attributes": _plain(self.attributes), "aliases": aliases})
        space, _, name = self.plugin.plugin_id.partition("::")
        fields = (("call", "UNKNOWN", text.encode().hex()),)
        return UserCall("QUICK", name, "1", space, fields, len(operands), types, uppers)


def _desc(value: Value) -> TensorDesc:
    shape = ShapeExprs.from_tuple([ShapeExpr(d) for d in value.shape])
    return TensorDesc(shape, member(DataType, value.dtype.trt, DEFAULT))


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


def _restored(value: Any) -> Any:
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
    attributes = {n: _attribute(plugin, n, given[n]) for n in plugin.attributes if n in given}
    return QuickCall(plugin, tensors, attributes)


def _has_default(plugin: QuickPlugin, name: str) -> bool:
    parameter = inspect.signature(plugin.describe).parameters[name]
    return parameter.default is not inspect.Parameter.empty


def _attribute(plugin: QuickPlugin, name: str, value: Any) -> Any:
    kind = plugin.attributes[name]
    if kind not in _CONVERT:
        return np.asarray(value)
    if isinstance(value, str) != (kind is str) or (kind is int and isinstance(value, float)):
        raise ValueError(f"attribute '{name}' of '{plugin.plugin_id}' must be {kind.__name__}, not {value!r}")
    return kind(value)


def _run(call: UserCall, places: Sequence[tuple[int, DType, tuple[int, ...]]], count: int, on_device: bool) -> None:
    """Run a plugin on addresses: of `count` inputs, then of the outputs."""
    plugin = QDP_REGISTRY.get(f"{call.namespace}::{call.plugin}")
    if plugin is None or plugin.impl is None:
        what = "is not registered here" if plugin is None else "has no impl, and kernels ahead of time are not run"
        raise MinirtError(what, f"plugin '{call.namespace}::{call.plugin}'", "import the module that registers it")
    held = json.loads(bytes.fromhex(call.serialized[0][2]))
    tensors = [_tensor(*place, on_device) for place in places]
    inputs, outputs = tensors[:count], tensors[count:]
    for number, source in held["aliases"].items():
        outputs[int(number)]._aliased = inputs[source]
    attributes = {name: _restored(value) for name, value in held["attributes"].items()}
    extra = {"tactic": 0} if "tactic" in inspect.signature(plugin.impl).parameters else {}
    plugin.impl(*inputs, **attributes, outputs=tuple(outputs), stream=0, **extra)


def _tensor(address: int, dtype: DType, shape: tuple[int, ...], on_device: bool) -> Tensor:
    kind = member(DataType, dtype.trt, DEFAULT)
    return Tensor(address, shape, kind, (), typestr=dtype.numpy.str, on_device=on_device)


def aliases_of(call: UserCall) -> dict[int, int]:
    """Return, for each output that shares an input's memory, which input."""
    held = json.loads(bytes.fromhex(call.serialized[0][2]))
    return {int(number): int(source) for number, source in held["aliases"].items()}


install_quick(_run, aliases_of)
