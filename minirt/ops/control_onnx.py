"""Importers of control flow: If, Loop and Scan."""

from __future__ import annotations

from collections.abc import Sequence

from minirt.errors import MinirtError, TypeInferenceError, UnsupportedNodeError
from minirt.ir.graph import Graph, Input, Raise, constant, postorder
from minirt.ir.op import Value, apply, apply_all, fresh_dim, origin
from minirt.ir.weights import is_fixed
from minirt.ops.control import If, Loop, inner_dims
from minirt.ops.control_counted import count_of
from minirt.ops.control_lists import grown_lists, lengthened, stacking
from minirt.ops.importer import OnnxNode, Result, importer
from minirt.ops.indexing import Gather
from minirt.ops.movement import dims_value, expanded, reshaped, sliced, transposed
from minirt.ops.sequence import common
from minirt.ops.shape import concatenated
from minirt.types.dim import Dim, Expr, symbol, symbols
from minirt.types.dtype import bool_, i64
from minirt.types.tensor import Sequence as SequenceType
from minirt.types.tensor import Tensor, Type

_ROUNDS = 8


def inlined(graph: Graph, values: Sequence[Value]) -> list[Value]:
    """The graph's outputs, computed from the values in place of its inputs."""
    made: dict[Value, Value] = dict(zip(graph.inputs, values, strict=True))
    for node in postorder(v.node for v in graph.outputs):
        if node.outputs and node.outputs[0] in made:
            continue
        with origin(node.origin):
            results = apply_all(node.op, *(made[v] for v in node.inputs))
        made.update(zip(node.outputs, results, strict=True))
    return [made[v] for v in graph.outputs]


def _single(value: Value) -> Value:
    return value if value.rank == 0 else reshaped(value, ())


Branch = tuple[Graph, tuple[Value, ...]]


def _branch(node: OnnxNode, name: str) -> Branch | MinirtError:
    try:
        return node.body(name, [])
    except (TypeInferenceError, UnsupportedNodeError) as error:
        return error


def _refusing(like: Graph, error: MinirtError) -> Branch:
    outputs = [apply(Raise(str(error), v.type)) for v in like.outputs]
    return Graph(like.name, (), outputs, like.names), ()


def _with_captures(branch: Branch, captures: Sequence[Value]) -> Graph:
    """The branch's graph with all captures as inputs, its own among them."""
    graph, own = branch
    have = dict(zip(own, graph.inputs, strict=True))
    taken = {v.op.label for v in graph.inputs if isinstance(v.op, Input)}
    inputs = []
    for number, value in enumerate(captures):
        label = f"capture_{number}"
        while label in taken:
            label += "_"
        inputs.append(have.get(value) or apply(Input(label, value.type)))
    return Graph(graph.name, inputs, graph.outputs, graph.names)


def _of_like_ranks(wanted: Sequence[Type], graph: Graph, start: int = 0) -> Graph:
    """The graph, its results of one element reshaped to the types wanted of them: exporters mix ranks 0 and 1."""
    outputs = list(graph.outputs)
    for place, (a, v) in enumerate(zip(wanted, graph.outputs[start:], strict=False), start):
        b = v.type
        if isinstance(a, Tensor) and isinstance(b, Tensor) and a.rank != b.rank:
            if all(d == 1 for d in (*a.shape, *b.shape)):
                outputs[place] = reshaped(v, a.shape)
    return Graph(graph.name, graph.inputs, outputs, graph.names)


def _misfit(then: Graph, otherwise: Graph) -> str:
    """Why no types hold both branches' results, "" where some do.

    Exporters write ``squeeze`` of an unknown dim as such an If: what follows fits the first branch only.
    """
    for a, b in zip(then.outputs, otherwise.outputs, strict=False):
        if isinstance(a.type, Tensor) and isinstance(b.type, Tensor):
            same = a.dtype is b.dtype and a.rank == b.rank
        else:
            same = a.type == b.type
        if not same:
            return f"the other branch gives {b.type} where this graph was built for {a.type}"
    return ""


@importer("If")
def _if(node: OnnxNode) -> Result:
    condition = _single(node.input(0))
    known = condition.ints
    if known is not None and not isinstance(known[0], Expr):
        graph, captures = node.body("then_branch" if known[0] else "else_branch", [])
        return inlined(graph, captures)
    then, otherwise = _branch(node, "then_branch"), _branch(node, "else_branch")
    if isinstance(then, MinirtError) and isinstance(otherwise, MinirtError):
        raise then
    if isinstance(then, MinirtError):
        assert not isinstance(otherwise, MinirtError)
        then = _refusing(otherwise[0], then)
    if isinstance(otherwise, MinirtError):
        otherwise = _refusing(then[0], otherwise)
    otherwise = _of_like_ranks([v.type for v in then[0].outputs], otherwise[0]), otherwise[1]
    misfit = _misfit(then[0], otherwise[0])
    if misfit:
        otherwise = _refusing(then[0], MinirtError(misfit))
    captures = tuple(dict.fromkeys((*then[1], *otherwise[1])))
    op = If(_with_captures(then, captures), _with_captures(otherwise, captures))
    return apply_all(op, condition, *captures)


