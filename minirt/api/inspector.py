"""EngineInspector: what an engine's layers are, as text or JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from minirt.api.declare import method, plain
from minirt.api.dialect import Api
from minirt.api.enums import LayerInformationFormat
from minirt.api.logger import IErrorRecorder
from minirt.build.load import Package
from minirt.errors import ApiError
from minirt.plan.plan import KernelStep, Plan, Step


@dataclass
class InspectorState:
    """What an inspector looks at."""

    plans: Sequence[Plan]
    package: Package
    context: Any = None
    recorder: Any = None
    sink: Any = field(default=None)


def _row(step: Step) -> dict[str, Any]:
    """Return a layer as the inspector tells it."""
    row: dict[str, Any] = {"Name": getattr(step, "label", ""), "LayerType": type(step).__name__.removesuffix("Step")}
    if isinstance(step, KernelStep):
        row["TacticName"] = " / ".join(dict.fromkeys(c.kernel for c in step.choices))
        row["Inputs"] = [{"Type": str(v.type)} for v in step.reads]
        row["Outputs"] = [{"Type": str(v.type)} for v in step.writes]
    return row


class EngineInspector(Api, since=8):
    """Tells about the layers of an engine."""

    _state: InspectorState
    execution_context = plain("context", Any, "The context whose shapes are told.")
    error_recorder = plain("recorder", IErrorRecorder | None, "The error recorder.")

    def _rows(self) -> list[dict[str, Any]]:
        index = 0 if self._state.context is None else self._state.context.active_optimization_profile
        return [_row(step) for step in self._state.plans[index].steps]

    @method()
    def get_layer_information(self, layer_index: int, format: LayerInformationFormat) -> str:
        """Return what a layer is, on one line or as JSON."""
        rows = EngineInspector._rows(self)
        if not 0 <= layer_index < len(rows):
            raise ApiError(f"there is no layer {layer_index}: there are {len(rows)}", "engine inspector")
        return _text(rows[layer_index], format)

    @method()
    def get_engine_information(self, format: LayerInformationFormat) -> str:
        """Return what all layers are, a line each or as JSON."""
        rows = EngineInspector._rows(self)
        names = [b.name for b in self._state.package.bindings]
        if format.name == "JSON":
            return json.dumps({"Layers": rows, "Bindings": names})
        return "\n".join(["Layers:", *(_text(r, format) for r in rows), "", "Bindings:", *names])


def _text(row: dict[str, Any], format: LayerInformationFormat) -> str:
    return json.dumps(row) if format.name == "JSON" else str(row["Name"])
