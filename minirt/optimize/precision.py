"""Storage types: narrower where the user permits it, wider where a target computes only so."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minirt.ir.graph import Constant, Graph, Input, array_of, constant, rebuild
from minirt.ir.match import P
from minirt.ir.op import Node, Value, apply, apply_all, op_of
from minirt.ir.scalar import Body, Scalar, arg, cast
from minirt.ir.scalar import rebuild as rebuild_scalars
from minirt.ir.weights import Weights
from minirt.ops.arithmetic import Max, Min
from minirt.ops.attention import Attention
from minirt.ops.cast import Cast
from minirt.ops.epilogue import Accumulates
from minirt.ops.indexing import Gather
from minirt.ops.layout import Relayout
from minirt.ops.logic import IsInf, Where
from minirt.ops.movement import Concat, Expand, Pad, Reshape, Slice, Transpose
from minirt.ops.normalization import Normalization
from minirt.ops.pointwise import Elementwise, Map
from minirt.ops.pooling import Pool
from minirt.ops.recurrent import Recurrent
from minirt.ops.reduce import Reduce
from minirt.ops.resize import Resize
from minirt.ops.softmax import Softmax
from minirt.optimize.fold import computed
from minirt.optimize.rewrite import rule
from minirt.types.dtype import Array, DType, f32
from minirt.types.tensor import Tensor

MOVES = (Reshape, Transpose, Expand, Slice, Concat, Pad, Gather, Relayout, Pool, Resize, Softmax, Attention)
NARROW = (*MOVES, Elementwise, Accumulates, Reduce, Normalization)


def narrow(graph: Graph, dtype: DType, wide_layers: Sequence[str] = ()) -> Graph:
    """The fused graph with float32 values between its nodes held in ``dtype``; arithmetic inside a node stays float32.

    Inputs and outputs keep their types, and so do attention masks, whose numbers may be very large.  Numbers beyond the
    range of ``dtype`` become its largest.  Nodes of ``wide_layers``, by the user's names, give float32 as before.
    """
    whole = set(graph.outputs)
    masks = _masks(graph)
    spared = frozenset(wide_layers)

    def visit(node: Node, operands: tuple[Value, ...]) -> Sequence[Value]:
        if isinstance(node.op, Input | Constant | Weights):
            return node.outputs
        if not isinstance(node.op, NARROW) or not spared.isdisjoint(node.origin):
            return apply_all(
                node.op,
                *(
                    _held(v, o.dtype) if isinstance(o.type, Tensor) else v
                    for v, o in zip(operands, node.inputs, strict=True)
                ),
            )
        kept = all(v in whole or v in masks for v in node.outputs)
        moved = isinstance(node.op, Reshape | Transpose | Expand | Slice) and masks.issuperset(node.outputs)
        wide = {3} if isinstance(node.op, Attention) else {0} if moved else set()
        given = tuple(_held(v, dtype) if v.dtype is f32 and i not in wide else v for i, v in enumerate(operands))
        made = _retyped(node, given, None if kept else dtype)
        return [_held(m, o.dtype) if o in whole else m for m, o in zip(made, node.outputs, strict=True)]

    return rebuild(graph, visit)


def _masks(graph: Graph) -> set[Value]:
    """Masks of attention, and what moves make them of."""
    found: set[Value] = set()
    for node in reversed(graph.nodes):
        if isinstance(node.op, Attention):
            found.update(node.inputs[3:])
        elif isinstance(node.op, Reshape | Transpose | Expand | Slice) and found.issuperset(node.outputs):
            found.update(node.inputs)
    return found


def _held(value: Value, dtype: DType) -> Value:
    """The value in a type; constants are converted now, within the type's range."""
    if value.dtype is dtype:
        return value
    if isinstance(value.op, Constant):
        return constant(_within(array_of(value), dtype), dtype)
    if isinstance(value.op, Weights):
        return computed(Cast(dtype), _within_f16(value) if dtype.name == "f16" and value.dtype.is_float else value)[0]
    return apply(Cast(dtype), value)


