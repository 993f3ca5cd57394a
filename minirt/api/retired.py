"""What TensorRT 7 and 8 still named and minirt cannot do: Caffe and UFF models, plugins and RNNs of the first kind.

The classes are there with their members, so that a script finds the names; a call that would have to do the work
raises an ApiError that says what to use instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minirt.api.callbacks import missing
from minirt.api.declare import attr, checked
from minirt.api.dialect import Api, spanned
from minirt.api.dims import Dims, DimsHW
from minirt.api.enums import DataType, TensorFormat, UffInputOrder
from minirt.api.layer import ILayer
from minirt.api.logger import IErrorRecorder, Managed
from minirt.api.network import INetworkDefinition
from minirt.api.network_retired import retired
from minirt.api.tensor import ITensor
from minirt.api.weights import Weights

_EXPORT = "export the model to ONNX and parse it with OnnxParser"
_PLUGIN = "write an IPluginV2 and add it with add_plugin_v2"


def _kept(name: str, doc: str, **spans: Any) -> Any:
    """Declare a write-only attribute whose value nothing reads."""
    return attr(None, lambda self, value: self._state.update({name: value}), Any, doc, **spans)


def _recorder() -> Any:
    def put(self: Any, value: Any) -> None:
        self._state["error_recorder"] = value

    return attr(
        lambda self: self._state.get("error_recorder"), put, IErrorRecorder | None, "Who is told of errors.", since=8
    )


class _Parser(Managed, until=8):
    """What both parsers have: settings that are taken and kept."""

    _state: dict[str, Any]
    plugin_factory = _kept("plugin_factory", "A factory of plugins, kept but not called.", until=7)
    plugin_factory_ext = _kept("plugin_factory_ext", "A factory of plugins, kept but not called.", until=7)
    plugin_namespace = _kept("plugin_namespace", "The namespace of plugins, kept.")
    error_recorder = _recorder()

    def __init__(self) -> None:
        self._state = {}


class CaffeParser(_Parser, until=8):
    """The parser of Caffe models, which minirt does not read: `parse` raises."""

    plugin_factory_v2 = _kept("plugin_factory_v2", "A factory of plugins, kept but not called.")
    protobuf_buffer_size = _kept("protobuf_buffer_size", "How large a message may be, kept.")

    @checked
    def parse(self, deploy: str, model: str, network: INetworkDefinition, dtype: DataType) -> IBlobNameToTensor:
        """Raise ApiError: Caffe models are not read."""
        raise retired("Caffe models are not read", f"CaffeParser.parse({deploy!r})", _EXPORT)

    @checked
    def parse_buffer(
        self, deploy_buffer: Any, model_buffer: Any, network: INetworkDefinition, dtype: DataType
    ) -> IBlobNameToTensor:
        """Raise ApiError: Caffe models are not read."""
        raise retired("Caffe models are not read", "CaffeParser.parse_buffer", _EXPORT)

    @checked
    def parse_binary_proto(self, filename: str) -> Any:
        """Raise ApiError: Caffe's mean files are not read."""
        where = f"CaffeParser.parse_binary_proto({filename!r})"
        raise retired("Caffe's mean files are not read", where, "store the mean as a NumPy file")


class UffParser(_Parser, until=8):
    """The parser of UFF models, which minirt does not read: `parse` raises."""

    uff_required_version_major = attr(lambda self: 0, doc="The major version of UFF that is read: 0, none.")
    uff_required_version_minor = attr(lambda self: 0, doc="The minor version of UFF that is read: 0, none.")
    uff_required_version_patch = attr(lambda self: 0, doc="The patch version of UFF that is read: 0, none.")

    @checked
    def register_input(self, name: str, shape: Dims, order: UffInputOrder = UffInputOrder.NCHW) -> bool:
        """Keep the name of an input; returns True."""
        self._state.setdefault("inputs", []).append((name, tuple(shape), order))
        return True

    @checked
    def register_output(self, name: str) -> bool:
        """Keep the name of an output; returns True."""
        self._state.setdefault("outputs", []).append(name)
        return True

    @checked
    def parse(self, file: str, network: INetworkDefinition, weights_type: DataType = DataType.FLOAT) -> bool:
        """Raise ApiError: UFF models are not read."""
        raise retired("UFF models are not read", f"UffParser.parse({file!r})", _EXPORT)

    @checked
    def parse_buffer(self, buffer: Any, network: INetworkDefinition, weights_type: DataType = DataType.FLOAT) -> bool:
        """Raise ApiError: UFF models are not read."""
        raise retired("UFF models are not read", "UffParser.parse_buffer", _EXPORT)


class IBlobNameToTensor(Api, until=8):
    """What CaffeParser would return: tensors by the names of blobs."""

    @checked
    def find(self, name: str) -> ITensor | None:
        """Raise ApiError: Caffe models are not read."""
        raise retired("Caffe models are not read", f"IBlobNameToTensor.find({name!r})", _EXPORT)


class ICaffePluginFactoryV2(Api, until=8):
    """A factory of plugins of Caffe models."""

    def is_plugin_v2(self, layer_name: str) -> bool:
        """Return whether a layer is a plugin: never."""
        return False

    def create_plugin(self, layer_name: str, weights: list[Weights]) -> Any:
        """Raise ApiError: Caffe models are not read."""
        raise retired("Caffe models are not read", "ICaffePluginFactoryV2.create_plugin", _EXPORT)


