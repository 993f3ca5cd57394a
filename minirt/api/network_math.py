"""Adding layers that compute."""

from __future__ import annotations

from typing import Any

from minirt.api.declare import method
from minirt.api.enums import DataType
from minirt.api.layer_enums import (
    ActivationType,
    CumulativeOperation,
    ElementWiseOperation,
    MatrixOperation,
    ReduceOperation,
    TopKOperation,
    UnaryOperation,
)
from minirt.api.layers_math import (
    IActivationLayer,
    ICastLayer,
    ICumulativeLayer,
    IDequantizeLayer,
    IEinsumLayer,
    IElementWiseLayer,
    IIdentityLayer,
    IMatrixMultiplyLayer,
    INMSLayer,
    IParametricReLULayer,
    IQuantizeLayer,
    IRaggedSoftMaxLayer,
    IReduceLayer,
    ISelectLayer,
    ISoftMaxLayer,
    ITopKLayer,
    IUnaryLayer,
)
from minirt.api.network_adding import Adding
from minirt.api.tensor import ITensor
from minirt.types.dtype import DType, f32, i8, i32

_GREATEST = 3.4028234663852886e38
_DEFAULTS = {
    "LEAKY_RELU": (0.01, 0.0),
    "ELU": (1.0, 0.0),
    "SELU": (1.6732632423543772, 1.0507009873554805),
    "HARD_SIGMOID": (0.2, 0.5),
    "CLIP": (-_GREATEST, _GREATEST),
    "SOFTPLUS": (1.0, 1.0),
    "SCALED_TANH": (1.0, 1.0),
    "THRESHOLDED_RELU": (1.0, 0.0),
}


