"""The plugin registry: creators by name, version and namespace, and resources that plugins share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minirt.api.boundary import Sink, call_back
from minirt.api.callbacks import IVersionedInterface, missing
from minirt.api.declare import attr, checked, plain
from minirt.api.dialect import Api, dialect_of, in_dialect, spanned, wrap
from minirt.api.enum import EnumType
from minirt.api.enums import EngineCapability, QuickPluginCreationRequest, TensorRTPhase
from minirt.api.logger import IErrorRecorder
from minirt.api.plugin_data import PluginFieldCollection_
from minirt.errors import ApiError


class _Named:
    """What a creator says of itself; unset fields read as the bindings' defaults."""

    def __init__(self) -> None:
        self.name: str | None = None
        self.plugin_version: str | None = None
        self.plugin_namespace = ""
        self.field_names: Any = None


def _said(field: str, kind: Any, doc: str, **spans: Any) -> Any:
    def put(self: Any, value: Any) -> None:
        setattr(self._state, field, value)

    return attr(lambda self: getattr(self._state, field), put, kind, doc, **spans)


class IPluginCreatorInterface(IVersionedInterface, since=10):
    """Base of all plugin creators."""


class _Creator(IPluginCreatorInterface):
    """What creators of every generation share."""

    name = _said("name", str, "The name of the plugins that it makes.", set_since=10)
    plugin_version = _said("plugin_version", str, "Their version.", set_since=10)
    plugin_namespace = _said("plugin_namespace", str, "Their namespace.")
    field_names = _said("field_names", PluginFieldCollection_, "The fields that they take.", set_since=10)

    def __init__(self) -> None:
        self._state = _Named()


class IPluginCreator(_Creator):
    """Base of creators of IPluginV2 plugins."""

    def create_plugin(self, name: str, field_collection: PluginFieldCollection_) -> Any:
        """Return a new plugin; subclasses override this."""
        raise missing(self, "create_plugin")

    def deserialize_plugin(self, name: str, serialized_plugin: bytes) -> Any:
        """Return a plugin from its serialized form; subclasses override this."""
        raise missing(self, "deserialize_plugin")

    tensorrt_version = attr(lambda self: 8601, doc="The version of the interface.", until=8)


class IPluginCreatorV3One(_Creator, since=10):
    """Base of creators of IPluginV3 plugins."""

    def create_plugin(self, name: str, field_collection: PluginFieldCollection_, phase: TensorRTPhase) -> Any:
        """Return a new plugin; subclasses override this."""
        raise missing(self, "create_plugin")


class IPluginCreatorV3Quick(_Creator, since=10):
    """Base of creators of plugins that decorators define."""

    def create_plugin(
        self,
        name: str,
        namespace: str,
        field_collection: PluginFieldCollection_,
        phase: TensorRTPhase,
        quickPluginType: QuickPluginCreationRequest,  # noqa: N803 - TensorRT's name
    ) -> Any:
        """Return a new plugin; subclasses override this."""
        raise missing(self, "create_plugin")


class IPluginResource(IVersionedInterface, since=10):
    """Base of what plugins share: made once by `clone`, ended by `release`."""

    def __init__(self) -> None:
        self._state: Any = None

    def clone(self) -> Any:
        """Return the object that is shared; subclasses override this."""
        raise missing(self, "clone")

    def release(self) -> None:
        """End the shared object; subclasses override this."""
        raise missing(self, "release")


class _Registry:
    """Creators in the order of registration, and shared resources with how often each is held."""

    def __init__(self) -> None:
        self.creators: list[Any] = []
        self.resources: dict[str, list[Any]] = {}
        self.sink = Sink()
        self.parent_search_enabled = True


def _key(creator: Any) -> tuple[Any, Any, str]:
    return creator.name, creator.plugin_version, creator.plugin_namespace or ""


