"""Pointwise work goes before a transposition or a reshape of what a product made, so that the product takes it."""

from __future__ import annotations

from collections.abc import Mapping

from minirt.ir.match import P
from minirt.ir.op import Value, apply, op_of
from minirt.ir.scalar import uses_index
from minirt.ops.epilogue import Accumulates
from minirt.ops.movement import Reshape, Transpose
from minirt.ops.normalization import Normalization
from minirt.ops.pointwise import Elementwise
from minirt.ops.reduce import Reduce
from minirt.optimize.rewrite import rule
from minirt.types.dim import Dim, Expr, mul
from minirt.types.dtype import DType

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
        if not _is_product(product, uses) or uses_index(op_of(root, Elementwise).body(_dtypes(root)).results):
            continue
        others = [_unmoved(v, moved, product) if n != i else product for n, v in enumerate(inputs)]
        if any(v is None for v in others):
            continue
        made = apply(moved.op, apply(root.op, *(v for v in others if v is not None)))
        if made.type == root.type:
            return made
    return None


def _dtypes(root: Value) -> tuple[DType, ...]:
    return tuple(v.dtype for v in root.node.inputs)


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


MOVES = (pointwise_goes_before_moves_of_products,)
