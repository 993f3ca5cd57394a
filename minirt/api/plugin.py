"""Interfaces of plugins that scripts implement: IPluginV2DynamicExt, and IPluginV3 with its capabilities."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, ClassVar

from minirt.api.callbacks import IVersionedInterface, missing
from minirt.api.declare import attr
from minirt.api.dialect import Api, spanned
from minirt.api.dims import Dims
from minirt.api.enums import DataType, PluginCapabilityType, TensorFormat
from minirt.api.layer import ILayer
from minirt.api.plugin_data import DimsExprs, DynamicPluginTensorDesc, IExprBuilder, PluginTensorDesc


class PluginState:
    """What a plugin says of itself."""

    def __init__(self) -> None:
        self.num_outputs = -1
        self.plugin_name: str | None = None
        self.plugin_type: str | None = None
        self.plugin_version: str | None = None
        self.plugin_namespace = ""
        self.format_combination_limit = 100
        self.metadata_string = ""
        self.timing_cache_id = ""


def _said(field: str, kind: Any, doc: str, **spans: Any) -> Any:
    def get(self: Any) -> Any:
        value = getattr(self._state, field)
        if value in (None, -1):
            print(f"[ERROR] {type(self).__name__}.{field} was not set", file=sys.stderr)
        return value

    def put(self: Any, value: Any) -> None:
        setattr(self._state, field, value)

    return attr(get, put, kind, doc, **spans)


class _Plugin(Api):
    """What plugins and capabilities share: one state, however many of these an object derives from."""

    _state: PluginState

    def __init__(self) -> None:
        if not hasattr(self, "_state"):
            self._state = PluginState()


class IPluginV2(_Plugin):
    """Base of plugins of the second generation."""

    num_outputs = _said("num_outputs", int, "How many outputs it has.", set_since=10)
    plugin_type = _said("plugin_type", str, "Its name.", set_since=10)
    plugin_version = _said("plugin_version", str, "Its version.", set_since=10)
    plugin_namespace = _said("plugin_namespace", str, "Its namespace.")
    tensorrt_version = attr(lambda self: 8601, doc="The version of the interface.")
    serialization_size = attr(lambda self: len(self.serialize()), doc="How many bytes `serialize` gives.")

    def clone(self) -> Any:
        """Return a copy; subclasses override this."""
        raise missing(self, "clone")

    def initialize(self) -> int | None:
        """Prepare to run."""
        return None

    def terminate(self) -> None:
        """Undo `initialize`."""

    def destroy(self) -> None:
        """End its life."""

    def serialize(self) -> bytes:
        """Return what its creator makes it from again; subclasses override this."""
        raise missing(self, "serialize")

    def get_output_shape(self, index: int, input_shapes: Sequence[Dims]) -> Dims:
        """Return the shape of an output; subclasses override this."""
        raise missing(self, "get_output_shape")

    def get_workspace_size(self, max_batch_size: int) -> int:
        """Return how much scratch memory it needs."""
        return 0

    def supports_format(self, dtype: DataType, format: TensorFormat) -> bool:
        """Return whether it takes an element type in a layout."""
        raise missing(self, "supports_format")

    def configure_with_format(
        self,
        input_shapes: Sequence[Dims],
        output_shapes: Sequence[Dims],
        dtype: DataType,
        format: TensorFormat,
        max_batch_size: int,
    ) -> None:
        """Hear what it will be run with."""

    def execute_async(
        self, batch_size: int, inputs: Sequence[int], outputs: Sequence[int], workspace: int, stream_handle: int
    ) -> int:
        """Run; subclasses override this."""
        raise missing(self, "execute_async")


class IPluginV2Ext(IPluginV2):
    """Base of plugins of the second generation with element types."""

    def get_output_data_type(self, index: int, input_types: Sequence[DataType]) -> DataType:
        """Return the element type of an output; subclasses override this."""
        raise missing(self, "get_output_data_type")

    def configure_plugin(
        self,
        input_shapes: Sequence[Dims],
        output_shapes: Sequence[Dims],
        input_types: Sequence[DataType],
        output_types: Sequence[DataType],
        input_is_broadcasted: Sequence[bool],
        output_is_broacasted: Sequence[bool],
        format: TensorFormat,
        max_batch_size: int,
    ) -> None:
        """Hear what it will be run with."""

    def attach_to_context(self, cudnn: Any, cublas: Any, allocator: Any) -> None:
        """Hear that a context will run it."""

    def detach_from_context(self) -> None:
        """Hear that no context will run it any more."""


class IPluginV2DynamicExtBase(IPluginV2, since=10):
    """Base of IPluginV2DynamicExt."""


class IPluginV2DynamicExt(IPluginV2DynamicExtBase, since=10):
    """Base of plugins of the second generation with dynamic shapes."""

    FORMAT_COMBINATION_LIMIT: ClassVar[int] = 100

    def get_output_datatype(self, index: int, input_types: Sequence[DataType]) -> DataType:
        """Return the element type of an output; subclasses override this."""
        raise missing(self, "get_output_datatype")

    def get_output_dimensions(
        self, output_index: int, inputs: Sequence[DimsExprs], expr_builder: IExprBuilder
    ) -> DimsExprs:
        """Return the shape of an output as expressions; subclasses override this."""
        raise missing(self, "get_output_dimensions")

    def supports_format_combination(self, pos: int, in_out: Sequence[PluginTensorDesc], num_inputs: int) -> bool:
        """Return whether it takes the input or output at a place as described; subclasses override this."""
        raise missing(self, "supports_format_combination")

    def configure_plugin(
        self, pos: Sequence[DynamicPluginTensorDesc], in_out: Sequence[DynamicPluginTensorDesc]
    ) -> None:
        """Hear what it will be run with: inputs, then outputs."""

    def get_workspace_size(self, *descs: Any, **named: Any) -> int:  # type: ignore[override]
        """Return how much scratch memory it needs, for inputs and outputs."""
        return 0

    def get_serialization_size(self) -> int:
        """Return how many bytes `serialize` gives."""
        return len(self.serialize())

    def enqueue(
        self,
        input_desc: Sequence[PluginTensorDesc],
        output_desc: Sequence[PluginTensorDesc],
        inputs: Sequence[int],
        outputs: Sequence[int],
        workspace: int,
        stream: int,
    ) -> None:
        """Run on addresses; subclasses override this."""
        raise missing(self, "enqueue")


class IPluginV2Layer(ILayer):
    """A plugin of the second generation."""

    plugin = attr(lambda self: self._state.fields["plugin"], doc="The plugin.")


class IPluginCapability(IVersionedInterface, _Plugin, since=10):
    """Base of the capabilities of plugins of the third generation."""


class IPluginResourceContext(Api, since=10):
    """What a plugin gets of the context that runs it."""

    gpu_allocator = attr(lambda self: self._state.gpu_allocator, doc="Who allocates device memory.")
    error_recorder = attr(lambda self: self._state.error_recorder, doc="Who hears of errors.")


class IPluginV3(IVersionedInterface, _Plugin, since=10):
    """Base of plugins of the third generation."""

    def __init__(self) -> None:
        _Plugin.__init__(self)

    def get_capability_interface(self, type: PluginCapabilityType) -> Any:
        """Return the object that has a capability; subclasses override this."""
        raise missing(self, "get_capability_interface")

    def clone(self) -> Any:
        """Return a copy; subclasses override this."""
        raise missing(self, "clone")

    def destroy(self) -> None:
        """End its life."""


class IPluginV3Layer(ILayer, since=10):
    """A plugin of the third generation."""

    plugin = attr(lambda self: self._state.fields["plugin"], doc="The plugin.")


class _Core(IPluginCapability):
    """What core capabilities share."""

    plugin_name = _said("plugin_name", str, "Its name.")
    plugin_version = _said("plugin_version", str, "Its version.")
    plugin_namespace = _said("plugin_namespace", str, "Its namespace.")

    def __init__(self) -> None:
        _Plugin.__init__(self)


class IPluginV3OneCore(_Core, since=10):
    """The core capability: what a plugin is called."""


class IPluginV3OneBuild(IPluginCapability, since=10):
    """The build capability: what a plugin makes of what."""

    DEFAULT_FORMAT_COMBINATION_LIMIT: ClassVar[int] = 100
    num_outputs = _said("num_outputs", int, "How many outputs it has.")
    format_combination_limit = _said("format_combination_limit", int, "How many combinations are tried.")
    metadata_string = _said("metadata_string", str, "Free text for the inspector.")
    timing_cache_id = _said("timing_cache_id", str, "What measurements are kept by.")

    def __init__(self) -> None:
        _Plugin.__init__(self)

    def get_output_data_types(self, input_types: Sequence[DataType]) -> Sequence[DataType]:
        """Return the element types of the outputs; subclasses override this."""
        raise missing(self, "get_output_data_types")

    def get_output_shapes(
        self, inputs: Sequence[DimsExprs], shape_inputs: Sequence[DimsExprs], expr_builder: IExprBuilder
    ) -> Sequence[DimsExprs]:
        """Return the shapes of the outputs as expressions; subclasses override this."""
        raise missing(self, "get_output_shapes")

    def supports_format_combination(self, pos: int, in_out: Sequence[DynamicPluginTensorDesc], num_inputs: int) -> bool:
        """Return whether it takes the input or output at a place as described; subclasses override this."""
        raise missing(self, "supports_format_combination")

    def configure_plugin(self, *descs: Sequence[DynamicPluginTensorDesc], **named: Any) -> None:
        """Hear what it will be run with: inputs, then outputs."""

    def get_workspace_size(self, *descs: Sequence[DynamicPluginTensorDesc], **named: Any) -> int:
        """Return how much scratch memory it needs, for inputs and outputs."""
        return 0

    def get_valid_tactics(self) -> Sequence[int]:
        """Return the numbers of its tactics."""
        return []


class IPluginV3OneBuildV2(IPluginV3OneBuild, since=10):
    """The build capability, with outputs that share an input's memory."""

    @spanned(since=10)
    def get_aliased_input(self, output_index: int = 0) -> int:
        """Return which input an output shares memory with, -1 for none."""
        return -1


