"""Importers of ONNX's gathers and scatters."""

from __future__ import annotations

import numpy as np

from minirt.errors import MinirtError
from minirt.ir.graph import array_of, constant, is_constant
from minirt.ir.op import Value, apply, apply_all
from minirt.ops.arithmetic import Add, Mod, Sub
from minirt.ops.cast import casted
from minirt.ops.importer import OnnxNode, Result, axis_of, importer, number
from minirt.ops.indexing import (
    Compress,
    Gather,
    GatherElements,
    GatherND,
    NonZero,
    ScatterElements,
    ScatterND,
    Unique,
)
from minirt.ops.logic import Less, where
from minirt.ops.movement import Expand, Iota, dims_value, reshaped, sliced
from minirt.ops.shape import concatenated
from minirt.types.dim import bounds
from minirt.types.dtype import i64


def gathered(data: Value, indices: Value, axis: int) -> Value:
    """Gather; a view where there is one known place."""
    if indices.tensor.size == 1 and indices.ints is not None:
        place = indices.ints[0]
        low, high = bounds(place)
        if low >= 0 or high < 0:
            one = sliced(data, axis, place if low >= 0 else data.shape[axis] + place, 1)
            return reshaped(one, (*data.shape[:axis], *indices.shape, *data.shape[axis + 1 :]))
    return apply(Gather(axis), data, indices)


@importer("Gather")
def _gather(node: OnnxNode) -> Result:
    data = node.input(0)
    return gathered(data, node.input(1), axis_of(int(node.attributes.get("axis", 0)), data.rank))


@importer("GatherElements")
def _gather_elements(node: OnnxNode) -> Result:
    data = node.input(0)
    return apply(GatherElements(axis_of(int(node.attributes.get("axis", 0)), data.rank)), data, node.input(1))


@importer("GatherND")
def _gather_nd(node: OnnxNode) -> Result:
    return apply(GatherND(int(node.attributes.get("batch_dims", 0))), node.input(0), node.input(1))


@importer("ScatterElements", "Scatter")
def _scatter_elements(node: OnnxNode) -> Result:
    data = node.input(0)
    axis = axis_of(int(node.attributes.get("axis", 0)), data.rank)
    op = ScatterElements(axis, node.attributes.get("reduction", "none"))
    return apply(op, data, node.input(1), node.input(2))


@importer("ScatterND")
def _scatter_nd(node: OnnxNode) -> Result:
    op = ScatterND(node.attributes.get("reduction", "none"))
    return apply(op, node.input(0), node.input(1), node.input(2))


@importer("NonZero")
def _nonzero(node: OnnxNode) -> Result:
    """Every coordinate where all elements are one known number, as exporters write ranges; constants are looked at."""
    x = node.input(0)
    if is_constant(x):
        return constant(NonZero().reference(array_of(x)), i64)
    if x.rank and isinstance(x.op, Expand) and is_constant(x.node.inputs[0]) and array_of(x.node.inputs[0]).all():
        rows = [reshaped(apply(Iota(x.shape, axis, i64)), (1, x.tensor.size)) for axis in range(x.rank)]
        return concatenated(rows, 0)
    return apply(NonZero(), x)


@importer("Compress")
def _compress(node: OnnxNode) -> Result:
    data = node.input(0)
    axis = axis_of(int(node.attributes["axis"]), data.rank) if "axis" in node.attributes else -1
    condition = node.input(1)
    if is_constant(condition):
        kept = constant(np.flatnonzero(array_of(condition)), i64)
        return apply(Gather(max(axis, 0)), reshaped(data, (data.tensor.size,)) if axis < 0 else data, kept)
    return apply(Compress(axis=axis), data, condition)


@importer("Unique")
def _unique(node: OnnxNode) -> Result:
    data = node.input(0)
    axis = axis_of(int(node.attributes["axis"]), data.rank) if "axis" in node.attributes else -1
    return apply_all(Unique(axis=axis, sorted=bool(node.attributes.get("sorted", 1))), data)


@importer("ReverseSequence")
def _reverse_sequence(node: OnnxNode) -> Result:
    """Gathers, for each batch, the places length - 1 - t for t below the length, t elsewhere."""
    x, lengths = node.input(0), casted(node.input(1), i64)
    time, batch = int(node.attributes.get("time_axis", 0)), int(node.attributes.get("batch_axis", 1))
    if {time, batch} != {0, 1}:
        raise MinirtError(f"time_axis {time} and batch_axis {batch} must be 0 and 1")
    head = x.shape[:2]
    steps = apply(Iota(head, time, i64))
    count = reshaped(lengths, [d if i == batch else 1 for i, d in enumerate(head)])
    mirrored = apply(Sub(), apply(Add(), count, number(-1, i64)), steps)
    places = where(apply(Less(), steps, count), mirrored, steps)
    places = reshaped(places, [*head, *(1 for _ in x.shape[2:])])
    return apply(GatherElements(time), x, places if x.rank == 2 else apply(Expand(x.shape), places))


@importer("TensorScatter")
def _tensor_scatter(node: OnnxNode) -> Result:
    """The update's steps put along an axis of the cache, from each batch's write index on (modulo when circular)."""
    cache, update, start = node.input(0), node.input(1), node.optional(2)
    axis = axis_of(int(node.attributes.get("axis", -2)), cache.rank)
    if axis == 0:
        raise MinirtError("axis must not be the batch axis")
    places = apply(Iota(update.shape, axis, i64))
    if start is not None:
        places = apply(Add(), places, reshaped(casted(start, i64), (*start.shape, *(1 for _ in update.shape[1:]))))
    if node.attributes.get("mode", "linear") == "circular":
        places = apply(Mod(), places, dims_value([cache.shape[axis]], shape=()))
    return apply(ScatterElements(axis), cache, places, update)