class ICaffePluginFactory(Api, until=7):
    """A factory of first-generation plugins of Caffe models."""

    def is_plugin(self, layer_name: str) -> bool:
        """Return whether a layer is a plugin: never."""
        return False

    def create_plugin(self, layer_name: str, weights: list[Weights]) -> Any:
        """Raise ApiError: Caffe models are not read."""
        raise retired("Caffe models are not read", "ICaffePluginFactory.create_plugin", _EXPORT)


class ICaffePluginFactoryExt(ICaffePluginFactory, until=7):
    """A factory of first-generation plugins of Caffe models that knows its version."""

    def get_version(self) -> int:
        """Return the version of the interface."""
        return 7203

    def is_plugin_ext(self, layer_name: str) -> bool:
        """Return whether a layer is a plugin: never."""
        return False


class IUffPluginFactory(Api, until=7):
    """Base of factories of plugins of UFF models; none is called."""

    def __init__(self) -> None:
        self._state: Any = None

    def is_plugin(self, layer_name: str) -> bool:
        """Return whether a layer is a plugin; subclasses override this."""
        raise missing(self, "is_plugin")

    def create_plugin(self, layer_name: str, weights: list[Weights], field_collection: Any) -> Any:
        """Return the plugin of a layer; subclasses override this."""
        raise missing(self, "create_plugin")


class IUffPluginFactoryExt(IUffPluginFactory, until=7):
    """A factory of plugins of UFF models that knows its version; none is called."""

    def get_version(self) -> int:
        """Return the version of the interface."""
        return 7203

    def is_plugin_ext(self, layer_name: str) -> bool:
        """Return whether a layer is a plugin: never."""
        return False


class IOutputDimensionsFormula(Api, until=7):
    """A formula for the size of a layer's outputs; sizes follow from the layers."""

    def compute(
        self,
        input_shape: DimsHW,
        kernel_shape: DimsHW,
        stride: DimsHW,
        padding: DimsHW,
        dilation: DimsHW,
        layer_name: str,
    ) -> DimsHW:
        """Raise ApiError: formulas are not called."""
        raise retired("formulas are not called", f"layer '{layer_name}'", "set padding_mode of the layer")


class IPlugin(Api, until=7):
    """A plugin of the first generation, which no network takes."""

    num_outputs = attr(lambda self: 0, doc="How many outputs it has.")
    serialization_size = attr(lambda self: 0, doc="How many bytes `serialize` writes.")

    def get_output_shape(self, index: int, input_shapes: Sequence[Dims]) -> Dims:
        """Return the shape of an output."""
        raise retired("first-generation plugins do not run", "IPlugin.get_output_shape", _PLUGIN)

    def configure(self, input_shapes: Sequence[Dims], output_shapes: Sequence[Dims], max_batch_size: int) -> None:
        """Take the shapes."""
        raise retired("first-generation plugins do not run", "IPlugin.configure", _PLUGIN)

    def initialize(self) -> int:
        """Get ready to run."""
        raise retired("first-generation plugins do not run", "IPlugin.initialize", _PLUGIN)

    def terminate(self) -> None:
        """Give back what `initialize` took."""

    def get_workspace_size(self, max_batch_size: int) -> int:
        """Return how many bytes of scratch memory it needs: none."""
        return 0

    def execute_async(self, batch_size: int, inputs: Any, outputs: Any, workspace: Any, stream_handle: int) -> int:
        """Compute the outputs."""
        raise retired("first-generation plugins do not run", "IPlugin.execute_async", _PLUGIN)

    def serialize(self, buffer: Any) -> None:
        """Write it to a buffer."""
        raise retired("first-generation plugins do not run", "IPlugin.serialize", _PLUGIN)


class IPluginExt(IPlugin, until=7):
    """A plugin of the first generation that chooses formats, which no network takes."""

    tensorrt_version = attr(lambda self: 7203, doc="The version of the interface.")

    def supports_format(self, dtype: DataType, format: TensorFormat) -> bool:
        """Return whether it takes a format: never."""
        return False

    def configure_with_format(
        self,
        input_shapes: Sequence[Dims],
        output_shapes: Sequence[Dims],
        dtype: DataType,
        format: TensorFormat,
        max_batch_size: int,
    ) -> None:
        """Take the shapes, element type and format."""
        raise retired("first-generation plugins do not run", "IPluginExt.configure_with_format", _PLUGIN)


class IPluginFactory(Api, until=7):
    """A factory of plugins of serialized engines; engines of minirt name their plugins' creators."""

    @spanned(until=7)
    def create_plugin(self, layer_name: str, serialized_plugin: Any) -> Any:
        """Raise ApiError: first-generation plugins are not in engines."""
        raise retired(
            "first-generation plugins are not in engines", f"layer '{layer_name}'", "register an IPluginCreator"
        )


class IPluginLayer(ILayer, until=7):
    """A plugin of the first generation, which no network takes."""

    plugin = attr(lambda self: self._state.fields["plugin"], doc="The plugin.")
