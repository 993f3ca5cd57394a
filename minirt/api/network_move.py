"""Adding layers that move data."""

from __future__ import annotations

from typing import Any

from minirt.api.declare import method
from minirt.api.dims import Dims
from minirt.api.enums import DataType
from minirt.api.layer_enums import FillOperation, GatherMode, ScatterMode
from minirt.api.layers_move import (
    IAssertionLayer,
    IConcatenationLayer,
    IConstantLayer,
    IFillLayer,
    IGatherLayer,
    INonZeroLayer,
    IOneHotLayer,
    IReverseSequenceLayer,
    IScatterLayer,
    IShapeLayer,
    IShuffleLayer,
    ISliceLayer,
    ISqueezeLayer,
    IUnsqueezeLayer,
)
from minirt.api.network_adding import Adding
from minirt.api.tensor import ITensor
from minirt.api.weights import Weights
from minirt.errors import ApiError
from minirt.types.dtype import f32, i32


class MoveAdding(Adding):
    """The part of INetworkDefinition that adds layers that move data."""

    @method()
    def add_concatenation(self, inputs: list[ITensor]) -> IConcatenationLayer | None:
        """Add tensors one after another along axis max(0, rank - 3) until it is set otherwise."""
        if not inputs:
            raise ApiError("add_concatenation needs at least one input", self._state.name)
        return self._add(IConcatenationLayer, "CONCATENATION", inputs, 1, axis=None)

    @method()
    def add_constant(self, shape: Dims, weights: Weights) -> IConstantLayer:
        """Add numbers of a shape."""
        return self._add(IConstantLayer, "CONSTANT", [], 1, shape=shape, weights=weights)

    @method()
    def add_shuffle(self, input: ITensor) -> IShuffleLayer:
        """Add transpose, reshape, transpose; each does nothing until it is set."""
        fields = {"first_transpose": None, "second_transpose": None, "reshape_dims": None}
        return self._add(IShuffleLayer, "SHUFFLE", [input], 1, zero_is_placeholder=True, **fields)

    @method()
    def add_slice(self, input: ITensor, start: Dims, shape: Dims, stride: Dims) -> ISliceLayer:
        """Add elements from a start, so many, at a stride; empty dims are given by inputs 1 to 3."""
        given = {"start": start, "shape": shape, "stride": stride}
        dims = {name: value if len(value) else None for name, value in given.items()}
        return self._add(ISliceLayer, "SLICE", [input], 1, mode="STRICT_BOUNDS", axes=None, **dims)

    @method()
    def add_shape(self, input: ITensor) -> IShapeLayer:
        """Add the shape of a tensor: 64-bit ints, 32-bit ones until TensorRT 8."""
        layer = self._add(IShapeLayer, "SHAPE", [input])
        if not self._dialect_is(10):
            layer._state.output_types[0] = i32
        return layer

    @method()
    def add_gather(self, input: ITensor, indices: ITensor, axis: int) -> IGatherLayer:
        """Add slices along an axis at indices."""
        fields = {"axis": axis, "num_elementwise_dims": 0, "mode": "DEFAULT"}
        return self._add(IGatherLayer, "GATHER", [input, indices], 1, **fields)

    @method(since=8)
    def add_gather_v2(self, input: ITensor, indices: ITensor, mode: GatherMode) -> IGatherLayer:
        """Add slices, elements or tuples at indices."""
        fields = {"axis": 0, "num_elementwise_dims": 0, "mode": mode}
        return self._add(IGatherLayer, "GATHER", [input, indices], 1, **fields)

    @method(since=8)
    def add_scatter(self, data: ITensor, indices: ITensor, updates: ITensor, mode: ScatterMode) -> IScatterLayer:
        """Add updates put at elements or tuples of indices."""
        return self._add(IScatterLayer, "SCATTER", [data, indices, updates], 1, axis=0, mode=mode)

    @method(since=8)
    def add_one_hot(self, indices: ITensor, values: ITensor, depth: ITensor, axis: int) -> IOneHotLayer:
        """Add one of two values along a new axis."""
        return self._add(IOneHotLayer, "ONE_HOT", [indices, values, depth], 1, axis=axis)

    @method(since=8)
    def add_non_zero(self, input: ITensor, indices_type: DataType | None = None) -> INonZeroLayer:
        """Add the indices of the elements that are not zero."""
        to: Any = i32 if indices_type is None else indices_type
        return self._add(INonZeroLayer, "NON_ZERO", [input], 1, indices_type=to)

    @method(since=8)
    def add_reverse_sequence(self, input: ITensor, sequence_lens: ITensor) -> IReverseSequenceLayer:
        """Add sequences with their first elements turned round."""
        return self._add(
            IReverseSequenceLayer, "REVERSE_SEQUENCE", [input, sequence_lens], 1, batch_axis=1, sequence_axis=0
        )

    @method(since=10)
    def add_squeeze(self, input: ITensor, axes: ITensor | None = None) -> ISqueezeLayer:
        """Add axes of one element dropped; without axes all such."""
        return self._add(ISqueezeLayer, "SQUEEZE", [input] if axes is None else [input, axes])

    @method(since=10)
    def add_unsqueeze(self, input: ITensor, axes: ITensor) -> IUnsqueezeLayer:
        """Add axes of one element added."""
        return self._add(IUnsqueezeLayer, "UNSQUEEZE", [input, axes])

    @method()
    def add_fill(self, shape: Dims, op: FillOperation, output_type: DataType | None = None) -> IFillLayer:
        """Add a ramp or random numbers; an empty shape is given by input 0."""
        to: Any = f32 if output_type is None else output_type
        size = shape if len(shape) else None
        return self._add(IFillLayer, "FILL", [], 1, shape=size, operation=op, alpha=0.0, beta=1.0, to_type=to)

    @method(since=8)
    def add_assertion(self, condition: ITensor, message: str) -> IAssertionLayer:
        """Add a condition that must hold."""
        return self._add(IAssertionLayer, "ASSERTION", [condition], 0, message=message)
