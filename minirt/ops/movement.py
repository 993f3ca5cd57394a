"""Ops that move elements without computing: most are views, the rest copies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minirt.errors import MinirtError, ShapeError
from minirt.ir.graph import constant
from minirt.ir.op import Contents, DataDependent, Op, Value, apply, broadcast, same_dim
from minirt.types import dim
from minirt.types.dim import Dim, symbol
from minirt.types.dtype import DTYPES, DType, i64
from minirt.types.tensor import Tensor, Type

EVERY = tuple(DTYPES.values())


def whole(dims: Sequence[Dim]) -> tuple[int, ...]:
    """The dims as ints; raises ShapeError where one is not known."""
    for d in dims:
        if not isinstance(d, int):
            raise ShapeError(f"{d} is not a known size")
    return tuple(d for d in dims if isinstance(d, int))


class Reshape(Op):
    """The same elements, in row-major order, with another shape."""

    dtypes = EVERY
    symbolic = True
    shape: tuple[Dim, ...]

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """The shape, whose number of elements must be the operand's."""
        x = inputs[0].tensor
        same_dim(dim.product(self.shape), x.size, f"{x.shape} does not reshape to {self.shape}: number of elements")
        return (x.with_shape(self.shape),)

    def reference(self, *arrays: Any) -> Any:
        """NumPy's reshape."""
        return np.reshape(arrays[0], whole(self.shape))


class Transpose(Op):
    """Axes in another order: axis i of the result is axis ``perm[i]`` of the operand."""

    dtypes = EVERY
    symbolic = True
    perm: tuple[int, ...]

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """The dims, reordered."""
        x = inputs[0].tensor
        if sorted(self.perm) != list(range(x.rank)):
            raise MinirtError(f"{self.perm} is not an order of {x.rank} axes")
        return (x.with_shape(tuple(x.shape[p] for p in self.perm)),)

    def reference(self, *arrays: Any) -> Any:
        """NumPy's transpose."""
        return np.transpose(arrays[0], self.perm)


def swaps_last(perm: tuple[int, ...]) -> bool:
    """True for an order that swaps the last two axes and leaves the others."""
    n = len(perm)
    return n >= 2 and perm == (*range(n - 2), n - 1, n - 2)


class Expand(Op):
    """The operand broadcast to ``shape``, the full shape of the result."""

    dtypes = EVERY
    symbolic = True
    shape: tuple[Dim, ...]

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """The shape, which the operand must broadcast to."""
        x = inputs[0].tensor
        if x.rank > len(self.shape):
            raise MinirtError(f"rank {x.rank} does not expand to {self.shape}")
        for have, want in zip(reversed(x.shape), reversed(self.shape), strict=False):
            if have != 1:
                same_dim(have, want, f"{x.shape} does not expand to {self.shape}")
        return (x.with_shape(self.shape),)

    def reference(self, *arrays: Any) -> Any:
        """NumPy's broadcast_to."""
        return np.broadcast_to(arrays[0], whole(self.shape))


class Slice(Op):
    """Along each axis ``sizes`` elements, the first at ``starts`` (>= 0), each ``steps`` (not 0) after the last."""

    dtypes = EVERY
    symbolic = True
    starts: tuple[Dim, ...]
    sizes: tuple[Dim, ...]
    steps: tuple[int, ...]

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """The sizes."""
        x = inputs[0].tensor
        if not len(self.starts) == len(self.sizes) == len(self.steps) == x.rank:
            raise MinirtError(f"a slice of rank {x.rank} needs {x.rank} starts, sizes and steps")
        if 0 in self.steps:
            raise MinirtError("a slice's step is 0")
        return (x.with_shape(self.sizes),)

    def reference(self, *arrays: Any) -> Any:
        """NumPy's slicing."""
        cut = []
        for start, size, step in zip(whole(self.starts), whole(self.sizes), self.steps, strict=True):
            stop = start + size * step
            cut.append(slice(start, stop if stop >= 0 else None, step) if size else slice(0, 0))
        return arrays[0][tuple(cut)]


