"""Rewrites of ops with bodies: what does not change moves inside or outside, and trip counts are proved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from minirt.ir.graph import Constant, Graph, Input, constant, rebuild
from minirt.ir.match import P
from minirt.ir.op import Node, Value, apply, apply_all, op_of, reapply
from minirt.ir.weights import Weights
from minirt.ops.control import If, Loop
from minirt.ops.movement import Dims
from minirt.optimize.rewrite import rule
from minirt.types.dim import Dim, Expr, symbol, symbols
from minirt.types.dtype import bool_, i64
from minirt.types.evaluate import substitute
from minirt.types.tensor import Tensor

_STEP, _REST = "loop_step", "loop_rest"


def with_inputs(body: Graph, known: Mapping[int, Value]) -> Graph:
    """The body with some inputs replaced by values that need none."""
    replaced = {body.inputs[i]: v for i, v in known.items()}

    def visit(node: Node, operands: tuple[Value, ...]) -> Sequence[Value]:
        if isinstance(node.op, Input):
            return [replaced.get(v, v) for v in node.outputs]
        return reapply(node, node.op, operands)

    made = rebuild(body, visit)
    kept = [v for i, v in enumerate(made.inputs) if i not in known]
    return Graph(body.name, kept, made.outputs, body.names)


def _settled(value: Value) -> bool:
    return isinstance(value.op, Constant | Weights | Dims)


@rule(P(If, bind="root"))
def constants_move_into_branches(root: Value) -> Sequence[Value] | None:
    """if(c, then(k), else(k)) with k constant = if(c, then', else')."""
    op, (condition, *captures) = op_of(root, If), root.node.inputs
    known = {i: v for i, v in enumerate(captures) if _settled(v)}
    if not known:
        return None
    rest = [v for i, v in enumerate(captures) if i not in known]
    made = op.replace(then=with_inputs(op.then, known), otherwise=with_inputs(op.otherwise, known))
    return apply_all(made, condition, *rest)


@rule(P(If, bind="root"))
def known_condition_takes_its_branch(root: Value) -> Sequence[Value] | None:
    """if(true, then(x), _) = then(x)."""
    op, (condition, *captures) = op_of(root, If), root.node.inputs
    if condition.ints is None or isinstance(condition.ints[0], Expr):
        return None
    taken = op.then if condition.ints[0] else op.otherwise
    results = with_inputs(taken, dict(enumerate(captures))).outputs
    same = all(
        isinstance(a.type, Tensor) and isinstance(b.type, Tensor) and a.rank == b.rank and a.dtype is b.dtype
        for a, b in zip(results, root.node.outputs, strict=True)
    )
    return results if same else None


@rule(P(Loop, bind="root"))
def constants_move_into_loops(root: Value) -> Sequence[Value] | None:
    """loop(body(k)) with k constant = loop(body')."""
    op = op_of(root, Loop)
    _, _, carried, captures = op.split(root.node.inputs)
    first = 2 + len(carried)
    known = {first + i: v for i, v in enumerate(captures) if _settled(v)}
    if not known:
        return None
    head = root.node.inputs[: len(root.node.inputs) - len(captures)]
    rest = [v for i, v in enumerate(captures) if first + i not in known]
    return apply_all(op.replace(body=with_inputs(op.body, known)), *head, *rest)


@rule(P(Loop, bind="root"))
def unchanged_state_is_captured(root: Value) -> Sequence[Value] | None:
    """A carried value that the body hands on as it is = a capture."""
    op = op_of(root, Loop)
    _, _, carried, captures = op.split(root.node.inputs)
    still = [i for i in range(op.carried) if op.body.outputs[1 + i] is op.body.inputs[2 + i]]
    if not still or any(carried[i].type != op.body.inputs[2 + i].type for i in still):
        return None
    body = op.body
    moving = [i for i in range(op.carried) if i not in still]
    inputs = [
        *body.inputs[:2],
        *(body.inputs[2 + i] for i in moving),
        *body.inputs[2 + op.carried :],
        *(body.inputs[2 + i] for i in still),
    ]
    places = [0, *(1 + i for i in moving), *range(1 + op.carried, len(body.outputs))]
    made = Graph(body.name, inputs, [body.outputs[p] for p in places], [body.names[p] for p in places])
    dims = _dims_of(root.node, [p - 1 for p in places[1:]])
    head = root.node.inputs[: op.has_trip + op.has_condition]
    loop = op.replace(body=made, carried=len(moving), dims=dims)
    results = apply_all(loop, *head, *(carried[i] for i in moving), *captures, *(carried[i] for i in still))
    out: list[Value] = list(results)
    for i in still:
        out.insert(i, carried[i])
    return out


def _dims_of(node: Node, kept: Sequence[int]) -> tuple[str, ...]:
    """The dim names of some of a loop's results."""
    assert isinstance(node.op, Loop)
    names: list[str] = []
    at = 0
    for i, value in enumerate(node.outputs):
        rank = value.tensor.rank if isinstance(value.type, Tensor) else 0
        if i in kept:
            names.extend(node.op.dims[at : at + rank])
        at += rank
    return tuple(names)


@rule(P(Loop, bind="root"))
def trip_count_alone_ends_the_loop(root: Value) -> Sequence[Value] | None:
    """A loop whose condition stays true while iterations are left = one without a condition."""
    op = op_of(root, Loop)
    trip, condition, carried, _ = op.split(root.node.inputs)
    if trip is None or trip.ints is None or op.endless(condition):
        return None
    (count,) = trip.ints
    if not isinstance(count, Expr) or {str(count)} != symbols(count) or not _goes_on(op, root.node, str(count)):
        return None
    after = [constant(True, bool_), *op.body.outputs[1:]]
    made = op.replace(body=op.body.with_outputs(after), has_condition=False)
    inputs = [v for v in root.node.inputs if v is not condition] if condition is not None else root.node.inputs
    return apply_all(made, *inputs)


def _goes_on(op: Loop, node: Node, count: str) -> bool:
    """True where first and later conditions hold for iterations 0 .. count - 2: tried with count = step + 2 + rest."""
    sizes: dict[str, Dim] = {count: symbol(_STEP) + 2 + symbol(_REST)}
    _, condition, carried, captures = op.split(node.inputs)
    if condition is not None and not _is_true(condition, sizes):
        return False
    step = symbol(_STEP)
    known: dict[int, Value] = {0: apply(Dims((step,), i64, ()))}
    for i, start in enumerate(carried):
        moved = _advance(op, i)
        if moved is not None and start.ints is not None and len(start.ints) == 1:
            known[2 + i] = apply(Dims((start.ints[0] + moved * step,), start.dtype, start.tensor.shape))  # type: ignore[arg-type]
    for i, capture in enumerate(captures):
        if capture.ints is not None and capture.tensor.size == 1 and not capture.dtype.is_float:
            known[2 + op.carried + i] = apply(Dims(capture.ints, capture.dtype, capture.tensor.shape))  # type: ignore[arg-type]
    return _is_true(with_inputs(op.body, known).outputs[0], sizes)


def _is_true(condition: Value, sizes: Mapping[str, Dim]) -> bool:
    return condition.ints is not None and all(substitute(x, sizes) == 1 for x in condition.ints)


def _advance(op: Loop, number: int) -> int | None:
    """What each iteration adds to a carried scalar, where that is a known whole number."""
    before = op.body.inputs[2 + number]
    if not isinstance(before.type, Tensor) or before.tensor.size != 1 or not before.dtype.is_integer:
        return None
    probe = apply(Dims((symbol("loop_state"),), before.dtype, before.tensor.shape))  # type: ignore[arg-type]
    after = with_inputs(op.body, {2 + number: probe}).outputs[1 + number].ints
    moved = None if after is None else after[0] - symbol("loop_state")
    return moved if isinstance(moved, int) else None


LOOPS = (
    constants_move_into_branches,
    known_condition_takes_its_branch,
    constants_move_into_loops,
    unchanged_state_is_captured,
    trip_count_alone_ends_the_loop,
)
