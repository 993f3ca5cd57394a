"""Fusion: pointwise chains become regions; anchors take the pointwise work around them."""

from __future__ import annotations

import math
from collections.abc import Mapping

from minirt.ir.graph import array_of, is_constant
from minirt.ir.match import P
from minirt.ir.op import Op, Value, apply, names_of, op_of, origin
from minirt.ir.regions import inline, shared, to_front, weight_of, with_constant
from minirt.ir.scalar import Body, arg, cast, const, index, postorder, uses_index
from minirt.ops.epilogue import Accumulates, chain
from minirt.ops.movement import Expand, Iota, Reshape, Transpose
from minirt.ops.normalization import Normalization
from minirt.ops.pointwise import Elementwise, Map
from minirt.ops.reduce import Reduce
from minirt.optimize.rewrite import Rule, rule

MAX_OPERANDS = 12
MAX_NODES = 96
CHEAP = 4
KNOWN = (2**0.5, 0.5**0.5, (2 / math.pi) ** 0.5, 0.044715, 1 / 3, 1 / 6, math.pi, math.e, math.log(2), math.log(10))
"""Numbers of well-known formulas."""
Uses = Mapping[Value, int]


def body_of(value: Value) -> Body:
    """The body of a pointwise value."""
    return op_of(value, Elementwise).body(tuple(v.dtype for v in value.node.inputs))


def _computable(body: Body) -> bool:
    """False for bodies that round to an element type of less than a byte, which only the reference does."""
    return all(n.dtype.bits >= 8 and n.dtype.kind in "fiub" for n in postorder(body.results))


def _region(body: Body, operands: tuple[Value, ...], root: Value) -> Value | None:
    """The region as a value of the root's type; None where it would be another type or grows too large."""
    if not operands or len(operands) > MAX_OPERANDS or len(postorder(body.results)) > MAX_NODES:
        return None
    if not _computable(body):
        return None
    made = apply(Map(body), *operands)
    return made if made.type == root.type else None


@rule(P(Elementwise, bind="root"))
def pointwise_joins_pointwise(root: Value, uses: Uses) -> Value | None:
    """f(g(x), y) = (f . g)(x, y), where nothing else reads g(x)."""
    if len(root.node.outputs) > 1:
        return None
    for i, operand in enumerate(root.node.inputs):
        if not isinstance(operand.op, Elementwise) or len(operand.node.outputs) > 1 or uses.get(operand, 1) > 1:
            continue
        inner = body_of(operand)
        if operand.shape != root.shape and (weight_of(inner) > CHEAP or uses_index(inner.results)):
            continue
        body, values = shared(body_of(root), root.node.inputs)
        with origin(names_of(operand, root)):
            made = _region(*inline(body, values, values.index(root.node.inputs[i]), inner, operand.node.inputs), root)
        if made is not None:
            return made
    return None


@rule(P(Elementwise, bind="root"))
def pointwise_holds_its_numbers(root: Value) -> Value | None:
    """f(x, c) with one number c reads no operand for it; a coordinate is computed where it is used."""
    body, values = shared(body_of(root), root.node.inputs)
    for i, operand in enumerate(values):
        if is_constant(operand) and _is_plain_number(operand):
            number = const(array_of(operand).reshape(()).item(), operand.dtype)
            made = _region(*with_constant(body, values, i, number), root)
            if made is not None:
                return made
        if isinstance(operand.op, Iota) and _reaches(operand, operand.op.axis, root):
            coordinate = cast(index(operand.op.axis - operand.rank), operand.dtype)
            made = _region(*with_constant(body, values, i, coordinate), root)
            if made is not None:
                return made
    return None


def _is_plain_number(value: Value) -> bool:
    """True for one number that formulas hold; a trained one stays an operand, or each would ask for its own kernel."""
    if value.tensor.size != 1 or value.dtype.bits < 8 or value.dtype.kind not in "fiub":
        return False
    number = float(array_of(value).reshape(()))
    if not math.isfinite(number) or (number * 1024).is_integer() or abs(number) > 1e4 or abs(number) < 1e-4:
        return True
    return len(f"{number:.6g}") <= 5 or any(math.isclose(abs(number), known, rel_tol=1e-6) for known in KNOWN)


