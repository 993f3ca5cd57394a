"""Importers of sequences and optionals: where elements are known, the nodes are replaced by the elements."""

from __future__ import annotations

from minirt.errors import MinirtError
from minirt.ir.graph import constant
from minirt.ir.op import Value, apply
from minirt.ops.importer import OnnxNode, Result, importer, number
from minirt.ops.movement import Concat, reshaped, sliced
from minirt.ops.sequence import (
    ConcatFromSequence,
    SequenceAt,
    SequenceConstruct,
    SequenceEmpty,
    SequenceErase,
    SequenceInsert,
    SequenceLength,
    SplitToSequence,
    element_of,
)
from minirt.types.dim import Expr
from minirt.types.dtype import bool_, from_onnx, i64
from minirt.types.tensor import Optional as OptionalType


def items_of(value: Value) -> list[Value] | None:
    """The elements of a list that was made of known ones."""
    if isinstance(value.op, SequenceConstruct):
        return list(value.node.inputs)
    return [] if isinstance(value.op, SequenceEmpty) else None


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
    return apply(SequenceAt(), sequence, _scalar(where))


@importer("SequenceLength")
def _length(node: OnnxNode) -> Result:
    items = items_of(node.input(0))
    return number(len(items), i64) if items is not None else apply(SequenceLength(), node.input(0))


@importer("ConcatFromSequence")
def _concat(node: OnnxNode) -> Result:
    sequence, new = node.input(0), bool(node.attributes.get("new_axis", 0))
    rank = element_of(sequence).rank + int(new)
    axis = int(node.attributes["axis"]) % max(rank, 1)
    items = items_of(sequence)
    if not items:
        return apply(ConcatFromSequence(axis, new), sequence)
    parts = [reshaped(v, (*v.shape[:axis], 1, *v.shape[axis:])) for v in items] if new else items
    return parts[0] if len(parts) == 1 else apply(Concat(axis), *parts)


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
    if not keep:
        raise MinirtError("keepdims=0 needs an axis of known size")
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
