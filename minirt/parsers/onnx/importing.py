"""From parsed nodes to values of the typed graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from minirt.errors import MinirtError, ModelFormatError, TypeInferenceError, UnsupportedNodeError
from minirt.ir.graph import Constant, Data, Graph, Input
from minirt.ir.op import Value, apply, origin
from minirt.ir.weights import is_fixed
from minirt.ops.importer import BodyImporter, OnnxNode
from minirt.ops.movement import Dims
from minirt.ops.sequence import SequenceOfSlices
from minirt.ops.sequence_onnx import slices_of
from minirt.parsers.onnx.expand import expansion, has_expansion
from minirt.parsers.onnx.model import Model, ParsedGraph, ParsedNode, ParsedValue
from minirt.parsers.onnx.registry import IMPORTERS
from minirt.types.tensor import Optional, Tensor, Type
from minirt.types.tensor import Sequence as SequenceType

_UNKNOWN = "no importer takes this op, and no plugin has its name"
Env = dict[str, Value]
Hold = Callable[[str, Data, bool], Value]


def _as_constant(name: str, data: Data, plain: bool) -> Value:
    return apply(Constant(data))


_hold: ContextVar[Hold] = ContextVar("hold", default=_as_constant)


@contextmanager
def holding(hold: Hold) -> Iterator[None]:
    """Within it, ``hold`` says what constants are in the graph: those of bodies, and those that are nodes.

    It is given a name, the numbers, and whether they are a plain number of some formula.
    """
    token = _hold.set(hold)
    try:
        yield
    finally:
        _hold.reset(token)


class ImportFailure(MinirtError):
    """Some nodes of a model cannot be imported; ``errors`` has one error for each."""

    def __init__(self, errors: Sequence[MinirtError]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(str(e) for e in errors))


def check_nodes(graph: ParsedGraph) -> list[UnsupportedNodeError]:
    """An error for each node, bodies included, that no importer takes."""
    found: list[UnsupportedNodeError] = []
    stack = list(reversed(graph.nodes))
    while stack:
        node = stack.pop()
        if (node.domain, node.op_type) not in IMPORTERS and not has_expansion(node):
            found.append(_unsupported(node, _UNKNOWN))
        stack.extend(n for b in reversed(list(node.bodies.values())) for n in reversed(b.nodes))
    return found


def _unsupported(node: ParsedNode, reason: str) -> UnsupportedNodeError:
    return UnsupportedNodeError(node.name, node.op_type, reason, node.opset, node.domain)


def import_node(node: ParsedNode, operands: Sequence[Value | None]) -> tuple[Value, ...]:
    """The node's results; ``operands`` are its inputs (None where absent), then its captures.

    Raises UnsupportedNodeError where no importer takes the node as it is, TypeInferenceError where its operands do
    not fit.
    """
    count = len(node.inputs)
    captured: Env = {n: v for n, v in zip(node.captures, operands[count:], strict=True) if v is not None}
    with origin((node.name,)):
        found = IMPORTERS.get((node.domain, node.op_type))
        if found is None:
            return _expanded(node, operands[:count])
        inputs = tuple(operands[:count])
        outputs = max((i + 1 for i, name in enumerate(node.outputs) if name), default=0)
        view = OnnxNode(
            node.op_type, node.name, node.opset, inputs, node.attributes, outputs, node.domain, _bodies(node, captured)
        )
        results = _guarded(node, lambda: found(view))
    made = (results,) if isinstance(results, Value) else tuple(results)
    if len(made) < outputs:
        raise _unsupported(node, f"only {len(made)} of its {outputs} outputs are supported")
    if node.op_type == "Constant" and isinstance(made[0].op, Constant):
        data = made[0].op.data
        return (_hold.get()(node.outputs[0], data, data.array.size == 1),)
    return made


def _guarded(node: ParsedNode, make: Any) -> Any:
    try:
        return make()
    except (TypeInferenceError, UnsupportedNodeError, ModelFormatError, ImportFailure):
        raise
    except MinirtError as error:
        raise _unsupported(node, str(error)) from error
    except (AttributeError, KeyError, IndexError, TypeError, ValueError, OverflowError, ZeroDivisionError) as error:
        raise _unsupported(node, f"it is malformed: {type(error).__name__} {error}") from error
    except MemoryError as error:
        raise _unsupported(node, f"it takes more memory than there is: {error}") from error


def _expanded(node: ParsedNode, operands: Sequence[Value | None]) -> tuple[Value, ...]:
    body = expansion(node, [None if v is None else v.type for v in operands])
    if body is None:
        raise _unsupported(node, _UNKNOWN)
    env: Env = {}
    for name, value in zip(node.inputs, operands, strict=True):
        if value is not None:
            env[name] = value
    with holding(_as_constant):  # the function's own numbers, not the model's
        _import_nodes(body, env)
    return tuple(env[name] for name in node.outputs if name) if all(node.outputs) else _sparse_outputs(node, env)


def _sparse_outputs(node: ParsedNode, env: Env) -> tuple[Value, ...]:
    first = next(env[name] for name in node.outputs if name)
    return tuple(env.get(name, first) for name in node.outputs)


def _import_nodes(nodes: Iterable[ParsedNode], env: Env) -> None:
    """Imports the nodes one after the other; all that fail are reported together."""
    errors: list[MinirtError] = []
    for node in nodes:
        if any(name and name not in env for name in node.operands):
            if not errors:
                missing = next(n for n in node.operands if n and n not in env)
                raise ModelFormatError(f"input {missing!r} is made by no node", node.name)
            if (node.domain, node.op_type) not in IMPORTERS and not has_expansion(node):
                errors.append(_unsupported(node, _UNKNOWN))
            continue
        try:
            results = import_node(node, [env[name] if name else None for name in node.operands])
        except ImportFailure as failure:
            errors.extend(failure.errors)
        except (UnsupportedNodeError, TypeInferenceError) as error:
            errors.append(error)
        else:
            env.update({name: value for name, value in zip(node.outputs, results, strict=False) if name})
    if errors:
        raise errors[0] if len(errors) == 1 else ImportFailure(errors)


def _bodies(node: ParsedNode, captured: Env) -> BodyImporter:
    def body(name: str, types: Sequence[Any]) -> tuple[Graph, tuple[Value, ...]]:
        if name not in node.bodies:
            raise MinirtError(f"attribute {name!r} holds no graph")
        return import_body(node.bodies[name], types, captured)

    return body


def import_body(
    graph: ParsedGraph, types: Sequence[Type], outer: Mapping[str, Value]
) -> tuple[Graph, tuple[Value, ...]]:
    """A body graph for inputs of these types, and the outer values that follow them as inputs.

    Outer constants and outer values of known contents are copied in instead.
    """
    if len(types) != len(graph.inputs):
        raise MinirtError(f"body {graph.name!r} takes {len(graph.inputs)} inputs, not {len(types)}")
    env = _constants(graph)
    inputs = [apply(Input(v.name, t)) for v, t in zip(graph.inputs, types, strict=True)]
    env.update({v.name: value for v, value in zip(graph.inputs, inputs, strict=True)})
    captures: list[Value] = []
    for name in graph.captures:
        value = outer[name]
        inside = _closed(value)
        if inside is None:
            stack = slices_of(value) if isinstance(value.type, SequenceType) else None
            captures.append(value if stack is None else stack)
            inside = apply(Input(name, captures[-1].type))
            inputs.append(inside)
            if stack is not None:
                inside = apply(SequenceOfSlices(), inside)
        env[name] = inside
    _import_nodes(graph.nodes, env)
    return Graph(graph.name, inputs, [env[v.name] for v in graph.outputs], [v.name for v in graph.outputs]), tuple(
        captures
    )


def _closed(value: Value) -> Value | None:
    """The value without operands, where it is constant or its contents are known."""
    if is_fixed(value):
        return value
    known = value.ints
    if known is None or not isinstance(value.type, Tensor):
        return None
    shape = tuple(d for d in value.shape if isinstance(d, int))
    return apply(Dims(known, value.dtype, shape))


def _constants(graph: ParsedGraph) -> Env:
    env: Env = {}
    for name, data in graph.constants.items():
        with origin((name,)):
            env[name] = _hold.get()(name, data, False)
    return env


def import_inputs(graph: ParsedGraph, types: Mapping[str, Type] | None = None) -> Env:
    """The graph's inputs as values; ``types`` replaces declared ones.  Raises ModelFormatError for an untyped input."""
    return {v.name: apply(Input(v.name, (types or {}).get(v.name) or _declared(v))) for v in graph.inputs}


def _declared(value: ParsedValue) -> Type:
    if value.type is None:
        raise ModelFormatError("its element type and rank must be known", f"input {value.name!r}")
    if isinstance(value.type, Optional) and isinstance(value.type.element, Tensor):  # one that is always given
        return value.type.element
    return value.type


def import_graph(model: Model, types: Mapping[str, Type] | None = None) -> Graph:
    """The main graph, typed; ``types`` replaces the types of inputs by name.

    Raises UnsupportedNodeError or TypeInferenceError for a single node at fault, ImportFailure for several.
    """
    graph = model.graph
    inputs = import_inputs(graph, types)
    env = {**_constants(graph), **inputs}
    _import_nodes(graph.nodes, env)
    names = [v.name for v in graph.outputs]
    return Graph(graph.name, list(inputs.values()), [env[n] for n in names], names)