def _reaches(operand: Value, axis: int, root: Value) -> bool:
    return operand.shape[axis] == root.shape[axis - operand.rank]


@rule(P(Elementwise, bind="root"))
def pointwise_broadcasts_by_itself(root: Value) -> Value | None:
    """f(expand(x), y) = f(x, y), where the result keeps its shape."""
    inputs = root.node.inputs
    for i, operand in enumerate(inputs):
        if isinstance(operand.op, Expand):
            made = apply(root.op, *inputs[:i], operand.node.inputs[0], *inputs[i + 1 :])
            if made.type == root.type:
                return made
    return None


@rule(P(Elementwise, P((Transpose, Reshape), "x", bind="move", once=True), bind="root"))
def pointwise_goes_before_moves(x: Value, move: Value, root: Value) -> Value | None:
    """f(transpose(x)) = transpose(f(x)), so that what made x can take f."""
    if len(root.node.outputs) > 1 or uses_index(body_of(root).results):
        return None
    made = apply(move.op, apply(root.op, x))
    return made if made.type == root.type else None


@rule(P(Elementwise, bind="root"))
def anchor_takes_pointwise(root: Value, uses: Uses) -> Value | None:
    """f(a @ b, y) = (a @ b with f in its epilogue), likewise for convolutions, reductions and normalisations."""
    if len(root.node.outputs) > 1:
        return None
    body, values = shared(body_of(root), root.node.inputs)
    if not _computable(body):
        return None
    for i in reversed(range(len(values))):
        anchor = values[i]
        if not isinstance(anchor.op, Accumulates | Normalization | Reduce) or uses.get(anchor, 1) > 1:
            continue
        if anchor.shape != root.shape or len(anchor.node.outputs) > 1:
            continue
        rest = values[:i] + values[i + 1 :]
        if len(rest) + len(anchor.node.inputs) > MAX_OPERANDS:
            continue
        with origin(names_of(anchor, root)):
            made = apply(_then(anchor, to_front(body, i)), *anchor.node.inputs, *rest)
        if made.type == root.type:
            return made
    return None


def _then(anchor: Value, body: Body) -> Op:
    """The anchor's op with the body run on its result."""
    op = anchor.op
    if isinstance(op, Accumulates):
        return op.then(body, anchor.node.inputs[0].dtype)
    assert isinstance(op, Reduce | Normalization)
    dtypes = tuple(v.dtype for v in anchor.node.inputs)
    own = op.finish(dtypes) if isinstance(op, Reduce) else op.finish(dtypes[0])
    return op.replace(epilogue=chain(own, body))


@rule(P(Reduce, bind="root"))
def reduction_takes_pointwise(root: Value, uses: Uses) -> Value | None:
    """sum(f(x)) = sum with f as its prologue, where nothing else reads f(x)."""
    op = op_of(root, Reduce)
    inputs = root.node.inputs
    count = op.sources()
    for i, operand in enumerate(inputs[:count]):
        pointwise = isinstance(operand.op, Elementwise) and len(operand.node.outputs) == 1
        if not pointwise or uses.get(operand, 1) > 1 or uses_index(body_of(operand).results):
            continue
        outer = op.prologue or Body((operand.dtype,), (arg(0, operand.dtype),))
        body, values = inline(outer, inputs[:count], i, body_of(operand), operand.node.inputs)
        large = len(values) + len(inputs) - count > MAX_OPERANDS or len(postorder(body.results)) > MAX_NODES
        if large or not _computable(body):
            continue
        with origin(names_of(operand, root)):
            made = apply(op.replace(prologue=body), *values, *inputs[count:])
        if made.type == root.type:
            return made
    return None


REGIONS: tuple[Rule, ...] = (pointwise_holds_its_numbers, pointwise_broadcasts_by_itself, pointwise_joins_pointwise)
ANCHORS: tuple[Rule, ...] = (anchor_takes_pointwise, reduction_takes_pointwise, pointwise_goes_before_moves)
