"""Quantizing by ranges: products and convolutions read their operands through int8, by scales that are given."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from minirt.ir.graph import Graph, array_of, constant, is_constant, rebuild
from minirt.ir.op import Node, Value, apply, reapply
from minirt.ops.convolution import Conv, ConvTranspose
from minirt.ops.evaluate import evaluate
from minirt.ops.gemm import Gemm
from minirt.ops.movement import Reshape, Slice, Transpose
from minirt.ops.quantize import Dequantize, Quantize
from minirt.types.dtype import Array, bf16, f16, f32, i8

LEVELS = 127
"""The greatest int8 number: scales are symmetric."""
_FLOATS = (f32, f16, bf16)
_MOVES = (Reshape, Transpose, Slice)


@dataclass(frozen=True)
class Reading:
    """How a product reads its operands: the places of what it computes on and of its weights, and the weights' axis.

    ``axis`` is that of the weights' outputs, which have a scale each; -1 for one scale.
    """

    data: int
    weights: int
    axis: int


def reading(node: Node) -> Reading | None:
    """How a product or convolution of floats with constant weights reads them; None for any other node."""
    op = node.op
    if not isinstance(op, Conv | ConvTranspose | Gemm) or any(v.dtype not in _FLOATS for v in node.inputs[:2]):
        return None
    first, second = (v.node.closed for v in node.inputs[:2])
    if first == second or not isinstance(op, Gemm) and first:
        return None
    if isinstance(op, Conv):
        return Reading(0, 1, 0)
    if isinstance(op, ConvTranspose):
        return Reading(0, 1, -1)
    rank = node.inputs[0 if first else 1].rank
    swapped = op.trans_a if first else op.trans_b
    axis = (rank - 1 if swapped else rank - 2) if first else (rank - 2 if swapped else rank - 1)
    return Reading(1, 0, axis if rank == 2 else -1) if first else Reading(0, 1, axis if rank == 2 else -1)


def sources(value: Value) -> list[Value]:
    """The value, and what its numbers are taken from: operands of moves, whose ranges hold for it."""
    found = [value]
    while isinstance(found[-1].node.op, _MOVES):
        found.append(found[-1].node.inputs[0])
    return found


def readers(graph: Graph, left: Collection[str] = ()) -> dict[Value, list[Node]]:
    """What products with constant weights compute on, and those products, but for layers of the names that are left."""
    found: dict[Value, list[Node]] = {}
    for node in graph.nodes:
        how = reading(node)
        if how is not None and not set(node.origin) & set(left):
            found.setdefault(node.inputs[how.data], []).append(node)
    return found


def quantized(graph: Graph, scales: Mapping[Value, float], left: Collection[str] = ()) -> Graph:
    """The graph with x @ w as dequantize(quantize(x)) @ dequantize(int8 w) where the scale of x is given.

    Weights have a scale for each output. Layers of the names ``left`` stay as they are.
    """
    wanted = {node: scale for value, scale in scales.items() for node in readers(graph, left).get(value, ())}

    def visit(node: Node, operands: tuple[Value, ...]) -> tuple[Value, ...]:
        how = reading(node) if node in wanted else None
        if how is None:
            return reapply(node, node.op, operands)
        taken = list(operands)
        taken[how.data] = through_int8(operands[how.data], wanted[node])
        taken[how.weights] = weights_in_int8(operands[how.weights], how.axis)
        return reapply(node, node.op, tuple(taken))

    return rebuild(graph, visit)


def through_int8(x: Value, scale: float) -> Value:
    """x rounded to a multiple of a scale, of at most 127 times."""
    given, zero = constant(np.asarray(scale, np.float32)), constant(np.asarray(0, np.int8))
    return apply(Dequantize(dtype=x.dtype), apply(Quantize(dtype=i8), x, given, zero), given, zero)


def weights_in_int8(w: Value, axis: int) -> Value:
    """Constant weights as int8 numbers times a scale for each place along an axis, or one scale."""
    array = _numbers(w).astype(np.float32)
    over = tuple(i for i in range(array.ndim) if i != axis)
    most = np.abs(array).max(axis=over, keepdims=True, initial=0)
    scale = (np.where(most > 0, most, 1) / LEVELS).astype(np.float32)
    whole = np.clip(np.rint(array / scale), -LEVELS, LEVELS).astype(np.int8)
    flat = scale.reshape(-1) if axis >= 0 else scale.reshape(())
    zero = constant(np.zeros(flat.shape, np.int8))
    return apply(Dequantize(axis=max(axis, 0), dtype=w.dtype), constant(whole), constant(flat), zero)


def _numbers(value: Value) -> Array:
    if is_constant(value):
        return array_of(value)
    return np.asarray(evaluate(Graph("", [], [value], ["weights"]), {})[0])
