"""One ONNX node at a time: imported, evaluated with NumPy, and compared with onnxruntime.

``check(op, arrays, ...)`` does it for given operands; ``check_symbolic(op, shapes, ...)`` imports once with named dims
and evaluates at several sizes, also comparing inferred with actual shapes.  Both also build some of the graphs for the
CPU target and compare what it computes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import ModelProto, NodeProto, helper, numpy_helper

import minirt.ops.families  # noqa: F401  (registers every op)
from minirt.errors import UnsupportedNodeError
from minirt.ir.graph import Graph, Input, constant
from minirt.ir.op import Value, apply, origin
from minirt.ops.evaluate import evaluate
from minirt.ops.importer import IMPORTERS, OnnxNode
from minirt.types.dim import Dim, symbol
from minirt.types.dtype import from_numpy, from_onnx, string
from minirt.types.evaluate import Evaluator
from minirt.types.tensor import Tensor
from tests.ops import on_target

OPSET = 23
IR_VERSION = 10
Dims = Sequence[int | str]

TOLERANCE = {"float16": 4e-3, "bfloat16": 3e-2, "float32": 2e-5, "float64": 1e-9}


def _value_of(attribute: onnx.AttributeProto) -> Any:
    """An attribute as the importers see it."""
    found = helper.get_attribute_value(attribute)
    if isinstance(found, onnx.TensorProto):
        return numpy_helper.to_array(found)
    if isinstance(found, bytes):
        return found.decode()
    if isinstance(found, list | tuple) and found and isinstance(found[0], bytes):
        return [s.decode() for s in found]
    return found


def import_nodes(nodes: Sequence[NodeProto], values: dict[str, Value | None], opsets: Mapping[str, int]) -> None:
    """Adds each node's results to ``values``."""
    values[""] = None
    for number, node in enumerate(nodes):
        domain = "" if node.domain == "ai.onnx" else node.domain
        if (domain, node.op_type) not in IMPORTERS:
            raise UnsupportedNodeError(node.name, node.op_type, "no importer", opsets.get(domain, 0), domain)
        name = node.name or f"{node.op_type}_{number}"
        attributes = {a.name: _value_of(a) for a in node.attribute}
        seen = OnnxNode(
            node.op_type,
            name,
            opsets.get(domain, 1),
            tuple(values[i] for i in node.input),
            attributes,
            len(node.output),
            domain,
        )
        with origin((name,)):
            made = IMPORTERS[domain, node.op_type](seen)
        results = [made] if isinstance(made, Value) else list(made)
        values.update(zip(node.output, results, strict=False))


def import_model(model: ModelProto) -> Graph:
    """A model without bodies as a Graph: enough for one-node tests."""
    values: dict[str, Value | None] = {t.name: constant(numpy_helper.to_array(t)) for t in model.graph.initializer}
    inputs: list[Value] = []
    for info in model.graph.input:
        if info.name in values:
            continue
        kind = info.type.tensor_type
        dims = tuple(symbol(d.dim_param) if d.dim_param else d.dim_value for d in kind.shape.dim)
        inputs.append(apply(Input(info.name, Tensor(from_onnx(kind.elem_type), dims))))
        values[info.name] = inputs[-1]
    opsets = {"" if o.domain == "ai.onnx" else o.domain: o.version for o in model.opset_import}
    import_nodes(model.graph.node, values, opsets)
    names = [o.name for o in model.graph.output]
    outputs = [v for n in names if (v := values[n]) is not None]
    return Graph(model.graph.name, inputs, outputs, names)