class Concat(Op):
    """Operands one after another along ``axis``."""

    dtypes = EVERY
    symbolic = True
    axis: int

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """The first operand's dims, that of the axis summed."""
        first = inputs[0].tensor
        if not 0 <= self.axis < first.rank:
            raise MinirtError(f"axis {self.axis} is outside rank {first.rank}")
        shape = list(first.shape)
        for other in inputs[1:]:
            if other.dtype is not first.dtype or other.rank != first.rank:
                raise MinirtError("concatenated operands must have one element type and rank")
            for i, d in enumerate(other.shape):
                what = f"axis {i} of concatenated operands"
                shape[i] = shape[i] + d if i == self.axis else same_dim(shape[i], d, what)
        return (first.with_shape(tuple(shape)),)

    def reference(self, *arrays: Any) -> Any:
        """NumPy's concatenate."""
        return np.concatenate(arrays, axis=self.axis)


_NUMPY_PAD = {"reflect": "reflect", "edge": "edge", "wrap": "wrap"}


class Pad(Op):
    """The operand with ``begins`` and ``ends`` elements (>= 0) added along each axis, of operand 1's value."""

    dtypes = EVERY
    symbolic = True
    begins: tuple[Dim, ...]
    ends: tuple[Dim, ...]
    mode: str = "constant"

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """The dims, with the pads added."""
        x = inputs[0].tensor
        if not len(self.begins) == len(self.ends) == x.rank:
            raise MinirtError(f"padding rank {x.rank} needs {x.rank} begins and ends")
        if self.mode != "constant" and self.mode not in _NUMPY_PAD:
            raise MinirtError(f"pad mode {self.mode!r} is not constant, reflect, edge or wrap")
        return (x.with_shape(tuple(b + d + e for b, d, e in zip(self.begins, x.shape, self.ends, strict=True))),)

    def reference(self, *arrays: Any) -> Any:
        """NumPy's pad."""
        x, begins, ends = arrays[0], whole(self.begins), whole(self.ends)
        if self.mode != "constant":
            return np.pad(x, list(zip(begins, ends, strict=True)), mode=_NUMPY_PAD[self.mode])  # type: ignore[call-overload]
        out = np.full([b + n + e for b, n, e in zip(begins, x.shape, ends, strict=True)], arrays[1], dtype=x.dtype)
        out[tuple(slice(b, b + n) for b, n in zip(begins, x.shape, strict=True))] = x
        return out


class Dims(Op):
    """A tensor whose elements are dimension expressions."""

    values: tuple[Dim, ...]
    dtype: DType
    shape: tuple[int, ...]

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """The shape."""
        if int(np.prod(self.shape, dtype=np.int64)) != len(self.values):
            raise MinirtError(f"{len(self.values)} values do not fill {self.shape}")
        return (Tensor(self.dtype, self.shape),)

    def reference(self, *arrays: Any) -> Any:
        """The values, once every dim has a size."""
        known = [v if isinstance(v, int) or not self.dtype.is_integer else whole((v,))[0] for v in self.values]
        held = [float(v) if self.dtype.is_float else v for v in known]  # type: ignore[arg-type]
        return np.array(held).astype(self.dtype.numpy).reshape(self.shape)

    def fold(self, *inputs: Value) -> Sequence[Contents | None] | None:
        """The values themselves."""
        out = np.empty(len(self.values), dtype=object)
        out[:] = self.values
        return (out.reshape(self.shape),)


class Iota(Op):
    """Each element's coordinate along ``axis``."""

    shape: tuple[Dim, ...]
    axis: int
    dtype: DType

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """The shape."""
        if not 0 <= self.axis < len(self.shape):
            raise MinirtError(f"axis {self.axis} is outside rank {len(self.shape)}")
        return (Tensor(self.dtype, self.shape),)

    def reference(self, *arrays: Any) -> Any:
        """Coordinates."""
        shape = whole(self.shape)
        line = np.arange(shape[self.axis]).astype(self.dtype.numpy)
        return np.broadcast_to(line.reshape([-1] + [1] * (len(shape) - self.axis - 1)), shape)

    def fold(self, *inputs: Value) -> Sequence[Contents | None] | None:
        """Coordinates of a known shape."""
        return (np.asarray(self.reference()).astype(np.int64).astype(object),)


def dims_value(values: Sequence[Dim], dtype: DType = i64, shape: tuple[int, ...] | None = None) -> Value:
    """A tensor (a vector by default) of these numbers: a constant where none depends on a dim."""
    shape = (len(values),) if shape is None else shape
    if all(isinstance(v, int) for v in values):
        return constant(np.array(list(values), dtype=np.int64).reshape(shape), dtype)
    return apply(Dims(tuple(values), dtype, shape), *())


