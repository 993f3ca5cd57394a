"""Ops about order and runs along one axis: top-k, arg reductions, cumulative sums."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from minirt.errors import MinirtError
from minirt.ir.op import Op, Value, apply, apply_all
from minirt.ops.contents import sizes_of
from minirt.ops.importer import OnnxNode, Result, axis_of, importer
from minirt.ops.movement import whole
from minirt.types.dim import Dim
from minirt.types.dtype import NUMBERS, Array, i64
from minirt.types.tensor import Tensor, Type


def _comparable(x: Array) -> Array:
    return x.astype(np.float32) if x.dtype.kind == "V" else x


class TopK(Op):
    """The ``k`` greatest (or least) elements along ``axis`` and their places (i64); equal elements by place.

    With ``sorted`` they come best first; without it their order is not defined (here: best first as well).
    """

    dtypes = NUMBERS
    axis: int
    k: Dim
    largest: bool = True
    sorted: bool = True

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """The operand's dims, that of the axis k."""
        x = inputs[0].tensor
        if not 0 <= self.axis < x.rank:
            raise MinirtError(f"axis {self.axis} is outside rank {x.rank}")
        n = x.shape[self.axis]
        if isinstance(n, int) and isinstance(self.k, int) and not 0 <= self.k <= n:
            raise MinirtError(f"k = {self.k} of {n} elements")
        shape = tuple(self.k if i == self.axis else d for i, d in enumerate(x.shape))
        return (x.with_shape(shape), Tensor(i64, shape))

    def reference(self, *arrays: Any) -> Any:
        """A stable sort."""
        x = arrays[0]
        (k,) = whole((self.k,))
        keys = _comparable(x)
        if self.largest:  # ascending and stable from the far end, so that the nearer of equals is greater
            mirrored = np.argsort(np.flip(keys, self.axis), axis=self.axis, kind="stable")
            order = np.flip(x.shape[self.axis] - 1 - mirrored, self.axis)
        else:
            order = np.argsort(keys, axis=self.axis, kind="stable")
        order = np.take(order, np.arange(k), axis=self.axis)
        return np.take_along_axis(x, order, axis=self.axis), order.astype(np.int64)


class ArgReduce(Op):
    """The place (i64) of the greatest ("max") or least ("min") element along ``axis``; the first (or last) one."""

    dtypes = NUMBERS
    kind: str
    axis: int
    keepdims: bool = True
    last: bool = False

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """The dims, that of the axis 1 or left out."""
        x = inputs[0].tensor
        if not 0 <= self.axis < x.rank:
            raise MinirtError(f"axis {self.axis} is outside rank {x.rank}")
        if self.kind not in ("max", "min"):
            raise MinirtError(f"{self.kind!r} is not max or min")
        kept = [1] if self.keepdims else []
        return (Tensor(i64, (*x.shape[: self.axis], *kept, *x.shape[self.axis + 1 :])),)

    def reference(self, *arrays: Any) -> Any:
        """NumPy's argmax and argmin."""
        x = _comparable(arrays[0])
        fn = np.argmax if self.kind == "max" else np.argmin
        if self.last:
            out = x.shape[self.axis] - 1 - fn(np.flip(x, self.axis), axis=self.axis)
        else:
            out = fn(x, axis=self.axis)
        return np.expand_dims(out, self.axis) if self.keepdims else out


class Cumulative(Op):
    """Running sum or product along ``axis``; ``exclusive`` leaves the element out, ``reverse`` runs backwards."""

    dtypes = NUMBERS
    kind: str
    axis: int
    exclusive: bool = False
    reverse: bool = False

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """The operand's type."""
        if not 0 <= self.axis < inputs[0].rank:
            raise MinirtError(f"axis {self.axis} is outside rank {inputs[0].rank}")
        if self.kind not in ("sum", "prod"):
            raise MinirtError(f"{self.kind!r} is not sum or prod")
        return (inputs[0].type,)

    def reference(self, *arrays: Any) -> Any:
        """Floats in float64."""
        x = np.asarray(arrays[0])
        held = x if x.dtype.kind in "iu" else x.astype(np.float64)
        held = np.flip(held, self.axis) if self.reverse else held
        fn = np.cumsum if self.kind == "sum" else np.cumprod
        out = np.asarray(fn(held, axis=self.axis, dtype=held.dtype))
        if self.exclusive and out.shape[self.axis]:
            first = np.full_like(np.take(out, [0], axis=self.axis), 0 if self.kind == "sum" else 1)
            rest = np.take(out, np.arange(out.shape[self.axis] - 1), axis=self.axis)
            out = np.concatenate([first, rest], axis=self.axis)
        return np.flip(out, self.axis) if self.reverse else out


@importer("TopK")
def _topk(node: OnnxNode) -> Result:
    """k is an attribute before opset 10, an operand since."""
    x = node.input(0)
    axis = axis_of(int(node.attributes.get("axis", -1)), x.rank)
    k = sizes_of(node, "k", 1)
    if k is None:
        raise MinirtError("k is required")
    largest, ordered = bool(node.attributes.get("largest", 1)), bool(node.attributes.get("sorted", 1))
    return apply_all(TopK(axis, k[0], largest, ordered), x)


def _arg(kind: str, node: OnnxNode) -> Value:
    x = node.input(0)
    axis = axis_of(int(node.attributes.get("axis", 0)), x.rank)
    last = bool(node.attributes.get("select_last_index", 0))
    return apply(ArgReduce(kind, axis, bool(node.attributes.get("keepdims", 1)), last), x)


@importer("ArgMax")
def _argmax(node: OnnxNode) -> Result:
    return _arg("max", node)


@importer("ArgMin")
def _argmin(node: OnnxNode) -> Result:
    return _arg("min", node)


def _cumulative(kind: str, node: OnnxNode) -> Value:
    x = node.input(0)
    axis = node.static_ints("axis", 1)
    if axis is None:
        raise MinirtError("axis is required")
    exclusive, reverse = bool(node.attributes.get("exclusive", 0)), bool(node.attributes.get("reverse", 0))
    return apply(Cumulative(kind, axis_of(axis[0], x.rank), exclusive, reverse), x)


@importer("CumSum")
def _cumsum(node: OnnxNode) -> Result:
    return _cumulative("sum", node)


@importer("CumProd")
def _cumprod(node: OnnxNode) -> Result:
    return _cumulative("prod", node)
