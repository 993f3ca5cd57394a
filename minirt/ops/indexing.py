"""Ops that read or write at places given by data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minirt.errors import MinirtError, ShapeError
from minirt.ir.op import DataDependent, Op, Value, same_dim
from minirt.ops.movement import EVERY
from minirt.types.dim import Dim, symbol
from minirt.types.dtype import Array, i64
from minirt.types.tensor import Tensor, Type

_REDUCTIONS: dict[str, Callable[[Array, Any, Array], None]] = {
    "none": lambda out, at, updates: out.__setitem__(at, updates),
    "add": np.add.at,
    "mul": np.multiply.at,
    "max": np.maximum.at,
    "min": np.minimum.at,
}


def wrapped(indices: Any, size: int) -> Array:
    """Indices into an axis of ``size``, negative ones counted from the end; raises ShapeError outside."""
    found = np.asarray(indices).astype(np.int64)
    found = np.where(found < 0, found + size, found)
    if found.size and (found.min() < 0 or found.max() >= size):
        raise ShapeError(f"an index is outside an axis of {size}")
    return found


def _integers(indices: Value) -> None:
    if not indices.dtype.is_integer:
        raise MinirtError(f"indices must be integers, not {indices.dtype}")


class Gather(Op):
    """Slices of operand 0 along ``axis`` at operand 1's places, whose shape replaces the axis."""

    dtypes = EVERY
    symbolic = True
    axis: int

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """The data's dims, the axis replaced."""
        data, indices = inputs
        _integers(indices)
        if not 0 <= self.axis < data.rank:
            raise MinirtError(f"axis {self.axis} is outside rank {data.rank}")
        return (data.tensor.with_shape((*data.shape[: self.axis], *indices.shape, *data.shape[self.axis + 1 :])),)

    def elements_read(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> tuple[Dim, ...]:
        """What is taken, and the indices."""
        return (outputs[0].size, inputs[1].size)

    def reference(self, *arrays: Any) -> Any:
        """NumPy's take."""
        data, indices = arrays
        return np.take(data, wrapped(indices, data.shape[self.axis]), axis=self.axis)


class GatherElements(Op):
    """Elements of operand 0: each of operand 1 is the place along ``axis``, the other coordinates are its own."""

    dtypes = EVERY
    symbolic = True
    axis: int

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """The indices' dims."""
        data, indices = inputs
        _integers(indices)
        if data.rank != indices.rank or not 0 <= self.axis < data.rank:
            raise MinirtError(f"indices of rank {indices.rank}, axis {self.axis} do not fit data of rank {data.rank}")
        return (data.tensor.with_shape(indices.shape),)

    def reference(self, *arrays: Any) -> Any:
        """Fancy indexing."""
        data, indices = arrays
        places = list(np.indices(indices.shape, sparse=True))
        places[self.axis] = wrapped(indices, data.shape[self.axis])
        return data[tuple(places)]


class GatherND(Op):
    """Slices of operand 0 at coordinates that are the rows of operand 1, after ``batch_dims`` axes of both."""

    dtypes = EVERY
    symbolic = True
    batch_dims: int = 0

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """The indices' dims but the last, then the data's dims that no coordinate names."""
        data, indices = inputs
        _integers(indices)
        depth, batch = (indices.shape[-1] if indices.rank else 0), self.batch_dims
        if not isinstance(depth, int) or not 1 <= depth <= data.rank - batch or batch >= indices.rank:
            raise MinirtError(f"coordinates of {depth} numbers do not fit data of rank {data.rank}, {batch} batch axes")
        for a, b in zip(data.shape[:batch], indices.shape[:batch], strict=True):
            same_dim(a, b, "batch axes of data and indices")
        return (data.tensor.with_shape((*indices.shape[:-1], *data.shape[batch + depth :])),)

    def reference(self, *arrays: Any) -> Any:
        """Fancy indexing."""
        data, indices = arrays
        return data[coordinates(indices, data.shape, self.batch_dims)]


def coordinates(indices: Any, shape: tuple[int, ...], batch: int = 0) -> tuple[Array, ...]:
    """The rows of ``indices`` as one index array an axis, batch axes first."""
    lead = indices.shape[:-1]
    own = np.indices(lead, sparse=True)[:batch] if batch else ()
    named = (wrapped(indices[..., i], shape[batch + i]) for i in range(indices.shape[-1]))
    return (*own, *named)


class ScatterElements(Op):
    """A copy of operand 0 with operand 2's elements put (or added, ...) at operand 1's places along ``axis``."""

    dtypes = EVERY
    symbolic = True
    axis: int
    reduction: str = "none"

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """The data's type."""
        data, indices, updates = inputs
        _integers(indices)
        _updatable(self.reduction, data, updates)
        if data.rank != indices.rank or not 0 <= self.axis < data.rank or updates.rank != indices.rank:
            raise MinirtError(f"indices of rank {indices.rank}, axis {self.axis} do not fit data of rank {data.rank}")
        for a, b in zip(indices.shape, updates.shape, strict=True):
            same_dim(a, b, "dims of indices and updates")
        return (data.type,)

    def reference(self, *arrays: Any) -> Any:
        """Fancy assignment; later updates of one place win."""
        data, indices, updates = arrays
        places = list(np.indices(indices.shape, sparse=True))
        places[self.axis] = wrapped(indices, data.shape[self.axis])
        return _scattered(self.reduction, data, tuple(places), updates)


class ScatterND(Op):
    """A copy of operand 0 with operand 2's slices put (or added, ...) at the coordinates that are operand 1's rows."""

    dtypes = EVERY
    symbolic = True
    reduction: str = "none"

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """The data's type."""
        data, indices, updates = inputs
        _integers(indices)
        _updatable(self.reduction, data, updates)
        depth = indices.shape[-1] if indices.rank else 0
        if not isinstance(depth, int) or not 1 <= depth <= data.rank:
            raise MinirtError(f"coordinates of {depth} numbers do not fit data of rank {data.rank}")
        wanted = (*indices.shape[:-1], *data.shape[depth:])
        if updates.rank != len(wanted):
            raise MinirtError(f"updates of rank {updates.rank} where {len(wanted)} is needed")
        for a, b in zip(wanted, updates.shape, strict=True):
            same_dim(a, b, "dims of updates")
        return (data.type,)

    def reference(self, *arrays: Any) -> Any:
        """Fancy assignment; later updates of one place win."""
        data, indices, updates = arrays
        return _scattered(self.reduction, data, coordinates(indices, data.shape), updates)


def _updatable(reduction: str, data: Value, updates: Value) -> None:
    if reduction not in _REDUCTIONS:
        raise MinirtError(f"reduction {reduction!r} is not one of {', '.join(_REDUCTIONS)}")
    if updates.dtype is not data.dtype:
        raise MinirtError(f"updates of {updates.dtype} do not fit data of {data.dtype}")


def _scattered(reduction: str, data: Any, places: tuple[Array, ...], updates: Any) -> Any:
    held = data.astype(np.float64) if data.dtype.kind == "V" else np.array(data)
    _REDUCTIONS[reduction](held, places, updates.astype(held.dtype))
    return held.astype(data.dtype)


class NonZero(DataDependent):
    """Coordinates (i64, [rank, n]) of the elements that are not zero, in row-major order."""

    def unknowns(self, *inputs: Value) -> int:
        """How many there are."""
        return 1

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """One row an axis."""
        return (Tensor(i64, (inputs[0].rank, symbol(self.dims[0]))),)

    def reference(self, *arrays: Any) -> Any:
        """NumPy's nonzero."""
        found = np.nonzero(np.atleast_1d(arrays[0]))
        return np.array(found, dtype=np.int64)[: arrays[0].ndim].reshape(arrays[0].ndim, found[0].size)


class Compress(DataDependent):
    """Slices of operand 0 along ``axis`` (-1: elements) where operand 1, a bool vector that may be shorter, is true."""

    dtypes = EVERY
    axis: int = -1

    def unknowns(self, *inputs: Value) -> int:
        """How many are true."""
        return 1

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """The dims, that of the axis named."""
        x, n = inputs[0].tensor, symbol(self.dims[0])
        shape = (n,) if self.axis < 0 else tuple(n if i == self.axis else d for i, d in enumerate(x.shape))
        return (x.with_shape(shape),)

    def reference(self, *arrays: Any) -> Any:
        """NumPy's compress."""
        return np.compress(arrays[1], arrays[0], axis=None if self.axis < 0 else self.axis)


class Unique(DataDependent):
    """Distinct elements (or slices along ``axis``; -1: elements), first places, inverse, and counts (i64)."""

    axis: int = -1
    sorted: bool = True

    def unknowns(self, *inputs: Value) -> int:
        """How many are distinct."""
        return 1

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """Elements, and three vectors."""
        x, n = inputs[0].tensor, symbol(self.dims[0])
        shape = (n,) if self.axis < 0 else tuple(n if i == self.axis else d for i, d in enumerate(x.shape))
        whole = x.size if self.axis < 0 else x.shape[self.axis]
        return (x.with_shape(shape), Tensor(i64, (n,)), Tensor(i64, (whole,)), Tensor(i64, (n,)))

    def reference(self, *arrays: Any) -> Any:
        """NumPy's unique, in order of first places where not sorted."""
        axis = None if self.axis < 0 else self.axis
        x = arrays[0]
        values, first, inverse, counts = np.unique(
            x, return_index=True, return_inverse=True, return_counts=True, axis=axis
        )
        inverse = inverse.reshape(-1)
        if not self.sorted:
            order = np.argsort(first, kind="stable")
            place = np.empty_like(order)
            place[order] = np.arange(order.size)
            values, first = np.take(values, order, axis or 0), first[order]
            counts, inverse = counts[order], place[inverse]
        return values, first.astype(np.int64), inverse.astype(np.int64), counts.astype(np.int64)
