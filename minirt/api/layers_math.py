"""Layers that compute: activation, unary, elementwise, products, reductions, quantization."""

from __future__ import annotations

from typing import Any

from minirt.api.declare import attr
from minirt.api.dims import Dims
from minirt.api.enums import DataType
from minirt.api.fields import field, fields_of, set_field
from minirt.api.layer import ILayer
from minirt.api.layer_enums import (
    ActivationType,
    BoundingBoxFormat,
    CumulativeOperation,
    ElementWiseOperation,
    MatrixOperation,
    ReduceOperation,
    TopKOperation,
    UnaryOperation,
)
from minirt.build.freeze import rank_of
from minirt.types.dtype import f32, i8, i32


class IActivationLayer(ILayer):
    """An activation."""

    type = field("type", ActivationType, "The function.")
    alpha = field("alpha", float, "Its first parameter.")
    beta = field("beta", float, "Its second parameter.")


class IUnaryLayer(ILayer):
    """A function of one tensor."""

    op = field("op", UnaryOperation, "The function.")


class IElementWiseLayer(ILayer):
    """A function of two tensors."""

    op = field("op", ElementWiseOperation, "The function.")


class IParametricReLULayer(ILayer):
    """x where positive, slope * x elsewhere."""


class ISelectLayer(ILayer):
    """One tensor where a condition holds, another elsewhere."""


class IIdentityLayer(ILayer):
    """The input, perhaps in another element type."""


class ICastLayer(ILayer, since=8):
    """The input in another element type."""

    to_type = field("to_type", DataType, "The element type.")


class _Quantization(ILayer):
    """What quantize and dequantize layers share."""

    axis = field("axis", int, "The axis of the scales, -1 for one scale.")
    block_shape = field("block_shape", Dims, "How many elements share a scale, for each axis.", since=10)


class IQuantizeLayer(_Quantization, since=8):
    """x / scale, rounded."""

    to_type = field("to_type", DataType, "The element type.", i8, since=10)


class IDequantizeLayer(_Quantization, since=8):
    """x * scale."""

    to_type = field("to_type", DataType, "The element type.", f32, since=10)


class IDynamicQuantizeLayer(ILayer, since=10):
    """Quantization by scales that are computed from the data."""

    axis = field("axis", int, "The axis of blocks.")
    block_size = field("block_size", int, "How many elements share a scale.")
    block_shape = field("block_shape", Dims, "How many elements share a scale, for each axis.")
    to_type = field("to_type", DataType, "The element type.")
    scale_type = field("scale_type", DataType, "The element type of the scales.")


def _put_v7(name: str) -> Any:
    return attr(
        lambda self: fields_of(self)[name] == "TRANSPOSE",
        lambda self, on: set_field(self, name, "TRANSPOSE" if on else "NONE"),
        bool,
        "Whether the operand is transposed.",
        until=7,
    )


class IMatrixMultiplyLayer(ILayer):
    """A product of two stacks of matrices."""

    op0 = field("op0", MatrixOperation, "What is done to the first operand.")
    op1 = field("op1", MatrixOperation, "What is done to the second operand.")
    transpose0 = _put_v7("op0")
    transpose1 = _put_v7("op1")


class IReduceLayer(ILayer):
    """A reduction along axes."""

    op = field("op", ReduceOperation, "What is computed.")
    axes = field("axes", int, "The axes, a bit each.")
    keep_dims = field("keep_dims", bool, "Whether the axes stay, as 1.")


def _softmax_axes(layer: ISoftMaxLayer) -> int:
    found = fields_of(layer).get("axes")
    return 1 << max(0, rank_of(layer._state.operands[0]) - 3) if found is None else int(found)


class ISoftMaxLayer(ILayer):
    """Softmax over the axes of a bit mask."""

    axes = attr(_softmax_axes, lambda self, mask: set_field(self, "axes", mask), int, "The axis, as a bit.")


class IRaggedSoftMaxLayer(ILayer):
    """Softmax over the first elements of each row."""


class ITopKLayer(ILayer):
    """The largest or smallest elements along an axis."""

    op = field("op", TopKOperation, "Which are taken.")
    k = field("k", int, "How many are taken.")
    axes = field("axes", int, "The axis, as a bit.")
    indices_type = field("indices_type", DataType, "The type of the places.", i32, since=10)


class IEinsumLayer(ILayer, since=8):
    """A sum of products that an equation describes."""

    equation = field("equation", str, "The equation, as `ij,jk->ik`.")


class ICumulativeLayer(ILayer, since=10):
    """Running sums along an axis."""

    op = field("op", CumulativeOperation, "What is accumulated by.")
    exclusive = field("exclusive", bool, "Whether an element leaves itself out.")
    reverse = field("reverse", bool, "Whether it runs from the end.")


class INMSLayer(ILayer, since=8):
    """Boxes that overlap no better one."""

    bounding_box_format = field("bounding_box_format", BoundingBoxFormat, "How four numbers make a box.")
    topk_box_limit = field("topk_box_limit", int, "How many boxes of a class take part.")
    indices_type = field("indices_type", DataType, "The type of the rows.", i32, since=10)
