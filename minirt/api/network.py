"""INetworkDefinition: a network while it is being made."""

from __future__ import annotations

import weakref
from typing import Any

from minirt.api.control import ControlAdding
from minirt.api.declare import attr, method
from minirt.api.dialect import dialect_of
from minirt.api.dims import Dims
from minirt.api.enums import DataType, NetworkDefinitionCreationFlag
from minirt.api.fields import shown
from minirt.api.layer import ILayer
from minirt.api.layers_model import ModelAdding
from minirt.api.layers_recurrent import RecurrentAdding
from minirt.api.logger import IErrorRecorder, Managed
from minirt.api.network_math import MathAdding
from minirt.api.network_move import MoveAdding
from minirt.api.network_retired import RetiredAdding
from minirt.api.network_window import WindowAdding
from minirt.api.plugin_calls import PluginAdding
from minirt.api.tensor import ITensor
from minirt.api.weights import Weights, core_dtype, same_memory
from minirt.build.freeze import value_of
from minirt.build.network import NetworkCells
from minirt.build.unfused import WANTED
from minirt.errors import ApiError
from minirt.types.dtype import i32, i64
from minirt.types.tensor import Tensor


def _flags(network: INetworkDefinition) -> int:
    kind = NetworkDefinitionCreationFlag.in_dialect(dialect_of(network))
    return sum(1 << int(m) for name, m in kind.__members__.items() if name in network._state.flags)


def _builder(network: INetworkDefinition) -> Any:
    reference: weakref.ref[Any] | None = network._state.extras.get("builder")
    return None if reference is None else reference()


def _rename(network: INetworkDefinition, name: str) -> None:
    network._state.name = name


def _formula(kind: str) -> Any:
    """Declare a formula for the size of outputs, kept but not called: sizes follow from the layers."""

    def put(network: INetworkDefinition, formula: Any) -> None:
        network._state.extras[f"{kind} formula"] = formula

    doc = f"A formula for the size of {kind} outputs, kept but not called."
    return attr(lambda self: self._state.extras.get(f"{kind} formula"), put, Any, doc, until=7)


