"""EngineInspector: what an engine's layers are, as text or JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from minirt.api.boundary import Sink
from minirt.api.declare import attr, method, plain
from minirt.api.dialect import Api, dialect_of
from minirt.api.enums import LayerInformationFormat
from minirt.api.logger import IErrorRecorder
from minirt.build.freeze import DEBUG
from minirt.build.load import Binding, Package
from minirt.errors import ApiError
from minirt.plan.plan import CallStep, KernelStep, Plan, Step, View
from minirt.types.dim import Dim, Expr, symbols
from minirt.types.dtype import DType
from minirt.types.evaluate import Evaluator
from minirt.types.tensor import Tensor


@dataclass
class InspectorState:
    """What an inspector looks at."""

    plans: Sequence[Plan]
    package: Package
    describe: Callable[[str], str]
    context: Any = None
    sink: Sink = field(default_factory=Sink)


_ELEVEN = 11
"""The dialect from which formats and types stand apart, and inputs and outputs are told in full."""
_TYPES = {
    "f32": "Float", "f16": "Half", "bf16": "BFloat16", "i32": "Int32", "i64": "Int64", "i8": "Int8", "u8": "UInt8",
    "i4": "Int4", "bool": "Bool", "f8e4m3": "FP8", "f4": "FP4",
}  # fmt: skip
_WORDS = {"f32": "FP32", "f16": "FP16", "bf16": "BF16", "i32": "Int32", "i64": "Int64", "i8": "Int8", "bool": "Bool"}


@dataclass
class _Words:
    """What rows are told with: names of buffers, sizes of dims that are known, and layers' metadata."""

    names: Mapping[int, str]
    sizes: Mapping[str, int]
    metadata: Mapping[str, str]
    dialect: int = 10

    def dims(self, shape: Sequence[Dim]) -> list[int]:
        """Return dims, -1 for those that nothing sets."""
        evaluate = Evaluator(dict(self.sizes))
        return [evaluate.integer(d) if symbols(d) <= self.sizes.keys() else -1 for d in shape]

    def said(self, label: str) -> str:
        """Return the metadata of the layers that a step computes, as TensorRT joins them."""
        found = [self.metadata[name] for name in label.split(" + ") if name in self.metadata]
        return "\x1e".join(found)


def _tensor(view: View, words: _Words) -> dict[str, Any]:
    """Return an operand or result as the inspector tells it."""
    dtype = _WORDS.get(view.type.dtype.name, view.type.dtype.name)
    order = "Row major linear" if not view.type.layout else f"Axes in order {list(view.type.layout)},"
    row = {
        "Name": words.names.get(view.buffer, f"buffer {view.buffer}"),
        "Location": "Device",
        "Dimensions": words.dims(view.type.shape),
    }
    if words.dialect < _ELEVEN:
        return row | {"Format/Datatype": f"{order} {dtype} format"}
    return row | {"Datatype": _typename(view.type.dtype), "Format": f"{order} {dtype} format"}


def _typename(dtype: DType) -> str:
    """Return an element type as TensorRT 11 writes it."""
    return _TYPES.get(dtype.name, dtype.name)


def _tactic(tactic: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in tactic.items())


def _kind(step: Step) -> str:
    """Return what a layer is: the kind of its step, or of its plugin."""
    if isinstance(step, CallStep):
        generation = json.loads(step.node)[2]["generation"]
        return "PluginV2" if generation == "V2" else "PluginV3"
    return type(step).__name__.removesuffix("Step")


def _row(step: Step, words: _Words) -> dict[str, Any]:
    """Return a layer as the inspector tells it."""
    row: dict[str, Any] = {"Name": step.label, "LayerType": _kind(step)}
    row["Inputs"] = [_tensor(v, words) for v in getattr(step, "reads", ())]
    row["Outputs"] = [_tensor(v, words) for v in getattr(step, "writes", ())]
    if isinstance(step, KernelStep):
        row["TacticName"] = " / ".join(dict.fromkeys(c.kernel for c in step.choices))
        row["TacticValue"] = " / ".join(dict.fromkeys(f"{c.kernel} {_tactic(c.tactic)}".strip() for c in step.choices))
    row["StreamId"] = getattr(step, "stream", 0)
    row["Metadata"] = words.said(step.label)
    return row


