"""Importers of sequences and optionals: where elements are known, the nodes are replaced by the elements."""

from __future__ import annotations

from minirt.errors import MinirtError
from minirt.ir.graph import constant
from minirt.ir.op import Value, apply
from minirt.ops.cast import casted
from minirt.ops.importer import OnnxNode, Result, importer, number
from minirt.ops.indexing import Gather
from minirt.ops.movement import Concat, dims_value, reshaped, sliced, transposed
from minirt.ops.sequence import (
    ConcatFromSequence,
    SequenceAt,
    SequenceConstruct,
    SequenceEmpty,
    SequenceErase,
    SequenceInsert,
    SequenceLength,
    SequenceOfSlices,
    SplitToSequence,
    element_of,
)
from minirt.ops.shape import concatenated
from minirt.types.dim import Expr
from minirt.types.dtype import bool_, from_onnx, i64
from minirt.types.tensor import Optional as OptionalType


def items_of(value: Value) -> list[Value] | None:
    """The elements of a list that was made of known ones."""
    if isinstance(value.op, SequenceConstruct):
        return list(value.node.inputs)
    return [] if isinstance(value.op, SequenceEmpty) else None


def slices_of(value: Value) -> Value | None:
    """The tensor whose slices a list holds, if it is one of slices; known elements of like shapes are stacked."""
    if isinstance(value.op, SequenceOfSlices):
        return value.node.inputs[0]
    items = items_of(value)
    if not items or any(v.shape != items[0].shape for v in items):
        return None
    return concatenated([reshaped(v, (1, *v.shape)) for v in items], 0)


def _place(value: Value | None, default: int, count: int) -> int | None:
    """A place in a list of ``count``; None where only the data tells."""
    if value is None:
        return default
    known = value.ints
    if known is None or not isinstance(known[0], int):
        return None
    if not -count <= known[0] < count:
        raise MinirtError(f"a sequence of {count} elements has no place {known[0]}")
    return known[0] % count


def _scalar(value: Value) -> Value:
    return value if value.rank == 0 else reshaped(value, ())


@importer("SequenceConstruct")
def _construct(node: OnnxNode) -> Result:
    return apply(SequenceConstruct(), *(node.input(i) for i in range(len(node.inputs))))


@importer("SequenceEmpty")
def _empty(node: OnnxNode) -> Result:
    return apply(SequenceEmpty(from_onnx(int(node.attributes.get("dtype", 1)))))


@importer("SequenceInsert")
def _insert(node: OnnxNode) -> Result:
    sequence, item, where = node.input(0), node.input(1), node.optional(2)
    items = items_of(sequence)
    if items is not None:
        place = _place(where, len(items), len(items) + 1)
        if place is not None:
            return apply(SequenceConstruct(), *items[:place], item, *items[place:])
    return apply(SequenceInsert(), sequence, item, *([] if where is None else [_scalar(where)]))


@importer("SequenceErase")
def _erase(node: OnnxNode) -> Result:
    sequence, where = node.input(0), node.optional(1)
    items = items_of(sequence)
    if items is not None and items:
        place = _place(where, len(items) - 1, len(items))
        if place is not None and len(items) > 1:
            return apply(SequenceConstruct(), *items[:place], *items[place + 1 :])
    return apply(SequenceErase(), sequence, *([] if where is None else [_scalar(where)]))


@importer("SequenceAt")
def _at(node: OnnxNode) -> Result:
    sequence, where = node.input(0), node.input(1)
    items = items_of(sequence)
    if items is not None:
        place = _place(where, 0, len(items))
        if place is not None:
            return items[place]
    stack = slices_of(sequence)
    if stack is not None:
        return apply(Gather(0), stack, casted(_scalar(where), i64))
    return apply(SequenceAt(), sequence, _scalar(where))


@importer("SequenceLength")
def _length(node: OnnxNode) -> Result:
    sequence = node.input(0)
    if isinstance(sequence.op, SequenceOfSlices):
        return dims_value([sequence.node.inputs[0].shape[0]], i64, ())
    items = items_of(sequence)
    return number(len(items), i64) if items is not None else apply(SequenceLength(), sequence)


@importer("ConcatFromSequence")
def _concat(node: OnnxNode) -> Result:
    sequence, new = node.input(0), bool(node.attributes.get("new_axis", 0))
    rank = element_of(sequence).rank + int(new)
    axis = int(node.attributes["axis"]) % max(rank, 1)
    if isinstance(sequence.op, SequenceOfSlices):
        return _joined(sequence.node.inputs[0], axis, new)
    items = items_of(sequence)
    if not items:
        return apply(ConcatFromSequence(axis, new), sequence)
    parts = [reshaped(v, (*v.shape[:axis], 1, *v.shape[axis:])) for v in items] if new else items
    return parts[0] if len(parts) == 1 else apply(Concat(axis), *parts)


def _joined(stack: Value, axis: int, new: bool) -> Value:
    """The slices of a stack along its first axis, joined along ``axis``, or along a new one."""
    order = [*range(1, axis + 1), 0, *range(axis + 1, stack.rank)]
    moved = transposed(stack, order)
    if new:
        return moved
    shape = moved.shape
    return reshaped(moved, (*shape[:axis], shape[axis] * shape[axis + 1], *shape[axis + 2 :]))


@importer("SplitToSequence")
def _split(node: OnnxNode) -> Result:
    x, sizes = node.input(0), node.optional(1)
    axis = int(node.attributes.get("axis", 0)) % x.rank
    keep = sizes is not None or bool(node.attributes.get("keepdims", 1))
    whole, known = x.shape[axis], (1,) if sizes is None else sizes.ints
    if known is not None and isinstance(whole, int) and not any(isinstance(k, Expr) for k in known):
        each = [int(k) for k in known if not isinstance(k, Expr)]
        if sizes is None or sizes.rank == 0:
            each = [min(each[0], whole - start) for start in range(0, whole, each[0])]
        starts = [sum(each[:i]) for i in range(len(each))]
        pieces = [sliced(x, axis, start, size) for start, size in zip(starts, each, strict=True)]
        if not keep:
            pieces = [reshaped(p, (*p.shape[:axis], *p.shape[axis + 1 :])) for p in pieces]
        return apply(SequenceConstruct(), *pieces)
    if sizes is None:
        order = [axis, *(i for i in range(x.rank) if i != axis)]
        stack = transposed(x, order)
        rest = stack.shape[1:]
        return apply(SequenceOfSlices(), reshaped(stack, (whole, *rest[:axis], 1, *rest[axis:])) if keep else stack)
    return apply(SplitToSequence(axis), x, number(1, i64) if sizes is None else sizes)


@importer("Optional")
def _optional(node: OnnxNode) -> Result:
    if node.optional(0) is None:
        raise MinirtError("an optional of nothing is not supported")
    return node.input(0)


@importer("OptionalGetElement")
def _get_element(node: OnnxNode) -> Result:
    if isinstance(node.input(0).type, OptionalType):
        raise MinirtError("optionals that are graph inputs are not supported")
    return node.input(0)


@importer("OptionalHasElement")
def _has_element(node: OnnxNode) -> Result:
    """Values of this importer are there; only an absent operand is not."""
    value = node.optional(0)
    if value is not None and isinstance(value.type, OptionalType):
        raise MinirtError("optionals that are graph inputs are not supported")
    return constant(value is not None, bool_)