class IPluginRegistry(Api):
    """The plugin creators that builders, parsers and runtimes find plugins by."""

    _state: _Registry
    parent_search_enabled = plain("parent_search_enabled", bool, "Whether parents are searched too.", since=8)
    error_recorder = attr(
        lambda self: self._state.sink.recorder,
        lambda self, value: setattr(self._state.sink, "recorder", value),
        IErrorRecorder | None,
        "The error recorder.",
        since=8,
    )
    all_creators = attr(lambda self: list(self._state.creators), doc="All creators.", since=10)
    all_creators_recursive = attr(lambda self: list(self._state.creators), doc="All, with parents'.", since=10)
    plugin_creator_list = attr(
        lambda self: [c for c in self._state.creators if isinstance(c, IPluginCreator)],
        doc="The creators of IPluginV2 plugins.",
        until=10,
    )

    @checked
    def register_creator(self, creator: IPluginCreatorInterface, plugin_namespace: str = "") -> bool:
        """Add a creator; False if one of its name, version and namespace is there."""
        if plugin_namespace:
            creator.plugin_namespace = plugin_namespace  # type: ignore[attr-defined]
        if any(_key(c) == _key(creator) for c in self._state.creators):
            return False
        self._state.creators.append(creator)
        return True

    @spanned(since=8)
    def deregister_creator(self, creator: IPluginCreatorInterface) -> bool:
        """Take a creator out; False if it is not there."""
        if not any(c is creator for c in self._state.creators):
            return False
        self._state.creators[:] = [c for c in self._state.creators if c is not creator]
        return True

    @spanned(since=10)
    def get_creator(self, type: str, version: str, plugin_namespace: str = "") -> Any:
        """Return the creator of a name, version and namespace, or None."""
        key = (type, version, plugin_namespace)
        return next((c for c in self._state.creators if _key(c) == key), None)

    @spanned(until=10)
    def get_plugin_creator(self, type: str, version: str, plugin_namespace: str = "") -> Any:
        """Return the IPluginV2 creator of a name, version and namespace, or None."""
        found = IPluginRegistry.get_creator(self, type, version, plugin_namespace)
        return found if isinstance(found, IPluginCreator) else None

    @spanned(since=8)
    def load_library(self, plugin_path: str) -> Any:
        """Return None: libraries of compiled plugins hold GPU code for TensorRT itself."""
        what = "plugin libraries made for TensorRT cannot be loaded"
        self._state.sink.error(ApiError(what, plugin_path, "write the plugin in Python"))
        return None

    @spanned(since=8)
    def deregister_library(self, handle: Any) -> None:
        """Do nothing: no library was loaded."""

    @spanned(since=10)
    def acquire_plugin_resource(self, key: str, resource: IPluginResource) -> Any:
        """Return the shared object of a key, made from `resource` by the first who asks."""
        if key not in self._state.resources:
            made = call_back(resource, "clone", None)
            if made is None:
                return None
            self._state.resources[key] = [made, 0]
        self._state.resources[key][1] += 1
        return self._state.resources[key][0]

    @spanned(since=10)
    def release_plugin_resource(self, key: str) -> bool:
        """Let a shared object go; the last who does so ends it. False if there is none."""
        held = self._state.resources.get(key)
        if held is None:
            return False
        held[1] -= 1
        if not held[1]:
            call_back(held[0], "release", None)
            del self._state.resources[key]
        return True


_GLOBAL = _Registry()


def registry(dialect: int) -> IPluginRegistry:
    """Return the process's registry as a dialect has it."""
    return wrap(IPluginRegistry, _GLOBAL, dialect)


def init_libnvinfer_plugins(logger: Any, namespace: str | None) -> bool:
    """Return True: plugins that come with minirt need no registration."""
    return True


def registry_functions(dialect: int) -> dict[str, Any]:
    """Return the module functions that answer with registries, for a dialect."""

    def get_plugin_registry() -> IPluginRegistry:
        """Return the plugin registry of the process."""
        return registry(dialect)

    def get_builder_plugin_registry(capability: EngineCapability, /) -> IPluginRegistry | None:
        """Return the plugin registry of builders for an engine capability."""
        kind: EnumType = in_dialect(EngineCapability, dialect)
        if not kind.takes(capability):
            raise TypeError(f"an EngineCapability is needed, not {capability!r}")
        return registry(dialect)

    made: dict[str, Any] = {"get_plugin_registry": get_plugin_registry}
    return made | ({"get_builder_plugin_registry": get_builder_plugin_registry} if dialect >= 8 else {})


def come_with(creators: Sequence[IPluginCreatorInterface]) -> None:
    """Register what is there from the start."""
    _GLOBAL.creators.extend(creators)


def find_creator(name: str, version: str, namespace: str) -> Any:
    """Return the registered creator of a name, version and namespace, None where there is none."""
    key = (name, version, namespace)
    return next((c for c in _GLOBAL.creators if _key(c) == key), None)


def registry_dialect(owner: object) -> IPluginRegistry:
    """Return the process's registry in the dialect of an object that answers with it."""
    return registry(dialect_of(owner))