def _wider(inside: Type, after: Type, own: set[str]) -> Type:
    """A type that holds both: a dim that changes becomes a fresh one (its name is added to ``own``)."""
    if isinstance(inside, SequenceType) and isinstance(after, SequenceType):
        return SequenceType(common([inside.element, after.element]))
    if not isinstance(inside, Tensor) or not isinstance(after, Tensor):
        if type(inside) is type(after):
            return inside
        raise MinirtError(f"a carried value changes from {inside} to {after}")
    if inside.dtype is not after.dtype or inside.rank != after.rank:
        raise MinirtError(f"a carried value changes from {inside} to {after}")
    shape: list[Dim] = []
    for a, b in zip(inside.shape, after.shape, strict=True):
        if a is b or str(a) in own or (not isinstance(a, Expr) and not isinstance(b, Expr) and a == b):
            shape.append(a)
        else:
            name = fresh_dim()
            own.add(name)
            shape.append(symbol(name))
    return Tensor(inside.dtype, tuple(shape))


def _stable(node: OnnxNode, first: Sequence[Type], carried: Sequence[Value], rest: Sequence[Type]) -> Branch:
    """The body for carried types that it gives back as it takes them; ``rest`` are types of inputs after those."""
    types, own, skip = [v.type for v in carried], set[str](), 1 if first else 0
    for _ in range(_ROUNDS):
        graph, captures = node.body("body", [*first, *types, *rest])
        graph = _of_like_ranks(types, graph, skip)
        after = [v.type for v in graph.outputs[skip : skip + len(types)]]
        if len(after) < len(types):
            raise MinirtError(f"the body gives {len(graph.outputs)} results for {len(types)} carried values")
        wider = [_wider(a, b, own) for a, b in zip(types, after, strict=True)]
        if wider == types:
            return graph, captures
        types = wider
    raise MinirtError("the types of the carried values do not settle")


def _positive(number: Dim) -> bool:
    return not isinstance(number, Expr) and number > 0


def _written_first(node: OnnxNode, carried: list[Value]) -> list[Value]:
    """Carried values for a loop that runs: zeros for what no round reads and the first gives another type.

    PaddlePaddle's exporter gives variables that are assigned in the loop alone a placeholder of rank 0.
    """
    graph, captures = node.body("body", [Tensor(i64, ()), Tensor(bool_, ()), *(v.type for v in carried)])
    known = {s for v in (*carried, *captures) if isinstance(v.type, Tensor) for d in v.shape for s in symbols(d)}
    inner = inner_dims(graph, frozenset(known))
    read = {v for n in postorder(v.node for v in graph.outputs) for v in n.inputs} | set(graph.outputs)
    found = list(carried)
    for place, (inside, after) in enumerate(zip(graph.inputs[2 : 2 + len(carried)], graph.outputs[1:], strict=False)):
        a, b = inside.type, after.type
        if inside in read or not isinstance(a, Tensor) or not isinstance(b, Tensor):
            continue
        if a.dtype is not b.dtype or a.rank != b.rank:
            shape = [0 if symbols(d) & inner else d for d in b.shape]
            found[place] = expanded(constant(0, b.dtype), shape)
    return found


@importer("Loop")
def _loop(node: OnnxNode) -> Result:
    trip, condition = (None if v is None else _single(v) for v in (node.optional(0), node.optional(1)))
    carried = [node.input(i) for i in range(2, len(node.inputs))]
    if all(v is None or (v.ints is not None and _positive(v.ints[0])) for v in (trip, condition)):
        carried = _written_first(node, carried)
    graph, captures = _stable(node, [Tensor(i64, ()), Tensor(bool_, ())], carried, [])
    count = None if condition is None else count_of(graph, carried, trip, condition)
    if count is not None:
        graph = Graph(graph.name, graph.inputs, [constant(True, bool_), *graph.outputs[1:]], graph.names)
        trip, condition = dims_value([count], shape=()), None
    heads = [v for v in (trip, condition) if v is not None]
    grown = grown_lists(graph, carried)
    rest = [i for i in range(len(carried)) if i not in grown]
    graph = stacking(graph, grown)
    kept, graph, fixed = _without_fixed(graph, [carried[i] for i in rest])
    op = Loop(graph, len(kept), trip is not None, condition is not None)
    results = apply_all(op, *heads, *(carried[rest[i]] for i in kept), *captures, *fixed)
    final = list(carried)
    for place, value in zip(kept, results, strict=False):
        final[rest[place]] = value
    stacks = results[len(results) - len(grown) :]
    for place, stack in zip(grown, stacks, strict=True):
        final[place] = lengthened(carried[place], stack)
    return [*final, *results[len(kept) : len(results) - len(grown)]]