def one_node(
    op: str,
    arrays: Sequence[Any],
    outputs: int = 1,
    opset: int = OPSET,
    constants: Sequence[int] = (),
    shapes: Sequence[Dims | None] | None = None,
    domain: str = "",
    **attributes: Any,
) -> ModelProto:
    """A model of one node: operands ``x0``, ``x1``, ... (None is absent; ``constants`` are initializers)."""
    names = ["" if a is None else f"x{i}" for i, a in enumerate(arrays)]
    results = [f"y{i}" for i in range(outputs)]
    node = helper.make_node(op, names, results, name="n", domain=domain, **attributes)
    held = [numpy_helper.from_array(np.asarray(arrays[i]), f"x{i}") for i in constants if arrays[i] is not None]
    inputs = []
    for i, array in enumerate(arrays):
        if array is None or i in constants:
            continue
        dims = list(np.shape(array)) if shapes is None or shapes[i] is None else list(shapes[i] or ())
        inputs.append(helper.make_tensor_value_info(f"x{i}", _element(array), dims))
    free = [onnx.ValueInfoProto(name=r) for r in results]
    graph = helper.make_graph([node], "one", inputs, free, held)
    imports = [helper.make_opsetid("", opset)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    return helper.make_model(graph, opset_imports=imports, ir_version=IR_VERSION)


def _element(array: Any) -> int:
    dtype = from_numpy(np.asarray(array).dtype)
    return dtype.onnx if dtype is not string else onnx.TensorProto.STRING


def run_ort(model: ModelProto, feeds: Mapping[str, Any]) -> list[Any]:
    """What onnxruntime's CPU provider computes, without its graph optimisations."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return list(session.run(None, dict(feeds)))


def assert_close(found: Any, wanted: Any, tolerance: float | None = None) -> None:
    """Same type, same shape, and elements as near as the type allows (NaN equals NaN)."""
    found, wanted = np.asarray(found), np.asarray(wanted)
    assert found.dtype == wanted.dtype, f"{found.dtype} where {wanted.dtype} is wanted"
    assert found.shape == wanted.shape, f"shape {found.shape} where {wanted.shape} is wanted"
    bound = TOLERANCE.get(wanted.dtype.name, 0.0) if tolerance is None else tolerance
    if wanted.dtype.kind in "fV":  # V: the types of ml_dtypes
        np.testing.assert_allclose(found.astype(np.float64), wanted.astype(np.float64), rtol=bound, atol=bound)
    else:
        np.testing.assert_array_equal(found, wanted)


def check(
    op: str,
    arrays: Sequence[Any],
    outputs: int = 1,
    constants: Sequence[int] = (),
    tolerance: float | None = None,
    expected: Sequence[Any] | None = None,
    **attributes: Any,
) -> list[Any]:
    """Imports, evaluates (also wide, and on the target) and compares with onnxruntime, or with ``expected``."""
    model = one_node(op, arrays, outputs, constants=constants, **attributes)
    feeds = {f"x{i}": np.asarray(a) for i, a in enumerate(arrays) if a is not None and i not in constants}
    return check_model(model, feeds, tolerance, expected)


def check_model(
    model: ModelProto, feeds: Mapping[str, Any], tolerance: float | None = None, expected: Sequence[Any] | None = None
) -> list[Any]:
    """As ``check``, of a model and the operands by name."""
    wanted = run_ort(model, feeds) if expected is None else expected
    graph = import_model(model)
    found = evaluate(graph, feeds)
    assert len(found) == len(wanted)
    for a, b in zip(found, wanted, strict=True):
        assert_close(a, b, tolerance)
    for value, a, b in zip(graph.outputs, evaluate(graph, feeds, wide=True), wanted, strict=True):
        if value.dtype.bits >= 16:  # narrower casts do not saturate when wide
            assert_close(np.asarray(a).astype(value.dtype.numpy), b, tolerance)
    if on_target.wanted(graph):
        for a, b in zip(on_target.OnTarget(graph)(feeds), wanted, strict=True):
            assert_close(a, b, tolerance)
    return found


def check_symbolic(
    op: str,
    shapes: Sequence[Dims | np.ndarray[Any, Any] | None],
    sizes: Sequence[Mapping[str, int]],
    outputs: int = 1,
    make: Callable[[tuple[int, ...]], Any] | None = None,
    tolerance: float | None = None,
    **attributes: Any,
) -> Graph:
    """Imports once with named dims (arrays are constants), and compares at each assignment of sizes.

    Every inferred dim, with the sizes filled in, must equal the actual one.  Returns the symbolic graph.
    """
    rng = np.random.default_rng(0)
    fill = make or (lambda shape: rng.standard_normal(shape).astype(np.float32))
    constants = [i for i, s in enumerate(shapes) if isinstance(s, np.ndarray)]
    free = {i: s for i, s in enumerate(shapes) if s is not None and not isinstance(s, np.ndarray)}

    def operands(assigned: Mapping[str, int]) -> list[Any]:
        out: list[Any] = [s if isinstance(s, np.ndarray) else None for s in shapes]
        for i, dims in free.items():
            out[i] = fill(tuple(assigned[d] if isinstance(d, str) else d for d in dims))
        return out

    named = [free.get(i) for i in range(len(shapes))]
    model = one_node(op, operands(sizes[0]), outputs, constants=constants, shapes=named, **attributes)
    graph = import_model(model)
    built = on_target.OnTarget(graph) if on_target.wanted(graph) else None
    for assigned in sizes:
        arrays = operands(assigned)
        feeds = {f"x{i}": arrays[i] for i in free}
        wanted = run_ort(model, feeds)
        found = evaluate(graph, feeds)
        for value, a, b in zip(graph.outputs, found, wanted, strict=True):
            assert_close(a, b, tolerance)
            actual: tuple[Dim, ...] = tuple(Evaluator(dict(assigned))(d) for d in value.shape)
            assert actual == np.shape(b), f"{value.shape} at {assigned} is {actual}, not {np.shape(b)}"
        for a, b in zip(built(feeds) if built else [], wanted, strict=False):
            assert_close(a, b, tolerance)
    return graph
