"""Products of a few rows: each block of their kernel reads whole rows of a, and so may normalize them itself."""

from __future__ import annotations

from collections.abc import Mapping

from minirt.ir.match import P
from minirt.ir.op import Value, apply, op_of
from minirt.ir.scalar import Body, Scalar, arg, postorder, rebuild, uses_index
from minirt.ir.weights import is_fixed
from minirt.ops.gemm import Gemm
from minirt.ops.normalization import Normalization
from minirt.ops.row_gemm import RowGemm
from minirt.optimize.fusion import MAX_NODES, MAX_OPERANDS
from minirt.optimize.rewrite import Rule, rule
from minirt.types.dim import product

MAX_ROWS = 8
MAX_BYTES = 32 << 10
"""Of the rows of a, which a block keeps in shared memory."""
_DTYPES = ("f16", "bf16", "f32")


@rule(P(Gemm, bind="root"))
def two_products_of_rows_are_one(root: Value, uses: Mapping[Value, int]) -> Value | None:
    """f(x @ v, g(x @ w)) = (x @ v, x @ w with f and g in their epilogue): a gate and what it scales."""
    op = op_of(root, Gemm)
    x, v, *extras = root.node.inputs
    if not _has_few_rows(root):
        return None
    for i, other in enumerate(extras):
        if not isinstance(other.op, Gemm) or uses.get(other, 1) > 1 or not _has_few_rows(other):
            continue
        y, w, *more = other.node.inputs
        alike = y is x and w.shape == v.shape and other.op.trans_b == op.trans_b and other.shape == root.shape
        rest = extras[:i] + extras[i + 1 :]
        if not alike or len(rest) + len(more) + 3 > MAX_OPERANDS:
            continue
        body = _joined(op.body(x.dtype), other.op.body(x.dtype), i + 1)
        if len(postorder(body.results)) > MAX_NODES:
            continue
        return apply(RowGemm(trans_b=op.trans_b, gated=True, epilogue=body), x, v, w, *rest, *more)
    return None


def _joined(outer: Body, inner: Body, place: int) -> Body:
    """``outer`` with its argument ``place`` computed by ``inner``, whose sum is argument 1 of both."""
    count = len(outer.args)  # arguments of inner follow those of outer, of which one is gone and one has come
    numbers = {0: 1} | {i: count + i - 1 for i in range(1, len(inner.args))}
    (made,) = rebuild(inner.results, lambda n: arg(numbers[n.value], n.dtype) if n.fn == "arg" else n)  # type: ignore[index]
    after = {i: i + 1 if i < place else i for i in range(1, count)} | {0: 0}

    def leaf(node: Scalar) -> Scalar:
        if node.fn != "arg":
            return node
        return made if node.value == place else arg(after[node.value], node.dtype)  # type: ignore[index]

    rest = [d for i, d in enumerate(outer.args) if i not in (0, place)]
    return Body((outer.args[0], inner.args[0], *rest, *inner.args[1:]), rebuild(outer.results, leaf))


@rule(P((Gemm, RowGemm), P(Normalization, bind="norm", once=True), bind="root", open=True))
def products_of_rows_take_norms(norm: Value, root: Value) -> Value | None:
    """norm(x) @ w = (x @ w with the norm in its prologue), with the same rounding between."""
    op, before = root.op, op_of(norm, Normalization)
    x, *sides = norm.node.inputs
    if not _has_few_rows(root) or len(norm.node.outputs) > 1 or x.dtype is not norm.dtype:
        return None
    rows, finish = product(x.shape[:-1]), before.finish(x.dtype)
    length = x.shape[-1]
    assert isinstance(rows, int) and isinstance(length, int)
    small = (1 << (rows - 1).bit_length()) * length * x.dtype.bits <= 8 * MAX_BYTES
    by_column = all(s.tensor.size == 1 or s.shape[-1:] == (s.tensor.size,) for s in sides)
    if before.axes != (x.rank - 1,) or not small or not by_column or uses_index(finish.results):
        return None
    if isinstance(op, RowGemm):
        if op.kind or len(root.node.inputs) + len(sides) > MAX_OPERANDS:
            return None
        made = op.replace(kind=before.kind, epsilon=before.epsilon, prologue=finish)
    else:
        assert isinstance(op, Gemm)
        made = RowGemm(op.trans_b, False, before.kind, before.epsilon, finish, op.body(x.dtype))
    return apply(made, x, *root.node.inputs[1:], *sides)


def _has_few_rows(root: Value) -> bool:
    """True for a product of few rows with fixed matrices, which the kernel for such products takes."""
    op, (x, *others) = root.op, root.node.inputs
    assert isinstance(op, Gemm | RowGemm)
    rows, body = product(root.shape[:-1]), op.body(x.dtype)
    matrices = others[: op.sums] if isinstance(op, RowGemm) else others[:1]
    fixed = all(is_fixed(b) and b.rank == 2 for b in matrices) and not op.trans_a
    plain = len(body.results) == 1 and not uses_index(body.results)
    fits = x.dtype.name in _DTYPES and x.rank >= 2 and isinstance(x.shape[-1], int) and x.shape[-1] > 0
    return isinstance(rows, int) and 0 < rows <= MAX_ROWS and fixed and plain and fits


FEW_ROWS: tuple[Rule, ...] = (two_products_of_rows_are_one, products_of_rows_take_norms)
