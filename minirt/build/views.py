"""Views: ops that only rename where elements lie, as strides and an offset into their operand's buffer."""

from __future__ import annotations

from dataclasses import dataclass

from minirt.ir.op import Op
from minirt.kernels.kernel import is_dense
from minirt.ops.after import After
from minirt.ops.movement import Expand, Reshape, Slice, Transpose
from minirt.types.dim import Dim, Expr, mul, product
from minirt.types.tensor import Shape, Tensor


@dataclass(frozen=True)
class Placement:
    """Where a tensor's elements lie: strides and offset in elements from the start of a buffer."""

    type: Tensor
    strides: Shape
    offset: Dim = 0

    @property
    def dense(self) -> bool:
        """True where the elements lie gapless in the order of the type's layout."""
        return is_dense(self.type.shape, self.strides, self.type.order)


def dense(tensor: Tensor) -> Placement:
    """A tensor alone in its buffer, in its layout."""
    return Placement(tensor, tensor.strides)


def view(op: Op, at: Placement, result: Tensor) -> Placement | None:
    """Where the op's result lies if it need not be computed; None where elements must move."""
    if isinstance(op, After):
        return at
    if isinstance(op, Transpose):
        return _transpose(op.perm, at)
    if isinstance(op, Slice):
        offset = at.offset
        for start, stride in zip(op.starts, at.strides, strict=True):
            offset = offset + mul(start, stride)
        strides = tuple(mul(s, step) for s, step in zip(at.strides, op.steps, strict=True))
        if any(step < 0 for step in op.steps):
            return None
        return Placement(Tensor(result.dtype, result.shape, at.type.layout), strides, offset)
    if isinstance(op, Expand):
        return _expand(at, result)
    if isinstance(op, Reshape):
        strides_or_none = reshape_strides(at.type.shape, at.strides, result.shape)
        if strides_or_none is None:
            return None
        layout = _layout_of(result.shape, strides_or_none)
        return Placement(Tensor(result.dtype, result.shape, layout), strides_or_none, at.offset)
    return None


def behind(op: Op, at: Placement, operand: Tensor) -> Placement | None:
    """Where the operand of a reshape or a transposition must lie for the result to lie so; None where it cannot."""
    if isinstance(op, Transpose):
        return _transpose(tuple(sorted(range(len(op.perm)), key=op.perm.__getitem__)), at)
    return view(Reshape(operand.shape), at, operand) if isinstance(op, Reshape) else None


def is_view(op: Op) -> bool:
    """True for ops whose result may be a view."""
    return isinstance(op, Transpose | Slice | Expand | Reshape | After)


def _transpose(perm: tuple[int, ...], at: Placement) -> Placement:
    shape = tuple(at.type.shape[p] for p in perm)
    where = {old: new for new, old in enumerate(perm)}
    order = tuple(where[a] for a in at.type.order)
    layout = () if order == tuple(range(len(perm))) else order
    return Placement(Tensor(at.type.dtype, shape, layout), tuple(at.strides[p] for p in perm), at.offset)


def _expand(at: Placement, result: Tensor) -> Placement | None:
    lead = result.rank - at.type.rank
    strides: list[Dim] = [0] * lead
    for old, new, stride in zip(at.type.shape, result.shape[lead:], at.strides, strict=True):
        if old is new or (not isinstance(old, Expr) and old == new):
            strides.append(stride)
        elif not isinstance(old, Expr) and old == 1:
            strides.append(0)
        else:
            return None
    layout = (*range(lead), *(a + lead for a in at.type.layout)) if at.type.layout else ()
    return Placement(Tensor(result.dtype, result.shape, layout), tuple(strides), at.offset)


def _layout_of(shape: Shape, strides: Shape) -> tuple[int, ...]:
    """The order of the axes in memory, where strides are numbers that tell; () for row-major."""
    moved = [a for a, d in enumerate(shape) if not _same(d, 1)]
    if any(isinstance(strides[a], Expr) or strides[a] == 0 for a in moved):
        return ()
    found = iter(sorted(moved, key=lambda a: -int(strides[a])))  # type: ignore[arg-type]
    order = tuple(next(found) if a in moved else a for a in range(len(shape)))
    return () if order == tuple(range(len(shape))) else order


def _same(a: Dim, b: Dim) -> bool:
    return a is b or (not isinstance(a, Expr) and not isinstance(b, Expr) and a == b)


def reshape_strides(shape: Shape, strides: Shape, new: Shape) -> Shape | None:
    """Strides of the same elements under another shape; None where no strides do it."""
    empty = any(not isinstance(d, Expr) and d == 0 for d in shape)
    if empty or is_dense(shape, strides, tuple(range(len(shape)))):
        return row_major(new)
    chunks: list[tuple[Dim, Dim]] = []  # (elements, innermost stride) of runs that lie as one axis
    for size, stride in zip(reversed(shape), reversed(strides), strict=True):
        if _same(size, 1):
            continue
        if chunks and _same(stride, mul(chunks[-1][0], chunks[-1][1])):
            chunks[-1] = (mul(size, chunks[-1][0]), chunks[-1][1])
        else:
            chunks.append((size, stride))
    out: list[Dim] = [1] * len(new)
    axis = len(new) - 1
    for total, stride in chunks:
        covered: Dim = 1
        while not _same(covered, total):
            if axis < 0:
                return None
            out[axis] = mul(covered, stride)
            covered = mul(covered, new[axis])
            axis -= 1
    if any(not _same(d, 1) for d in new[: axis + 1]):
        return None
    return tuple(out)


def row_major(shape: Shape) -> Shape:  # noqa: N802
    """Row-major strides."""
    return tuple(product(shape[i + 1 :]) for i in range(len(shape)))
