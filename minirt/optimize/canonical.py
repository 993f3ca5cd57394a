"""Canonical form: ops that change nothing go, moves of moves become one."""

from __future__ import annotations

from collections.abc import Sequence

from minirt.ir.match import P
from minirt.ir.op import Op, Value, apply, op_of
from minirt.ops.cast import Cast
from minirt.ops.gemm import Gemm
from minirt.ops.movement import Concat, Expand, Pad, Reshape, Slice, Transpose, swaps_last
from minirt.optimize.rewrite import rule


@rule(P((Reshape, Expand), "x", bind="root"))
def same_shape_is_no_move(x: Value, root: Value) -> Value | None:
    """reshape(x, x.shape) = expand(x, x.shape) = x."""
    return x if x.type == root.type else None


@rule(P(Reshape, P(Reshape, "x"), bind="root"))
def reshapes_join(x: Value, root: Value) -> Value | None:
    """reshape(reshape(x, s), t) = reshape(x, t)."""
    return apply(root.op, x)


@rule(P(Transpose, "x", bind="root"))
def identity_transpose_goes(x: Value, root: Value) -> Value | None:
    """transpose(x, 0..n) = x."""
    return x if op_of(root, Transpose).perm == tuple(range(x.rank)) else None


@rule(P(Transpose, P(Transpose, "x", bind="inner"), bind="outer"))
def transposes_join(x: Value, inner: Value, outer: Value) -> Value | None:
    """transpose(transpose(x, p), q) = transpose(x, p[q])."""
    first = op_of(inner, Transpose).perm
    return apply(Transpose(tuple(first[q] for q in op_of(outer, Transpose).perm)), x)


@rule(P(Slice, "x", bind="root"))
def whole_slice_goes(x: Value, root: Value) -> Value | None:
    """x[:] = x."""
    op = op_of(root, Slice)
    return x if x.type == root.type and all(s == 1 for s in op.steps) else None


@rule(P(Concat, "x", bind="root"))
def concat_of_one_goes(x: Value, root: Value) -> Value | None:
    """concat(x) = x."""
    return x


@rule(P(Pad, "x", "_", bind="root"))
def empty_pad_goes(x: Value, root: Value) -> Value | None:
    """pad(x, 0) = x."""
    op = op_of(root, Pad)
    return x if all(p is not None and isinstance(p, int) and p == 0 for p in (*op.begins, *op.ends)) else None


@rule(P(Cast, "x", bind="root"))
def same_type_cast_goes(x: Value, root: Value) -> Value | None:
    """cast(x, x.dtype) = x."""
    return x if x.dtype is root.dtype else None


@rule(P(Gemm, "a", P(Transpose, "b", bind="moved"), bind="root", open=True))
def gemm_reads_transposed_right(a: Value, b: Value, moved: Value, root: Value) -> Value | None:
    """a @ transpose(b) = gemm(a, b, transposed on the right)."""
    if not swaps_last(op_of(moved, Transpose).perm):
        return None
    op = op_of(root, Gemm)
    return apply(op.replace(trans_b=not op.trans_b), a, b, *root.node.inputs[2:])


@rule(P(Gemm, P(Transpose, "a", bind="moved"), "b", bind="root", open=True))
def gemm_reads_transposed_left(a: Value, b: Value, moved: Value, root: Value) -> Value | None:
    """transpose(a) @ b = gemm(a, b, transposed on the left)."""
    if not swaps_last(op_of(moved, Transpose).perm):
        return None
    op = op_of(root, Gemm)
    return apply(op.replace(trans_a=not op.trans_a), a, b, *root.node.inputs[2:])


@rule(P(Transpose, P(Reshape, P(Transpose, "x", bind="first"), bind="flat"), bind="root"))
def channels_last_again_is_a_reshape(x: Value, first: Value, flat: Value, root: Value) -> Value | None:
    """[n, space..., c] as [n, c, space...], as [n, c, pixels], as [n, pixels, c] = a reshape of the first."""
    last = x.rank - 1
    if op_of(first, Transpose).perm != (0, last, *range(1, last)) or op_of(root, Transpose).perm != (0, 2, 1):
        return None
    return apply(Reshape(root.shape), x) if flat.shape[:2] == first.shape[:2] else None


@rule(P(Op, bind="root"))
def compositions_are_written_out(root: Value) -> Value | Sequence[Value] | None:
    """An op that only stands for a composition of others = that composition."""
    return root.op.decompose(*root.node.inputs)


CANONICAL = (
    same_shape_is_no_move,
    reshapes_join,
    identity_transpose_goes,
    transposes_join,
    whole_slice_goes,
    concat_of_one_goes,
    empty_pad_goes,
    same_type_cast_goes,
    gemm_reads_transposed_right,
    gemm_reads_transposed_left,
    channels_last_again_is_a_reshape,
)