def reshaped(x: Value, shape: Sequence[Dim]) -> Value:
    """x with this shape; x itself where it has it."""
    return x if tuple(shape) == x.shape else apply(Reshape(tuple(shape)), x)


def transposed(x: Value, perm: Sequence[int]) -> Value:
    """x with its axes in this order."""
    return x if list(perm) == list(range(x.rank)) else apply(Transpose(tuple(perm)), x)


def expanded(x: Value, shape: Sequence[Dim]) -> Value:
    """x broadcast with ``shape`` (ONNX Expand: dims of 1 in ``shape`` keep x's)."""
    full = broadcast(x.shape, tuple(shape))
    return x if full == x.shape else apply(Expand(full), x)


def sliced(x: Value, axis: int, start: Dim, size: Dim, step: int = 1) -> Value:
    """``size`` elements along one axis."""
    starts: list[Dim] = [0] * x.rank
    sizes, steps = list(x.shape), [1] * x.rank
    starts[axis], sizes[axis], steps[axis] = start, size, step
    if tuple(sizes) == x.shape and step == 1:
        return x
    return apply(Slice(tuple(starts), tuple(sizes), tuple(steps)), x)


class DynamicReshape(DataDependent):
    """Reshape to a shape (operand 1, as in ONNX) that only the data tells; ``known`` has known dims, else -1."""

    dtypes = EVERY
    known: tuple[Dim, ...] = ()
    allowzero: bool = False

    def unknowns(self, *inputs: Value) -> int:
        """One for each dim that is not known."""
        return sum(d == -1 for d in self.known)

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """Known dims, and named ones."""
        names = iter(self.dims)
        return (inputs[0].tensor.with_shape(tuple(symbol(next(names)) if d == -1 else d for d in self.known)),)

    def reference(self, *arrays: Any) -> Any:
        """NumPy's reshape, with ONNX's 0."""
        x, wanted = arrays
        if self.allowzero:
            return np.reshape(x, [int(d) for d in wanted])
        return np.reshape(x, [x.shape[i] if d == 0 else int(d) for i, d in enumerate(wanted)])


class DynamicExpand(DataDependent):
    """Expand to a shape (operand 1, as in ONNX) that only the data tells; ``known`` has known dims, else -1."""

    dtypes = EVERY
    known: tuple[Dim, ...] = ()

    def unknowns(self, *inputs: Value) -> int:
        """One for each dim that is not known."""
        return sum(d == -1 for d in self.known)

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """Known dims, and named ones."""
        names = iter(self.dims)
        return (inputs[0].tensor.with_shape(tuple(symbol(next(names)) if d == -1 else d for d in self.known)),)

    def reference(self, *arrays: Any) -> Any:
        """NumPy's broadcasting."""
        x, wanted = arrays
        return np.broadcast_to(x, np.broadcast_shapes(x.shape, tuple(int(d) for d in wanted)))


class DynamicSlice(DataDependent):
    """ONNX Slice by starts, ends and steps (operands 1 to 3) that only the data tells, along ``axes``."""

    dtypes = EVERY
    axes: tuple[int, ...] = ()

    def unknowns(self, *inputs: Value) -> int:
        """One for each sliced axis."""
        return len(self.axes)

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """The operand's dims, those of sliced axes named."""
        shape = list(inputs[0].shape)
        for name, axis in zip(self.dims, self.axes, strict=True):
            shape[axis] = symbol(name)
        return (inputs[0].tensor.with_shape(tuple(shape)),)

    def reference(self, *arrays: Any) -> Any:
        """NumPy's slicing clamps as ONNX does, but for ends below the first element with a negative step."""
        x, starts, ends, steps = arrays
        cut = [slice(None)] * x.ndim
        for axis, start, end, step in zip(self.axes, starts, ends, steps, strict=True):
            cut[axis] = numpy_slice(int(start), int(end), int(step), x.shape[axis])
        return x[tuple(cut)]


def numpy_slice(start: int, end: int, step: int, size: int) -> slice:
    """ONNX's start, end and step on an axis of ``size``, as a Python slice."""
    lowest = 0 if step > 0 else -1
    highest = size if step > 0 else size - 1
    first = min(max(start + size if start < 0 else start, 0), highest)
    last = min(max(end + size if end < 0 else end, lowest), highest)
    return slice(first, None if last < 0 else last, step)
