"""Folding: what is known when the graph is built is computed then."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from minirt.ir.graph import Constant, Data, Graph, array_of, constant, is_constant
from minirt.ir.match import P
from minirt.ir.op import Op, Value, apply, apply_all
from minirt.ir.scalar import postorder
from minirt.ir.weights import formulas_over, is_fixed
from minirt.ops.evaluate import run_node
from minirt.ops.layout import Relayout
from minirt.ops.movement import Dims, Iota, Transpose, swaps_last
from minirt.ops.pointwise import Map
from minirt.optimize.rewrite import rule
from minirt.types.dim import Expr
from minirt.types.dtype import string, u8
from minirt.types.tensor import Tensor, Type

GROWTH = 4
SMALL = 1 << 16
LARGE = 1 << 26
"""Elements beyond which nothing is computed that has more of them than its operands: steps may double the last one."""
PACKED = 3
"""How many times the bytes of its operands an unpacked result has at least, for these to be kept instead."""


@rule(P(Op, bind="root"))
def known_operands_are_computed(root: Value) -> Sequence[Value] | None:
    """op(constants) = constants, op(weights) = weights that follow by one more op; large transposes stay, for products.

    A product reads a constant as it lies or transposed; transposing gigabytes takes seconds, and other nodes may read
    the constant as it was.
    """
    return None if _for_products(root) else _known(root)


@rule(P(Transpose, bind="root"))
def known_transposes_are_computed(root: Value) -> Sequence[Value] | None:
    """transpose(constant) = constant, large ones too: those that no product took in."""
    return _known(root) if _for_products(root) else None


def _for_products(root: Value) -> bool:
    op = root.op
    if not isinstance(op, Transpose) or not is_constant(root.node.inputs[0]):
        return False
    return swaps_last(op.perm) and isinstance(root.tensor.size, int) and root.tensor.size > SMALL


def _known(root: Value) -> Sequence[Value] | None:
    node = root.node
    if not node.inputs or not node.op.pure or not all(map(is_fixed, node.inputs)):
        return None
    if any(isinstance(f, Graph) for f in node.op.fields().values()):
        return None
    types = [v.type for v in node.outputs]
    sizes = [_size(t) for t in types]
    if isinstance(node.op, Relayout) or any(not isinstance(s, int) for s in sizes):
        return None
    given = sum(int(v.tensor.size) for v in dict.fromkeys(node.inputs) if not isinstance(v.tensor.size, Expr))
    if sum(s for s in sizes if isinstance(s, int)) > max(SMALL, min(GROWTH * given, max(LARGE, given))):
        return None
    return computed(node.op, *node.inputs)


def _size(kind: Type) -> int | None:
    """How many elements there are, None where that, or a dim beside one of 0, is not known."""
    if not isinstance(kind, Tensor) or any(isinstance(d, Expr) for d in kind.shape):
        return None
    return int(kind.size) if isinstance(kind.size, int) else None


def computed(op: Op, *inputs: Value) -> tuple[Value, ...]:
    """The op's results on fixed operands: constants where all are constants, else weights.

    Large numbers that lie packed in bytes become weights too, so that an engine holds the bytes.
    """
    if not all(map(is_constant, inputs)) or _unpacks(op, *inputs):
        return formulas_over(op, *inputs)
    node = apply_all(op, *inputs)[0].node
    results = run_node(node, [array_of(v) for v in inputs])
    return tuple(apply(Constant(Data(a, v.dtype))) for a, v in zip(results, node.outputs, strict=True))


def _unpacks(op: Op, *inputs: Value) -> bool:
    """True for a region that takes apart bytes into numbers that are larger by far."""
    if not isinstance(op, Map) or inputs[0].dtype is not u8:
        return False
    if not any(node.fn == "shr" for node in postorder(op.region.results)):
        return False
    held = [v.dtype.nbytes(int(array_of(v).size)) for v in inputs if is_constant(v)]
    result = apply(op, *inputs)
    size = result.tensor.size
    return isinstance(size, int) and result.dtype.nbytes(size) > max(SMALL, PACKED * sum(held))


@rule(P(Op, bind="root"))
def known_contents_are_dims(root: Value) -> Value | None:
    """A small integer tensor whose elements are expressions of dims needs no operands."""
    if isinstance(root.op, Constant | Dims) or not root.node.inputs or len(root.node.outputs) > 1:
        return None
    if not isinstance(root.type, Tensor) or root.dtype is string or root.dtype.is_float:
        return None
    contents = root.contents
    if contents is None:
        return None
    shape = tuple(int(n) for n in contents.shape)
    values = tuple(contents.reshape(-1).tolist())
    if any(isinstance(x, Expr) for x in values):
        return apply(Dims(values, root.dtype, shape))
    return constant(np.array([int(x) for x in values], dtype=np.int64).reshape(shape), root.dtype)


@rule(P(Iota, bind="root"))
def small_iota_is_constant(root: Value) -> Value | None:
    """Iota of a known small shape = its numbers."""
    if not isinstance(root.tensor.size, int) or root.tensor.size > SMALL:
        return None
    return constant(run_node(root.node, [])[0], root.dtype)


FOLDING = (known_contents_are_dims, known_operands_are_computed)