def _within(array: Array, dtype: DType) -> Array:
    """Numbers for a type: where it is f16 finite ones beyond its range become its largest."""
    if dtype.name != "f16" or array.dtype.kind != "f":
        return array
    try:
        with np.errstate(over="raise"):
            return array.astype(np.float16)
    except FloatingPointError:  # few models have such numbers
        top = float(np.finfo(np.float16).max)
        return np.where(np.isfinite(array), np.clip(array, -top, top), array)


def _within_f16(value: Value) -> Value:
    """Weights with finite numbers beyond the range of f16 moved to its ends."""
    low, high = (constant(np.float32(sign * float(np.finfo(np.float16).max)), value.dtype) for sign in (-1, 1))
    (above,) = computed(Max(), value, low)
    (inside,) = computed(Min(), above, high)
    return computed(Where(), computed(IsInf(), value)[0], value, inside)[0]


def _retyped(node: Node, operands: tuple[Value, ...], result: DType | None) -> Sequence[Value]:
    """The node on operands in their new types, giving ``result`` where it gave float32 (None: as before)."""
    op = node.op
    dtypes = tuple(v.dtype for v in node.inputs)
    new = tuple(v.dtype for v in operands)
    if isinstance(op, Elementwise):
        body = _body(op.body(dtypes), new, result)
        if body.results == (arg(0, new[0]),) and operands[0].shape == node.outputs[0].shape:
            return operands[:1]  # a cast between types that are one now
        return apply_all(Map(body), *operands)
    if isinstance(op, Accumulates):
        body = op.body(dtypes[0])
        return apply_all(op.replace(epilogue=_body(body, (body.args[0], *new[2:]), result)), *operands)
    if isinstance(op, Normalization):
        body = op.finish(dtypes[0])
        return apply_all(op.replace(epilogue=_body(body, (body.args[0], *new[1:]), result)), *operands)
    if isinstance(op, Reduce):
        return _reduction(op, dtypes, operands, result)
    return apply_all(op, *operands)


def _reduction(
    op: Reduce, dtypes: tuple[DType, ...], operands: tuple[Value, ...], result: DType | None
) -> Sequence[Value]:
    count = op.sources()
    new = tuple(v.dtype for v in operands)
    prologue = op.prologue or Body((dtypes[0],), (arg(0, dtypes[0]),))
    finish = op.finish(dtypes)
    made = op.replace(
        prologue=_body(prologue, new[:count], None), epilogue=_body(finish, (finish.args[0], *new[count:]), result)
    )
    return apply_all(made, *operands)


def _body(body: Body, args: tuple[DType, ...], result: DType | None) -> Body:
    """The body over arguments in new types, widened as they are read; results of float32 rounded to ``result``."""

    def leaf(node: Scalar) -> Scalar:
        if node.fn != "arg":
            return node
        assert isinstance(node.value, int)
        return cast(arg(node.value, args[node.value]), node.dtype)

    results = rebuild_scalars(body.results, leaf)
    return Body(args, tuple(cast(r, result) if result is not None and r.dtype is f32 else r for r in results))


@rule(P(Accumulates, bind="root"))
def products_of_narrow_types_widen_first(root: Value) -> Value | None:
    """gemm(a16, b16) = gemm(f32(a16), f32(b16)), rounded in the epilogue; for targets that multiply in float32."""
    op, inputs = root.op, root.node.inputs
    if not isinstance(op, Accumulates) or not inputs[0].dtype.is_float or inputs[0].dtype.bits >= 32:
        return None
    wide = [_held(v, f32) for v in inputs[:2]]
    return apply(op.replace(epilogue=op.body(inputs[0].dtype)), *wide, *inputs[2:])


@rule(P(Recurrent, bind="root"))
def recurrences_of_narrow_types_are_of_float32(root: Value) -> Sequence[Value] | None:
    """lstm(x16, r16, ..) = f16(lstm(f32(x16), f32(r16), ..)), whose states are not rounded between steps."""
    op, inputs = op_of(root, Recurrent), root.node.inputs
    dtype = inputs[0].dtype
    if not dtype.is_float or dtype.bits >= 32:
        return None
    return [_held(v, dtype) for v in apply_all(op, *(_held(v, f32) if v.dtype.is_float else v for v in inputs))]


WIDENING = (products_of_narrow_types_widen_first, recurrences_of_narrow_types_are_of_float32)
