"""Softmax and its kin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minirt.errors import MinirtError
from minirt.ir.op import Op, Value, apply
from minirt.ops.cast import casted
from minirt.ops.importer import OnnxNode, Result, axis_of, importer
from minirt.ops.logic import Equal
from minirt.ops.movement import Iota, reshaped
from minirt.ops.ordering import ArgReduce
from minirt.types.dim import product
from minirt.types.dtype import FLOATS, i64
from minirt.types.tensor import Type


class Softmax(Op):
    """exp(x) over its sum along ``axis``; with ``log``, the logarithm of that."""

    dtypes = FLOATS
    axis: int
    log: bool = False

    def infer(self, *inputs: Value) -> Sequence[Type]:
        """The operand's type."""
        if not 0 <= self.axis < inputs[0].rank:
            raise MinirtError(f"axis {self.axis} is outside rank {inputs[0].rank}")
        return (inputs[0].type,)

    def reference(self, *arrays: Any) -> Any:
        """In float64, the greatest element taken away first."""
        x = np.asarray(arrays[0]).astype(np.float64)
        if x.size == 0:
            return x
        x = x - x.max(axis=self.axis, keepdims=True)
        total = np.exp(x).sum(axis=self.axis, keepdims=True)
        return x - np.log(total) if self.log else np.exp(x) / total


def _along(node: OnnxNode, compute: Callable[[Value, int], Value]) -> Value:
    """Along one axis; before opset 13, over all axes from ``axis`` (default 1) on, as one."""
    x = node.input(0)
    if node.opset >= 13:
        return compute(x, axis_of(int(node.attributes.get("axis", -1)), x.rank))
    axis = int(node.attributes.get("axis", 1))
    axis = axis + x.rank if axis < 0 else axis
    if axis == x.rank - 1:
        return compute(x, axis)
    flat = reshaped(x, [product(x.shape[:axis]), product(x.shape[axis:])])
    return reshaped(compute(flat, 1), x.shape)


@importer("Softmax")
def _softmax(node: OnnxNode) -> Result:
    return _along(node, lambda x, axis: apply(Softmax(axis), x))


@importer("LogSoftmax")
def _log_softmax(node: OnnxNode) -> Result:
    return _along(node, lambda x, axis: apply(Softmax(axis, log=True), x))


def _hard(x: Value, axis: int) -> Value:
    top = apply(ArgReduce("max", axis), x)
    return casted(apply(Equal(), apply(Iota(x.shape, axis, i64)), top), x.dtype)


@importer("Hardmax")
def _hardmax(node: OnnxNode) -> Result:
    """1 at the first greatest element, 0 elsewhere."""
    return _along(node, _hard)