class INetworkDefinition(
    WindowAdding,
    MathAdding,
    MoveAdding,
    ControlAdding,
    ModelAdding,
    PluginAdding,
    RecurrentAdding,
    RetiredAdding,
    Managed,
):
    """A network: inputs, layers, and tensors marked as outputs."""

    _state: NetworkCells
    name = attr(lambda self: self._state.name, _rename, str, "The name, which engines of it get.")
    num_layers = attr(lambda self: len(self._state.layers), doc="How many layers it has.")
    num_inputs = attr(lambda self: len(self._state.inputs), doc="How many inputs it has.")
    num_outputs = attr(lambda self: len(self._state.outputs), doc="How many outputs it has.")
    flags = attr(_flags, doc="The flags it was created with, a bit each.", since=10)
    has_implicit_batch_dimension = attr(
        lambda self: self._state.implicit_batch,
        doc="Whether shapes leave the batch out.",
        instead="explicit batch dims",
        warns=(10, 11),
    )
    has_explicit_precision = attr(lambda self: False, doc="False: precision follows the layers.", until=8)
    convolution_output_dimensions_formula = _formula("convolution")
    deconvolution_output_dimensions_formula = _formula("deconvolution")
    pooling_output_dimensions_formula = _formula("pooling")
    builder = attr(_builder, doc="The builder that made it.", since=8)
    error_recorder = attr(
        lambda self: self._state.sink.recorder,
        lambda self, value: setattr(self._state.sink, "recorder", value),
        IErrorRecorder | None,
        "The error recorder.",
        since=8,
    )

    def __len__(self) -> int:
        return len(self._state.layers)

    def __getitem__(self, index: int, /) -> ILayer | None:
        if index >= len(self._state.layers):
            raise IndexError("Index out of range")
        place = index + len(self._state.layers) if index < 0 else index
        return INetworkDefinition.get_layer(self, place)

    @method()
    def add_input(self, name: str, dtype: DataType, shape: Dims) -> ITensor | None:
        """Add an input; -1 is a dim that a profile bounds. None where the name is taken or a dim is below -1."""
        if any(t.name == name for t in self._state.inputs):
            raise ApiError("another input has this name", f"input '{name}'", "choose another name")
        if any(d < -1 for d in shape):
            raise ApiError(f"dims of {tuple(shape)} are below -1", f"input '{name}'")
        return shown(ITensor, self._state.add_input(name, core_dtype(dtype), tuple(shape)), self)  # type: ignore[no-any-return]

    @method()
    def mark_output(self, tensor: ITensor) -> None:
        """Make a tensor an output."""
        self._state.mark(tensor._state)

    @method()
    def unmark_output(self, tensor: ITensor) -> None:
        """Make a tensor no output any more."""
        self._state.unmark(tensor._state)

    @method(fail=False)
    def mark_output_for_shapes(self, tensor: ITensor) -> bool:
        """Make a tensor an output whose numbers the host reads as sizes; False where it is an output already.

        False, logged, for what holds no sizes: other types than int32 and int64, more than one axis.
        """
        cell = tensor._state
        if cell.is_output:
            return False
        kind = value_of(cell).type
        if not isinstance(kind, Tensor) or kind.dtype not in (i32, i64) or kind.rank > 1:
            what = f"{kind} holds no sizes: those are int32 or int64, of one axis at the most"
            raise ApiError(what, f"tensor '{tensor.name}'", "call mark_output, or cast it first")
        self._state.shape_outputs.append(tensor._state)
        self._state.mark(tensor._state)
        return True

    @method(fail=False)
    def unmark_output_for_shapes(self, tensor: ITensor) -> bool:
        """Undo mark_output_for_shapes; False if the tensor was not so marked."""
        kept = [t for t in self._state.shape_outputs if t is not tensor._state]
        done = len(kept) < len(self._state.shape_outputs)
        self._state.shape_outputs[:] = kept
        if done:
            self._state.unmark(tensor._state)
        return done

    @method()
    def remove_tensor(self, tensor: ITensor) -> None:
        """Take a tensor out of the inputs and outputs."""
        self._state.remove(tensor._state)

    def _pick(self, cells: list[Any], index: int, cls: type[Any], what: str) -> Any:
        if not 0 <= index < len(cells):
            raise ApiError(f"there is no {what} {index}: there are {len(cells)}", self._state.name)
        return shown(cls, cells[index], self)

    @method()
    def get_layer(self, index: int) -> ILayer | None:
        """Return a layer, None where there is none."""
        return self._pick(self._state.layers, index, ILayer, "layer")  # type: ignore[no-any-return]

    @method()
    def get_input(self, index: int) -> ITensor | None:
        """Return an input, None where there is none."""
        return self._pick(self._state.inputs, index, ITensor, "input")  # type: ignore[no-any-return]

    @method()
    def get_output(self, index: int) -> ITensor | None:
        """Return an output, None where there is none."""
        return self._pick(self._state.outputs, index, ITensor, "output")  # type: ignore[no-any-return]

    @method(since=10, fail=False)
    def get_flag(self, flag: NetworkDefinitionCreationFlag) -> bool:
        """Return whether it was created with a flag."""
        return flag.name in self._state.flags

    @method(since=8, fail=False)
    def set_weights_name(self, weights: Weights, name: str) -> bool:
        """Name weights for refitting: those of every layer that has the same numbers in memory."""
        held = [n for layer in self._state.layers for n in layer.fields.values() if hasattr(n, "array")]
        found = [n for n in held if n.array is not None and same_memory(n.array, weights._state.array)]
        for numbers in found:
            numbers.name = name
        weights._state.name = name
        return bool(found)

    @method(since=10, fail=False)
    def mark_debug(self, tensor: ITensor) -> bool:
        """Let a debug listener see a tensor."""
        self._state.debug[tensor._state] = None
        return True

    @method(since=10, fail=False)
    def unmark_debug(self, tensor: ITensor) -> bool:
        """Undo mark_debug."""
        self._state.debug.pop(tensor._state, None)
        return True

    @method(since=10, fail=False)
    def is_debug_tensor(self, tensor: ITensor) -> bool:
        """Return whether a debug listener may see a tensor."""
        return tensor._state in self._state.debug

    @method(since=10, fail=False)
    def mark_unfused_tensors_as_debug_tensors(self) -> bool:
        """Let a debug listener see all tensors that fusion leaves."""
        self._state.extras[WANTED] = True
        return True

    @method(since=10, fail=False)
    def unmark_unfused_tensors_as_debug_tensors(self) -> bool:
        """Undo mark_unfused_tensors_as_debug_tensors."""
        self._state.extras[WANTED] = False
        return True

    def _refittable(self) -> set[str]:
        return self._state.extras.setdefault("refittable", set())  # type: ignore[no-any-return]

    @method(since=10, fail=False)
    def mark_weights_refittable(self, name: str) -> bool:
        """Let weights be refitted, with BuilderFlag.REFIT_INDIVIDUAL."""
        self._refittable().add(name)
        return True

    @method(since=10, fail=False)
    def unmark_weights_refittable(self, name: str) -> bool:
        """Undo mark_weights_refittable."""
        self._refittable().discard(name)
        return True

    @method(since=10, fail=False)
    def are_weights_marked_refittable(self, name: str) -> bool:
        """Return whether weights were marked refittable."""
        return name in self._refittable()