class MathAdding(Adding):
    """The part of INetworkDefinition that adds layers that compute."""

    @method()
    def add_activation(self, input: ITensor, type: ActivationType) -> IActivationLayer:
        """Add an activation with the usual alpha and beta of its kind."""
        alpha, beta = _DEFAULTS.get(type.name, (0.0, 0.0))
        return self._add(IActivationLayer, "ACTIVATION", [input], 1, type=type, alpha=alpha, beta=beta)

    @method()
    def add_unary(self, input: ITensor, op: UnaryOperation) -> IUnaryLayer:
        """Add a function of one tensor."""
        return self._add(IUnaryLayer, "UNARY", [input], 1, op=op)

    @method()
    def add_elementwise(self, input1: ITensor, input2: ITensor, op: ElementWiseOperation) -> IElementWiseLayer:
        """Add a function of two tensors of one rank; dims of 1 broadcast."""
        return self._add(IElementWiseLayer, "ELEMENTWISE", [input1, input2], 1, op=op)

    @method()
    def add_parametric_relu(self, input: ITensor, slopes: ITensor) -> IParametricReLULayer:
        """Add x where positive, slopes * x elsewhere."""
        return self._add(IParametricReLULayer, "PARAMETRIC_RELU", [input, slopes])

    @method()
    def add_select(self, condition: ITensor, then_input: ITensor, else_input: ITensor) -> ISelectLayer:
        """Add a choice between two tensors, element by element."""
        return self._add(ISelectLayer, "SELECT", [condition, then_input, else_input])

    @method()
    def add_identity(self, input: ITensor) -> IIdentityLayer:
        """Add a copy; with `set_output_type` a cast."""
        return self._add(IIdentityLayer, "IDENTITY", [input])

    @method(since=8)
    def add_cast(self, input: ITensor, to_type: DataType) -> ICastLayer:
        """Add a cast to another element type."""
        return self._add(ICastLayer, "CAST", [input], 1, to_type=to_type)

    def _type_given(self, otherwise: DType, given: DataType | None, what: str) -> Any:
        """Return the type that a layer is to make; raises TypeError where none is given to TensorRT 11."""
        if given is None and self._dialect_is(11):
            raise TypeError(f"{what}(): incompatible function arguments ('output_type' is missing)")
        return otherwise if given is None else given

    @method(since=8)
    def add_quantize(self, input: ITensor, scale: ITensor, output_type: DataType | None = None) -> IQuantizeLayer:
        """Add x / scale, rounded to an int8 or another narrow type."""
        to: Any = self._type_given(i8, output_type, "add_quantize")
        return self._add(IQuantizeLayer, "QUANTIZE", [input, scale], 1, axis=-1, to_type=to, block_shape=None)

    @method(since=8)
    def add_dequantize(self, input: ITensor, scale: ITensor, output_type: DataType | None = None) -> IDequantizeLayer:
        """Add x * scale, as a float type."""
        to: Any = self._type_given(f32, output_type, "add_dequantize")
        return self._add(IDequantizeLayer, "DEQUANTIZE", [input, scale], 1, axis=-1, to_type=to, block_shape=None)

    @method()
    def add_matrix_multiply(
        self, input0: ITensor, op0: MatrixOperation, input1: ITensor, op1: MatrixOperation
    ) -> IMatrixMultiplyLayer:
        """Add a product of two stacks of matrices."""
        return self._add(IMatrixMultiplyLayer, "MATRIX_MULTIPLY", [input0, input1], 1, op0=op0, op1=op1)

    @method(until=7)
    def add_matrix_multiply_deprecated(
        self, input0: ITensor, transpose0: bool, input1: ITensor, transpose1: bool
    ) -> IMatrixMultiplyLayer:
        """Add a product of two stacks of matrices, each perhaps transposed."""
        ops = {"op0": "TRANSPOSE" if transpose0 else "NONE", "op1": "TRANSPOSE" if transpose1 else "NONE"}
        return self._add(IMatrixMultiplyLayer, "MATRIX_MULTIPLY", [input0, input1], 1, **ops)

    @method()
    def add_reduce(self, input: ITensor, op: ReduceOperation, axes: int, keep_dims: bool) -> IReduceLayer:
        """Add a reduction along the axes of a mask."""
        return self._add(IReduceLayer, "REDUCE", [input], 1, op=op, axes=axes, keep_dims=keep_dims)

    @method()
    def add_softmax(self, input: ITensor) -> ISoftMaxLayer:
        """Add softmax along axis max(0, rank - 3) until it is set otherwise."""
        return self._add(ISoftMaxLayer, "SOFTMAX", [input], 1, axes=None)

    @method()
    def add_ragged_softmax(self, input: ITensor, bounds: ITensor) -> IRaggedSoftMaxLayer:
        """Add softmax over the first elements of each row."""
        return self._add(IRaggedSoftMaxLayer, "RAGGED_SOFTMAX", [input, bounds])

    @method()
    def add_topk(
        self, input: ITensor, op: TopKOperation, k: int, axes: int, indices_type: DataType | None = None
    ) -> ITopKLayer:
        """Add the largest or smallest along an axis, and where they are."""
        to: Any = i32 if indices_type is None else indices_type
        return self._add(ITopKLayer, "TOPK", [input], 2, op=op, k=k, axes=axes, indices_type=to)

    @method(since=8)
    def add_einsum(self, inputs: list[ITensor], equation: str) -> IEinsumLayer:
        """Add the sum of products that an equation describes."""
        return self._add(IEinsumLayer, "EINSUM", inputs, 1, equation=equation)

    @method(since=10)
    def add_cumulative(
        self, input: ITensor, axis: ITensor, op: CumulativeOperation, exclusive: bool, reverse: bool
    ) -> ICumulativeLayer:
        """Add running sums along an axis."""
        fields = {"op": op, "exclusive": exclusive, "reverse": reverse}
        return self._add(ICumulativeLayer, "CUMULATIVE", [input, axis], 1, **fields)

    @method(since=8)
    def add_nms(
        self,
        boxes: ITensor,
        scores: ITensor,
        max_output_boxes_per_class: ITensor,
        indices_type: DataType | None = None,
    ) -> INMSLayer:
        """Add the choice of boxes that overlap no better one: (batch, class, box) rows and their count."""
        to: Any = i32 if indices_type is None else indices_type
        fields = {"bounding_box_format": "CORNER_PAIRS", "topk_box_limit": 5000, "indices_type": to}
        return self._add(INMSLayer, "NMS", [boxes, scores, max_output_boxes_per_class], 2, **fields)