class EngineInspector(Api, since=8):
    """Tells about the layers of an engine."""

    _state: InspectorState
    execution_context = plain("context", Any, "The context whose shapes are told.")
    error_recorder = attr(
        lambda self: self._state.sink.recorder,
        lambda self, value: setattr(self._state.sink, "recorder", value),
        IErrorRecorder | None,
        "The error recorder.",
    )

    def _rows(self) -> list[Any]:
        """Return each layer: its name, or where the engine tells details an object."""
        state = self._state
        verbosity = state.package.about.get("verbosity", "LAYER_NAMES_ONLY")
        plan = state.plans[0 if state.context is None else state.context.active_optimization_profile]
        if verbosity == "NONE":
            return []
        if verbosity not in ("DETAILED", "VERBOSE"):  # the latter is what TensorRT 8 called it
            return [step.label for step in plan.steps]
        words = _Words(
            {b.view.buffer: b.name.removeprefix(DEBUG) for b in (*plan.inputs, *plan.outputs)},
            {} if state.context is None or state.context._state.missing() else state.context._state.solve(),
            state.package.about.get("metadata", {}),
            dialect_of(self),
        )
        return [_row(step, words) for step in plan.steps]

    @method()
    def get_layer_information(self, layer_index: int, format: LayerInformationFormat) -> str:
        """Return what a layer is, on one line or as JSON: nothing, where the engine was built to tell nothing."""
        rows = EngineInspector._rows(self)
        if not rows and 0 <= layer_index < len(self._state.plans[0].steps):
            return "{}" if format.name == "JSON" else ""
        if not 0 <= layer_index < len(rows):
            raise ApiError(f"there is no layer {layer_index}: there are {len(rows)}", "engine inspector")
        return _text(rows[layer_index], format)

    @method()
    def get_engine_information(self, format: LayerInformationFormat) -> str:
        """Return what all layers are, a line each or as JSON."""
        rows = EngineInspector._rows(self)
        shown = [b for b in self._state.package.bindings if not b.name.startswith(DEBUG)]
        names = [b.name for b in shown]
        if format.name == "JSON":
            if dialect_of(self) >= _ELEVEN:
                return json.dumps({"Layers": rows, "I/O Tensors": [_io(b, self._state) for b in shown]})
            return json.dumps({"Layers": rows, "Bindings": names})
        return "\n".join(["Layers:", *(_text(r, format) for r in rows), "", "Bindings:", *names])


def _io(binding: Binding, state: InspectorState) -> dict[str, Any]:
    """Return an input or output as TensorRT 11 tells it: what the engine says of it, and its shapes in each profile."""
    kind = binding.type
    assert isinstance(kind, Tensor), "sequences are not inputs or outputs"
    dims = [-1 if isinstance(d, Expr) else int(d) for d in kind.shape]
    host = binding.name in state.package.sizes
    told: list[dict[str, Any]] = []
    for profile in state.package.profiles:
        row: dict[str, Any] = {}
        if binding.is_input:
            shapes = profile.values.get(binding.name) if host else profile.shapes.get(binding.name)
            row = dict(zip(("MinShape", "OptShape", "MaxShape"), map(list, shapes or (dims, dims, dims)), strict=True))
        told.append({**row, "Format": state.describe(binding.name)})
    return {
        "Name": binding.name,
        "IOMode": "Input" if binding.is_input else "Output",
        "DataType": _typename(kind.dtype),
        "Dimensions": dims,
        "Location": "Host" if host else "Device",
        "IsShapeInferenceIO": host,
        "ProfileInfo": told,
    }


def _text(row: Any, format: LayerInformationFormat) -> str:
    if format.name == "JSON":
        return json.dumps(row)
    if isinstance(row, str):
        return row
    ends = (", ".join(t["Name"] for t in row[side]) for side in ("Inputs", "Outputs"))
    return f"{row['LayerType']}: {row['Name']}, {' -> '.join(ends)}"