class IPluginV3OneRuntime(IPluginCapability, since=10):
    """The runtime capability: how a plugin runs."""

    def __init__(self) -> None:
        _Plugin.__init__(self)

    def get_fields_to_serialize(self) -> Any:
        """Return the fields that its creator makes it from again; subclasses override this."""
        raise missing(self, "get_fields_to_serialize")

    def attach_to_context(self, resource_context: IPluginResourceContext) -> Any:
        """Return the plugin that a context runs: a clone, or itself."""
        return self

    def set_tactic(self, tactic: int) -> None:
        """Hear which tactic was chosen."""

    def on_shape_change(self, *descs: Sequence[PluginTensorDesc], **named: Any) -> None:
        """Hear the shapes of the next runs: inputs, then outputs."""

    def enqueue(
        self,
        input_desc: Sequence[PluginTensorDesc],
        output_desc: Sequence[PluginTensorDesc],
        inputs: Sequence[int],
        outputs: Sequence[int],
        workspace: int,
        stream: int,
    ) -> None:
        """Run on addresses; subclasses override this."""
        raise missing(self, "enqueue")


class IPluginV3QuickCore(_Core, since=10):
    """The core capability of a plugin that decorators define."""


class IPluginV3QuickBuild(IPluginCapability, since=10):
    """The build capability of a plugin that decorators define."""

    def __init__(self) -> None:
        _Plugin.__init__(self)


class IPluginV3QuickAOTBuild(IPluginV3QuickBuild, since=10):
    """The build capability of a plugin that is compiled ahead of time."""


class IPluginV3QuickRuntime(IPluginCapability, since=10):
    """The runtime capability of a plugin that decorators define."""

    def __init__(self) -> None:
        _Plugin.__init__(self)
