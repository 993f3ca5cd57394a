"""Layers that move data, and those that check it or call plugins."""

from __future__ import annotations

from typing import Any

from minirt.api.declare import attr, method
from minirt.api.dims import Dims, Permutation
from minirt.api.enums import DataType
from minirt.api.fields import field, fields_of, set_field
from minirt.api.layer import ILayer
from minirt.api.layer_enums import FillOperation, GatherMode, SampleMode, ScatterMode
from minirt.api.weights import Weights
from minirt.build.freeze import rank_of
from minirt.types.dtype import f32, i32


def _concat_axis(layer: IConcatenationLayer) -> int:
    found = fields_of(layer).get("axis")
    return max(0, rank_of(layer._state.operands[0]) - 3) if found is None else int(found)


class IConcatenationLayer(ILayer):
    """Tensors one after another."""

    axis = attr(_concat_axis, lambda self, axis: set_field(self, "axis", axis), int, "The axis that they lie along.")


class IConstantLayer(ILayer):
    """Numbers."""

    weights = field("weights", Weights, "The numbers.")
    shape = field("shape", Dims, "Their shape.")


class IShuffleLayer(ILayer):
    """Transpose, reshape, transpose."""

    first_transpose = field("first_transpose", Permutation, "The order of axes before the reshape.")
    reshape_dims = field("reshape_dims", Dims, "The shape; 0 keeps a dim, -1 is what is left.")
    second_transpose = field("second_transpose", Permutation, "The order of axes after the reshape.")
    zero_is_placeholder = field("zero_is_placeholder", bool, "Whether 0 in the shape keeps a dim.")


class ISliceLayer(ILayer):
    """Elements from a start, so many, at a stride."""

    start = field("start", Dims, "Where each axis begins.")
    shape = field("shape", Dims, "How many elements are taken along each axis.")
    stride = field("stride", Dims, "The distance between them.")
    mode = field("mode", SampleMode, "What reading outside yields.")
    axes = field("axes", Dims, "The axes that start, shape and stride are for; unset for all.", since=10)


class IShapeLayer(ILayer):
    """The shape of a tensor."""


class IGatherLayer(ILayer):
    """Elements or slices at indices."""

    axis = field("axis", int, "The axis that is indexed.")
    num_elementwise_dims = field("num_elementwise_dims", int, "How many leading axes data and indices share.")
    mode = field("mode", GatherMode, "What the indices select.", since=8)


class IScatterLayer(ILayer, since=8):
    """Updates put at indices."""

    axis = field("axis", int, "The axis that is indexed.")
    mode = field("mode", ScatterMode, "What the indices select.")


class IOneHotLayer(ILayer, since=8):
    """One of two values along a new axis."""

    axis = field("axis", int, "The new axis.")


class INonZeroLayer(ILayer, since=8):
    """Indices of the elements that are not zero."""

    indices_type = field("indices_type", DataType, "The type of the indices.", i32, since=10)


class IReverseSequenceLayer(ILayer, since=8):
    """Sequences with their first elements turned round."""

    batch_axis = field("batch_axis", int, "The axis of sequences.")
    sequence_axis = field("sequence_axis", int, "The axis along each sequence.")


class ISqueezeLayer(ILayer, since=10):
    """Axes of one element dropped."""


class IUnsqueezeLayer(ILayer, since=10):
    """Axes of one element added."""


def _fill_number(name: str, doc: str) -> Any:
    def put(self: Any, value: Any) -> None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"a number is needed, not {value!r}")
        set_field(self, name, value)

    return attr(lambda self: fields_of(self)[name], put, Any, doc)


class IFillLayer(ILayer):
    """A ramp, or random numbers."""

    shape = field("shape", Dims, "The shape.")
    operation = field("operation", FillOperation, "How the numbers are made.")
    alpha = _fill_number("alpha", "The start, the least value, or the mean; an int makes 64-bit ints.")
    beta = _fill_number("beta", "The step, the greatest value, or the deviation; an int makes 64-bit ints.")
    to_type = field("to_type", DataType, "The element type.", f32, since=10)

    @method(since=10)
    def is_alpha_beta_int64(self) -> bool:
        """Return whether alpha and beta were set as ints."""
        fields = self._state.fields
        return isinstance(fields["alpha"], int) and isinstance(fields["beta"], int)


class IAssertionLayer(ILayer, since=8):
    """A condition that must hold."""

    message = field("message", str, "What to say where it does not.")
