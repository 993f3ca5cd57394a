"""Reductions over axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any

import numpy as np

from minirt.errors import MinirtError
from minirt.ir.op import Contents, Op, Value, apply, broadcast
from minirt.ir.scalar import Body, arg, cast
from minirt.ir.scalar_numpy import numpy_type, run_body
from minirt.ops.epilogue import accumulator
from minirt.types import dim
from minirt.types.dim import Dim
from minirt.types.dtype import ANY, Array, DType, bool_
from minirt.types.tensor import Tensor, Type

KINDS = ("sum", "mean", "prod", "max", "min")


class Reduce(Op):
    """``kind`` (sum, mean, prod, max or min) over ``axes``, of ``prologue`` of the first operands, then ``epilogue``.

    The prologue's operands (one if None) broadcast against each other.  The epilogue reads the reduced number, in its
    accumulator type, as argument 0, and the remaining operands, broadcast to the result.
    """

    dtypes = ANY
    kind: str
    axes: tuple[int, ...]
    keepdims: bool = True
    prologue: Body | None = None
    epilogue: Body | None = None

    def sources(self) -> int:
        """How many operands the prologue takes."""
        return len(self.prologue.args) if self.prologue else 1

    def reduced(self, inputs: Sequence[DType]) -> DType:
        """The type that is accumulated."""
        source = self.prologue.dtypes[0] if self.prologue else inputs[0]
        if source is bool_ or self.kind in ("max", "min"):
            return source.compute
        return accumulator(source) if source.is_float else source

    def finish(self, inputs: Sequence[DType]) -> Body:
        """The epilogue, written out."""
        if self.epilogue is not None:
            return self.epilogue
        source = self.prologue.dtypes[0] if self.prologue else inputs[0]
        total = self.reduced(inputs)
        return Body((total,), (cast(arg(0, total), source),))

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """The dims of the broadcast operands, those of the axes 1 or left out."""
        count = self.sources()
        shape = broadcast(*(v.shape for v in inputs[:count]))
        if any(not 0 <= a < len(shape) for a in self.axes) or len(set(self.axes)) != len(self.axes):
            raise MinirtError(f"axes {self.axes} do not fit rank {len(shape)}")
        if self.kind not in KINDS:
            raise MinirtError(f"{self.kind!r} is not one of {', '.join(KINDS)}")
        types = tuple(v.dtype for v in inputs)
        if self.reduced(types) is bool_ and self.kind not in ("max", "min"):
            raise MinirtError(f"bools have no {self.kind}")
        if self.keepdims:
            out: tuple[Dim, ...] = tuple(1 if i in self.axes else d for i, d in enumerate(shape))
        else:
            out = tuple(d for i, d in enumerate(shape) if i not in self.axes)
        body = self.finish(types)
        wanted = (self.reduced(types), *types[count:])
        if body.args != wanted:
            raise MinirtError(f"the epilogue takes {body.args}, its operands are {wanted}")
        return tuple(Tensor(d, out) for d in body.dtypes)

    def run(self, arrays: Sequence[Any], types: Sequence[Type], wide: bool) -> tuple[Any, ...]:
        """The prologue, the reduction in float64 for floats, the epilogue."""
        count = self.sources()
        dtypes = [t.dtype for t in types if isinstance(t, Tensor)]
        source = run_body(self.prologue, arrays[:count], wide)[0] if self.prologue else np.asarray(arrays[0])
        total = reduce_array(self.kind, source, self.axes, self.keepdims, self.reduced(dtypes))
        held = total.astype(numpy_type(self.reduced(dtypes), wide), copy=False)
        return run_body(self.finish(dtypes), [held, *arrays[count:]], wide)

    def fold(self, *inputs: Value) -> Sequence[Contents | None] | None:
        """The reduction of dimension expressions."""
        known = inputs[0].contents
        if known is None or self.prologue is not None or self.epilogue is not None:
            return None
        rows = np.moveaxis(known, self.axes, range(-len(self.axes), 0)) if self.axes else known
        kept = rows.shape[: rows.ndim - len(self.axes)]
        out = np.empty(kept, dtype=object)
        for place in np.ndindex(kept):
            values = np.asarray(rows[place], dtype=object).reshape(-1).tolist()
            if not values and self.kind in ("max", "min", "mean"):
                return None
            total = _SYMBOLIC[self.kind](values)
            out[place] = dim.trunc(total) if self.kind == "mean" and inputs[0].dtype.is_integer else total
        shape = [1 if i in self.axes else n for i, n in enumerate(known.shape)] if self.keepdims else kept
        return (out.reshape(shape),)


def _total(values: list[Dim]) -> Dim:
    total: Dim = 0
    for value in values:
        total = dim.add(total, value)
    return total


_SYMBOLIC: dict[str, Callable[[list[Dim]], Dim]] = {
    "sum": lambda values: _total(values),
    "mean": lambda values: dim.divide(_total(values), len(values)),
    "prod": dim.product,
    "max": lambda values: reduce(dim.maximum, values),
    "min": lambda values: reduce(dim.minimum, values),
}


def lowest(dtype: np.dtype[Any]) -> Any:
    """The number that any other of the type is at least as great as."""
    if dtype.kind == "b":
        return False
    return np.iinfo(dtype).min if dtype.kind in "iu" else -np.inf


def highest(dtype: np.dtype[Any]) -> Any:
    """The number that any other of the type is at most as great as."""
    if dtype.kind == "b":
        return True
    return np.iinfo(dtype).max if dtype.kind in "iu" else np.inf


def reduce_array(kind: str, x: Array, axes: tuple[int, ...], keepdims: bool, total: DType) -> Array:
    """The reduction with NumPy: floats accumulate in float64, integers in their own type and wrap."""
    if kind in ("max", "min"):
        x = x.astype(np.float32) if x.dtype.kind == "V" else x
        if kind == "max":
            return np.asarray(np.max(x, axis=axes, keepdims=keepdims, initial=lowest(x.dtype)))
        return np.asarray(np.min(x, axis=axes, keepdims=keepdims, initial=highest(x.dtype)))
    held = x.astype(np.float64 if total.is_float else total.numpy, copy=False)
    if kind == "mean" and total.is_integer:
        count = int(np.prod([x.shape[a] for a in axes], dtype=np.int64))
        whole = np.asarray(np.sum(held, axis=axes, keepdims=keepdims, dtype=np.int64))
        return np.trunc(whole / count).astype(held.dtype)
    kinds: dict[str, Callable[..., Any]] = {"sum": np.sum, "mean": np.mean, "prod": np.prod}
    return np.asarray(kinds[kind](held, axis=axes, keepdims=keepdims, dtype=held.dtype))


def reduced(kind: str, x: Value, axes: Sequence[int], keepdims: bool = True) -> Value:
    """The reduction over axes; x itself where there are none."""
    return apply(Reduce(kind, tuple(axes), keepdims), x) if axes else x