def _without_fixed(graph: Graph, carried: Sequence[Value]) -> tuple[list[int], Graph, list[Value]]:
    """The body without carried values that it passes on as they are: constants are put in, others become captures.

    Returns which values are still carried, the body, and the new captures, that follow the others.
    """
    inside, after = graph.inputs[2 : 2 + len(carried)], graph.outputs[1 : 1 + len(carried)]
    fixed = [i for i, (a, b) in enumerate(zip(inside, after, strict=True)) if a is b]
    held = [i for i in fixed if not is_fixed(carried[i])]
    kept = [i for i in range(len(carried)) if i not in fixed]
    swapped = {inside[i]: carried[i] for i in fixed if i not in held}
    outputs = inlined(graph, [swapped.get(v, v) for v in graph.inputs])
    left = [outputs[0], *(outputs[1 + i] for i in kept), *outputs[1 + len(carried) :]]
    names = [graph.names[0], *(graph.names[1 + i] for i in kept), *graph.names[1 + len(carried) :]]
    rest = graph.inputs[2 + len(carried) :]
    inputs = [*graph.inputs[:2], *(inside[i] for i in kept), *rest, *(inside[i] for i in held)]
    return kept, Graph(graph.name, inputs, left, names), [carried[i] for i in held]


@importer("Scan")
def _scan(node: OnnxNode) -> Result:
    """A Loop whose body takes slice i of each scanned operand."""
    if node.opset < 9:
        return _scan_of_batches(node)
    count = int(node.attributes["num_scan_inputs"])
    states = [node.input(i) for i in range(len(node.inputs) - count)]
    scanned = [node.input(i) for i in range(len(states), len(node.inputs))]
    axes = [a % v.rank for a, v in zip(node.attributes.get("scan_input_axes") or [0] * count, scanned, strict=True)]
    backwards = node.attributes.get("scan_input_directions") or [0] * count
    fronts = [_front(v, axis, bool(back)) for v, axis, back in zip(scanned, axes, backwards, strict=True)]
    results = _scanned(node, states, fronts)
    stacks = results[len(states) :]
    out_axes = node.attributes.get("scan_output_axes") or [0] * len(stacks)
    out_back = node.attributes.get("scan_output_directions") or [0] * len(stacks)
    moved = [_back(v, a % v.rank, bool(b)) for v, a, b in zip(stacks, out_axes, out_back, strict=True)]
    return results[: len(states)] + moved


def _scanned(node: OnnxNode, states: Sequence[Value], fronts: Sequence[Value]) -> list[Value]:
    """The last states, and what the body gave for each slice along the first axes, stacked."""
    pieces: list[Type] = [Tensor(v.dtype, v.shape[1:]) for v in fronts]
    body, captures = _stable(node, [], states, pieces)
    loop = Loop(_loop_body(body, len(states), fronts), len(states), True, False)
    return list(apply_all(loop, _length(fronts[0]), *states, *fronts, *captures))


def _scan_of_batches(node: OnnxNode) -> Result:
    """Opset 8: axis 0 is a batch, each element of which is scanned alone, along axis 1."""
    count = int(node.attributes["num_scan_inputs"])
    if node.optional(0) is not None:
        raise MinirtError("Scan of opset 8 with sequence_lens is not supported: pad in the model, or export it anew")
    operands = [node.input(i) for i in range(1, len(node.inputs))]
    batch = operands[0].shape[0]
    if isinstance(batch, Expr):
        raise MinirtError("Scan of opset 8 needs a batch of a fixed size")
    backwards = [False] * (len(operands) - count) + [bool(d) for d in node.attributes.get("directions") or [0] * count]
    made = []
    for i in range(int(batch)):
        parts = [reshaped(sliced(v, 0, i, 1), v.shape[1:]) for v in operands]
        turned = [_front(v, 0, back) for v, back in zip(parts, backwards, strict=True)]
        made.append(_scanned(node, turned[: len(operands) - count], turned[len(operands) - count :]))
    return [concatenated([reshaped(v, (1, *v.shape)) for v in rows], 0) for rows in zip(*made, strict=True)]


def _length(value: Value) -> Value:
    size = value.shape[0]
    return dims_value([size], shape=())


def _loop_body(body: Graph, states: int, fronts: Sequence[Value]) -> Graph:
    """The Scan body as a Loop body: iteration, condition, states, scanned operands, captures."""
    step, going = apply(Input("scan_iteration", Tensor(i64, ()))), apply(Input("scan_condition", Tensor(bool_, ())))
    inside = [apply(Input(f"scan_operand_{i}", v.type)) for i, v in enumerate(fronts)]
    pieces = [apply(Gather(0), v, step) for v in inside]
    kept, captures = body.inputs[:states], body.inputs[states + len(fronts) :]
    outputs = inlined(body, [*kept, *pieces, *captures])
    names = ["scan_condition_out", *body.names]
    return Graph(body.name, [step, going, *kept, *inside, *captures], [constant(True, bool_), *outputs], names)


def _front(value: Value, axis: int, back: bool) -> Value:
    moved = transposed(value, [axis, *(i for i in range(value.rank) if i != axis)]) if axis else value
    return _reversed(moved) if back else moved


def _back(value: Value, axis: int, back: bool) -> Value:
    turned = _reversed(value) if back else value
    order = list(range(1, value.rank))
    order.insert(axis, 0)
    return transposed(turned, order) if axis else turned


def _reversed(value: Value) -> Value:
    return sliced(value, 0, value.shape[0] - 1, value.shape[0], -1)
