"""Pointwise work goes before a transposition or a reshape of what a product made, so that the product takes it."""

from __future__ import annotations

from collections.abc import Mapping

from minirt.ir.match import P
from minirt.ir.op import Value, apply, op_of
from minirt.ir.regions import inline, weight_of
from minirt.ir.scalar import Body, arg, call, cast, uses_index
from minirt.ops.epilogue import Accumulates
from minirt.ops.movement import Concat, Iota, Reshape, Slice, Transpose
from minirt.ops.normalization import Normalization
from minirt.ops.pointwise import Elementwise, Map
from minirt.ops.reduce import Reduce
from minirt.optimize.fusion import CHEAP
from minirt.optimize.rewrite import rule
from minirt.types.dim import Dim, Expr, mul
from minirt.types.dtype import DType, bool_, i64

Uses = Mapping[Value, int]
Shape = tuple[Dim, ...]


@rule(P(Elementwise, bind="root"))
def pointwise_goes_before_moves_of_products(root: Value, uses: Uses) -> Value | None:
    """f(move(a @ b), y) = move(f(a @ b, unmove(y))), for moves that are views; y is read through a view."""
    inputs = root.node.inputs
    if len(root.node.outputs) > 1 or len(inputs) < 2:
        return None
    if any(_is_product(v, uses) for v in inputs):
        return None  # which takes f as it stands
    for i, moved in enumerate(inputs):
        if not isinstance(moved.op, Transpose | Reshape) or uses.get(moved, 1) > 1 or moved.shape != root.shape:
            continue
        product = moved.node.inputs[0]
        if not _moves_product(product, uses) or uses_index(op_of(root, Elementwise).body(_dtypes(root)).results):
            continue
        others = [_unmoved(v, moved, product) if n != i else product for n, v in enumerate(inputs)]
        if any(v is None for v in others):
            continue
        made = apply(moved.op, apply(root.op, *(v for v in others if v is not None)))
        if made.type == root.type:
            return made
    return None


@rule(P(Elementwise, bind="root"))
def pointwise_chooses_between_halves(root: Value, uses: Uses) -> Value | None:
    """f([a b], y) = f(a where the half is the first, else b; y), the halves being an axis of their own.

    Rotary embeddings join the negated half of a vector with the other; both are read where they lie.
    """
    inputs = root.node.inputs
    if len(root.node.outputs) > 1 or uses_index(op_of(root, Elementwise).body(_dtypes(root)).results):
        return None
    for i, joined in enumerate(inputs):
        if not isinstance(joined.op, Concat) or joined.shape != root.shape or uses.get(joined, 1) > 1:
            continue
        axis, parts = joined.op.axis, joined.node.inputs
        if len(parts) != 2 or parts[0].shape != parts[1].shape or not all(_lies(p, uses) for p in parts):
            continue
        half = parts[0].shape[axis]
        apart = (*root.shape[:axis], 2, half, *root.shape[axis + 1 :])
        one = (*root.shape[:axis], 1, half, *root.shape[axis + 1 :])
        chosen = _choice(parts, one, root.rank - axis)
        others = [chosen if n == i else _halved(v, root.shape, axis, half) for n, v in enumerate(inputs)]
        made = apply(Reshape(root.shape), apply(root.op, *others))
        if made.type == root.type and chosen.shape == apart:
            return made
    return None


def _choice(parts: tuple[Value, ...], one: Shape, axes: int) -> Value:
    """The first part where the coordinate along the new axis is 0, the second where it is 1.

    Work on a view is done as it is chosen; the axis is followed by ``axes`` others.
    """
    dtype = parts[0].dtype
    chosen = call("select", cast(arg(0, i64), bool_), arg(2, dtype), arg(1, dtype))
    body, values = Body((i64, dtype, dtype), (cast(chosen, dtype),)), (apply(Iota((2, *(1,) * axes), 0, i64)), *parts)
    for part in parts:
        if isinstance(part.op, Elementwise):
            inner = part.op.body((part.node.inputs[0].dtype,))
            body, values = inline(body, values, values.index(part), inner, part.node.inputs)
    return apply(Map(body), *(v if isinstance(v.op, Iota) else apply(Reshape(one), v) for v in values))


def _lies(part: Value, uses: Uses) -> bool:
    """True for what is read where it lies: views, and cheap work on a view that nothing else reads."""
    if isinstance(part.op, Elementwise) and uses.get(part, 1) == 1 and len(part.node.inputs) == 1:
        cheap = weight_of(part.op.body((part.node.inputs[0].dtype,))) <= CHEAP
        return cheap and isinstance(part.node.inputs[0].op, Slice)
    return isinstance(part.op, Slice)


def _halved(value: Value, shape: Shape, axis: int, half: Dim) -> Value:
    """A value that broadcasts to the shape as one that broadcasts to it with the axis in two."""
    own = (1,) * (len(shape) - value.rank) + value.shape
    if _same(own[axis], 1):
        return apply(Reshape((*own[:axis], 1, 1, *own[axis + 1 :])), value)
    return apply(Reshape((*own[:axis], 2, half, *own[axis + 1 :])), value)


def _dtypes(root: Value) -> tuple[DType, ...]:
    return tuple(v.dtype for v in root.node.inputs)


def _moves_product(value: Value, uses: Uses) -> bool:
    """True for a product, and for one behind further moves that nothing else reads."""
    while isinstance(value.op, Transpose | Reshape) and uses.get(value, 1) <= 1:
        value = value.node.inputs[0]
    return _is_product(value, uses)


def _is_product(value: Value, uses: Uses) -> bool:
    return isinstance(value.op, Accumulates | Normalization | Reduce) and uses.get(value, 1) == 1


def _unmoved(value: Value, moved: Value, product: Value) -> Value | None:
    """A value that broadcasts to the moved shape as one that broadcasts to the product's, elements in step."""
    if value.tensor.size == 1:
        return apply(Reshape(()), value) if value.rank > product.rank else value
    shape = (1,) * (moved.rank - value.rank) + value.shape
    full = value if value.rank == moved.rank else apply(Reshape(shape), value)
    if isinstance(moved.op, Transpose):
        perm = moved.op.perm
        return apply(Transpose(tuple(perm.index(axis) for axis in range(len(perm)))), full)
    new = _regrouped(shape, moved.shape, product.shape)
    return None if new is None else apply(Reshape(new), full)


def _regrouped(shape: Shape, moved: Shape, made: Shape) -> Shape | None:
    """``shape``, which broadcasts to ``moved``, in the axes of ``made``; None where it varies along part of a group."""
    out: list[Dim] = []
    a = b = 0
    while a < len(moved) or b < len(made):
        first, second = a, b
        left, right = (moved[a] if a < len(moved) else 1), (made[b] if b < len(made) else 1)
        a, b = a + 1, b + 1
        while not _same(left, right):
            if isinstance(left, Expr) or isinstance(right, Expr):
                return None
            if left < right and a < len(moved):
                left, a = mul(left, moved[a]), a + 1
            elif right < left and b < len(made):
                right, b = mul(right, made[b]), b + 1
            else:
                return None
        own = shape[first:a]
        if all(_same(d, 1) for d in own):
            out += [1] * len(made[second:b])
        elif all(_same(d, m) for d, m in zip(own, moved[first:a], strict=True)):
            out += made[second:b]
        else:
            return None
    return tuple(out)


def _same(a: Dim, b: Dim) -> bool:
    return a is b or (not isinstance(a, Expr) and not isinstance(b, Expr) and a == b)


MOVES = (pointwise_goes_before_moves_of_products, pointwise_chooses_between_halves)
